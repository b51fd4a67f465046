#include "MatmulParts.h"

#include "AMX.h"
#include "Lanes.h"
#include "MatmulPack.h"
#include "MatmulTile.h"

enum { side = martlet_amx_side, most_depth = 256, packed_numbers = 160 * 1024 };

double martlet_parts_cost(double rows, double lane_count, double depth, int rows_are_deep, int lanes_are_deep) {
    int64_t tall = ((int64_t)rows + lanes - 1) / lanes, wide = ((int64_t)lane_count + lanes - 1) / lanes;
    // Between what a step takes where the core's other thread is idle and where it is at work, as measured.
    double packing = (rows_are_deep ? 1.1 : 1.3) * rows + (lanes_are_deep ? 1.3 : 1.1) * lane_count;
    return (double)(tall * wide * martlet_amx_steps((int64_t)depth)) * 280 + packing * depth + 0.3 * rows * lane_count;
}

void martlet_parts_choose(martlet_plan *plan) {
    plan->height = side, plan->vectors = side / lanes, plan->row_grain = lanes;
    int64_t blocks = (plan->depth + most_depth - 1) / most_depth;
    plan->depth_block = martlet_amx_steps((plan->depth + blocks - 1) / blocks) * martlet_amx_depth;
    plan->lane_block = larger(side, packed_numbers / plan->depth_block / side * side);
    plan->row_block = plan->rows;
}

int64_t martlet_parts_floats(const martlet_plan *plan) {
    int64_t columns = smaller(martlet_amx_panels(plan->lanes), plan->lane_block / side);
    return (columns + 1) * martlet_amx_panel_floats(plan->depth_block) + side * plan->depth_block;
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

void martlet_parts_multiply(const martlet_parts_block *b) {
    const martlet_plan *plan = b->plan;
    const float *row_base = plan->row_base + b->batch * plan->row_batch, *lane_base = plan->lane_base + b->batch * plan->lane_batch;
    int64_t columns = martlet_amx_panels(b->end_lane - b->first_lane), rows = martlet_amx_panels(b->end_row - b->first_row);
    float *lane_panels = b->memory, *row_panel = lane_panels + columns * martlet_amx_panel_floats(plan->depth_block);
    float *packed = row_panel + martlet_amx_panel_floats(plan->depth_block);
    martlet_amx_begin();
    for (int64_t depth = b->first_depth; depth < b->end_depth; depth += plan->depth_block) {
        int64_t deep = smaller(plan->depth_block, b->end_depth - depth), floats = martlet_amx_panel_floats(deep);
        martlet_amx_pack_lanes(lane_base + b->first_lane * plan->lane_step + depth * plan->lane_depth, plan->lane_step,
                               plan->lane_depth, b->end_lane - b->first_lane, deep, lane_panels);
        for (int64_t i = 0; i < rows; i++) {
            int64_t row = b->first_row + i * side;
            panel_product p = {.left = row_base + row * plan->row_step + depth * plan->row_depth,
                               .rows = smaller(side, b->end_row - row), .depth = deep};
            martlet_amx_pack_rows(p.left, plan->row_step, plan->row_depth, p.rows, deep, row_panel);
            for (int64_t j = 0; j < columns; j++) {
                int64_t lane = b->first_lane + j * side;
                p.columns = smaller(side, b->end_lane - lane);
                float *to = b->to + i * side * b->pitch + j * side;
                int adds = b->accumulates || depth > b->first_depth;
                const float *right = lane_panels + j * floats;
                if (martlet_amx_multiply_into(row_panel, right, p.rows, p.columns, deep, to, b->pitch, adds)) continue;
                p.right = lane_base + lane * plan->lane_step + depth * plan->lane_depth;
                multiply_plainly(plan, &p, to, b->pitch, adds, packed);
            }
        }
    }
    martlet_amx_end();
}
