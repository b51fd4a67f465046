#ifndef MARTLET_AMX_H
#define MARTLET_AMX_H

#include <stdint.h>

#include "include/Processor.h"

// Products on the matrix unit that Intel's servers have ("Advanced Matrix Extensions"): 16 x 16 tiles of float32 sums of bfloat16
// products. A float32 number is the exact sum of three bfloat16 parts, each of the bits that those before leave over. Of the nine
// products of the parts of two numbers the six largest are taken; the others are less than 2^-23 of the whole, most of the time far
// less. Sums of 32 products are added at a time, so that errors are smaller than those of a chain of float32 multiply-adds.
// Parts below 2^-126 count as zero: so numbers below 2^-110 lose bits.

enum {
    martlet_amx_side = 32,          // of the blocks of rows and lanes that are multiplied together
    martlet_amx_depth = 32,         // depths that an instruction multiplies; panels are filled up with zeros to whole ones
    martlet_amx_parts = 3,
    martlet_amx_step_floats = 1536, // of a panel for so many depths, counted in floats
    martlet_amx_tile_rows = 16,     // a panel's rows and lanes behind those begin martlet_amx_tile_floats behind
    martlet_amx_tile_floats = 256,
    martlet_amx_asked_floats = 24 * 16
};

/// A thread calls these before its first product and after its last.
void martlet_amx_begin(void);
void martlet_amx_end(void);

static inline int64_t martlet_amx_steps(int64_t depth) { return (depth + martlet_amx_depth - 1) / martlet_amx_depth; }
static inline int64_t martlet_amx_panel_floats(int64_t depth) { return martlet_amx_steps(depth) * martlet_amx_step_floats; }
static inline int64_t martlet_amx_panels(int64_t count) { return (count + martlet_amx_side - 1) / martlet_amx_side; }

/// The parts of up to 32 rows: number (i, p) lies at from[i * row_step + p * depth_step], and one of the steps is 1. `panel` is a
/// multiple of 64 bytes and takes martlet_amx_panel_floats(depth).
void martlet_amx_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t rows, int64_t depth, float *panel);

/// The same for any number of lanes, whose panels are laid out otherwise, one behind the other.
void martlet_amx_pack_lanes(const float *from, int64_t lane_step, int64_t depth_step, int64_t lanes, int64_t depth, float *panels);

/// sums[32][32], their rows `pitch` apart = rows times lanes; those of rows and lanes that are not there are spoilt.
/// A cache line of what lies at `ahead` is asked of memory for every four tiles that are multiplied, martlet_amx_asked_floats a step.
/// - Returns: whether all of the sums are finite. Else parts may have been infinite, or not numbers, where float32 is neither.
int32_t martlet_amx_multiply(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lanes, int64_t depth,
                             const float *ahead, float *sums, int64_t pitch);

/// to[i * pitch + j] = the sum of row i and lane j, or more by it; nothing else is touched, and nothing at all where some sum is not
/// finite.
int32_t martlet_amx_multiply_into(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lanes, int64_t depth,
                                  float *to, int64_t pitch, int32_t adds);

#endif
