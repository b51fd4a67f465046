// OpenCL 1.2 through a loader that is opened at run time, so that a program that links this starts where none is installed.
#ifndef CMARTLETOPENCL_H
#define CMARTLETOPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <stddef.h>

/// Opens libOpenCL.so.1, else libOpenCL.so, once. Returns 0, or 1 where there is none that has all calls of OpenCL 1.2.
int mclLoad(void);
/// What the dynamic linker said when `mclLoad` failed; empty when it did not. Lives as long as the program.
const char *mclLoadError(void);

/// How a probe of the drivers in a child process ended.
enum {
    MCL_PROBE_DONE = 0,      ///< The child looked at everything.
    MCL_PROBE_CRASHED = 1,   ///< It died; `signal` says of what (0 if unknown).
    MCL_PROBE_TIMED_OUT = 2, ///< It was killed at the deadline.
    MCL_PROBE_NO_CHILD = 3,  ///< It could not be started.
};

/// Loads the drivers in a child process, lists their devices and runs a small kernel on each.
///
/// The child writes one record a line, its fields separated by tabs, into `report` (at most `capacity` - 1 bytes, then 0):
///   L message                         the loader could not be opened
///   E status                          clGetPlatformIDs failed
///   P platform name                   a platform
///   N platform status count           what clGetDeviceIDs said of it
///   B platform.device name            the test of a device begins
///   O platform.device                 the device computes
///   F platform.device stage status message   it does not
///   I file problem                    a file that names a driver; the problem is empty where its library can be loaded
///   M file                            a library that was loaded on the way
/// `skip` names devices not to test, as `0.0,1.2`; `vendors`, if not null, becomes OCL_ICD_VENDORS in the child.
int mclProbe(int deadlineMilliseconds, const char *skip, const char *vendors, char *report, size_t capacity, int *signal);

/// What a compiling process is asked for: a program compiled and not linked, one linked and a kernel's machine code, or to get ready.
enum { MCL_COMPILE = 0, MCL_BUILD = 1, MCL_WARM = 2 };
/// Kinds of a kernel's arguments there; any other is a value of so many bytes.
enum { MCL_ARGUMENT_LOCAL = 100, MCL_ARGUMENT_BUFFER = 101 };

/// The processors that this process may use.
int mclProcessorCount(void);
/// The most arguments that a kernel may have there.
enum { MCL_MOST_ARGUMENTS = 99 };

/// Starts the process that compiling processes come from. It ends with this one. Returns a socket, or -1: so where this process has loaded
/// OpenCL already, since no driver works on in a child.
int mclPrepareCompilers(void);
/// Starts a compiling process, which ends when the socket is shut that this returns; -1 where that fails. One that has not answered
/// within the deadline ends.
int mclStartCompiler(int control, int deadlineSeconds);
/// Sends a request and waits for the answer, which is the caller's to free. Returns -1 where the process is not there any more.
///
/// A request is the kind, the platform's and the device's number, and texts, each with its length before it and a zero behind it:
///   MCL_COMPILE  options, source: the binary, or nothing where that failed
///   MCL_BUILD    options, binary, and perhaps a kernel's name, rank, extents of a work-group along three axes, number of arguments
///                and of each its kind and value (of memory the bytes): one byte, or nothing where that failed
///   MCL_WARM     nothing: one byte, when all that a first program needs is loaded
/// All numbers have 64 bits.
int mclAskCompiler(int socket, const void *request, size_t length, void **answer, size_t *answerLength);

/// Asks for huge pages where the system has them. An error is of no consequence.
void mclAdviseHugePages(void *start, size_t bytes);

// The calls of OpenCL 1.2, as the standard has them; CL_PLATFORM_NOT_FOUND_KHR where no loader was opened.
cl_int mclGetPlatformIDs(cl_uint entries, cl_platform_id *platforms, cl_uint *count);
cl_int mclGetPlatformInfo(cl_platform_id platform, cl_uint name, size_t size, void *value, size_t *written);
cl_int mclGetDeviceIDs(cl_platform_id platform, cl_ulong type, cl_uint entries, cl_device_id *devices, cl_uint *count);
cl_int mclGetDeviceInfo(cl_device_id device, cl_uint name, size_t size, void *value, size_t *written);
/// A context of one device.
cl_context mclCreateContext(cl_platform_id platform, cl_device_id device, cl_int *status);
cl_int mclReleaseContext(cl_context context);
cl_command_queue mclCreateCommandQueue(cl_context context, cl_device_id device, cl_int *status);
cl_int mclReleaseCommandQueue(cl_command_queue queue);
cl_mem mclCreateBuffer(cl_context context, cl_ulong flags, size_t size, void *host, cl_int *status);
cl_int mclReleaseMemObject(cl_mem memory);
cl_program mclCreateProgramWithSource(cl_context context, const char *source, size_t length, cl_int *status);
cl_program mclCreateProgramWithBinary(cl_context context, cl_device_id device, const void *binary, size_t length,
                                      cl_int *status);
cl_int mclBuildProgram(cl_program program, cl_device_id device, const char *options);
/// Compiles without linking, and without headers of the program's own.
cl_int mclCompileProgram(cl_program program, cl_device_id device, const char *options);
/// The one device's binary; call with a null `binary` for its size.
cl_int mclGetProgramBinary(cl_program program, void *binary, size_t *length);
cl_int mclGetProgramBuildInfo(cl_program program, cl_device_id device, cl_uint name, size_t size, void *value,
                              size_t *written);
cl_int mclReleaseProgram(cl_program program);
cl_kernel mclCreateKernel(cl_program program, const char *name, cl_int *status);
cl_int mclReleaseKernel(cl_kernel kernel);
cl_int mclGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device, cl_uint name, size_t size, void *value,
                                 size_t *written);
cl_int mclGetKernelArgumentCount(cl_kernel kernel, cl_uint *count);
cl_int mclSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value);
cl_int mclEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint rank, const size_t *global,
                               const size_t *local, cl_event *event);
cl_int mclEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_uint blocking, size_t offset, size_t size, void *host,
                            cl_event *event);
cl_int mclEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_uint blocking, size_t offset, size_t size,
                             const void *host, cl_event *event);
cl_int mclEnqueueCopyBuffer(cl_command_queue queue, cl_mem source, cl_mem target, size_t sourceOffset, size_t targetOffset,
                            size_t size);
cl_int mclEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern, size_t patternSize, size_t offset,
                            size_t size);
cl_int mclEnqueueMarker(cl_command_queue queue, cl_event *event);
cl_int mclFlush(cl_command_queue queue);
cl_int mclFinish(cl_command_queue queue);
cl_int mclWaitForEvent(cl_event event);
cl_int mclGetEventStatus(cl_event event, cl_int *status);
cl_int mclReleaseEvent(cl_event event);

#endif
