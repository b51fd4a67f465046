#include "Exit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cl_command_queue *queues;
static size_t count;
static atomic_uint kernelsMade, kernelsAwaited;

static void finishAll(void) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++) mclFinish(queues[i]);
    pthread_mutex_unlock(&lock);
}

int mclFinishAtExit(cl_command_queue queue) {
    pthread_mutex_lock(&lock);
    cl_command_queue *grown = realloc(queues, (count + 1) * sizeof *queues);
    if (grown) {
        queues = grown;
        queues[count++] = queue;
    }
    pthread_mutex_unlock(&lock);
    return grown != NULL;
}

void mclForgetAtExit(cl_command_queue queue) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        if (queues[i] == queue) queues[i--] = queues[--count];
    pthread_mutex_unlock(&lock);
}

void mclNoteKernel(void) { atomic_fetch_add(&kernelsMade, 1); }

// Handlers run last first, and a compiler in the driver sets up its own when it is first used: so ours is set up anew whenever
// kernels made since have been waited for.
cl_int mclWaited(cl_int status) {
    unsigned made = atomic_load(&kernelsMade);
    if (made > 0 && atomic_exchange(&kernelsAwaited, made) != made) atexit(finishAll);
    return status;
}
