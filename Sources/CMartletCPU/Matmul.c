#include "include/Matmul.h"

#include <string.h>

#include "Lanes.h"
#include "MatmulDot.h"
#include "MatmulPack.h"
#include "MatmulParts.h"
#include "MatmulPlan.h"
#include "MatmulTile.h"

// A panel of lanes stays in the first-level cache or comes from the second, in panels of their own or as they lie in memory;
// rows are read in place, their numbers repeated over the lanes. Each task computes a part of one matrix of the result.

enum { most_width = martlet_tile_most_vectors * lanes, tile_floats = martlet_tile_most_rows * most_width };

typedef struct {
    const martlet_product *product;
    martlet_plan plan;
    float *worker_memory, *segment_memory;
} product_job;

// What one task computes: a part of the rows, lanes and depths of one matrix, and where it goes.
typedef struct {
    const product_job *job;
    int64_t batch, first_row, end_row, first_lane, end_lane, first_depth, end_depth;
    float *target;   // the matrix that the products are stored in
    int32_t accumulates;
    float *packed_lanes, *packed_rows, *sums, *apart;
} product_task;

// The place in the result of the sums of a block, its first row and lane given, and the distance of the result's rows.
typedef struct {
    float *base;
    int64_t pitch;
} block_target;

static int64_t worker_floats(const martlet_plan *plan) {
    return plan->lane_memory + plan->row_memory + plan->sum_memory + plan->apart_memory;
}

static int64_t segment_floats(const martlet_product *p, const martlet_plan *plan) {
    return plan->segments > 1 ? plan->segments * p->batch * p->rows * p->columns : 0;
}

int32_t martlet_product_suits(const martlet_product *p) {
    int64_t least = smaller(smaller(p->rows, p->columns), p->depth), height = martlet_tile_height(1);
#if defined(__x86_64__)
    // With AVX2 OpenBLAS takes 0.9 of their time for large products.
    return height > 6 || least < (height > 3 ? 1024 : lanes);
#else
    return height > 3 || least < lanes;
#endif
}

int64_t martlet_product_scratch(const martlet_product *p, int32_t threads) {
    martlet_plan plan = martlet_product_plan(p, threads);
    return worker_floats(&plan) * threads + segment_floats(p, &plan);
}

static void add_part(const float *from, int64_t count, float *to, int32_t accumulates) {
    if (!accumulates) memcpy(to, from, (size_t)count * sizeof *to);
    else for (int64_t j = 0; j < count; j++) to[j] += from[j];
}

// The lanes of a block over some of its depths: panels of whole width, and a narrower one at the end that is always packed.
typedef struct {
    int64_t first, end, width, depth;
    int64_t first_depth;
} lane_block;

static int64_t vectors_of(int64_t used, int64_t most) {
    int64_t vectors = 1;
    while (vectors < most && vectors * lanes < used) vectors *= 2;
    return vectors;
}

static void pack_block(const product_task *task, const lane_block *b) {
    const martlet_plan *plan = &task->job->plan;
    const float *from = plan->lane_base + task->batch * plan->lane_batch + b->first_depth * plan->lane_depth;
    int64_t count = b->end - b->first, whole = count / b->width * b->width, rest = count - whole;
    float *to = task->packed_lanes;
    if (plan->packs_lanes && whole) {
        martlet_pack_lanes(from + b->first * plan->lane_step, plan->lane_depth, plan->lane_step, b->depth, whole, b->width, to);
        to += whole * b->depth;
    }
    if (rest)
        martlet_pack_lanes(from + (b->first + whole) * plan->lane_step, plan->lane_depth, plan->lane_step, b->depth, rest,
                           vectors_of(rest, plan->vectors) * lanes, to);
}

