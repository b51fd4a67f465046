#ifndef MARTLET_OPENCL_EXIT_H
#define MARTLET_OPENCL_EXIT_H

#include "CMartletOpenCL.h"

// A driver for the processor works in threads of this process. Its libraries are taken down while the process ends, so what is
// queued then has to be waited for before.

/// The queue's work is waited for when the process ends. Whether there was room to note it.
int mclFinishAtExit(cl_command_queue queue);
void mclForgetAtExit(cl_command_queue queue);

/// A kernel is made.
void mclNoteKernel(void);
/// Work was waited for; gives the status back.
cl_int mclWaited(cl_int status);

#endif
