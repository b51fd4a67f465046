// Drivers are loaded in a child first: one that crashes or hangs there cannot take the program along.
#define _GNU_SOURCE 1
#include "CMartletOpenCL.h"
#include "Probe.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char source[] =
    "kernel void probe(global int *x) { size_t i = get_global_id(0); x[i] = x[i] * 3 + (int)i; }\n";
// Put before it for PoCL, which needs a third of a second to read its own declarations of all built-in functions.
static const char declaration[] = "size_t __attribute__((overloadable, const)) get_global_id(uint);\n";
static const char withoutHeader[] = "-D _OPENCL_H_=1";

enum { ELEMENTS = 64 };

/// Tabs and line ends separate the records' fields.
static void clean(char *text) {
    for (; *text; text++)
        if (*text == '\t' || *text == '\n' || *text == '\r') *text = ' ';
}

static int isSkipped(const char *skip, const char *id) {
    size_t length = strlen(id);
    for (const char *p = skip; p && *p;) {
        const char *end = strchr(p, ',');
        size_t entry = end ? (size_t)(end - p) : strlen(p);
        if (entry == length && strncmp(p, id, length) == 0) return 1;
        p = end ? end + 1 : NULL;
    }
    return 0;
}

static int isPoCL(cl_platform_id platform) {
    char name[128] = "";
    return mclGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name, name, NULL) == CL_SUCCESS
           && strcmp(name, "Portable Computing Language") == 0;
}

/// Builds the kernel. Returns the failed call's name, or null.
static const char *build(cl_platform_id platform, cl_device_id device, cl_context context, cl_program *program, cl_int *status) {
    char text[sizeof declaration + sizeof source];
    int isShort = isPoCL(platform);
    snprintf(text, sizeof text, "%s%s", isShort ? declaration : "", source);
    *program = mclCreateProgramWithSource(context, text, strlen(text), status);
    if (*status != CL_SUCCESS) return "clCreateProgramWithSource";
    *status = mclBuildProgram(*program, device, isShort ? withoutHeader : "");
    return *status == CL_SUCCESS ? NULL : "clBuildProgram";
}

void mclWarmPoCL(void) {
    cl_platform_id platforms[64];
    cl_uint count = 0;
    if (mclGetPlatformIDs(64, platforms, &count) != CL_SUCCESS) return;
    for (cl_uint p = 0; p < count && p < 64; p++) {
        cl_device_id device;
        cl_uint devices = 0;
        cl_int status;
        if (!isPoCL(platforms[p])) continue;
        if (mclGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_CPU, 1, &device, &devices) != CL_SUCCESS || devices == 0) continue;
        cl_context context = mclCreateContext(platforms[p], device, &status);
        cl_program program;
        if (status == CL_SUCCESS) build(platforms[p], device, context, &program, &status);
    }
}

