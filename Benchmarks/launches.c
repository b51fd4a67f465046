// What a kernel costs to launch: enqueued one by one, and recorded once in a cl_khr_command_buffer that is enqueued as a whole.
//
//     cc -O2 -o launches Benchmarks/launches.c -lOpenCL && ./launches [kernels a step] [floats a kernel]
//
// Martlet enqueues one by one. On PoCL 3.1 (two cores of an Intel Xeon) a recorded kernel takes the caller 4.2 to 6.5
// microseconds and an enqueued one 1.9 to 4.3, and the steps last as long as without: PoCL submits a recording kernel by kernel.
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { turns = 9, bytes = 1 << 22 };

static const char *source =
    "kernel void add(global const float *a, global float *b, ulong n) {"
    "    const size_t i = get_global_id(0) * n;"
    "    for (size_t j = i; j < i + n; j++) b[j] = a[j] + 1.0f;"
    "}";

static double microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}

static void check(cl_int status, const char *what) {
    if (status == CL_SUCCESS) return;
    fprintf(stderr, "%s: OpenCL error %d\n", what, status);
    exit(1);
}

static cl_kernel kernel;
static cl_mem memory[2];

static void set_arguments(int number, cl_ulong floats) {
    check(clSetKernelArg(kernel, 0, sizeof(cl_mem), &memory[number % 2]), "clSetKernelArg");
    check(clSetKernelArg(kernel, 1, sizeof(cl_mem), &memory[1 - number % 2]), "clSetKernelArg");
    check(clSetKernelArg(kernel, 2, sizeof floats, &floats), "clSetKernelArg");
}

int main(int count, char **arguments) {
    int kernels = count > 1 ? atoi(arguments[1]) : 450;
    cl_ulong floats = count > 2 ? strtoull(arguments[2], NULL, 10) : 4096;
    size_t items = 2, one = 1;
    if (kernels < 1 || floats < 1 || floats > bytes / sizeof(float) / items) {
        fprintf(stderr, "launches: 1 or more kernels of 1 to %zu floats\n", bytes / sizeof(float) / items);
        return 64;
    }
    cl_platform_id platform;
    cl_device_id device;
    cl_int status;
    check(clGetPlatformIDs(1, &platform, NULL), "clGetPlatformIDs");
    check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL), "clGetDeviceIDs");
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    check(status, "clCreateContext");
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, &status);
    check(status, "clCreateCommandQueue");
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, &status);
    check(status, "clCreateProgramWithSource");
    check(clBuildProgram(program, 1, &device, "", NULL, NULL), "clBuildProgram");
    kernel = clCreateKernel(program, "add", &status);
    check(status, "clCreateKernel");
    for (int i = 0; i < 2; i++) {
        memory[i] = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, NULL, &status);
        check(status, "clCreateBuffer");
    }

#define EXTENSION(name) name##_fn name = (name##_fn)clGetExtensionFunctionAddressForPlatform(platform, #name)
    EXTENSION(clCreateCommandBufferKHR);
    EXTENSION(clCommandNDRangeKernelKHR);
    EXTENSION(clFinalizeCommandBufferKHR);
    EXTENSION(clEnqueueCommandBufferKHR);
    if (!clCreateCommandBufferKHR || !clCommandNDRangeKernelKHR || !clFinalizeCommandBufferKHR || !clEnqueueCommandBufferKHR) {
        fprintf(stderr, "launches: this platform has no cl_khr_command_buffer\n");
        return 1;
    }
    cl_command_buffer_khr recording = clCreateCommandBufferKHR(1, &queue, NULL, &status);
    check(status, "clCreateCommandBufferKHR");
    for (int i = 0; i < kernels; i++) {
        set_arguments(i, floats);
        check(clCommandNDRangeKernelKHR(recording, NULL, NULL, kernel, 1, NULL, &items, &one, 0, NULL, NULL, NULL), "recording");
    }
    check(clFinalizeCommandBufferKHR(recording), "clFinalizeCommandBufferKHR");

    printf("microseconds a kernel: enqueued, until done; recorded: enqueued, until done\n");
    for (int turn = 0; turn < turns; turn++) {
        double start = microseconds();
        for (int i = 0; i < kernels; i++) {
            set_arguments(i, floats);
            check(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &one, 0, NULL, NULL), "clEnqueueNDRangeKernel");
        }
        double enqueued = microseconds();
        clFinish(queue);
        double done = microseconds();
        check(clEnqueueCommandBufferKHR(0, NULL, recording, 0, NULL, NULL), "clEnqueueCommandBufferKHR");
        double enqueued_recording = microseconds();
        clFinish(queue);
        double done_recording = microseconds();
        printf("%.2f %.2f  %.2f %.2f\n", (enqueued - start) / kernels, (done - start) / kernels,
               (enqueued_recording - done) / kernels, (done_recording - done) / kernels);
    }
    return 0;
}
