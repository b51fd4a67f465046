#include "MatmulParts.h"

#include "AMX.h"
#include "Lanes.h"
#include "MatmulPack.h"
#include "MatmulTile.h"

enum {
    side = martlet_amx_side,
    most_depth = 256,              // of a panel, so that one of rows stays in the first-level cache
    packed_numbers = 160 * 1024,   // that stay in the second-level cache
    most_panels = packed_numbers / martlet_amx_depth / side,
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
    int64_t blocks = (plan->depth + most_depth - 1) / most_depth, panels = martlet_amx_panels(plan->rows);
    plan->depth_block = martlet_amx_steps((plan->depth + blocks - 1) / blocks) * martlet_amx_depth;
    int64_t deep = blocks * plan->depth_block, wide = smaller(martlet_amx_panels(plan->lanes), most_panels);
    plan->by_columns = plan->lanes > plan->rows && panels * side * deep <= packed_numbers * 3 / 4;
    if (plan->by_columns) {
        // All rows are kept, and some columns at a time.
        plan->pass_depth = deep;
        plan->held_rows = panels;
        plan->held_columns = smaller(wide, larger(1, packed_numbers / 2 / (deep * side)));
        plan->lane_block = wide * side;
        return;
    }
    // The columns of a pass are kept, over all depths where they fit.
    plan->pass_depth = whole_depth || wide * side * plan->depth <= packed_numbers ? deep : plan->depth_block;
    plan->held_columns = smaller(wide, larger(1, packed_numbers / plan->pass_depth / side));
    plan->held_rows = 1;
    plan->lane_block = plan->held_columns * side;
}

static int64_t panel_floats(const martlet_plan *plan) {
    return plan->pass_depth / plan->depth_block * martlet_amx_panel_floats(plan->depth_block);
}

int64_t martlet_parts_floats(const martlet_plan *plan) {
    return (plan->held_columns + plan->held_rows) * panel_floats(plan) + side * plan->depth_block;
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
    int64_t group;                  // whose columns are packed, -1 where none are
    int64_t row[most_panels];       // the panels of rows that are
    float *columns, *rows, *plain, *apart;
} parts_worker;

typedef struct {
    const martlet_product *product;
    const martlet_plan *plan;
    float *segments;
    int64_t first_lane, end_lane, first_depth;   // of the pass, the depth within each segment
    int64_t row_panels, column_groups;
    parts_worker *workers;
} parts_job;

static void forget(parts_worker *worker, int64_t next_matrix, int64_t held_rows) {
    worker->matrix = next_matrix;
    worker->group = -1;
    for (int64_t i = 0; i < held_rows; i++) worker->row[i] = -1;
}

// What an item multiplies, and where that goes: `to` is the place of its first row and lane.
typedef struct {
    int64_t batch, row, rows, first_column, end_column, first_lane, end_lane, depth, end_depth;
    float *to;
    int64_t pitch;
    int adds;
} parts_item;

static parts_item item_of(const parts_job *job, const parts_worker *worker, int64_t matrix, int64_t panel, int64_t group) {
    const martlet_product *product = job->product;
    const martlet_plan *plan = job->plan;
    int64_t columns = martlet_amx_panels(job->end_lane - job->first_lane), segment = matrix % plan->segments;
    parts_item i = {.batch = matrix / plan->segments, .row = panel * side, .pitch = product->columns, .adds = job->first_depth > 0};
    i.rows = smaller(side, plan->rows - i.row);
    i.first_column = columns * group / job->column_groups, i.end_column = columns * (group + 1) / job->column_groups;
    i.first_lane = job->first_lane + i.first_column * side;
    i.end_lane = smaller(job->end_lane, job->first_lane + i.end_column * side);
    i.depth = martlet_part_start(plan->depth, plan->segments, lanes, segment) + job->first_depth;
    i.end_depth = martlet_part_start(plan->depth, plan->segments, lanes, segment + 1);
    float *base = product->result + i.batch * plan->rows * plan->lanes;
    if (plan->segments > 1) {
        base = job->segments + (segment * product->batch + i.batch) * plan->rows * plan->lanes;
    } else if (product->reads_result) {
        i.to = worker->apart, i.pitch = i.end_lane - i.first_lane;
        return i;
    } else {
        i.adds |= product->accumulates;
    }
    i.to = base + i.row * i.pitch + i.first_lane;
    return i;
}

// The products of a block of depths, the panels of rows and lanes being packed.
static void multiply_block(const parts_job *job, const parts_item *i, const float *row_panel, const float *lane_panels,
                           int64_t depth, int64_t deep, int adds, float *plain) {
    const martlet_plan *plan = job->plan;
    for (int64_t j = i->first_column; j < i->end_column; j++, lane_panels += martlet_amx_panel_floats(deep)) {
        int64_t lane = job->first_lane + j * side, count = smaller(side, job->end_lane - lane);
        float *to = i->to + (lane - i->first_lane);
        if (martlet_amx_multiply_into(row_panel, lane_panels, i->rows, count, deep, to, i->pitch, adds)) continue;
        panel_product p = {.left = plan->row_base + i->batch * plan->row_batch + i->row * plan->row_step + depth * plan->row_depth,
                           .right = plan->lane_base + i->batch * plan->lane_batch + lane * plan->lane_step + depth * plan->lane_depth,
                           .rows = i->rows, .columns = count, .depth = deep};
        multiply_plainly(plan, &p, to, i->pitch, adds, plain);
    }
}

