#ifndef MARTLET_NORMALIZATION_H
#define MARTLET_NORMALIZATION_H

#include <stdint.h>

// Normalisation of x [samples, channels, positions]. Each function does the items, statistics, channels, blocks or rows in
// [begin, end); sums of several parts are added in one order, in double precision.
typedef struct {
    int64_t samples, channels, positions;
    int64_t groups;   // of each sample's channels; 0 for statistics of each channel over all samples
} martlet_norm;

// With many positions: an item is a piece of one channel of one sample, item = plane * pieces + piece.
int64_t martlet_norm_pieces(const martlet_norm *g);
int64_t martlet_norm_statistics(const martlet_norm *g);
// partial[item] = mean and sum of squared distances from it.
void martlet_norm_moments(const martlet_norm *g, const float *x, float *partial, int64_t begin, int64_t end);
void martlet_norm_combine(const martlet_norm *g, const float *partial, float epsilon, float *mean, float *inverse,
                          int64_t begin, int64_t end);
void martlet_norm_apply(const martlet_norm *g, const float *x, const float *scale, const float *shift, const float *mean,
                        const float *inverse, float *y, int64_t begin, int64_t end);
// All three for the statistics in [begin, end), one after the other, so that its elements are still in the caches when they are
// read again. `streamed` results are written past the caches.
void martlet_norm_statistic(const martlet_norm *g, const float *x, const float *scale, const float *shift, float epsilon,
                            float *partial, float *y, float *mean, float *inverse, int32_t streamed, int64_t begin, int64_t end);
// partial[item] = the sums of dy and of dy * (x - mean) * inverse.
void martlet_norm_gradient_sums(const martlet_norm *g, const float *dy, const float *x, const float *mean, const float *inverse,
                                float *partial, int64_t begin, int64_t end);
void martlet_norm_gradient_channels(const martlet_norm *g, const float *partial, float *scale_gradient, float *shift_gradient,
                                    int64_t begin, int64_t end);
// sums[statistic] = the means of both, weighted by the scale.
void martlet_norm_gradient_combine(const martlet_norm *g, const float *partial, const float *scale, float *sums,
                                   int64_t begin, int64_t end);
void martlet_norm_gradient_apply(const martlet_norm *g, const float *dy, const float *x, const float *scale, const float *mean,
                                 const float *inverse, const float *sums, float *dx, int64_t begin, int64_t end);
// The sums, means and elements of the statistics in [begin, end), one after the other.
void martlet_norm_gradient_statistic(const martlet_norm *g, const float *dy, const float *x, const float *scale,
                                     const float *mean, const float *inverse, float *partial, float *sums, float *dx,
                                     int32_t streamed, int64_t begin, int64_t end);

// Statistics of the columns of x [rows, columns]: batch normalisation with one position. A block is some rows; its partial
// result is [2][columns].
int64_t martlet_columns_block(int64_t rows, int64_t columns);   // rows in a block
void martlet_columns_moments(const float *x, int64_t rows, int64_t columns, float *partial, int64_t begin, int64_t end);
void martlet_columns_combine(const float *partial, int64_t rows, int64_t columns, float epsilon, float *mean, float *inverse,
                             int64_t begin, int64_t end);
void martlet_columns_apply(const float *x, int64_t columns, const float *scale, const float *shift, const float *mean,
                           const float *inverse, float *y, int64_t begin, int64_t end);
void martlet_columns_gradient_sums(const float *dy, const float *x, int64_t rows, int64_t columns, const float *mean,
                                   const float *inverse, float *partial, int64_t begin, int64_t end);
// shift_gradient and scale_gradient = the sums of the blocks' [2][columns].
void martlet_columns_sum(const float *partial, int64_t blocks, int64_t columns, float *shift_gradient, float *scale_gradient,
                         int64_t begin, int64_t end);
void martlet_columns_gradient_apply(const float *dy, const float *x, int64_t rows, int64_t columns, const float *scale,
                                    const float *mean, const float *inverse, const float *shift_gradient,
                                    const float *scale_gradient, float *dx, int64_t begin, int64_t end);

// Statistics of each row of x [samples, groups, n]: layer normalisation, or group normalisation with one position.
void martlet_rows_norm(const float *x, int64_t groups, int64_t n, const float *scale, const float *shift, float epsilon, float *y,
                       float *mean, float *inverse, int32_t streamed, int64_t begin, int64_t end);
// The samples in [begin, end); partial [2][groups * n] = the sums over them of dy and of dy * (x - mean) * inverse.
void martlet_rows_norm_gradient(const float *dy, const float *x, int64_t groups, int64_t n, const float *scale,
                                const float *mean, const float *inverse, float *dx, float *partial, int32_t streamed, int64_t begin,
                                int64_t end);

#endif
