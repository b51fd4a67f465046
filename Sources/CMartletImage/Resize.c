#include "Resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "Filters.h"
#include "Lanes.h"

typedef int32_t four_sums __attribute__((vector_size(16)));
typedef uint8_t four_bytes __attribute__((vector_size(4)));
typedef int32_t many_sums __attribute__((vector_size(64)));
typedef uint8_t many_bytes __attribute__((vector_size(16)));

enum { HALF = 1 << (FILTER_PRECISION - 1), MANY = 16, ROWS = 4 };

static inline uint8_t rounded(int32_t sum) {
    int32_t value = sum >> FILTER_PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// Four bytes from `at` on as integers; of the fourth no use is made, but it must be there.
MARTLET_INLINE void add_pixel(four_sums *sum, const uint8_t *at, int32_t weight) {
    four_bytes bytes;
    memcpy(&bytes, at, sizeof bytes);
    *sum += __builtin_convertvector(bytes, four_sums) * weight;
}

MARTLET_INLINE void put_pixel(const four_sums *sum, uint8_t *target) {
    for (int c = 0; c < 3; c++) target[c] = rounded((*sum)[c]);
}

/// Rows of RGB, four at a time; behind the last pixel of each row stands another byte.
MARTLET_CLONES static void across_rgb(const uint8_t *const rows[ROWS], const filter_weights *w, uint8_t *const targets[ROWS]) {
    for (size_t x = 0; x < w->length; x++) {
        const int32_t *values = w->values + x * w->stride;
        size_t from = w->starts[x] * 3, count = w->counts[x];
        four_sums a = {HALF, HALF, HALF, HALF}, b = a, c = a, d = a;
        for (size_t k = 0; k < count; k++, from += 3) {
            add_pixel(&a, rows[0] + from, values[k]);
            add_pixel(&b, rows[1] + from, values[k]);
            add_pixel(&c, rows[2] + from, values[k]);
            add_pixel(&d, rows[3] + from, values[k]);
        }
        put_pixel(&a, targets[0] + 3 * x);
        put_pixel(&b, targets[1] + 3 * x);
        put_pixel(&c, targets[2] + 3 * x);
        put_pixel(&d, targets[3] + 3 * x);
    }
}

static void across_grey(const uint8_t *row, const filter_weights *w, uint8_t *target) {
    for (size_t x = 0; x < w->length; x++) {
        const int32_t *values = w->values + x * w->stride;
        const uint8_t *from = row + w->starts[x];
        int32_t sum = HALF;
        for (size_t k = 0; k < w->counts[x]; k++) sum += from[k] * values[k];
        target[x] = rounded(sum);
    }
}

MARTLET_INLINE void put_many(const many_sums *sums, uint8_t *target) {
    many_sums zero = {0}, most = zero + 255;
    many_sums value = __builtin_elementwise_min(__builtin_elementwise_max(*sums >> FILTER_PRECISION, zero), most);
    many_bytes bytes = __builtin_convertvector(value, many_bytes);
    memcpy(target, &bytes, sizeof bytes);
}

/// One row of the result from those it is made of, `stride` bytes apart.
MARTLET_CLONES static void down_row(const uint8_t *rows, size_t stride, const int32_t *values, size_t count, uint8_t *target,
                                    size_t length) {
    size_t x = 0;
    for (; x + 2 * MANY <= length; x += 2 * MANY) {
        many_sums a = {0}, b;
        a += HALF;
        b = a;
        const uint8_t *from = rows + x;
        for (size_t k = 0; k < count; k++, from += stride) {
            many_bytes first, second;
            memcpy(&first, from, sizeof first);
            memcpy(&second, from + MANY, sizeof second);
            a += __builtin_convertvector(first, many_sums) * values[k];
            b += __builtin_convertvector(second, many_sums) * values[k];
        }
        put_many(&a, target + x);
        put_many(&b, target + x + MANY);
    }
    for (; x < length; x++) {
        int32_t sum = HALF;
        for (size_t k = 0; k < count; k++) sum += rows[k * stride + x] * values[k];
        target[x] = rounded(sum);
    }
}

/// The rows `first` to before `end` of the source, made `w->length` wide.
static int across(const uint8_t *source, size_t width, size_t rows, size_t channels, const filter_weights *w, uint8_t *target) {
    size_t row_size = width * channels, target_size = w->length * channels;
    if (channels == 1) {
        for (size_t y = 0; y < rows; y++) across_grey(source + y * row_size, w, target + y * target_size);
        return 1;
    }
    // A row that fills up the last group, and the last row of all, which has no byte behind it.
    uint8_t *last = malloc(row_size + 1), *spare = malloc(target_size);
    if (last && spare) {
        memcpy(last, source + (rows - 1) * row_size, row_size);
        last[row_size] = 0;
        for (size_t y = 0; y < rows; y += ROWS) {
            const uint8_t *from[ROWS];
            uint8_t *into[ROWS];
            for (size_t i = 0; i < ROWS; i++) {
                from[i] = y + i + 1 < rows ? source + (y + i) * row_size : last;
                into[i] = y + i < rows ? target + (y + i) * target_size : spare;
            }
            across_rgb(from, w, into);
        }
    }
    int done = last && spare;
    free(last);
    free(spare);
    return done;
}

int martlet_image_resize(const uint8_t *source, martlet_region have, size_t channels, martlet_axis x_axis, martlet_axis y_axis,
                         martlet_filter filter, uint8_t *target) {
    filter_weights x_weights = {0}, y_weights = {0};
    size_t start, count, row_size = x_axis.count * channels;
    martlet_axis_reach(y_axis, filter, &start, &count);
    const uint8_t *rows = source + (start - have.top) * have.width * channels;
    uint8_t *between = NULL;
    int done = filter_weights_make(&x_weights, x_axis, filter, have.left) && filter_weights_make(&y_weights, y_axis, filter, start);
    int keeps_width = x_axis.source == x_axis.target && x_axis.count == have.width;
    if (done && !keeps_width) {
        between = malloc(count * row_size);
        done = between && across(rows, have.width, count, channels, &x_weights, between);
        rows = between;
    }
    for (size_t y = 0; done && y < y_axis.count; y++) {
        const uint8_t *from = rows + y_weights.starts[y] * row_size;
        if (y_axis.source == y_axis.target) memcpy(target + y * row_size, rows + y * row_size, row_size);
        else
            down_row(from, row_size, y_weights.values + y * y_weights.stride, y_weights.counts[y], target + y * row_size, row_size);
    }
    filter_weights_free(&x_weights);
    filter_weights_free(&y_weights);
    free(between);
    return done;
}

int martlet_planes_resize(const float *source, size_t planes, size_t height, size_t width, martlet_filter filter, float *target,
                          size_t target_height, size_t target_width) {
    filter_weights x = {0}, y = {0};
    float *between = malloc(height * target_width * sizeof *between);
    int done = between && filter_weights_make(&x, (martlet_axis){width, target_width, 0, target_width}, filter, 0)
               && filter_weights_make(&y, (martlet_axis){height, target_height, 0, target_height}, filter, 0);
    for (size_t plane = 0; done && plane < planes; plane++) {
        const float *from = source + plane * height * width;
        float *into = target + plane * target_height * target_width;
        for (size_t row = 0; row < height; row++) {
            for (size_t column = 0; column < target_width; column++) {
                double sum = 0;
                for (size_t k = 0; k < x.counts[column]; k++)
                    sum += x.exact[column * x.stride + k] * from[row * width + x.starts[column] + k];
                between[row * target_width + column] = (float)sum;
            }
        }
        for (size_t row = 0; row < target_height; row++) {
            for (size_t column = 0; column < target_width; column++) {
                double sum = 0;
                for (size_t k = 0; k < y.counts[row]; k++)
                    sum += y.exact[row * y.stride + k] * between[(y.starts[row] + k) * target_width + column];
                into[row * target_width + column] = (float)sum;
            }
        }
    }
    filter_weights_free(&x);
    filter_weights_free(&y);
    free(between);
    return done;
}
