#ifndef MARTLET_MATMUL_PACK_H
#define MARTLET_MATMUL_PACK_H

#include <stdint.h>

// Copies between matrices and the panels of a product.

/// Panels of `width` lanes (a multiple of 16), each [depth][width], the last filled up with zeros: from an operand whose lane j
/// of depth p lies at from[p * depth_step + j * lane_step]; one of the steps is 1.
void martlet_pack_lanes(const float *from, int64_t depth_step, int64_t lane_step, int64_t depth, int64_t lanes, int64_t width,
                        float *to);

/// A panel [depth][rows] of at most 16 rows: row i of depth p lies at from[i * row_step + p * depth_step]; one of the steps is
/// 1. Spoils up to 16 elements behind.
void martlet_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t depth, int64_t rows, float *to);

enum { martlet_low_rows = 8 };

/// The same of some panels of at most `martlet_low_rows` rows that lie side by side: panel i has the rows [starts[i], starts[i + 1])
/// and goes to to[i * pitch]. Row i of depth p lies at from[i + p * depth_step]; the step is at least 8 and the depth 1. Spoils up
/// to 7 elements behind each panel.
void martlet_pack_low_panels(const float *from, int64_t depth_step, int64_t depth, int64_t panels, const int64_t *starts,
                             int64_t pitch, float *to);

/// to[j * pitch + i] = tile[i * tile_pitch + j], or more by it, for at most 16 rows i; the tile's rows are whole vectors.
void martlet_store_transposed(const float *tile, int64_t tile_pitch, int64_t rows, int64_t columns, float *to, int64_t pitch,
                              int32_t accumulates);

#endif
