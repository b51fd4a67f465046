#ifndef MARTLET_POOLING_H
#define MARTLET_POOLING_H

#include <stdint.h>

// Pooling over planes of height x width into planes of rows x columns. Output rows are numbered plane * rows + row.
typedef struct {
    int64_t planes, height, width, rows, columns;
    int64_t kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
    int32_t counts_padding;
} martlet_pooling;

// The output rows in [begin, end). `streamed` results are written past the caches.
void martlet_max_pool(const martlet_pooling *g, const float *x, float *y, int32_t *indices, int32_t streamed, int64_t begin,
                      int64_t end);
void martlet_average_pool(const martlet_pooling *g, const float *x, float *y, int32_t streamed, int64_t begin, int64_t end);
void martlet_adaptive_average_pool(const martlet_pooling *g, const float *x, float *y, int64_t begin, int64_t end);
void martlet_adaptive_max_pool(const martlet_pooling *g, const float *x, float *y, int32_t *indices, int64_t begin, int64_t end);

// The planes in [begin, end). The first serves maximum pooling of both kinds; indices outside a plane add nothing.
void martlet_max_pool_gradient(const martlet_pooling *g, const float *dy, const int32_t *indices, float *dx,
                               int64_t begin, int64_t end);
void martlet_average_pool_gradient(const martlet_pooling *g, const float *dy, float *dx, int64_t begin, int64_t end);
void martlet_adaptive_average_pool_gradient(const martlet_pooling *g, const float *dy, float *dx, int64_t begin, int64_t end);

#endif
