#include "MatmulPlan.h"

#include "Lanes.h"
#include "MatmulDot.h"
#include "MatmulPack.h"
#include "MatmulParts.h"
#include "MatmulTile.h"

static int64_t round_up(int64_t count, int64_t grain) { return (count + grain - 1) / grain * grain; }
static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Steps of rows at which fourteen of them fall into one set of the first-level cache.
static int rows_collide(int64_t step) { return step % 1024 == 0 && step > 0; }

static int left_is_deep(const martlet_product *p) { return p->left_depth == 1 || p->depth == 1; }
static int right_is_deep(const martlet_product *p) { return p->right_depth == 1 || p->depth == 1; }
static int left_is_flat(const martlet_product *p) { return p->left_row == 1 || p->rows == 1; }
static int right_is_flat(const martlet_product *p) { return p->right_column == 1 || p->columns == 1; }

// Cycles that a product takes about, besides what all ways have in common.
static double tile_cost(double rows, double lane_count, double depth, int packs, int turned) {
    double vectors = quotient_up((int64_t)lane_count, lanes);
    return rows * vectors * depth + (packs ? 0.35 * lane_count * depth : 0) + (turned ? 0.5 * rows * lane_count : 0);
}

static void choose_method(const martlet_product *p, martlet_plan *plan) {
    double straight = tile_cost((double)p->rows, (double)p->columns, (double)p->depth, !right_is_flat(p), 0);
    double turned = tile_cost((double)p->columns, (double)p->rows, (double)p->depth, !left_is_flat(p), 1);
    double least = turned < straight ? turned : straight;
    plan->turned = turned < straight;
    plan->method = martlet_by_tiles;
    if (left_is_deep(p) && right_is_deep(p) && p->depth >= lanes) {
        double area = (double)p->rows * (double)p->columns;
        double dots = area * (double)quotient_up(p->depth, lanes) * 1.1 + 6 * area;
        if (dots < least) {
            plan->method = martlet_by_dots;
            plan->turned = 0;
            least = dots;
        }
    }
    if (p->splits
        && martlet_parts_cost((double)p->rows, (double)p->columns, (double)p->depth, left_is_deep(p), right_is_deep(p)) < least) {
        plan->method = martlet_by_parts;
        plan->turned = 0;
    }
}

static void choose_tiles(const martlet_product *p, martlet_plan *plan) {
    int deep = plan->row_depth == 1;
    plan->vectors = 1;
    for (int64_t v = 2; v <= martlet_tile_most_vectors; v *= 2) {
        int64_t height = martlet_tile_height(v);
        if (height == 0 || plan->lanes < v * lanes) continue;
        if (v == 2 ? height >= 14 || plan->rows <= height : plan->rows <= height) plan->vectors = v;
    }
    if (plan->vectors == 2 && deep && rows_collide(plan->row_step) && plan->lanes >= 64 && plan->rows > 28) plan->vectors = 4;
    plan->height = martlet_tile_height(plan->vectors);
    // Seven rows in one set leave room; and with one vector packing them would take too long.
    if (plan->vectors == 1 && deep && rows_collide(plan->row_step)) plan->height = smaller(plan->height, 7);
    int64_t row_panels = quotient_up(plan->rows, plan->height);
    plan->packs_lanes = (plan->lane_step != 1 && plan->lanes > 1) || row_panels >= 6;
    // Of columns, low tiles use so little of each cache line that packing them pays by itself.
    plan->packs_rows = deep ? rows_collide(plan->row_step) && plan->height > 7 && plan->rows > 7
                            : (rows_collide(plan->row_depth) || plan->height <= 6) && plan->rows > 7 && plan->lanes >= 128
                                  && plan->depth >= 16;
    // Columns of low tiles: a cache line, and a page, has those of several panels.
    int can_be_together = !deep && plan->height <= martlet_low_rows && plan->row_depth >= plan->rows;
    plan->rows_together = can_be_together ? martlet_most_panels_together : 1;
    int64_t width = plan->vectors * lanes;
    if (!plan->packs_lanes) {
        // A wide strip of the operand of lanes, read once in the order in which it lies in memory.
        plan->depth_block = smaller(plan->depth, row_panels > 2 ? 384 : 16);
        plan->lane_block = round_up(row_panels > 2 ? 384 : 4096, width);
    } else {
        plan->depth_block = 384;
        plan->lane_block = 384;
        if (plan->turned && plan->depth * round_up(plan->lanes, width) <= 160 * 1024) plan->depth_block = plan->depth;
    }
    if (plan->depth <= plan->depth_block * 4 / 3) plan->depth_block = plan->depth;
    int64_t depth_blocks = plan->depth ? quotient_up(plan->depth, plan->depth_block) : 1;
    plan->depth_block = quotient_up(plan->depth, depth_blocks);
    plan->row_block = plan->rows;
    if (p->reads_result || (plan->turned && depth_blocks > 1)) plan->row_block = smaller(plan->rows, 18 * plan->height);
}

