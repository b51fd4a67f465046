#include "Stream.h"
#include "Windows.h"

// What one window divides by: its positions in the image, or with padding those that do not go beyond the padding.
MARTLET_INLINE int64_t divisor_extent(int64_t position, int64_t stride, int64_t padding, int64_t kernel, int64_t extent,
                                      int counts_padding) {
    int64_t begin = position * stride - padding, end = begin + kernel;
    if (counts_padding) return smaller(end, extent + padding) - begin;
    return smaller(end, extent) - larger(begin, 0);
}

MARTLET_INLINE float average_divisor(const martlet_pooling *g, int64_t i, int64_t j) {
    return (float)(divisor_extent(i, g->stride_y, g->padding_y, g->kernel_y, g->height, g->counts_padding)
                   * divisor_extent(j, g->stride_x, g->padding_x, g->kernel_x, g->width, g->counts_padding));
}

MARTLET_INLINE float average_window(const martlet_pooling *g, const float *plane, int64_t i, int64_t j, window_range rows) {
    window_range columns = window_taps(j, g->stride_x, g->padding_x, 1, g->kernel_x, g->width);
    float sum = 0;
    for (int64_t a = rows.begin; a < rows.end; a++)
        for (int64_t b = columns.begin; b < columns.end; b++)
            sum += plane[(i * g->stride_y - g->padding_y + a) * g->width + j * g->stride_x - g->padding_x + b];
    return sum / average_divisor(g, i, j);
}

// Outputs [begin, end) of row i of a plane, those of `inside` by lanes; up to 15 more are written.
MARTLET_INLINE void average_row(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, window_range inside,
                                const float *in, const float *limit, int64_t i, int64_t begin, int64_t end, float *out) {
    window_range rows = window_taps(i, g->stride_y, g->padding_y, 1, g->kernel_y, g->height);
    float divisor = average_divisor(g, i, inside.begin);
    int64_t reach = (rows.end - 1) * g->width + g->kernel_x - 1 + lanes * step, j = begin;
    for (; j < smaller(inside.begin, end); j++) out[j - begin] = average_window(g, in, i, j, rows);
    for (; j < smaller(inside.end, end); j += lanes) {
        int64_t first = (i * g->stride_y - g->padding_y) * g->width + j * g->stride_x - g->padding_x;
        if (limit - in - first < reach) {
            int64_t last = smaller(j + lanes, smaller(inside.end, end));
            for (int64_t n = j; n < last; n++) out[n - begin] = average_window(g, in, i, n, rows);
            continue;
        }
        lane_vector sum = {0}, value, next;
        for (int64_t a = rows.begin; a < rows.end; a++) {
            const float *taps = in + first + a * g->width;
            if (step == 2 && kernel_x == 2) {
                load_pairs(taps, &value, &next);
                sum += value + next;
                continue;
            }
            for (int64_t b = 0; b < kernel_x; b++) {
                load_every(taps + b, step, &value);
                sum += value;
            }
        }
        sum /= divisor;
        STORE(out + j - begin, sum);
    }
    for (j = larger(begin, larger(inside.begin, inside.end)); j < end; j++) out[j - begin] = average_window(g, in, i, j, rows);
}

// Rows, or pieces of long ones, are computed in a buffer and moved out several at a time.
MARTLET_INLINE void average_rows(const martlet_pooling *g, const int64_t step, const int64_t kernel_x, const float *x,
                                 float *y, int32_t streamed, int64_t begin, int64_t end) {
    enum { staged = 4096 };
    _Alignas(64) float values[staged + lanes];
    const float *limit = x + g->planes * g->height * g->width;
    window_range inside = window_inside(g);
    float *to = y + begin * g->columns;
    int64_t filled = 0;
    for (int64_t r = begin; r < end; r++) {
        const float *plane = x + r / g->rows * g->height * g->width;
        for (int64_t j = 0, piece; j < g->columns; j += piece) {
            piece = smaller(staged, g->columns - j);
            average_row(g, step, kernel_x, inside, plane, limit, r % g->rows, j, j + piece, values + filled);
            filled += piece;
            if (filled + smaller(staged, g->columns) <= staged && r + 1 < end) continue;
            if (streamed) stream_copy(values, to, filled);
            else memcpy(to, values, (size_t)filled * sizeof *values);
            to += filled;
            filled = 0;
        }
    }
    if (streamed) stream_end();
}

MARTLET_CLONES
void martlet_average_pool(const martlet_pooling *g, const float *x, float *y, int32_t streamed, int64_t begin, int64_t end) {
    if (g->stride_x == 1) average_rows(g, 1, g->kernel_x, x, y, streamed, begin, end);
    else if (g->stride_x == 2 && g->kernel_x == 2) average_rows(g, 2, 2, x, y, streamed, begin, end);
    else if (g->stride_x == 2) average_rows(g, 2, g->kernel_x, x, y, streamed, begin, end);
    else average_rows(g, g->stride_x, g->kernel_x, x, y, streamed, begin, end);
}

