#include "MatmulParts.h"

#include <string.h>

#include "AMX.h"
#include "Lanes.h"
#include "MatmulPack.h"
#include "MatmulTile.h"

enum {
    side = martlet_amx_side,
    most_depth = 256,              // of a panel, so that one of rows stays in the first-level cache
    packed_numbers = 160 * 1024,   // of lanes, that stay in the second-level cache
    most_columns = packed_numbers / martlet_amx_depth / side,
    most_held = most_columns / 2,  // panels of rows that are kept, where all of them have room
    least_steps = 8,               // that an item multiplies
    items_a_worker = 8             // so that workers of unlike speed end together
};

double martlet_parts_cost(double rows, double lane_count, double depth, int rows_are_deep, int lanes_are_deep) {
    int64_t tall = ((int64_t)rows + lanes - 1) / lanes, wide = ((int64_t)lane_count + lanes - 1) / lanes;
    // Between what a step takes where the core's other thread is idle and where it is at work, as measured.
    double packing = (rows_are_deep ? 1.1 : 1.3) * rows + (lanes_are_deep ? 1.3 : 1.1) * lane_count;
    return (double)(tall * wide * martlet_amx_steps((int64_t)depth)) * 280 + packing * depth + 0.3 * rows * lane_count;
}

void martlet_parts_choose(martlet_plan *plan, int whole_depth) {
    plan->height = side, plan->vectors = side / lanes;
    int64_t blocks = (plan->depth + most_depth - 1) / most_depth;
    plan->depth_block = martlet_amx_steps((plan->depth + blocks - 1) / blocks) * martlet_amx_depth;
    // A pass takes all depths where their lanes fit.
    int64_t wide = smaller(martlet_amx_panels(plan->lanes) * side, most_columns * side);
    plan->pass_depth = whole_depth || wide * plan->depth <= packed_numbers ? blocks * plan->depth_block : plan->depth_block;
    plan->lane_block = smaller(wide, larger(side, packed_numbers / plan->pass_depth / side * side));
}

static int64_t column_floats(const martlet_plan *plan) {
    return plan->pass_depth / plan->depth_block * martlet_amx_panel_floats(plan->depth_block);
}

static int64_t held_panels(const martlet_plan *plan) {
    int64_t panels = martlet_amx_panels(plan->rows);
    return panels * side * plan->pass_depth <= packed_numbers / 2 ? smaller(panels, most_held) : 1;
}

int64_t martlet_parts_floats(const martlet_plan *plan) {
    return (plan->lane_block / side + held_panels(plan)) * column_floats(plan) + side * plan->depth_block;
}

// A panel of rows times one of lanes over a block of depths.
typedef struct {
    const float *left, *right;
    int64_t rows, columns, depth;
} panel_product;

static void multiply_plainly(const martlet_plan *plan, const panel_product *p, float *to, int64_t pitch, int adds,
                             float *packed) {
    float sums[side * side];
    martlet_pack_lanes(p->right, plan->lane_depth, plan->lane_step, p->depth, p->columns, side, packed);
    martlet_tile_lanes right = {packed, side, 0};
    int deep = plan->row_depth == 1;
    int64_t most = martlet_tile_height(side / lanes);
    for (int64_t row = 0; row < p->rows; row += most) {
        martlet_tile_rows left = {p->left + row * plan->row_step, deep ? plan->row_step : plan->row_depth, deep};
        martlet_tile_multiply(smaller(most, p->rows - row), side / lanes, p->depth, &left, &right, sums + row * side, side, 0);
    }
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++) to[i * pitch + j] = (adds ? to[i * pitch + j] : 0) + sums[i * side + j];
}

// A pass multiplies blocks of lanes over some depths by all rows. Its items are panels of rows by some of the columns, the panels
// of lanes; a worker keeps what it has packed from item to item.

typedef struct {
    int64_t matrix;                 // whose panels it has, -1 at first
    int64_t row[most_held];         // that are packed, -1 where none are
    uint8_t has_group[most_columns];
    float *columns, *rows, *plain, *apart;
} parts_worker;

typedef struct {
    const martlet_product *product;
    const martlet_plan *plan;
    float *segments;
    int64_t first_lane, end_lane, first_depth;   // of the pass, the depth within each segment
    int64_t row_panels, held, column_groups;
    int by_columns;                              // workers take columns of their own rather than rows
    parts_worker *workers;
} parts_job;

static void forget(parts_worker *worker, int64_t next_matrix) {
    worker->matrix = next_matrix;
    for (int64_t i = 0; i < most_held; i++) worker->row[i] = -1;
    memset(worker->has_group, 0, sizeof worker->has_group);
}

