#ifndef MARTLET_MATMUL_PARTS_H
#define MARTLET_MATMUL_PARTS_H

#include "MatmulPlan.h"

// Blocks of a product on the matrix unit (AMX.h): both operands are packed as parts, lanes once a block of depths, rows a panel at a
// time. Where a sum is not finite, its panel is multiplied again by the tiles of MatmulTile.h.

typedef struct {
    const martlet_plan *plan;
    int64_t batch, first_row, end_row, first_lane, end_lane, first_depth, end_depth;
    float *to;       // of the first row and lane
    int64_t pitch;   // of the result's rows
    int32_t accumulates;
    float *memory;   // martlet_parts_floats(plan), a multiple of 64 bytes
} martlet_parts_block;

/// What a product of such rows, lanes and depth costs, in multiply-adds of a vector.
double martlet_parts_cost(double rows, double lane_count, double depth, int rows_are_deep, int lanes_are_deep);

/// Sets the sizes of what is passed over at a time.
void martlet_parts_choose(martlet_plan *plan);

int64_t martlet_parts_floats(const martlet_plan *plan);

void martlet_parts_multiply(const martlet_parts_block *block);

#endif
