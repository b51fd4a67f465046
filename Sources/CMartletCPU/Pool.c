#define _GNU_SOURCE
#include "Pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// A worker's own part of a loop: what it computed in the loop before lies in its own caches still, and loops over the same rows
// or elements give it the same part again. Others take of it what is left when they have done with theirs.
typedef struct {
    _Alignas(64) atomic_size_t next;
    size_t end;
} Share;

// A loop is open while its tasks are handed out. A worker counts itself in before it looks whether the loop is open, and the
// caller closes the loop before it waits for that count to fall to 0: so no worker is ever inside a loop that has returned,
// and nobody waits for a worker that still sleeps.
struct MartletPool {
    _Alignas(64) atomic_int inside;
    _Alignas(64) atomic_uint generation;
    atomic_bool open;
    atomic_bool stopping;
    atomic_int sleepers;
    Share *shares;
    MartletTask task;
    void *context;

    // Where workers may run, but for the processor that the caller was seen on last, -1 for none yet; empty where there are too few
    // processors to choose from.
    cpu_set_t processors;
    int avoided;

    pthread_mutex_t caller;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_cond_t left;
    bool caller_waits;

    int threads;
    pthread_t handles[];
};

typedef struct {
    MartletPool *pool;
    int worker;
} Start;

// About a millisecond, longer than the gaps between the ops of a step: a processor that has gone to sleep takes long to come back,
// longest in a virtual machine. Whoever else wants it gets it after a tenth of that.
enum { SPINS = 20000, SPINS_ALONE = SPINS / 10, SPINS_A_YIELD = 64 };

static _Thread_local bool running_task = false;
static _Thread_local int running_worker = 0;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static inline void spin_once(int spin) {
    if (spin >= SPINS_ALONE && spin % SPINS_A_YIELD == 0) sched_yield();
    else pause_briefly();
}

static void take_tasks(MartletPool *pool, int worker) {
    running_task = true;
    running_worker = worker;
    for (int i = 0; i < pool->threads; i++) {
        Share *share = &pool->shares[(worker + i) % pool->threads];
        // Looked at before it is written: of many workers most find nothing left.
        while (atomic_load_explicit(&share->next, memory_order_relaxed) < share->end) {
            size_t task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
            if (task < share->end) pool->task(pool->context, task, worker);
        }
    }
    running_task = false;
    running_worker = 0;
}

static void leave(MartletPool *pool) {
    if (atomic_fetch_sub(&pool->inside, 1) != 1 || atomic_load(&pool->open)) return;
    pthread_mutex_lock(&pool->mutex);
    if (pool->caller_waits) pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *argument) {
    Start start = *(Start *)argument;
    free(argument);
    MartletPool *pool = start.pool;
    unsigned seen = 0;
    while (!atomic_load(&pool->stopping)) {
        for (int spin = 0; spin < SPINS && atomic_load_explicit(&pool->generation, memory_order_relaxed) == seen; spin++)
            spin_once(spin);
        if (atomic_load(&pool->generation) == seen) {
            pthread_mutex_lock(&pool->mutex);
            atomic_fetch_add(&pool->sleepers, 1);
            while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
            atomic_fetch_sub(&pool->sleepers, 1);
            pthread_mutex_unlock(&pool->mutex);
        }
        seen = atomic_load(&pool->generation);
        atomic_fetch_add(&pool->inside, 1);
        if (atomic_load(&pool->open)) take_tasks(pool, start.worker);
        leave(pool);
    }
    return NULL;
}

// A system whose processors share no cache that it knows of, as in many virtual machines, wakes a thread on the processor of
// whoever wakes it, and leaves it there for milliseconds while others idle.
static void keep_off_caller(MartletPool *pool) {
    int here = sched_getcpu();
    if (here < 0 || here == pool->avoided || !CPU_ISSET(here, &pool->processors)) return;
    cpu_set_t others = pool->processors;
    CPU_CLR(here, &others);
    for (int i = 0; i < pool->threads - 1; i++) pthread_setaffinity_np(pool->handles[i], sizeof others, &others);
    pool->avoided = here;
}