static void multiply_item(const parts_job *job, parts_worker *worker, int64_t matrix, int64_t panel, int64_t group) {
    const martlet_product *product = job->product;
    const martlet_plan *plan = job->plan;
    int64_t batch = matrix / plan->segments, segment = matrix % plan->segments;
    int64_t depth = martlet_part_start(plan->depth, plan->segments, lanes, segment) + job->first_depth;
    int64_t end_depth = martlet_part_start(plan->depth, plan->segments, lanes, segment + 1);
    int64_t row = panel * side, rows = smaller(side, plan->rows - row);
    int64_t columns = martlet_amx_panels(job->end_lane - job->first_lane);
    int64_t column = columns * group / job->column_groups, end_column = columns * (group + 1) / job->column_groups;
    int64_t first_lane = job->first_lane + column * side, end_lane = smaller(job->end_lane, job->first_lane + end_column * side);
    const float *left = plan->row_base + batch * plan->row_batch + row * plan->row_step;
    const float *right = plan->lane_base + batch * plan->lane_batch;
    int apart = product->reads_result, adds = job->first_depth > 0, ends = depth + plan->pass_depth >= end_depth;
    float *to = product->result + batch * product->rows * product->columns + row * product->columns + first_lane;
    int64_t pitch = product->columns;
    if (plan->segments > 1) to = job->segments + (segment * product->batch + batch) * plan->rows * pitch + row * pitch + first_lane;
    else if (apart) to = worker->apart, pitch = end_lane - first_lane;
    else adds |= product->accumulates;

    if (worker->matrix != matrix) forget(worker, matrix);
    int64_t slot = panel % job->held;
    int has_rows = worker->row[slot] == row;
    worker->row[slot] = row;
    // Where workers have rows of their own they will need all columns.
    int64_t packed_column = job->by_columns ? column : 0, packed_lane = job->first_lane + packed_column * side;
    int64_t block_floats = martlet_amx_panel_floats(plan->depth_block);
    for (int64_t block = 0; block * plan->depth_block < plan->pass_depth; block++, depth += plan->depth_block, adds = 1) {
        int64_t deep = smaller(plan->depth_block, end_depth - depth);
        if (deep <= 0) break;
        float *row_panel = worker->rows + slot * column_floats(plan) + block * block_floats;
        if (!has_rows)
            martlet_amx_pack_rows(left + depth * plan->row_depth, plan->row_step, plan->row_depth, rows, deep, row_panel);
        float *lane_panels = worker->columns + (block * columns + packed_column) * block_floats;
        if (!worker->has_group[job->by_columns ? group : 0])
            martlet_amx_pack_lanes(right + packed_lane * plan->lane_step + depth * plan->lane_depth, plan->lane_step, plan->lane_depth,
                                   (job->by_columns ? end_lane : job->end_lane) - packed_lane, deep, lane_panels);
        for (int64_t j = column; j < end_column; j++) {
            int64_t lane = job->first_lane + j * side;
            const float *lane_panel = lane_panels + (j - packed_column) * martlet_amx_panel_floats(deep);
            panel_product p = {.left = left + depth * plan->row_depth, .rows = rows, .depth = deep,
                               .right = right + lane * plan->lane_step + depth * plan->lane_depth,
                               .columns = smaller(side, job->end_lane - lane)};
            float *tile = to + (lane - first_lane);
            if (!martlet_amx_multiply_into(row_panel, lane_panel, rows, p.columns, deep, tile, pitch, adds))
                multiply_plainly(plan, &p, tile, pitch, adds, worker->plain);
        }
    }
    worker->has_group[job->by_columns ? group : 0] = 1;
    if (product->epilogue && plan->segments == 1 && ends)
        martlet_epilogue_run(product->epilogue, to, pitch, batch, row, rows, first_lane, end_lane - first_lane);
}

static void run_item(void *context, size_t item, int worker) {
    const parts_job *job = context;
    int64_t items = job->row_panels * job->column_groups, matrix = (int64_t)item / items, rest = (int64_t)item % items;
    int64_t panel = job->by_columns ? rest % job->row_panels : rest / job->column_groups;
    int64_t group = job->by_columns ? rest / job->row_panels : rest % job->column_groups;
    martlet_amx_begin();
    multiply_item(job, &job->workers[worker], matrix, panel, group);
    martlet_amx_end();
}

void martlet_parts_run(MartletPool *pool, const martlet_product *product, const martlet_plan *plan, int64_t worker_floats,
                       float *memory, float *segments) {
    int64_t threads = martlet_pool_threads(pool), matrices = product->batch * plan->segments;
    parts_worker workers[threads];
    parts_job job = {.product = product, .plan = plan, .segments = segments, .row_panels = martlet_amx_panels(plan->rows),
                     .held = held_panels(plan), .workers = workers};
    int64_t deepest = (plan->depth + plan->segments - 1) / plan->segments + lanes;
    for (job.first_lane = 0; job.first_lane < plan->lanes; job.first_lane = job.end_lane) {
        job.end_lane = smaller(plan->lanes, job.first_lane + plan->lane_block);
        int64_t columns = martlet_amx_panels(job.end_lane - job.first_lane), items = matrices * job.row_panels;
        int64_t most_groups = larger(1, columns * martlet_amx_steps(plan->pass_depth) / least_steps);
        job.column_groups = larger(1, smaller(smaller(columns, most_groups), (items_a_worker * threads + items - 1) / items));
        job.by_columns = job.end_lane - job.first_lane > plan->rows;
        for (job.first_depth = 0; job.first_depth < smaller(deepest, plan->depth); job.first_depth += plan->pass_depth) {
            for (int64_t i = 0; i < threads; i++) {
                parts_worker *w = &workers[i];
                w->matrix = -1;
                w->columns = memory + i * worker_floats;
                w->rows = w->columns + plan->lane_block / side * column_floats(plan);
                w->plain = w->rows + job.held * column_floats(plan);
                w->apart = w->columns + plan->lane_memory;
            }
            martlet_pool_run(pool, (size_t)(items * job.column_groups), run_item, &job);
        }
    }
}
