#include "Pointwise.h"

#include "PointwisePlan.h"

// Work that takes less than this, in picoseconds, is not worth the wake-up of a thread.
static const int64_t smallest_share = 8000000;
// Ranges begin at multiples of this, so that threads do not share cache lines.
enum { range_alignment = 4096, shares_a_thread = 4 };

typedef struct {
    const martlet_plan *plan;
    int64_t share;
} pointwise_job;

static void pointwise_task(void *context, size_t task, int worker) {
    (void)worker;
    const pointwise_job *job = context;
    int64_t begin = (int64_t)task * job->share, end = begin + job->share;
    martlet_plan_run(job->plan, begin, end < job->plan->count ? end : job->plan->count);
}

void martlet_pointwise(MartletPool *pool, const martlet_program *program, const float *scalars, int32_t rank,
                       const int64_t *shape, const martlet_operand *operands) {
    _Alignas(64) char memory[martlet_plan_size(program)];
    martlet_plan plan;
    martlet_plan_make(&plan, memory, program, scalars, rank, shape, operands);
    if (plan.count == 0) return;
    int64_t threads = pool ? martlet_pool_threads(pool) : 1;
    int64_t shares = threads == 1 ? 1 : plan.count * martlet_program_cost(program) / smallest_share;
    if (shares <= 1) {
        martlet_plan_run(&plan, 0, plan.count);
        return;
    }
    if (shares > threads * shares_a_thread) shares = threads * shares_a_thread;
    int64_t share = ((plan.count + shares - 1) / shares + range_alignment - 1) / range_alignment * range_alignment;
    pointwise_job job = {&plan, share};
    martlet_pool_run(pool, (size_t)((plan.count + share - 1) / share), pointwise_task, &job);
}

void martlet_epilogue_run(const martlet_epilogue *epilogue, const float *product, int64_t product_stride,
                          int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    int32_t inputs = epilogue->program->inputs;
    martlet_operand operands[inputs + 1];
    for (int32_t i = 0; i <= inputs; i++) {
        if (i < inputs && i == 0) {
            operands[i] = (martlet_operand){(void *)product, {product_stride, 1}, 0};
            continue;
        }
        const int64_t *strides = i == inputs ? epilogue->result_strides : epilogue->operands[i - 1].strides;
        float *data = i == inputs ? epilogue->result : epilogue->operands[i - 1].data;
        operands[i].is_integer = i == inputs ? 0 : epilogue->operands[i - 1].is_integer;
        operands[i].data = data + batch * strides[0] + row * strides[1] + column * strides[2];
        operands[i].strides[0] = strides[1];
        operands[i].strides[1] = strides[2];
    }
    const int64_t shape[2] = {rows, columns};
    martlet_pointwise(0, epilogue->program, epilogue->scalars, 2, shape, operands);
}
