#ifndef MARTLET_WINDOWS_H
#define MARTLET_WINDOWS_H

#include <string.h>

#include "Lanes.h"
#include "include/Pooling.h"

typedef struct { int64_t begin, end; } window_range;

// Which taps of a window at an output position lie inside the image.
MARTLET_INLINE window_range window_taps(int64_t position, int64_t stride, int64_t padding, int64_t dilation, int64_t kernel,
                                        int64_t extent) {
    int64_t start = position * stride - padding;
    if (start >= 0 && start + (kernel - 1) * dilation < extent) return (window_range){0, kernel};
    int64_t begin = start < 0 ? (-start + dilation - 1) / dilation : 0;
    int64_t end = start < extent ? smaller(kernel, (extent - start + dilation - 1) / dilation) : 0;
    return (window_range){begin, larger(begin, end)};
}

// The output columns whose windows lie wholly inside the image's columns.
MARTLET_INLINE window_range window_inside(const martlet_pooling *g) {
    int64_t begin = (g->padding_x + g->stride_x - 1) / g->stride_x;
    int64_t last = g->width + g->padding_x - (g->kernel_x - 1) * g->dilation_x - 1;
    int64_t end = last < 0 ? 0 : last / g->stride_x + 1;
    begin = smaller(begin, g->columns);
    return (window_range){begin, larger(begin, smaller(end, g->columns))};
}

// An adaptive window covers from floor(i * n / m) to ceil((i + 1) * n / m).
MARTLET_INLINE window_range adaptive_window(int64_t i, int64_t extent, int64_t count) {
    return (window_range){i * extent / count, ((i + 1) * extent + count - 1) / count};
}

// Sixteen neighbouring pairs, which are looked ahead for: their first and their second elements.
MARTLET_INLINE void load_pairs(const float *in, lane_vector *first, lane_vector *second) {
    look_ahead(in, looked_ahead);
    look_ahead(in + lanes, looked_ahead);
    lane_vector a = LOAD(in), b = LOAD(in + lanes);
    *first = EVEN_LANES(a, b);
    *second = ODD_LANES(a, b);
}

// Sixteen elements, `step` apart; reads 16 * step.
MARTLET_INLINE void load_every(const float *in, const int64_t step, lane_vector *out) {
    if (step == 1) {
        *out = LOAD(in);
    } else if (step == 2) {
        lane_vector a = LOAD(in), b = LOAD(in + lanes);
        *out = EVEN_LANES(a, b);
    } else {
        for (int i = 0; i < lanes; i++) (*out)[i] = in[i * step];
    }
}

#endif