// Divides the work so that the longest task is short, packing included.
static void choose_parts(const martlet_product *p, martlet_plan *plan, int32_t threads) {
    double work = (double)p->rows * (double)p->columns * (double)p->depth;
    int64_t wanted = (int64_t)(work * (double)p->batch / 250000);
    wanted = larger(1, smaller(wanted, threads));
    plan->row_parts = plan->lane_parts = plan->segments = 1;
    if (p->batch >= 4 * threads || wanted == 1) return;
    int64_t needed = quotient_up(wanted, p->batch);
    int64_t width = plan->method == martlet_by_dots ? plan->vectors : plan->vectors * lanes;
    int64_t most_lanes = quotient_up(plan->lanes, width), most_rows = quotient_up(plan->rows, larger(1, plan->height / 2));
    double best = 0;
    for (int64_t lane_parts = 1; lane_parts <= smaller(needed, most_lanes); lane_parts++) {
        int64_t row_parts = larger(1, smaller(needed / lane_parts, most_rows));
        double lane_share = (double)(quotient_up(most_lanes, lane_parts) * width);
        double row_share = (double)quotient_up(plan->rows, row_parts);
        if (lane_share > (double)plan->lanes) lane_share = (double)plan->lanes;
        // What a task reads counts too, the lanes once for a few panels of rows.
        double cost = row_share * (lane_share / lanes + 0.5) + 0.5 * lane_share;
        if (plan->packs_lanes) cost += lane_share * (plan->lane_step == 1 ? 0.1 : 0.35);
        if (best == 0 || cost < best) {
            best = cost;
            plan->lane_parts = lane_parts;
            plan->row_parts = row_parts;
        }
    }
    int64_t made = plan->lane_parts * plan->row_parts * p->batch;
    if (made * 2 <= wanted && !p->reads_result) plan->segments = larger(1, smaller(wanted / made, p->depth / 256));
}

int64_t martlet_row_panel_floats(const martlet_plan *plan) {
    return round_up(plan->depth_block * plan->height + 2 * lanes, lanes);
}

martlet_plan martlet_product_plan(const martlet_product *p, int32_t threads) {
    martlet_plan plan = {0};
    choose_method(p, &plan);
    plan.depth = p->depth;
    if (plan.turned) {
        plan.rows = p->columns, plan.lanes = p->rows;
        plan.row_base = p->right, plan.lane_base = p->left;
        plan.row_batch = p->right_batch, plan.row_step = p->right_column, plan.row_depth = p->right_depth;
        plan.lane_batch = p->left_batch, plan.lane_step = p->left_row, plan.lane_depth = p->left_depth;
    } else {
        plan.rows = p->rows, plan.lanes = p->columns;
        plan.row_base = p->left, plan.lane_base = p->right;
        plan.row_batch = p->left_batch, plan.row_step = p->left_row, plan.row_depth = p->left_depth;
        plan.lane_batch = p->right_batch, plan.lane_step = p->right_column, plan.lane_depth = p->right_depth;
    }
    if (plan.rows == 1 && plan.row_depth != 1) plan.row_step = 1;
    if (plan.depth == 1 && plan.row_step != 1) plan.row_depth = 1;
    if (plan.lanes == 1) plan.lane_step = 1;
    if (plan.method == martlet_by_dots) {
        int64_t most = martlet_dot_height(), panels = quotient_up(plan.rows, most);
        // Of many rows the tiles with the fewest loads.
        plan.height = plan.rows <= most ? plan.rows : plan.rows < 2 * most ? quotient_up(plan.rows, panels) : smaller(most, 4);
        plan.vectors = martlet_dot_width(plan.height);
        plan.row_block = p->reads_result ? plan.height : plan.rows, plan.lane_block = 1024, plan.depth_block = plan.depth;
    } else if (plan.method == martlet_by_parts) {
        martlet_parts_choose(&plan, p->reads_result);
    } else {
        choose_tiles(p, &plan);
    }
    choose_parts(p, &plan, threads);
    int64_t blocks_lanes = smaller(round_up(plan.lanes, martlet_tile_most_vectors * lanes), plan.lane_block + 64);
    if (plan.method == martlet_by_parts) {
        plan.lane_memory = round_up(martlet_parts_floats(&plan), lanes);
        plan.row_block = plan.height;
    }
    plan.apart_memory = p->reads_result ? round_up(plan.row_block * smaller(plan.lanes, plan.lane_block), lanes) : 0;
    if (plan.method != martlet_by_tiles) return plan;
    // The last panel is packed even where the others lie in place.
    plan.lane_memory = plan.depth_block * (plan.packs_lanes ? blocks_lanes : martlet_tile_most_vectors * lanes) + lanes;
    plan.row_memory = plan.packs_rows ? plan.rows_together * martlet_row_panel_floats(&plan) : 0;
    plan.sum_pitch = blocks_lanes;
    int64_t summed_rows = plan.height + (plan.depth > plan.depth_block ? plan.row_block : 0);
    plan.sum_memory = plan.turned ? round_up(summed_rows * blocks_lanes, lanes) : 0;
    return plan;
}
