#define _GNU_SOURCE
#include "CMartletOpenCL.h"
#include "Exit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CALLS(X) \
    X(clGetPlatformIDs) X(clGetPlatformInfo) X(clGetDeviceIDs) X(clGetDeviceInfo) X(clCreateContext) X(clReleaseContext) \
    X(clCreateCommandQueue) X(clReleaseCommandQueue) X(clCreateBuffer) X(clReleaseMemObject) \
    X(clCreateProgramWithSource) X(clCreateProgramWithBinary) X(clCompileProgram) X(clBuildProgram) \
    X(clGetProgramInfo) X(clGetProgramBuildInfo) X(clReleaseProgram) X(clCreateKernel) X(clReleaseKernel) \
    X(clGetKernelWorkGroupInfo) X(clGetKernelInfo) X(clSetKernelArg) X(clEnqueueNDRangeKernel) \
    X(clEnqueueReadBuffer) X(clEnqueueWriteBuffer) \
    X(clEnqueueCopyBuffer) X(clEnqueueFillBuffer) X(clEnqueueMarkerWithWaitList) X(clFlush) X(clFinish) \
    X(clWaitForEvents) X(clGetEventInfo) X(clReleaseEvent)

static struct {
#define MEMBER(name) __typeof__(name) *name;
    CALLS(MEMBER)
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int loaded;
static char loadError[512];

// PoCL's threads on processors of their own: after a rest Linux may put all of them on one for tens of milliseconds. Not where there
// are to be fewer threads, or this process is kept to some of the processors: PoCL counts from the first.
static void pinThreadsOfPoCL(void) {
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    const char *most = getenv("POCL_MAX_PTHREAD_COUNT");
    cpu_set_t allowed;
    if ((most && atol(most) != processors) || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (CPU_COUNT(&allowed) == processors) setenv("POCL_AFFINITY", "1", 0);
}

static void load(void) {
    pinThreadsOfPoCL();
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(loadError, sizeof loadError, "%s", dlerror());
        library = dlopen("libOpenCL.so", RTLD_NOW | RTLD_LOCAL);
    }
    if (!library) return;
#define RESOLVE(name) \
    api.name = (__typeof__(api.name))dlsym(library, #name); \
    if (!api.name) { \
        snprintf(loadError, sizeof loadError, "the OpenCL loader lacks %s, a call of OpenCL 1.2", #name); \
        return; \
    }
    CALLS(RESOLVE)
    loadError[0] = 0;
    loaded = 1;
}

int mclLoad(void) {
    pthread_once(&once, load);
    return loaded ? 0 : 1;
}

const char *mclLoadError(void) { return loadError; }

void mclAdviseHugePages(void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    madvise(start, bytes, MADV_HUGEPAGE);
#endif
}

#define NEED if (!loaded && mclLoad() != 0) return CL_PLATFORM_NOT_FOUND_KHR;

cl_int mclGetPlatformIDs(cl_uint entries, cl_platform_id *platforms, cl_uint *count) {
    NEED return api.clGetPlatformIDs(entries, platforms, count);
}
cl_int mclGetPlatformInfo(cl_platform_id platform, cl_uint name, size_t size, void *value, size_t *written) {
    NEED return api.clGetPlatformInfo(platform, name, size, value, written);
}
cl_int mclGetDeviceIDs(cl_platform_id platform, cl_ulong type, cl_uint entries, cl_device_id *devices, cl_uint *count) {
    NEED return api.clGetDeviceIDs(platform, type, entries, devices, count);
}
cl_int mclGetDeviceInfo(cl_device_id device, cl_uint name, size_t size, void *value, size_t *written) {
    NEED return api.clGetDeviceInfo(device, name, size, value, written);
}

// All below need an object that only a loaded library can have made.
cl_context mclCreateContext(cl_platform_id platform, cl_device_id device, cl_int *status) {
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
    return api.clCreateContext(properties, 1, &device, NULL, NULL, status);
}
cl_int mclReleaseContext(cl_context context) { return api.clReleaseContext(context); }
cl_command_queue mclCreateCommandQueue(cl_context context, cl_device_id device, cl_int *status) {
    cl_device_type type = 0;
    cl_command_queue queue = api.clCreateCommandQueue(context, device, 0, status);
    if (*status != CL_SUCCESS) return NULL;
    api.clGetDeviceInfo(device, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    if (!(type & CL_DEVICE_TYPE_CPU) || mclFinishAtExit(queue)) return queue;
    api.clReleaseCommandQueue(queue);
    *status = CL_OUT_OF_HOST_MEMORY;
    return NULL;
}
cl_int mclReleaseCommandQueue(cl_command_queue queue) {
    mclForgetAtExit(queue);
    return api.clReleaseCommandQueue(queue);
}
cl_mem mclCreateBuffer(cl_context context, cl_ulong flags, size_t size, void *host, cl_int *status) {
    return api.clCreateBuffer(context, flags, size, host, status);
}
cl_int mclReleaseMemObject(cl_mem memory) { return api.clReleaseMemObject(memory); }
cl_program mclCreateProgramWithSource(cl_context context, const char *source, size_t length, cl_int *status) {
    return api.clCreateProgramWithSource(context, 1, &source, &length, status);
}
cl_program mclCreateProgramWithBinary(cl_context context, cl_device_id device, const void *binary, size_t length,
                                      cl_int *status) {
    const unsigned char *bytes = binary;
    cl_int binaryStatus = CL_SUCCESS;
    cl_program program = api.clCreateProgramWithBinary(context, 1, &device, &length, &bytes, &binaryStatus, status);
    if (*status == CL_SUCCESS && binaryStatus != CL_SUCCESS) *status = binaryStatus;
    return program;
}
cl_int mclBuildProgram(cl_program program, cl_device_id device, const char *options) {
    return api.clBuildProgram(program, 1, &device, options, NULL, NULL);
}
cl_int mclCompileProgram(cl_program program, cl_device_id device, const char *options) {
    return api.clCompileProgram(program, 1, &device, options, 0, NULL, NULL, NULL, NULL);
}
cl_int mclGetProgramBinary(cl_program program, void *binary, size_t *length) {
    if (!binary) return api.clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof *length, length, NULL);
    unsigned char *bytes = binary;
    return api.clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL);
}
cl_int mclGetProgramBuildInfo(cl_program program, cl_device_id device, cl_uint name, size_t size, void *value,
                              size_t *written) {
    return api.clGetProgramBuildInfo(program, device, name, size, value, written);
}
cl_int mclReleaseProgram(cl_program program) { return api.clReleaseProgram(program); }
cl_kernel mclCreateKernel(cl_program program, const char *name, cl_int *status) {
    mclNoteKernel();
    return api.clCreateKernel(program, name, status);
}
cl_int mclReleaseKernel(cl_kernel kernel) { return api.clReleaseKernel(kernel); }
cl_int mclGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device, cl_uint name, size_t size, void *value,
                                 size_t *written) {
    return api.clGetKernelWorkGroupInfo(kernel, device, name, size, value, written);
}
cl_int mclGetKernelArgumentCount(cl_kernel kernel, cl_uint *count) {
    return api.clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof *count, count, NULL);
}
cl_int mclSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value) {
    return api.clSetKernelArg(kernel, index, size, value);
}
cl_int mclEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint rank, const size_t *global,
                               const size_t *local, cl_event *event) {
    return api.clEnqueueNDRangeKernel(queue, kernel, rank, NULL, global, local, 0, NULL, event);
}
cl_int mclEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_uint blocking, size_t offset, size_t size, void *host,
                            cl_event *event) {
    cl_int status = api.clEnqueueReadBuffer(queue, buffer, blocking, offset, size, host, 0, NULL, event);
    return blocking ? mclWaited(status) : status;
}
cl_int mclEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_uint blocking, size_t offset, size_t size,
                             const void *host, cl_event *event) {
    return api.clEnqueueWriteBuffer(queue, buffer, blocking, offset, size, host, 0, NULL, event);
}
cl_int mclEnqueueCopyBuffer(cl_command_queue queue, cl_mem source, cl_mem target, size_t sourceOffset, size_t targetOffset,
                            size_t size) {
    return api.clEnqueueCopyBuffer(queue, source, target, sourceOffset, targetOffset, size, 0, NULL, NULL);
}
cl_int mclEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern, size_t patternSize, size_t offset,
                            size_t size) {
    return api.clEnqueueFillBuffer(queue, buffer, pattern, patternSize, offset, size, 0, NULL, NULL);
}
cl_int mclEnqueueMarker(cl_command_queue queue, cl_event *event) {
    return api.clEnqueueMarkerWithWaitList(queue, 0, NULL, event);
}
cl_int mclFlush(cl_command_queue queue) { return api.clFlush(queue); }
cl_int mclFinish(cl_command_queue queue) { return mclWaited(api.clFinish(queue)); }
cl_int mclWaitForEvent(cl_event event) { return mclWaited(api.clWaitForEvents(1, &event)); }
cl_int mclGetEventStatus(cl_event event, cl_int *status) {
    return api.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof *status, status, NULL);
}
cl_int mclReleaseEvent(cl_event event) { return api.clReleaseEvent(event); }
