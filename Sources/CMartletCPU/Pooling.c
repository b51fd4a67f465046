#include <math.h>

#include "Stream.h"
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

// Windows are taken in two steps: the maximum of each image column over the window's rows, then over the columns. Of equal
// elements the one at the smaller position wins, so the order of the steps does not matter. Rows that hold NaN, which is the
// largest, are done window by window.
enum { reach = 2048, staged = 4096 };

typedef struct {
    float value[reach + 2 * lanes];
    int32_t at[reach + 2 * lanes];
} column_maxima;

#define EITHER(take, a, b) (lane_vector)(((lane_integers)(a) & (take)) | ((lane_integers)(b) & ~(take)))

MARTLET_INLINE void load_every_integer(const int32_t *in, const int64_t step, lane_integers *out) {
    lane_vector bits;
    load_every((const float *)(const void *)in, step, &bits);
    *out = (lane_integers)bits;
}

// The maxima of `count` image columns from `first`, which may lie in the padding. Whether there is NaN among them.
MARTLET_INLINE int find_column_maxima(const martlet_pooling *g, const float *plane, const float *limit, int64_t top,
                                      window_range taps, int64_t first, int64_t count, column_maxima *m) {
    const lane_integers lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    int64_t low = smaller(larger(-first, 0), count), high = larger(low, smaller(count, g->width - first));
    if (taps.begin == taps.end) high = low;
    for (int64_t c = 0; c < low; c++) { m->value[c] = -INFINITY; m->at[c] = INT32_MAX; }
    int64_t row = g->dilation_y * g->width, start = (top + taps.begin * g->dilation_y) * g->width + first;
    lane_integers odd = {0};
    int64_t c = low;
    // Rows are short and several are read at once, which hides the sequence from the processor's own look-ahead.
    int64_t distance = (taps.end - taps.begin + looked_ahead / row) * row;
    for (; c < high && limit - (plane + start + (taps.end - taps.begin - 1) * row + c) >= lanes; c += lanes) {
        const float *in = plane + start + c;
        for (int64_t k = 0; k < g->stride_y; k++) look_ahead(in + k * row, distance);
        lane_vector best = LOAD(in);
        lane_integers at = lane + (int32_t)(start + c), position = at;
        odd |= best != best;
        for (int64_t a = taps.begin + 1; a < taps.end; a++) {
            in += row;
            position += (int32_t)row;
            lane_vector value = LOAD(in);
            lane_integers take = value > best;
            odd |= value != value;
            best = EITHER(take, value, best);
            at = (position & take) | (at & ~take);
        }
        STORE(m->value + c, best);
        *(loose_integers *)(m->at + c) = at;
    }
    int is_odd = 0;
    for (int i = 0; i < lanes; i++) is_odd |= odd[i];
    for (; c < high; c++) {
        const float *in = plane + start + c;
        m->value[c] = in[0];
        m->at[c] = (int32_t)(start + c);
        is_odd |= in[0] != in[0];
        for (int64_t a = 1; a < taps.end - taps.begin; a++) {
            float value = in[a * row];
            is_odd |= value != value;
            if (value > m->value[c]) { m->value[c] = value; m->at[c] = (int32_t)(start + c + a * row); }
        }
    }
    for (c = high; c < count; c++) { m->value[c] = -INFINITY; m->at[c] = INT32_MAX; }
    return is_odd;
}

// Outputs from `first`, `count` of them, of the columns; up to 15 more are written.
MARTLET_INLINE void join_columns(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, const column_maxima *m,
                                 int64_t count, float *y, int32_t *indices) {
    for (int64_t j = 0; j < count; j += lanes) {
        lane_vector best, value;
        lane_integers at, position;
        load_every(m->value + j * step, step, &best);
        load_every_integer(m->at + j * step, step, &at);
        for (int64_t b = 1; b < kernel_x; b++) {
            load_every(m->value + j * step + b * g->dilation_x, step, &value);
            load_every_integer(m->at + j * step + b * g->dilation_x, step, &position);
            lane_integers take = (value > best) | ((value == best) & (position < at));
            best = EITHER(take, value, best);
            at = (position & take) | (at & ~take);
        }
        // No position of the window lies inside.
        at |= at == INT32_MAX;
        STORE(y + j, best);
        *(loose_integers *)(indices + j) = at;
    }
}

