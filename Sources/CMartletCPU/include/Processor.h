#ifndef MARTLET_PROCESSOR_H
#define MARTLET_PROCESSOR_H

/// The processors this thread may run on, at least 1.
int martlet_processor_count(void);
/// The widest instruction set of those the kernels are built for that this processor has: "x86-64-v4", ...
const char *_Nonnull martlet_instruction_set(void);
/// Whether this process may use the processor's matrix unit, Intel's AMX. Asks the system once.
int martlet_amx_is_there(void);
/// An OpenBLAS core known to work on every processor of this instruction set.
const char *_Nonnull martlet_safe_blas_core(void);

#endif