// All panels of lanes of a block times one panel of rows.
static void multiply_panel(const product_task *task, const lane_block *b, const martlet_tile_rows *left, int64_t rows,
                           int64_t row, block_target to, int begins, int ends) {
    const martlet_plan *plan = &task->job->plan;
    const float *in_place = plan->lane_base + task->batch * plan->lane_batch + b->first_depth * plan->lane_depth + b->first;
    int64_t count = b->end - b->first, tiles = count / b->width, whole = tiles * b->width, rest = count - whole;
    martlet_tile_lanes right = {in_place, plan->lane_depth, tiles > 1};
    if (plan->packs_lanes) right = (martlet_tile_lanes){task->packed_lanes, b->width, 0};
    int64_t panel = plan->packs_lanes ? b->width * b->depth : b->width, vectors = vectors_of(rest, plan->vectors);
    martlet_tile_lanes last = {task->packed_lanes + (plan->packs_lanes ? whole * b->depth : 0), vectors * lanes, 0};
    if (!plan->turned) {
        int32_t adds = !begins || task->accumulates;
        float *out = to.base + row * to.pitch, tile[tile_floats];
        martlet_tiles_multiply(rows, plan->vectors, b->depth, left, &right, tiles, panel, out, to.pitch, adds);
        if (!rest) return;
        martlet_tile_multiply(rows, vectors, b->depth, left, &last, tile, most_width, 0);
        for (int64_t i = 0; i < rows; i++) add_part(tile + i * most_width, rest, out + whole + i * to.pitch, adds);
        return;
    }
    float *sums = task->sums + (begins && ends ? 0 : row * plan->sum_pitch);
    martlet_tiles_multiply(rows, plan->vectors, b->depth, left, &right, tiles, panel, sums, plan->sum_pitch, !begins);
    if (rest) martlet_tile_multiply(rows, vectors, b->depth, left, &last, sums + whole, plan->sum_pitch, !begins);
    if (ends) martlet_store_transposed(sums, plan->sum_pitch, rows, count, to.base + row, to.pitch, task->accumulates);
}

// Packs up to `rows_together` panels, from `panel` on, of a block's rows in `panels`; `from` is the first one's first row.
static void pack_rows(const product_task *task, const float *from, int64_t depth, int64_t rows, int64_t panel, int64_t panels) {
    const martlet_plan *plan = &task->job->plan;
    int64_t count = smaller(plan->rows_together, panels - panel), begin = rows * panel / panels;
    int64_t starts[martlet_most_panels_together + 1];
    for (int64_t i = 0; i <= count; i++) starts[i] = rows * (panel + i) / panels - begin;
    if (plan->rows_together == 1) martlet_pack_rows(from, plan->row_step, plan->row_depth, depth, starts[1], task->packed_rows);
    else martlet_pack_low_panels(from, plan->row_depth, depth, count, starts, martlet_row_panel_floats(plan), task->packed_rows);
}

static void multiply_block(const product_task *task, int64_t row, int64_t end_row, int64_t lane, int64_t end_lane,
                           block_target to) {
    const martlet_plan *plan = &task->job->plan;
    int64_t rows = end_row - row, panels = (rows + plan->height - 1) / plan->height;
    const float *base = plan->row_base + task->batch * plan->row_batch;
    int64_t depth = task->first_depth;
    do {
        lane_block b = {lane, end_lane, plan->vectors * lanes, smaller(plan->depth_block, task->end_depth - depth), depth};
        int begins = depth == task->first_depth, ends = depth + b.depth == task->end_depth;
        pack_block(task, &b);
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t first = row + rows * panel / panels, count = row + rows * (panel + 1) / panels - first;
            const float *from = base + first * plan->row_step + depth * plan->row_depth;
            int deep = plan->row_depth == 1;
            martlet_tile_rows left = {from, deep ? plan->row_step : plan->row_depth, deep, NULL};
            if (plan->packs_rows) {
                int64_t place = panel % plan->rows_together;
                if (place == 0) pack_rows(task, from, b.depth, rows, panel, panels);
                left = (martlet_tile_rows){task->packed_rows + place * martlet_row_panel_floats(plan), count, 0, NULL};
            } else if (panel + 1 < panels) {
                left.next = from + count * plan->row_step;
            }
            multiply_panel(task, &b, &left, count, first - row, to, begins, ends);
        }
        depth += b.depth;
    } while (depth < task->end_depth);
}

static void dot_block(const product_task *task, int64_t row, int64_t end_row, int64_t lane, int64_t end_lane,
                      block_target to) {
    const martlet_plan *plan = &task->job->plan;
    int64_t rows = end_row - row, panels = (rows + plan->height - 1) / plan->height, depth = task->end_depth - task->first_depth;
    const float *row_base = plan->row_base + task->batch * plan->row_batch + task->first_depth;
    const float *lane_base = plan->lane_base + task->batch * plan->lane_batch + task->first_depth;
    for (int64_t j = lane; j < end_lane; j += plan->vectors)
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t first = row + rows * panel / panels, count = row + rows * (panel + 1) / panels - first;
            int64_t width = martlet_dot_width(count);
            for (int64_t i = j; i < smaller(j + plan->vectors, end_lane); i += width) {
                const float *left[martlet_dot_most_rows], *right[martlet_dot_most_columns];
                float sums[2 * lanes];
                int64_t used = smaller(width, smaller(j + plan->vectors, end_lane) - i);
                for (int64_t r = 0; r < count; r++) left[r] = row_base + (first + r) * plan->row_step;
                for (int64_t c = 0; c < width; c++) right[c] = lane_base + (i + smaller(c, used - 1)) * plan->lane_step;
                martlet_dot_multiply(count, depth, left, right, sums);
                for (int64_t r = 0; r < count; r++)
                    add_part(sums + r * width, used, to.base + (first + r - row) * to.pitch + (i - lane), task->accumulates);
            }
        }
}

