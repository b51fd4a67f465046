// Processes that compile kernels for this one, where a driver compiles one at a time in a process. They are forked from a process that
// was forked before any driver was loaded.
#define _GNU_SOURCE 1
#include "CMartletOpenCL.h"
#include "Probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_BYTES = 256 << 20 };

/// What is left to read of a request.
typedef struct {
    const char *next, *end;
    int isShort;
} Request;

static const void *take(Request *request, size_t bytes) {
    static const char nothing[8];
    if ((size_t)(request->end - request->next) < bytes) {
        request->isShort = 1;
        return nothing;
    }
    const char *taken = request->next;
    request->next += bytes;
    return taken;
}

static uint64_t takeNumber(Request *request) {
    uint64_t number;
    memcpy(&number, take(request, sizeof number), sizeof number);
    return number;
}

/// Bytes with their count before them, and a zero behind them that is not counted.
static const char *takeText(Request *request, size_t *length) {
    uint64_t count = takeNumber(request);
    const char *text = count < MOST_BYTES ? take(request, count + 1) : NULL;
    if (!text || request->isShort || text[count] != 0) {
        request->isShort = 1;
        count = 0;
        text = "";
    }
    *length = count;
    return text;
}

static int transfer(int socket, void *bytes, size_t count, int isRead) {
    for (char *next = bytes; count > 0;) {
        ssize_t done = isRead ? recv(socket, next, count, 0) : send(socket, next, count, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return -1;
        next += done;
        count -= (size_t)done;
    }
    return 0;
}

static int reply(int socket, const void *bytes, uint64_t count) {
    if (transfer(socket, &count, sizeof count, 0) != 0) return -1;
    return transfer(socket, (void *)bytes, count, 0);
}

static cl_device_id device;
static cl_context context;
static cl_command_queue queue;

static int choose(uint64_t platformIndex, uint64_t deviceIndex) {
    cl_platform_id platforms[64];
    cl_device_id devices[64];
    cl_uint count = 0;
    cl_int status;
    if (platformIndex >= 64 || deviceIndex >= 64) return -1;
    if (mclGetPlatformIDs(64, platforms, &count) != CL_SUCCESS || count <= platformIndex) return -1;
    if (mclGetDeviceIDs(platforms[platformIndex], CL_DEVICE_TYPE_ALL, 64, devices, &count) != CL_SUCCESS) return -1;
    if (count <= deviceIndex) return -1;
    if (queue && devices[deviceIndex] == device) return 0;
    if (queue) mclReleaseCommandQueue(queue);
    if (context) mclReleaseContext(context);
    queue = NULL;
    context = NULL;
    device = devices[deviceIndex];
    context = mclCreateContext(platforms[platformIndex], device, &status);
    if (status != CL_SUCCESS) return -1;
    queue = mclCreateCommandQueue(context, device, &status);
    return status == CL_SUCCESS ? 0 : -1;
}

/// Compiles without linking and replies with the driver's binary.
static int compile(int socket, Request *request) {
    size_t length, optionsLength, size = 0;
    const char *options = takeText(request, &optionsLength), *source = takeText(request, &length);
    cl_int status = CL_INVALID_VALUE;
    if (request->isShort) return reply(socket, NULL, 0);
    cl_program program = mclCreateProgramWithSource(context, source, length, &status);
    if (status != CL_SUCCESS) return reply(socket, NULL, 0);
    void *binary = NULL;
    if (mclCompileProgram(program, device, options) == CL_SUCCESS && mclGetProgramBinary(program, NULL, &size) == CL_SUCCESS)
        binary = malloc(size);
    if (!binary || mclGetProgramBinary(program, binary, &size) != CL_SUCCESS) size = 0;
    mclReleaseProgram(program);
    int result = reply(socket, binary, size);
    free(binary);
    return result;
}

/// Runs one work-group of a kernel over zeros: so PoCL's machine code for work-groups of this size comes into its cache.
static void run(cl_program program, Request *request) {
    struct { cl_mem buffer; void *start; size_t size; } memory[MCL_MOST_ARGUMENTS] = {{NULL, NULL, 0}};
    size_t nameLength, local[3];
    cl_int status;
    const char *name = takeText(request, &nameLength);
    cl_uint rank = (cl_uint)takeNumber(request);
    for (int i = 0; i < 3; i++) local[i] = takeNumber(request);
    uint64_t count = takeNumber(request);
    if (request->isShort || count > MCL_MOST_ARGUMENTS) return;
    cl_kernel kernel = mclCreateKernel(program, name, &status);
    if (status != CL_SUCCESS) return;
    for (cl_uint i = 0; i < count && status == CL_SUCCESS; i++) {
        uint64_t kind = takeNumber(request), value = takeNumber(request);
        if (kind == MCL_ARGUMENT_LOCAL) {
            status = mclSetKernelArg(kernel, i, value, NULL);
        } else if (kind == MCL_ARGUMENT_BUFFER) {
            size_t size = (value + 4095) / 4096 * 4096;
            void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (start == MAP_FAILED) {
                status = CL_OUT_OF_HOST_MEMORY;
                break;
            }
            memory[i].start = start;
            memory[i].size = size;
            memory[i].buffer = mclCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, value, start, &status);
            if (status == CL_SUCCESS) status = mclSetKernelArg(kernel, i, sizeof(cl_mem), &memory[i].buffer);
        } else {
            status = mclSetKernelArg(kernel, i, kind, &value);
        }
    }
    const size_t *global = local;  // one work-group
    if (status == CL_SUCCESS && !request->isShort) mclEnqueueNDRangeKernel(queue, kernel, rank, global, local, NULL);
    mclFinish(queue);
    for (uint64_t i = 0; i < count; i++) {
        if (memory[i].buffer) mclReleaseMemObject(memory[i].buffer);
        if (memory[i].start) munmap(memory[i].start, memory[i].size);
    }
    mclReleaseKernel(kernel);
}

