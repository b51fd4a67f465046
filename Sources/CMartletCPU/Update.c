#include <math.h>
#include <stdint.h>

#include "Pointwise.h"
#include "PointwisePlan.h"
#include "ReductionKernels.h"

// A piece of a tensor is the unit of work; a task is a run of pieces of about the same size in all.
enum { piece = 16384, tasks_a_thread = 4, most_tasks = 1024 };

// The elements of a task, of tensors laid end to end.
static int64_t share_of(int64_t total, MartletPool *pool) {
    int64_t threads = martlet_pool_threads(pool), tasks = total / piece, most = threads * tasks_a_thread;
    if (most > most_tasks) most = most_tasks;
    if (tasks > most) tasks = most;
    if (tasks < 1 || threads == 1) tasks = 1;
    return ((total + tasks - 1) / tasks + 1023) / 1024 * 1024;
}

static int64_t sum_of(const int64_t *counts, int64_t tensors) {
    int64_t total = 0;
    for (int64_t t = 0; t < tensors; t++) total += counts[t];
    return total;
}

// The elements [from, to) of a tensor that a task takes.
typedef struct {
    int64_t tensor, from, to;
} tensor_part;

// Moves on to the task's next part, `start` being where the part's tensor begins; begins with a tensor of -1. Task t takes the elements
// [t * share, (t + 1) * share).
static int next_part(const int64_t *counts, int64_t tensors, int64_t share, size_t task, int64_t *start, tensor_part *part) {
    int64_t begin = (int64_t)task * share, end = begin + share;
    for (;;) {
        if (part->tensor >= 0) *start += counts[part->tensor];
        if (++part->tensor >= tensors || *start >= end) return 0;
        int64_t count = counts[part->tensor];
        part->from = begin > *start ? begin - *start : 0;
        part->to = end - *start < count ? end - *start : count;
        if (part->from < part->to) return 1;
    }
}

typedef struct {
    const martlet_program *program;
    const float *scalars;
    int32_t shared_count;
    const float *const *shared;
    int64_t tensors;
    const int64_t *counts;
    int32_t width;
    float *const *views;
    int64_t share;  // elements a task
} update_job;

static void update_range(const update_job *job, int64_t tensor, int64_t begin, int64_t end) {
    const martlet_program *program = job->program;
    int32_t inputs = program->inputs, operand_count = inputs + program->results;
    martlet_operand operands[operand_count];
    for (int32_t k = 0; k < operand_count; k++) {
        operands[k].is_integer = 0;
        operands[k].strides[0] = k < job->shared_count ? 0 : 1;
        if (k < job->shared_count) operands[k].data = (void *)job->shared[k];
        else operands[k].data = job->views[tensor * job->width + (k < inputs ? k - job->shared_count : k - inputs)] + begin;
    }
    _Alignas(64) char memory[martlet_plan_size(program)];
    martlet_plan plan;
    const int64_t shape[1] = {end - begin};
    martlet_plan_make(&plan, memory, program, job->scalars, 1, shape, operands);
    martlet_plan_run(&plan, 0, plan.count);
}

static void update_task(void *context, size_t task, int worker) {
    (void)worker;
    const update_job *job = context;
    int64_t start = 0;
    tensor_part part = {-1, 0, 0};
    while (next_part(job->counts, job->tensors, job->share, task, &start, &part))
        update_range(job, part.tensor, part.from, part.to);
}

void martlet_update(MartletPool *pool, const martlet_program *program, const float *scalars, int32_t shared_count,
                    const float *const *shared, int64_t tensors, const int64_t *counts, int32_t width, float *const *views) {
    int64_t total = sum_of(counts, tensors);
    if (total == 0) return;
    int64_t share = share_of(total, pool);
    update_job job = {program, scalars, shared_count, shared, tensors, counts, width, views, share};
    martlet_pool_run(pool, (size_t)((total + share - 1) / share), update_task, &job);
}

typedef struct {
    int64_t tensors, share;
    const int64_t *counts;
    const float *const *views;
    double squares[most_tasks];  // of each task
} norm_job;

static void norm_task(void *context, size_t task, int worker) {
    (void)worker;
    norm_job *job = context;
    int64_t start = 0;
    tensor_part part = {-1, 0, 0};
    double squares = 0;
    while (next_part(job->counts, job->tensors, job->share, task, &start, &part)) {
        martlet_partial partial;
        martlet_reduce_rows(martlet_reduce_norm, job->views[part.tensor] + part.from, 1, 0, part.to - part.from, 0, &partial);
        squares += partial.first;
    }
    job->squares[task] = squares;
}

void martlet_norm_of_tensors(MartletPool *pool, int64_t tensors, const int64_t *counts, const float *const *views, float *result) {
    int64_t total = sum_of(counts, tensors), share = share_of(total, pool), tasks = (total + share - 1) / share;
    norm_job job = {.tensors = tensors, .share = share, .counts = counts, .views = views};
    martlet_pool_run(pool, (size_t)tasks, norm_task, &job);
    double squares = 0;
    for (int64_t task = 0; task < tasks; task++) squares += job.squares[task];
    *result = (float)sqrt(squares);
}
