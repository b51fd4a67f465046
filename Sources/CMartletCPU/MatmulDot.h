#ifndef MARTLET_MATMUL_DOT_H
#define MARTLET_MATMUL_DOT_H

#include <stdint.h>

// Tiles of a product whose operands both have their depths contiguous: vectors lie along the depth.

enum { martlet_dot_most_rows = 8, martlet_dot_most_columns = 8 };

/// The most rows of a tile, and the columns of a tile of so many rows, on this processor.
int64_t martlet_dot_height(void);
int64_t martlet_dot_width(int64_t rows);

/// sums[i * columns + j] = the sum over `depth` numbers of left[i] times right[j], where `columns` is martlet_dot_width(rows).
/// Writes up to the next multiple of 16.
void martlet_dot_multiply(int64_t rows, int64_t depth, const float *const *left, const float *const *right, float *sums);

#endif
