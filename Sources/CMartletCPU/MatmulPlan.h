#ifndef MARTLET_MATMUL_PLAN_H
#define MARTLET_MATMUL_PLAN_H

#include "include/Matmul.h"

// How a product is computed, by its shape alone.

typedef enum { martlet_by_tiles, martlet_by_dots, martlet_by_parts } martlet_method;

enum { martlet_most_panels_together = 8 };

/// The product as tiles see it: `rows` of numbers that are repeated over lanes, times lanes. Where it is `turned`, the rows are
/// the result's columns and the lanes its rows.
typedef struct {
    martlet_method method;
    int32_t turned;
    int64_t rows, lanes, depth;
    int64_t row_batch, row_step, row_depth;     // steps of the operand of rows
    int64_t lane_batch, lane_step, lane_depth;  // and of that of lanes
    const float *row_base, *lane_base;
    int32_t packs_rows, packs_lanes;
    int64_t rows_together;                          // panels of rows that are packed at a time, where they are packed
    int64_t height, vectors;                        // of a register tile
    int64_t row_block, lane_block, depth_block;     // of what is passed over at a time
    // Of parts: depths that a pass over all rows takes, some blocks; whether tasks of a worker have columns in common rather than rows; the
    // panels of both that a worker keeps.
    int64_t pass_depth;
    int32_t by_columns;
    int64_t held_rows, held_columns;
    int64_t row_parts, lane_parts, segments;        // independent tasks; segments of the depth are summed afterwards
    int64_t sum_pitch;                              // of a turned tile's sums
    // Floats of a thread's memory: packed lanes (of parts all), packed rows, sums of turned tiles, products kept apart.
    int64_t lane_memory, row_memory, sum_memory, apart_memory;
} martlet_plan;

martlet_plan martlet_product_plan(const martlet_product *product, int32_t threads);

/// Floats of a packed panel of rows.
int64_t martlet_row_panel_floats(const martlet_plan *plan);

/// The first row or lane of a part of `count` in `parts`, a multiple of `grain`.
static inline int64_t martlet_part_start(int64_t count, int64_t parts, int64_t grain, int64_t part) {
    int64_t grains = (count + grain - 1) / grain, start = grains * part / parts * grain;
    return start < count ? start : count;
}

#endif