/// Builds and runs a kernel. Returns the failed stage's name, or null.
static const char *test(cl_platform_id platform, cl_device_id device, cl_int *status, char *log, size_t logSize) {
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    *status = mclGetDeviceInfo(device, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
    if (*status != CL_SUCCESS || !available) return "CL_DEVICE_AVAILABLE";
    *status = mclGetDeviceInfo(device, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
    if (*status != CL_SUCCESS || !compiler) return "CL_DEVICE_COMPILER_AVAILABLE";
    cl_context context = mclCreateContext(platform, device, status);
    if (*status != CL_SUCCESS) return "clCreateContext";
    cl_command_queue queue = mclCreateCommandQueue(context, device, status);
    if (*status != CL_SUCCESS) return "clCreateCommandQueue";
    cl_program program = NULL;
    const char *failed = build(platform, device, context, &program, status);
    if (failed) {
        if (program) mclGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, logSize - 1, log, NULL);
        return failed;
    }
    cl_kernel kernel = mclCreateKernel(program, "probe", status);
    if (*status != CL_SUCCESS) return "clCreateKernel";
    int values[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) values[i] = 7 * i;
    cl_mem buffer = mclCreateBuffer(context, CL_MEM_READ_WRITE, sizeof values, NULL, status);
    if (*status != CL_SUCCESS) return "clCreateBuffer";
    *status = mclEnqueueWriteBuffer(queue, buffer, CL_TRUE, 0, sizeof values, values, NULL);
    if (*status != CL_SUCCESS) return "clEnqueueWriteBuffer";
    *status = mclSetKernelArg(kernel, 0, sizeof buffer, &buffer);
    if (*status != CL_SUCCESS) return "clSetKernelArg";
    size_t global = ELEMENTS, local = 1;
    *status = mclEnqueueNDRangeKernel(queue, kernel, 1, &global, &local, NULL);
    if (*status != CL_SUCCESS) return "clEnqueueNDRangeKernel";
    *status = mclEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof values, values, NULL);
    if (*status != CL_SUCCESS) return "clEnqueueReadBuffer";
    for (int i = 0; i < ELEMENTS; i++)
        if (values[i] != 22 * i) return "result";
    return NULL;
}

/// Says whether the library that a driver's file names can be loaded; the loader passes over it silently where it cannot.
static void checkDriverFile(int out, const char *path) {
    char name[1024] = "";
    FILE *file = fopen(path, "r");
    if (!file) {
        dprintf(out, "I\t%s\tcannot be read: %s\n", path, strerror(errno));
        return;
    }
    if (!fgets(name, sizeof name, file)) name[0] = 0;
    fclose(file);
    char *start = name + strspn(name, " \t\r\n");
    start[strcspn(start, "\r\n")] = 0;
    for (size_t length = strlen(start); length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\t'); length--)
        start[length - 1] = 0;
    if (!*start) {
        dprintf(out, "I\t%s\tis empty; it should name a driver's library\n", path);
    } else if (dlopen(start, RTLD_NOW | RTLD_LOCAL)) {
        dprintf(out, "I\t%s\t\n", path);
    } else {
        char problem[1024];
        snprintf(problem, sizeof problem, "its library cannot be loaded: %s", dlerror());
        clean(problem);
        dprintf(out, "I\t%s\t%s\n", path, problem);
    }
}

static int endsInICD(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".icd") == 0;
}

static void checkDriverFiles(int out) {
    const char *vendors = getenv("OCL_ICD_VENDORS");
    if (!vendors) vendors = "/etc/OpenCL/vendors";
    struct stat status;
    if (stat(vendors, &status) == 0 && S_ISREG(status.st_mode)) {
        checkDriverFile(out, vendors);
        return;
    }
    struct dirent **entries;
    int count = scandir(vendors, &entries, endsInICD, alphasort);
    for (int i = 0; i < count; i++) {
        char path[2048];
        snprintf(path, sizeof path, "%s/%s", vendors, entries[i]->d_name);
        checkDriverFile(out, path);
    }
}

/// The libraries that this process has loaded.
typedef struct {
    char *paths[512];
    int count;
} Libraries;

static void addLoaded(Libraries *known, int out) {
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps) return;
    char line[4096];
    while (fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (!path || !strstr(line, " r-xp ")) continue;
        path[strcspn(path, "\n")] = 0;
        const char *name = strrchr(path, '/') + 1;
        int isKnown = strncmp(name, "lib", 3) != 0 || known->count == sizeof known->paths / sizeof *known->paths;
        for (int i = 0; i < known->count && !isKnown; i++) isKnown = strcmp(known->paths[i], path) == 0;
        if (isKnown) continue;
        known->paths[known->count++] = strdup(path);
        if (out >= 0) dprintf(out, "M\t%s\n", path);
    }
    fclose(maps);
}