static void run_task(const product_task *task) {
    const martlet_product *p = task->job->product;
    const martlet_plan *plan = &task->job->plan;
    int apart = p->reads_result && plan->segments == 1;
    const martlet_epilogue *epilogue = plan->segments == 1 ? p->epilogue : NULL;
    for (int64_t lane = task->first_lane; lane < task->end_lane; lane += plan->lane_block)
        for (int64_t row = task->first_row; row < task->end_row; row += plan->row_block) {
            int64_t end_lane = smaller(lane + plan->lane_block, task->end_lane);
            int64_t end_row = smaller(row + plan->row_block, task->end_row);
            int64_t i = plan->turned ? lane : row, j = plan->turned ? row : lane;
            int64_t rows = plan->turned ? end_lane - lane : end_row - row;
            int64_t columns = plan->turned ? end_row - row : end_lane - lane;
            block_target to = {task->target + i * p->columns + j, p->columns};
            if (apart) to = (block_target){task->apart, columns};
            if (plan->method == martlet_by_dots) dot_block(task, row, end_row, lane, end_lane, to);
            else multiply_block(task, row, end_row, lane, end_lane, to);
            if (epilogue) martlet_epilogue_run(epilogue, to.base, to.pitch, task->batch, i, rows, j, columns);
        }
}

static void run_unit(void *context, size_t unit, int worker) {
    const product_job *job = context;
    const martlet_product *p = job->product;
    const martlet_plan *plan = &job->plan;
    int64_t rest = (int64_t)unit;
    int64_t lane_part = rest % plan->lane_parts;
    rest /= plan->lane_parts;
    int64_t row_part = rest % plan->row_parts;
    rest /= plan->row_parts;
    int64_t segment = rest % plan->segments, batch = rest / plan->segments;
    int64_t lane_grain = plan->method == martlet_by_dots ? plan->vectors : plan->vectors * lanes;
    float *memory = job->worker_memory + worker * worker_floats(plan);
    product_task task = {
        .job = job, .batch = batch, .accumulates = p->accumulates,
        .first_row = martlet_part_start(plan->rows, plan->row_parts, 1, row_part),
        .end_row = martlet_part_start(plan->rows, plan->row_parts, 1, row_part + 1),
        .first_lane = martlet_part_start(plan->lanes, plan->lane_parts, lane_grain, lane_part),
        .end_lane = martlet_part_start(plan->lanes, plan->lane_parts, lane_grain, lane_part + 1),
        .first_depth = martlet_part_start(plan->depth, plan->segments, lanes, segment),
        .end_depth = martlet_part_start(plan->depth, plan->segments, lanes, segment + 1),
        .target = p->result + batch * p->rows * p->columns,
        .packed_lanes = memory, .packed_rows = memory + plan->lane_memory,
        .sums = memory + plan->lane_memory + plan->row_memory,
        .apart = memory + plan->lane_memory + plan->row_memory + plan->sum_memory,
    };
    if (plan->segments > 1) {
        task.target = job->segment_memory + (segment * p->batch + batch) * p->rows * p->columns;
        task.accumulates = 0;
    }
    run_task(&task);
}

// Adds up the segments' products, in their order.
static void sum_segments(const product_job *job) {
    const martlet_product *p = job->product;
    int64_t count = p->batch * p->rows * p->columns;
    for (int64_t s = 0; s < job->plan.segments; s++)
        add_part(job->segment_memory + s * count, count, p->result, s > 0 || p->accumulates);
    if (!p->epilogue) return;
    for (int64_t batch = 0; batch < p->batch; batch++)
        martlet_epilogue_run(p->epilogue, p->result + batch * p->rows * p->columns, p->columns, batch, 0, p->rows, 0, p->columns);
}

void martlet_product_run(MartletPool *pool, const martlet_product *p, float *scratch) {
    if (p->batch == 0 || p->rows == 0 || p->columns == 0) return;
    product_job job = {p, martlet_product_plan(p, martlet_pool_threads(pool)), scratch, scratch};
    job.segment_memory = scratch + worker_floats(&job.plan) * martlet_pool_threads(pool);
    int64_t units = p->batch * job.plan.segments * job.plan.row_parts * job.plan.lane_parts;
    if (job.plan.method == martlet_by_parts)
        martlet_parts_run(pool, p, &job.plan, worker_floats(&job.plan), scratch, job.segment_memory);
    else martlet_pool_run(pool, (size_t)units, run_unit, &job);
    if (job.plan.segments > 1) sum_segments(&job);
}