// The gradient that one output row gives to the columns [begin, end) of each image row in its windows.
MARTLET_INLINE void spread_row(const martlet_pooling *g, const float *in, int64_t i, window_range inside, int64_t begin,
                               int64_t end, float *out) {
    for (int64_t x = begin; x < end; x++) out[x - begin] = 0;
    int64_t first = begin + g->padding_x - g->kernel_x + 1;
    int64_t j = first > 0 ? (first + g->stride_x - 1) / g->stride_x : 0;
    int64_t last = smaller(g->columns, (end - 1 + g->padding_x) / g->stride_x + 1);
    float divisor = average_divisor(g, i, inside.begin);
    for (; j < last; j++) {
        int64_t x = j * g->stride_x - g->padding_x;
        float share = in[j] / (j >= inside.begin && j < inside.end ? divisor : average_divisor(g, i, j));
        int64_t low = larger(x, begin), high = smaller(x + g->kernel_x, end);
        _Pragma("clang loop vectorize(disable)") for (int64_t b = low; b < high; b++) out[b - begin] += share;
    }
}

// The same for windows of two columns, two apart, inside the image.
MARTLET_INLINE void spread_pairs(const float *in, float divisor, int64_t count, float *out) {
    int64_t n = 0;
    for (; n + lanes <= count; n += lanes) {
        lane_vector v = LOAD(in + n) / divisor;
        STORE(out + 2 * n, __builtin_shufflevector(v, v, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7));
        STORE(out + 2 * n + lanes, __builtin_shufflevector(v, v, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15));
    }
    for (; n < count; n++) out[2 * n] = out[2 * n + 1] = in[n] / divisor;
}

MARTLET_CLONES
void martlet_average_pool_gradient(const martlet_pooling *g, const float *dy, float *dx, int64_t begin, int64_t end) {
    enum { chunk = 512 };
    window_range inside = window_inside(g);
    int pairs = g->kernel_x == 2 && g->stride_x == 2 && g->padding_x == 0 && 2 * g->columns == g->width;
    for (int64_t plane = begin; plane < end; plane++) {
        float *out = dx + plane * g->height * g->width;
        memset(out, 0, (size_t)(g->height * g->width) * sizeof(float));
        for (int64_t i = 0; i < g->rows; i++) {
            const float *in = dy + (plane * g->rows + i) * g->columns;
            window_range rows = window_taps(i, g->stride_y, g->padding_y, 1, g->kernel_y, g->height);
            for (int64_t x = 0; x < g->width; x += chunk) {
                int64_t count = smaller(chunk, g->width - x);
                float spread[chunk];
                if (pairs) spread_pairs(in + x / 2, average_divisor(g, i, 0), count / 2, spread);
                else spread_row(g, in, i, inside, x, x + count, spread);
                for (int64_t a = rows.begin; a < rows.end; a++) {
                    float *row = out + (i * g->stride_y - g->padding_y + a) * g->width + x;
                    for (int64_t b = 0; b < count; b++) row[b] += spread[b];
                }
            }
        }
    }
}

// The sum of neighbouring elements, by lanes.
MARTLET_INLINE float row_sum(const float *in, int64_t count) {
    lane_vector sum = {0};
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) sum += LOAD(in + i);
    float total = i ? lane_sum(&sum) : 0;
    for (; i < count; i++) total += in[i];
    return total;
}

MARTLET_CLONES
void martlet_adaptive_average_pool(const martlet_pooling *g, const float *x, float *y, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        const float *in = x + r / g->rows * g->height * g->width;
        window_range rows = adaptive_window(r % g->rows, g->height, g->rows);
        for (int64_t j = 0; j < g->columns; j++) {
            window_range columns = adaptive_window(j, g->width, g->columns);
            int64_t width = columns.end - columns.begin, height = rows.end - rows.begin;
            float sum = 0;
            if (width == g->width) {
                sum = row_sum(in + rows.begin * g->width, width * height);
            } else {
                for (int64_t a = rows.begin; a < rows.end; a++) sum += row_sum(in + a * g->width + columns.begin, width);
            }
            y[r * g->columns + j] = sum / (float)(width * height);
        }
    }
}

MARTLET_CLONES
void martlet_adaptive_average_pool_gradient(const martlet_pooling *g, const float *dy, float *dx, int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; plane++) {
        float *out = dx + plane * g->height * g->width;
        memset(out, 0, (size_t)(g->height * g->width) * sizeof(float));
        for (int64_t i = 0; i < g->rows; i++) {
            window_range rows = adaptive_window(i, g->height, g->rows);
            for (int64_t j = 0; j < g->columns; j++) {
                window_range columns = adaptive_window(j, g->width, g->columns);
                float share = dy[(plane * g->rows + i) * g->columns + j]
                              / (float)((rows.end - rows.begin) * (columns.end - columns.begin));
                for (int64_t a = rows.begin; a < rows.end; a++)
                    for (int64_t b = columns.begin; b < columns.end; b++) out[a * g->width + b] += share;
            }
        }
    }
}