static void lookAtDevices(int out, const char *skip) {
    cl_platform_id platforms[64];
    cl_uint platformCount = 0;
    cl_int status = mclGetPlatformIDs(64, platforms, &platformCount);
    if (status != CL_SUCCESS) {
        dprintf(out, "E\t%d\n", status);
        return;
    }
    if (platformCount > 64) platformCount = 64;
    for (cl_uint p = 0; p < platformCount; p++) {
        char name[256] = "?";
        mclGetPlatformInfo(platforms[p], CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
        clean(name);
        dprintf(out, "P\t%u\t%s\n", p, name);
        cl_device_id devices[64];
        cl_uint deviceCount = 0;
        status = mclGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 64, devices, &deviceCount);
        if (status != CL_SUCCESS) deviceCount = 0;
        if (deviceCount > 64) deviceCount = 64;
        dprintf(out, "N\t%u\t%d\t%u\n", p, status, deviceCount);
        for (cl_uint d = 0; d < deviceCount; d++) {
            char id[32], deviceName[256] = "?", log[512] = "";
            snprintf(id, sizeof id, "%u.%u", p, d);
            mclGetDeviceInfo(devices[d], CL_DEVICE_NAME, sizeof deviceName - 1, deviceName, NULL);
            clean(deviceName);
            dprintf(out, "B\t%s\t%s\n", id, deviceName);
            if (isSkipped(skip, id)) continue;
            const char *stage = test(platforms[p], devices[d], &status, log, sizeof log);
            clean(log);
            if (stage) dprintf(out, "F\t%s\t%s\t%d\t%s\n", id, stage, status, log);
            else dprintf(out, "O\t%s\n", id);
        }
    }
}

static void child(int out, const char *skip) {
    static Libraries libraries;
    addLoaded(&libraries, -1);
    if (mclLoad() != 0) {
        dprintf(out, "L\t%s\n", mclLoadError());
        return;
    }
    lookAtDevices(out, skip);
    addLoaded(&libraries, out);
    checkDriverFiles(out);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int mclProbe(int deadlineMilliseconds, const char *skip, const char *vendors, char *report, size_t capacity, int *signalOut) {
    report[0] = 0;
    *signalOut = 0;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return MCL_PROBE_NO_CHILD;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return MCL_PROBE_NO_CHILD;
    }
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGTERM, SIGINT};
        for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        int nothing = open("/dev/null", O_RDWR);
        if (nothing >= 0) {
            dup2(nothing, 0);
            dup2(nothing, 1);
            dup2(nothing, 2);
        }
        if (vendors) setenv("OCL_ICD_VENDORS", vendors, 1);
        child(ends[1], skip);
        dprintf(ends[1], "D\n");
        _exit(0);
    }
    setpgid(pid, pid);
    close(ends[1]);
    size_t used = 0;
    long long deadline = now() + deadlineMilliseconds;
    int timedOut = 0;
    for (;;) {
        long long left = deadline - now();
        if (left <= 0) {
            timedOut = 1;
            break;
        }
        struct pollfd entry = {ends[0], POLLIN, 0};
        int ready = poll(&entry, 1, (int)left);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            timedOut = ready == 0;
            break;
        }
        char chunk[1024];
        ssize_t got = read(ends[0], chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size_t room = capacity - 1 - used, kept = (size_t)got < room ? (size_t)got : room;
        memcpy(report + used, chunk, kept);
        used += kept;
    }
    report[used] = 0;
    close(ends[0]);
    int done = used >= 2 && strcmp(report + used - 2, "D\n") == 0 && (used == 2 || report[used - 3] == '\n');
    if (!done) kill(-pid, SIGKILL);
    int status = 0;
    pid_t waited;
    do waited = waitpid(pid, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (done) return MCL_PROBE_DONE;
    if (timedOut) return MCL_PROBE_TIMED_OUT;
    if (waited == pid && WIFSIGNALED(status)) *signalOut = WTERMSIG(status);
    return MCL_PROBE_CRASHED;
}
