#ifndef MARTLET_MATMUL_TILE_H
#define MARTLET_MATMUL_TILE_H

#include <stdint.h>

// Register tiles of a product: rows whose numbers are repeated over the lanes, times panels of vectors.

/// The left operand's rows of a tile: number (i, p) lies at base[i * step + p] where depths are contiguous, else at
/// base[p * step + i].
typedef struct {
    const float *base;
    int64_t step;
    int32_t is_deep;
    /// What is wanted next, and asked of memory bit by bit meanwhile: two places that move on by so many floats every four depths.
    /// May be null.
    const float *ahead[2];
    int64_t ahead_step;
} martlet_tile_rows;

/// The right operand's vectors of a tile: lane j of depth p lies at base[p * step + j].
typedef struct {
    const float *base;
    int64_t step;
    int32_t streams;  // whether the vectors beside these are wanted next and lie in memory
} martlet_tile_lanes;

enum { martlet_tile_most_rows = 14, martlet_tile_most_vectors = 4 };

/// The most rows of a tile of so many vectors on this processor; 0 where there is no such tile. Vectors are 1, 2 or 4.
int64_t martlet_tile_height(int64_t vectors);

/// to[i * pitch + j] = the product, or more by it. `rows` is at most martlet_tile_height(vectors).
void martlet_tile_multiply(int64_t rows, int64_t vectors, int64_t depth, const martlet_tile_rows *left,
                           const martlet_tile_lanes *right, float *to, int64_t pitch, int32_t accumulates);

#endif