static void multiply_item(const parts_job *job, parts_worker *worker, int64_t matrix, int64_t panel, int64_t group) {
    const martlet_plan *plan = job->plan;
    parts_item item = item_of(job, worker, matrix, panel, group);
    if (worker->matrix != matrix) forget(worker, matrix, plan->held_rows);
    // Where workers have rows of their own they need all columns.
    int64_t packed_group = plan->by_columns ? group : 0, packed_column = plan->by_columns ? item.first_column : 0;
    int64_t packed_lane = job->first_lane + packed_column * side, packed_end = plan->by_columns ? item.end_lane : job->end_lane;
    int64_t slot = panel % plan->held_rows, block_floats = martlet_amx_panel_floats(plan->depth_block);
    int has_row = worker->row[slot] == panel, has_columns = worker->group == packed_group;
    worker->row[slot] = panel;
    worker->group = packed_group;
    const float *left = plan->row_base + item.batch * plan->row_batch + item.row * plan->row_step;
    const float *right = plan->lane_base + item.batch * plan->lane_batch + packed_lane * plan->lane_step;
    float *row_panel = worker->rows + slot * panel_floats(plan), *lane_panels = worker->columns;
    int64_t end = smaller(item.depth + plan->pass_depth, item.end_depth);
    for (int64_t depth = item.depth; depth < end; depth += plan->depth_block) {
        int64_t deep = smaller(plan->depth_block, end - depth);
        if (!has_row)
            martlet_amx_pack_rows(left + depth * plan->row_depth, plan->row_step, plan->row_depth, item.rows, deep, row_panel);
        if (!has_columns)
            martlet_amx_pack_lanes(right + depth * plan->lane_depth, plan->lane_step, plan->lane_depth, packed_end - packed_lane, deep,
                                   lane_panels);
        multiply_block(job, &item, row_panel, lane_panels + (item.first_column - packed_column) * martlet_amx_panel_floats(deep),
                       depth, deep, item.adds || depth > item.depth, worker->plain);
        row_panel += block_floats;
        lane_panels += plan->held_columns * block_floats;
    }
    const martlet_epilogue *epilogue = job->product->epilogue;
    if (epilogue && plan->segments == 1 && end == item.end_depth)
        martlet_epilogue_run(epilogue, item.to, item.pitch, item.batch, item.row, item.rows, item.first_lane,
                             item.end_lane - item.first_lane);
}

static void run_item(void *context, size_t item, int worker) {
    const parts_job *job = context;
    int64_t items = job->row_panels * job->column_groups, matrix = (int64_t)item / items, rest = (int64_t)item % items;
    int64_t panel = job->plan->by_columns ? rest % job->row_panels : rest / job->column_groups;
    int64_t group = job->plan->by_columns ? rest / job->row_panels : rest % job->column_groups;
    martlet_amx_begin();
    multiply_item(job, &job->workers[worker], matrix, panel, group);
    martlet_amx_end();
}

void martlet_parts_run(MartletPool *pool, const martlet_product *product, const martlet_plan *plan, int64_t worker_floats,
                       float *memory, float *segments) {
    int64_t threads = martlet_pool_threads(pool), matrices = product->batch * plan->segments;
    parts_worker workers[threads];
    parts_job job = {.product = product, .plan = plan, .segments = segments, .row_panels = martlet_amx_panels(plan->rows),
                     .workers = workers};
    for (int64_t i = 0; i < threads; i++) {
        parts_worker *w = &workers[i];
        w->columns = memory + i * worker_floats;
        w->rows = w->columns + plan->held_columns * panel_floats(plan);
        w->plain = w->rows + plan->held_rows * panel_floats(plan);
        w->apart = w->columns + plan->lane_memory;
    }
    int64_t deepest = (plan->depth + plan->segments - 1) / plan->segments + lanes;
    for (job.first_lane = 0; job.first_lane < plan->lanes; job.first_lane = job.end_lane) {
        job.end_lane = smaller(plan->lanes, job.first_lane + plan->lane_block);
        int64_t columns = martlet_amx_panels(job.end_lane - job.first_lane), items = matrices * job.row_panels;
        int64_t most = smaller(columns, columns * martlet_amx_steps(plan->pass_depth) / least_steps);
        job.column_groups = larger(1, smaller(most, (items_a_worker * threads + items - 1) / items));
        if (plan->by_columns) job.column_groups = larger(job.column_groups, (columns + plan->held_columns - 1) / plan->held_columns);
        for (job.first_depth = 0; job.first_depth < smaller(deepest, plan->depth); job.first_depth += plan->pass_depth) {
            for (int64_t i = 0; i < threads; i++) workers[i].matrix = -1;
            martlet_pool_run(pool, (size_t)(items * job.column_groups), run_item, &job);
        }
    }
}
