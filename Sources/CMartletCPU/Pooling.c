#include <math.h>

#include "Windows.h"

// The larger of two, NaN being the largest and the first of equals winning.
MARTLET_INLINE int replaces(float value, float best) { return value > best || (value != value && best == best); }

// One window, clipped to the image.
MARTLET_INLINE void max_window(const martlet_pooling *g, const float *plane, int64_t i, int64_t j, float *y, int32_t *index) {
    window_range rows = window_taps(i, g->stride_y, g->padding_y, g->dilation_y, g->kernel_y, g->height);
    window_range columns = window_taps(j, g->stride_x, g->padding_x, g->dilation_x, g->kernel_x, g->width);
    // With dilation no position of a window may lie inside.
    float best = -INFINITY;
    int32_t at = -1;
    for (int64_t a = rows.begin; a < rows.end; a++)
        for (int64_t b = columns.begin; b < columns.end; b++) {
            int64_t position = (i * g->stride_y - g->padding_y + a * g->dilation_y) * g->width
                               + j * g->stride_x - g->padding_x + b * g->dilation_x;
            float value = plane[position];
            if (at < 0 || replaces(value, best)) { best = value; at = (int32_t)position; }
        }
    *y = best;
    *index = at;
}

// Output columns [j, j + 16) whose windows lie inside the image's columns.
MARTLET_INLINE void max_windows(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, const float *row,
                                window_range taps, int64_t first, lane_vector *best, lane_integers *at) {
    const lane_integers offset = (lane_integers){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} * (int32_t)step;
    for (int64_t a = taps.begin; a < taps.end; a++)
        for (int64_t b = 0; b < kernel_x; b++) {
            int64_t distance = a * g->dilation_y * g->width + b * g->dilation_x;
            lane_vector value;
            load_every(row + distance, step, &value);
            lane_integers position = offset + (int32_t)(first + distance);
            if (a == taps.begin && b == 0) {
                *best = value;
                *at = position;
            } else {
                lane_integers take = (value > *best) | ((value != value) & (*best == *best));
                *best = (lane_vector)(((lane_integers)value & take) | ((lane_integers)*best & ~take));
                *at = (position & take) | (*at & ~take);
            }
        }
}

MARTLET_INLINE void max_rows(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, const float *x, float *y,
                             int32_t *indices, int64_t begin, int64_t end) {
    const float *limit = x + g->planes * g->height * g->width;
    float *y_limit = y + end * g->columns;
    window_range inside = window_inside(g);
    int64_t plane = begin / g->rows, i = begin % g->rows;
    for (int64_t r = begin; r < end; r++, i++) {
        if (i == g->rows) { i = 0; plane++; }
        int64_t j = 0;
        const float *in = x + plane * g->height * g->width;
        float *out = y + r * g->columns;
        int32_t *where = indices + r * g->columns;
        window_range taps = window_taps(i, g->stride_y, g->padding_y, g->dilation_y, g->kernel_y, g->height);
        int64_t reach = (taps.end - 1) * g->dilation_y * g->width + (g->kernel_x - 1) * g->dilation_x + lanes * step;
        for (; j < inside.begin; j++) max_window(g, in, i, j, out + j, where + j);
        for (; j < inside.end; j += lanes) {
            int64_t first = (i * g->stride_y - g->padding_y) * g->width + j * g->stride_x - g->padding_x;
            int64_t count = smaller(lanes, inside.end - j);
            if (limit - in - first < reach) {
                for (int64_t n = 0; n < count; n++) max_window(g, in, i, j + n, out + j + n, where + j + n);
                continue;
            }
            lane_vector best = (lane_vector){0} - INFINITY;
            lane_integers at = (lane_integers){0} - 1;
            max_windows(g, step, kernel_x, in + first, taps, first, &best, &at);
            if (y_limit - (out + j) >= lanes) {
                // What lies behind the row is written later.
                STORE(out + j, best);
                *(loose_integers *)(where + j) = at;
            } else {
                float value[lanes];
                int32_t position[lanes];
                STORE(value, best);
                *(loose_integers *)position = at;
                memcpy(out + j, value, (size_t)count * sizeof(float));
                memcpy(where + j, position, (size_t)count * sizeof(float));
            }
        }
        for (j = larger(inside.begin, inside.end); j < g->columns; j++) max_window(g, in, i, j, out + j, where + j);
    }
}

MARTLET_CLONES
void martlet_max_pool(const martlet_pooling *g, const float *x, float *y, int32_t *indices, int64_t begin, int64_t end) {
    if (g->stride_x == 1) max_rows(g, 1, g->kernel_x, x, y, indices, begin, end);
    else if (g->stride_x == 2 && g->kernel_x == 2) max_rows(g, 2, 2, x, y, indices, begin, end);
    else if (g->stride_x == 2) max_rows(g, 2, g->kernel_x, x, y, indices, begin, end);
    else max_rows(g, g->stride_x, g->kernel_x, x, y, indices, begin, end);
}

MARTLET_CLONES
void martlet_max_pool_gradient(const martlet_pooling *g, const float *dy, const int32_t *indices, float *dx,
                               int64_t begin, int64_t end) {
    int64_t area = g->height * g->width, count = g->rows * g->columns;
    for (int64_t plane = begin; plane < end; plane++) {
        float *out = dx + plane * area;
        memset(out, 0, (size_t)area * sizeof(float));
        for (int64_t p = plane * count; p < (plane + 1) * count; p++)
            if ((uint64_t)(int64_t)indices[p] < (uint64_t)area) out[indices[p]] += dy[p];
    }
}

MARTLET_CLONES
void martlet_adaptive_max_pool(const martlet_pooling *g, const float *x, float *y, int32_t *indices, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        int64_t plane = r / g->rows;
        const float *in = x + plane * g->height * g->width;
        window_range rows = adaptive_window(r % g->rows, g->height, g->rows);
        for (int64_t j = 0; j < g->columns; j++) {
            window_range columns = adaptive_window(j, g->width, g->columns);
            int64_t at = rows.begin * g->width + columns.begin;
            float best = in[at];
            for (int64_t a = rows.begin; a < rows.end; a++)
                for (int64_t b = columns.begin; b < columns.end; b++)
                    if (replaces(in[a * g->width + b], best)) { at = a * g->width + b; best = in[at]; }
            y[r * g->columns + j] = best;
            indices[r * g->columns + j] = (int32_t)at;
        }
    }
}