MARTLET_INLINE void max_row(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, const float *plane,
                            const float *limit, int64_t i, float *y, int32_t *indices) {
    column_maxima maxima;
    window_range taps = window_taps(i, g->stride_y, g->padding_y, g->dilation_y, g->kernel_y, g->height);
    int64_t extent = (g->kernel_x - 1) * g->dilation_x + 1, block = (reach - extent) / step / lanes * lanes;
    for (int64_t j = 0; j < g->columns; j += block) {
        int64_t count = block < lanes ? g->columns : smaller(block, g->columns - j);
        if (block >= lanes
            && !find_column_maxima(g, plane, limit, i * g->stride_y - g->padding_y, taps, j * step - g->padding_x,
                                   (count - 1) * step + extent, &maxima)) {
            join_columns(g, step, kernel_x, &maxima, count, y + j, indices + j);
            continue;
        }
        for (int64_t k = j; k < j + count; k++) max_window(g, plane, i, k, y + k, indices + k);
        if (block < lanes) break;
    }
}

// A row of outputs of windows of two by two, two apart; up to 15 more are written.
MARTLET_INLINE void max_pairs(const martlet_pooling *g, const float *plane, int64_t i, float *y, int32_t *indices) {
    const lane_integers offset = (lane_integers){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} * 2;
    for (int64_t j = 0; j < g->columns; j += lanes) {
        int64_t first = i * 2 * g->width + j * 2;
        lane_vector taps[4], best;
        lane_integers at = offset + (int32_t)first;
        load_pairs(plane + first, &taps[0], &taps[1]);
        load_pairs(plane + first + g->width, &taps[2], &taps[3]);
        best = taps[0];
        MARTLET_UNROLL for (int64_t tap = 1; tap < 4; tap++) {
            lane_vector value = taps[tap];
            lane_integers position = offset + (int32_t)(first + tap / 2 * g->width + tap % 2);
            lane_integers take = (value > best) | ((value != value) & (best == best));
            best = EITHER(take, value, best);
            at = (position & take) | (at & ~take);
        }
        STORE(y + j, best);
        *(loose_integers *)(indices + j) = at;
    }
}

// Rows are computed in a buffer and moved out several at a time.
MARTLET_INLINE void max_rows(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, const float *x, float *y,
                             int32_t *indices, int32_t streamed, int64_t begin, int64_t end) {
    _Alignas(64) float values[staged + lanes];
    _Alignas(64) int32_t positions[staged + lanes];
    const float *limit = x + g->planes * g->height * g->width;
    int64_t each = staged / g->columns;
    // All windows of two by two lie inside the image (rounding sizes up, the last may not), and a vector of them reads a row's
    // beginning behind its end.
    int pairs = 2 * g->rows <= g->height && 2 * g->columns <= g->width && g->kernel_y == 2 && kernel_x == 2 && step == 2 && g->stride_y == 2
                && g->padding_y == 0 && g->padding_x == 0 && g->dilation_y == 1 && g->dilation_x == 1;
    for (int64_t r = begin; r < end;) {
        int64_t rows = smaller(larger(each, 1), end - r);
        float *to = each ? values : y + r * g->columns;
        int32_t *at = each ? positions : indices + r * g->columns;
        for (int64_t k = 0; k < rows; k++) {
            const float *plane = x + (r + k) / g->rows * g->height * g->width;
            int64_t i = (r + k) % g->rows;
            if (each && pairs && limit - (plane + (2 * i + 1) * g->width) >= 2 * (g->columns + lanes))
                max_pairs(g, plane, i, to + k * g->columns, at + k * g->columns);
            else if (each) max_row(g, step, kernel_x, plane, limit, i, to + k * g->columns, at + k * g->columns);
            else for (int64_t j = 0; j < g->columns; j++) max_window(g, plane, i, j, to + j, at + j);
        }
        size_t count = (size_t)(rows * g->columns);
        if (each && streamed) {
            stream_copy(values, y + r * g->columns, (int64_t)count);
            stream_copy((const float *)(const void *)positions, (float *)(void *)(indices + r * g->columns), (int64_t)count);
        } else if (each) {
            memcpy(y + r * g->columns, values, count * sizeof *values);
            memcpy(indices + r * g->columns, positions, count * sizeof *positions);
        }
        r += rows;
    }
    if (streamed) stream_end();
}

MARTLET_CLONES
void martlet_max_pool(const martlet_pooling *g, const float *x, float *y, int32_t *indices, int32_t streamed, int64_t begin,
                      int64_t end) {
    if (g->stride_x == 1 && g->kernel_x == 3) max_rows(g, 1, 3, x, y, indices, streamed, begin, end);
    else if (g->stride_x == 1) max_rows(g, 1, g->kernel_x, x, y, indices, streamed, begin, end);
    else if (g->stride_x == 2 && g->kernel_x == 2) max_rows(g, 2, 2, x, y, indices, streamed, begin, end);
    else if (g->stride_x == 2 && g->kernel_x == 3) max_rows(g, 2, 3, x, y, indices, streamed, begin, end);
    else if (g->stride_x == 2) max_rows(g, 2, g->kernel_x, x, y, indices, streamed, begin, end);
    else max_rows(g, g->stride_x, g->kernel_x, x, y, indices, streamed, begin, end);
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