/// Links a compiled program, and makes machine code of a kernel where one is named.
static int build(int socket, Request *request) {
    size_t length, optionsLength;
    const char *options = takeText(request, &optionsLength), *binary = takeText(request, &length);
    cl_int status = CL_INVALID_VALUE;
    if (request->isShort) return reply(socket, NULL, 0);
    cl_program program = mclCreateProgramWithBinary(context, device, binary, length, &status);
    if (status == CL_SUCCESS && mclBuildProgram(program, device, options) == CL_SUCCESS) {
        if (request->next < request->end) run(program, request);
        length = 1;
    } else {
        length = 0;
    }
    if (program) mclReleaseProgram(program);
    return reply(socket, "", length);
}

static int answer(int socket, Request *request) {
    uint64_t kind = takeNumber(request), platformIndex = takeNumber(request), deviceIndex = takeNumber(request);
    if (request->isShort || mclLoad() != 0) return reply(socket, NULL, 0);
    if (kind == MCL_WARM) {
        mclWarmPoCL();
        return reply(socket, "", 1);
    }
    if (choose(platformIndex, deviceIndex) != 0) return reply(socket, NULL, 0);
    return kind == MCL_COMPILE ? compile(socket, request) : build(socket, request);
}

static void serve(int socket, unsigned deadlineSeconds) {
    alarm(deadlineSeconds);
    // One work-group runs at a time, and no two processes' threads should be kept to one processor.
    setenv("POCL_AFFINITY", "0", 1);
    setenv("POCL_MAX_PTHREAD_COUNT", "1", 1);
    uint64_t length;
    for (;;) {
        alarm(0);
        if (transfer(socket, &length, sizeof length, 1) != 0 || length >= MOST_BYTES) break;
        char *bytes = malloc(length);
        if (!bytes || transfer(socket, bytes, length, 1) != 0) break;
        Request request = {bytes, bytes + length, 0};
        alarm(deadlineSeconds);
        if (answer(socket, &request) != 0) break;
        free(bytes);
    }
    _exit(0);
}

/// Only the standard files, leading nowhere, and this one are left open. Returns its new number.
static int closeOthers(int socket) {
    int moved = socket == 3 || dup3(socket, 3, O_CLOEXEC) == 3 ? 3 : socket;
    int isDone = 0;
#ifdef SYS_close_range
    isDone = moved == 3 && syscall(SYS_close_range, 4, ~0u, 0) == 0;
#endif
    for (int other = 4; !isDone && other < 65536; other++)
        if (other != moved) close(other);
    int nothing = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && nothing >= 0; i++)
        if (i != moved) dup2(nothing, i);
    if (nothing > 3) close(nothing);
    return moved;
}

/// Forks a process for each socket that comes over this one, with the deadline in a byte.
static void startCompilers(int control) {
    pid_t own = getpid();
    for (;;) {
        unsigned char byte;
        char space[CMSG_SPACE(sizeof(int))];
        struct iovec part = {&byte, 1};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
        ssize_t got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) continue;
        struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
        if (!header || header->cmsg_type != SCM_RIGHTS) _exit(0);
        int socket;
        memcpy(&socket, CMSG_DATA(header), sizeof socket);
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != own) _exit(0);
            // Linkers are waited for.
            signal(SIGCHLD, SIG_DFL);
            close(control);
            serve(socket, byte);
        }
        close(socket);
    }
}

int mclProcessorCount(void) {
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

/// A pair of sockets, away from the numbers of the standard files.
static int pairOfSockets(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    for (int i = 0; i < 2; i++) {
        int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
        if (moved < 0) continue;
        close(ends[i]);
        ends[i] = moved;
    }
    return 0;
}

static int isLoaded(const char *name) {
    void *library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (library) dlclose(library);
    return library != NULL;
}

int mclPrepareCompilers(void) {
    int ends[2];
    if (isLoaded("libOpenCL.so.1") || isLoaded("libOpenCL.so") || isLoaded("libpocl.so.2") || pairOfSockets(ends) != 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        setsid();
        // Twice, so that nobody has to wait for the one that stays.
        if (fork() != 0) _exit(0);
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
        signal(SIGCHLD, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        sigset_t all;
        sigemptyset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        startCompilers(closeOthers(ends[1]));
    }
    close(ends[1]);
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    if (pid >= 0) return ends[0];
    close(ends[0]);
    return -1;
}

int mclStartCompiler(int control, int deadlineSeconds) {
    int ends[2];
    if (pairOfSockets(ends) != 0) return -1;
    unsigned char byte = (unsigned char)deadlineSeconds;
    char space[CMSG_SPACE(sizeof(int))];
    memset(space, 0, sizeof space);
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
    struct timeval deadline = {deadlineSeconds + 5, 0};
    int sent = setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0
               && setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline) == 0
               && sendmsg(control, &message, MSG_NOSIGNAL) == 1;
    close(ends[1]);
    if (sent) return ends[0];
    close(ends[0]);
    return -1;
}

int mclAskCompiler(int socket, const void *request, size_t length, void **answer, size_t *answerLength) {
    uint64_t count = length;
    *answer = NULL;
    if (transfer(socket, &count, sizeof count, 0) != 0 || transfer(socket, (void *)request, length, 0) != 0) return -1;
    if (transfer(socket, &count, sizeof count, 1) != 0 || count > MOST_BYTES) return -1;
    *answer = malloc(count + 1);
    *answerLength = count;
    if (*answer && transfer(socket, *answer, count, 1) == 0) return 0;
    free(*answer);
    *answer = NULL;
    return -1;
}
