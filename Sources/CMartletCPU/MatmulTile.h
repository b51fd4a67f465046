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
    /// Where the rows that are wanted next begin; they are asked of memory bit by bit meanwhile. May be null.
    const float *next;
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

/// to[i * pitch + j] = the product, or more by it. `rows` is at most martlet_tile_height(vectors). So many tiles side by side: their
/// vectors begin `panel` floats apart.
void martlet_tiles_multiply(int64_t rows, int64_t vectors, int64_t depth, const martlet_tile_rows *left,
                            const martlet_tile_lanes *right, int64_t tiles, int64_t panel, float *to, int64_t pitch,
                            int32_t accumulates);

static inline void martlet_tile_multiply(int64_t rows, int64_t vectors, int64_t depth, const martlet_tile_rows *left,
                                         const martlet_tile_lanes *right, float *to, int64_t pitch, int32_t accumulates) {
    martlet_tiles_multiply(rows, vectors, depth, left, right, 1, 0, to, pitch, accumulates);
}

#endif
