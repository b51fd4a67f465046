#include "Reduction.h"

#include <math.h>

#include "Lanes.h"
#include "ReductionKernels.h"

// The axis is cut into segments, the columns into strips, by the shape alone. Each (outer, strip, segment) is a unit of work
// that fits the second-level cache where it is read twice, as for a variance, and else is larger where there is enough for many.
// Segments are joined in their order.
enum {
    unit_elements = 65536,
    most_unit_elements = 1 << 19,
    wanted_units = 64,
    many_columns = 8192,
    task_elements = 32768,
    row_batch = 64,
    tasks_a_thread = 2
};

typedef struct {
    martlet_reduction reduction;
    const float *x;
    void *y;
    martlet_partial *partials;  // [outer, segments, inner]; null where there is one segment
    int64_t strip, strips, segment, segments;
    int64_t units, units_a_task;
} reduce_job;

static void divide(reduce_job *job, const martlet_reduction *reduction) {
    int64_t n = reduction->n, inner = reduction->inner;
    job->reduction = *reduction;
    int is_variance = reduction->kind == martlet_reduce_variance;
    job->strip = smaller(inner, is_variance && inner < many_columns ? 256 : widest_strip);
    job->strips = (inner + job->strip - 1) / job->strip;
    int64_t elements = unit_elements;
    if (!is_variance)
        elements = smaller(larger(reduction->outer * n * inner / wanted_units, unit_elements), most_unit_elements);
    job->segment = larger(elements / job->strip, 64);
    // A little more than a segment is not worth a second one.
    if (n < job->segment * 2) job->segment = larger(n, 1);
    job->segments = larger((n + job->segment - 1) / job->segment, 1);
}

static float value_of(const martlet_reduction *reduction, martlet_partial partial) {
    double n = (double)reduction->n;
    switch (reduction->kind) {
    case martlet_reduce_mean: return (float)(partial.first / n);
    case martlet_reduce_norm: return (float)sqrt(partial.first);
    case martlet_reduce_variance: {
        double divisor = n - reduction->correction;
        return reduction->n == 0 ? NAN : (float)((partial.second < 0 ? 0 : partial.second) / (divisor > 0 ? divisor : 0));
    }
    default: return (float)partial.first;
    }
}

static void finish(const reduce_job *job, int64_t index, martlet_partial partial) {
    int32_t kind = job->reduction.kind;
    if (kind == martlet_reduce_arg_max || kind == martlet_reduce_arg_min) ((int32_t *)job->y)[index] = (int32_t)partial.second;
    else ((float *)job->y)[index] = value_of(&job->reduction, partial);
}

static void reduce_unit(const reduce_job *job, int64_t unit) {
    const martlet_reduction *r = &job->reduction;
    int64_t strip = unit % job->strips, rest = unit / job->strips;
    int64_t segment = rest % job->segments, outer = rest / job->segments;
    int64_t column = strip * job->strip, columns = smaller(job->strip, r->inner - column);
    int64_t row = segment * job->segment, rows = smaller(job->segment, r->n - row);
    const float *x = job->x + (outer * r->n + row) * r->inner + column;
    martlet_partial local[widest_strip];
    martlet_partial *partials = job->partials ? job->partials + (outer * job->segments + segment) * r->inner + column : local;
    if (r->inner == 1) martlet_reduce_rows(r->kind, x, 1, 0, rows, row, partials);
    else martlet_reduce_columns(r->kind, x, columns, r->inner, rows, row, partials);
    if (!job->partials)
        for (int64_t c = 0; c < columns; c++) finish(job, outer * r->inner + column + c, local[c]);
}

// Whole rows, several at a time.
static void reduce_rows(const reduce_job *job, int64_t begin, int64_t end) {
    martlet_partial partials[row_batch];
    for (int64_t row = begin; row < end; row += row_batch) {
        int64_t rows = smaller(row_batch, end - row);
        martlet_reduce_rows(job->reduction.kind, job->x + row * job->reduction.n, rows, job->reduction.n, job->reduction.n, 0,
                            partials);
        for (int64_t i = 0; i < rows; i++) finish(job, row + i, partials[i]);
    }
}

static void reduce_task(void *context, size_t task, int worker) {
    (void)worker;
    const reduce_job *job = context;
    int64_t begin = (int64_t)task * job->units_a_task, end = smaller(begin + job->units_a_task, job->units);
    if (job->reduction.inner == 1 && !job->partials) {
        reduce_rows(job, begin, end);
        return;
    }
    for (int64_t unit = begin; unit < end; unit++) reduce_unit(job, unit);
}

static martlet_partial join(int32_t kind, martlet_partial a, double a_count, martlet_partial b, double b_count) {
    switch (kind) {
    case martlet_reduce_max:
    case martlet_reduce_arg_max: return martlet_precedes(true, b.first, b.second, a.first, a.second) ? b : a;
    case martlet_reduce_min:
    case martlet_reduce_arg_min: return martlet_precedes(false, b.first, b.second, a.first, a.second) ? b : a;
    case martlet_reduce_variance: {
        // Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
        double distance = b.first - a.first, count = a_count + b_count;
        a.first += distance * b_count / count;
        a.second += b.second + distance * distance * a_count * b_count / count;
        return a;
    }
    default: a.first += b.first; return a;
    }
}

static void join_segments(const reduce_job *job) {
    const martlet_reduction *r = &job->reduction;
    for (int64_t outer = 0; outer < r->outer; outer++) {
        for (int64_t column = 0; column < r->inner; column++) {
            const martlet_partial *part = job->partials + outer * job->segments * r->inner + column;
            martlet_partial total = part[0];
            for (int64_t s = 1; s < job->segments; s++)
                total = join(r->kind, total, (double)(s * job->segment), part[s * r->inner],
                             (double)smaller(job->segment, r->n - s * job->segment));
            finish(job, outer * r->inner + column, total);
        }
    }
}

int64_t martlet_reduce_scratch(const martlet_reduction *reduction) {
    reduce_job job;
    divide(&job, reduction);
    if (job.segments == 1) return 0;
    return reduction->outer * job.segments * reduction->inner * (int64_t)sizeof(martlet_partial);
}

void martlet_reduce(MartletPool *pool, const martlet_reduction *reduction, const float *x, void *y, void *scratch) {
    reduce_job job;
    divide(&job, reduction);
    job.x = x;
    job.y = y;
    job.partials = job.segments > 1 ? scratch : 0;
    job.units = reduction->outer * job.strips * job.segments;
    int64_t elements = larger(job.segment * job.strip, 16);
    job.units_a_task = larger(task_elements / elements, 1);
    // Long runs of units, since a thread reads memory fastest in one piece.
    int64_t tasks = (int64_t)martlet_pool_threads(pool) * tasks_a_thread;
    job.units_a_task = larger(job.units_a_task, (job.units + tasks - 1) / tasks);
    martlet_pool_run(pool, (size_t)((job.units + job.units_a_task - 1) / job.units_a_task), reduce_task, &job);
    if (job.partials) join_segments(&job);
}
