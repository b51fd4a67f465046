#ifndef MARTLET_REGION_H
#define MARTLET_REGION_H

#include <stdint.h>

// Regions of images x [n, c, h, w] in parts y [k, c, rows, columns]; boxes [k, 5] hold an image's number, x1, y1, x2, y2. Work
// is cut into tasks of an image, sixteen channels (or a range of planes) and a range of boxes.
typedef struct {
    int64_t images, channels, height, width, boxes, rows, columns;
    float scale;
    // Alignment only.
    int64_t sampling;
    int32_t aligned;
} martlet_regions;

// Elements of four bytes that a worker needs.
int64_t martlet_region_scratch(const martlet_regions *g);
void martlet_region_pool(const martlet_regions *g, const float *x, const float *boxes, float *y, int32_t *indices, int64_t image,
                         int64_t channel, int64_t begin, int64_t end, float *scratch);
void martlet_region_align(const martlet_regions *g, const float *x, const float *boxes, float *y, int64_t image,
                          int64_t channel, int64_t begin, int64_t end, float *scratch);
// Boxes in [begin, end) of an image that is not there: NaN, and the index -1 (unless `indices` is null).
void martlet_region_absent(const martlet_regions *g, const float *boxes, float *y, int32_t *indices, int64_t begin, int64_t end);

// The planes (image * c + channel) in [begin, end).
void martlet_region_pool_gradient(const martlet_regions *g, const float *dy, const float *boxes, const int32_t *indices,
                                  float *dx, int64_t begin, int64_t end);
// Sixteen channels of an image.
void martlet_region_align_gradient(const martlet_regions *g, const float *dy, const float *boxes, float *dx, int64_t image,
                                   int64_t channel, float *scratch);

// Suppression: boxes in order as columns of `padded` elements (a multiple of 64) each: x1, y1, x2, y2, area, group (an int32);
// then whether each is suppressed (int32).
enum { martlet_suppress_block = 64, martlet_suppress_columns = 7 };
void martlet_suppress_begin(const float *boxes, const int32_t *order, const int32_t *groups, int64_t n, int64_t padded,
                            float *columns);
// The boxes of a block that stay, a bit each, once those that came before have done their work.
uint64_t martlet_suppress_block_kept(float *columns, int64_t padded, int64_t block, float threshold);
// Suppresses boxes in [begin, end), multiples of 16, by those of a block that stay.
void martlet_suppress_spread(float *columns, int64_t padded, int64_t block, uint64_t kept, float threshold, int64_t begin,
                             int64_t end);

#endif