static void wake_workers(MartletPool *pool) {
    if (atomic_load(&pool->sleepers) > 0) keep_off_caller(pool);
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

MartletPool *martlet_pool_create(int threads) {
    if (threads < 1) threads = 1;
    size_t size = sizeof(MartletPool) + (size_t)threads * sizeof(pthread_t);
    MartletPool *pool = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!pool) return NULL;
    pool->shares = aligned_alloc(64, (size_t)threads * sizeof(Share));
    if (!pool->shares) {
        free(pool);
        return NULL;
    }
    atomic_init(&pool->inside, 0);
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->open, false);
    atomic_init(&pool->stopping, false);
    atomic_init(&pool->sleepers, 0);
    pool->task = NULL;
    pool->context = NULL;
    pool->caller_waits = false;
    pthread_mutex_init(&pool->caller, NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->left, NULL);
    pool->threads = 1;
    while (pool->threads < threads) {
        Start *start = malloc(sizeof *start);
        if (!start) break;
        *start = (Start){pool, pool->threads};
        if (pthread_create(&pool->handles[pool->threads - 1], NULL, work, start) != 0) {
            free(start);
            break;
        }
        pool->threads++;
    }
    pool->avoided = -1;
    int known = sched_getaffinity(0, sizeof pool->processors, &pool->processors) == 0;
    if (!known || pool->threads > CPU_COUNT(&pool->processors)) CPU_ZERO(&pool->processors);
    return pool;
}

void martlet_pool_destroy(MartletPool *pool) {
    atomic_store(&pool->stopping, true);
    wake_workers(pool);
    for (int i = 0; i < pool->threads - 1; i++) pthread_join(pool->handles[i], NULL);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    pthread_mutex_destroy(&pool->caller);
    free(pool->shares);
    free(pool);
}

int martlet_pool_threads(const MartletPool *pool) { return pool->threads; }

void martlet_pool_run(MartletPool *pool, size_t tasks, MartletTask task, void *context) {
    if (tasks <= 1 || pool->threads == 1 || running_task) {
        for (size_t i = 0; i < tasks; i++) task(context, i, running_worker);
        return;
    }
    pthread_mutex_lock(&pool->caller);
    pool->task = task;
    pool->context = context;
    size_t threads = (size_t)pool->threads;
    for (size_t i = 0; i < threads; i++) {
        atomic_store_explicit(&pool->shares[i].next, tasks * i / threads, memory_order_relaxed);
        pool->shares[i].end = tasks * (i + 1) / threads;
    }
    atomic_store(&pool->open, true);
    wake_workers(pool);
    take_tasks(pool, 0);
    atomic_store(&pool->open, false);
    for (int spin = 0; spin < SPINS && atomic_load(&pool->inside) != 0; spin++) spin_once(spin);
    if (atomic_load(&pool->inside) != 0) {
        pthread_mutex_lock(&pool->mutex);
        pool->caller_waits = true;
        while (atomic_load(&pool->inside) != 0) pthread_cond_wait(&pool->left, &pool->mutex);
        pool->caller_waits = false;
        pthread_mutex_unlock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->caller);
}

struct MartletTeam {
    _Alignas(64) atomic_int missing;
    _Alignas(64) atomic_uint meetings;
    int members;
    MartletMember body;
    void *context;
};

void martlet_team_meet(MartletTeam *team) {
    if (team->members == 1) return;
    unsigned seen = atomic_load_explicit(&team->meetings, memory_order_relaxed);
    if (atomic_fetch_sub(&team->missing, 1) == 1) {
        atomic_store_explicit(&team->missing, team->members, memory_order_relaxed);
        atomic_fetch_add(&team->meetings, 1);
        return;
    }
    // Meetings are microseconds apart; where one takes longer, another program has the processor.
    for (int spin = 0; atomic_load_explicit(&team->meetings, memory_order_acquire) == seen; spin++) {
        if (spin < SPINS) spin_once(spin);
        else sched_yield();
    }
}

// A member waits for the others before it begins, so that no worker takes two tasks.
static void join_team(void *context, size_t task, int worker) {
    (void)worker;
    MartletTeam *team = context;
    martlet_team_meet(team);
    team->body(team->context, team, (int)task, team->members);
}

void martlet_pool_run_team(MartletPool *pool, MartletMember body, void *context) {
    MartletTeam team = {.members = running_task ? 1 : pool->threads, .body = body, .context = context};
    atomic_init(&team.missing, team.members);
    atomic_init(&team.meetings, 0);
    martlet_pool_run(pool, (size_t)team.members, join_team, &team);
}
