#ifndef MARTLET_REDUCTION_KERNELS_H
#define MARTLET_REDUCTION_KERNELS_H

#include <stdbool.h>

#include "Reduction.h"

// The result of a part of an axis. Sums, means: `first` the sum. Variance: the mean, and the sum of square distances from it.
// Norm: the sum of squares. Extremes: the value, and its position counted from the beginning of the axis.
typedef struct {
    double first, second;
} martlet_partial;

// The widest piece of columns that is reduced at once.
enum { widest_strip = 1024 };

/// Each of `rows` rows of n contiguous elements, `row_stride` apart, to its partial. Positions count from `base`.
void martlet_reduce_rows(int32_t kind, const float *x, int64_t rows, int64_t row_stride, int64_t n, int64_t base,
                         martlet_partial *partials);
/// Each of `columns` columns over n rows, `row_stride` apart (equal to `columns` where there are fewer than 64), to its partial.
void martlet_reduce_columns(int32_t kind, const float *x, int64_t columns, int64_t row_stride, int64_t n, int64_t base,
                            martlet_partial *partials);

/// Whether the extreme (value, position) b comes before a: larger or smaller, the first of equals, NaN before all.
static inline bool martlet_precedes(bool largest, double b, double b_position, double a, double a_position) {
    if (b != b || a != a) return b != b && (a == a || b_position < a_position);
    if (b == a) return b_position < a_position;
    return largest ? b > a : b < a;
}

#endif
