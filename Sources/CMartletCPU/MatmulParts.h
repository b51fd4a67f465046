#ifndef MARTLET_MATMUL_PARTS_H
#define MARTLET_MATMUL_PARTS_H

#include "MatmulPlan.h"

// Products on the matrix unit (AMX.h): each worker packs as parts what it needs of both operands, a panel of rows at a time. Where a
// sum is not finite, its panels are multiplied again by the tiles of MatmulTile.h.

/// What a product of such rows, lanes and depth costs, in multiply-adds of a vector.
double martlet_parts_cost(double rows, double lane_count, double depth, int rows_are_deep, int lanes_are_deep);

/// Sets the sizes of what is passed over at a time, `whole_depth` if sums may not be left between passes.
void martlet_parts_choose(martlet_plan *plan, int whole_depth);

/// Floats of a worker's packed panels.
int64_t martlet_parts_floats(const martlet_plan *plan);

/// `memory`, a multiple of 64 bytes, has worker_floats for each thread: those of panels, then the plan's for products kept apart.
void martlet_parts_run(MartletPool *pool, const martlet_product *product, const martlet_plan *plan, int64_t worker_floats,
                       float *memory, float *segments);

#endif
