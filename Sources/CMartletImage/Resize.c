#include "CMartletImage.h"

#include <math.h>
#include <stdlib.h>

/// Bits after the point in a weight: a sum of 255 times weights that add up to one stays below 2^31.
enum { PRECISION = 22 };

/// The weights of one axis: target position i takes `counts[i]` source positions from `starts[i]` on.
typedef struct {
    size_t *starts, *counts;
    int32_t *values;
    size_t stride;
} weights;

static void weights_free(weights *w) {
    free(w->starts);
    free(w->counts);
    free(w->values);
}

/// A triangle of half-width max(scale, 1) around each target position's centre, cut off at the edges and normalised.
static int weights_make(weights *w, size_t in, size_t out) {
    double scale = (double)in / (double)out, filter = scale < 1 ? 1 : scale;
    w->stride = (size_t)ceil(filter) * 2 + 1;
    w->starts = malloc(out * sizeof *w->starts);
    w->counts = malloc(out * sizeof *w->counts);
    w->values = calloc(out * w->stride, sizeof *w->values);
    double *row = malloc(w->stride * sizeof *row);
    if (!w->starts || !w->counts || !w->values || !row) {
        free(row);
        return 0;
    }
    for (size_t i = 0; i < out; i++) {
        double center = ((double)i + 0.5) * scale, sum = 0;
        double low = center - filter + 0.5, high = center + filter + 0.5;
        size_t start = low < 0 ? 0 : (size_t)low;
        size_t end = high > (double)in ? in : (size_t)high;
        for (size_t j = start; j < end; j++) {
            double distance = fabs(((double)j - center + 0.5) / filter);
            row[j - start] = distance < 1 ? 1 - distance : 0;
            sum += row[j - start];
        }
        for (size_t j = 0; j < end - start; j++) {
            w->values[i * w->stride + j] = (int32_t)(0.5 + row[j] / sum * (1 << PRECISION));
        }
        w->starts[i] = start;
        w->counts[i] = end - start;
    }
    free(row);
    return 1;
}

static uint8_t rounded(int32_t sum) {
    int32_t value = sum >> PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void horizontal(const uint8_t *source, size_t width, size_t height, size_t channels, const weights *w, uint8_t *target,
                       size_t target_width) {
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = source + y * width * channels;
        for (size_t x = 0; x < target_width; x++) {
            const int32_t *values = w->values + x * w->stride;
            const uint8_t *from = row + w->starts[x] * channels;
            for (size_t c = 0; c < channels; c++) {
                int32_t sum = 1 << (PRECISION - 1);
                for (size_t k = 0; k < w->counts[x]; k++) sum += from[k * channels + c] * values[k];
                *target++ = rounded(sum);
            }
        }
    }
}

/// `sums` holds a row, so that the inner loop runs along it.
static void vertical(const uint8_t *source, size_t row_size, const weights *w, uint8_t *target, size_t target_height,
                     int32_t *sums) {
    for (size_t y = 0; y < target_height; y++) {
        for (size_t x = 0; x < row_size; x++) sums[x] = 1 << (PRECISION - 1);
        for (size_t k = 0; k < w->counts[y]; k++) {
            const uint8_t *row = source + (w->starts[y] + k) * row_size;
            int32_t value = w->values[y * w->stride + k];
            for (size_t x = 0; x < row_size; x++) sums[x] += row[x] * value;
        }
        for (size_t x = 0; x < row_size; x++) target[y * row_size + x] = rounded(sums[x]);
    }
}

int martlet_image_resize(const uint8_t *source, size_t width, size_t height, size_t channels, uint8_t *target,
                         size_t target_width, size_t target_height) {
    weights across = {0}, down = {0};
    size_t row_size = target_width * channels;
    uint8_t *between = malloc(height * row_size);
    int32_t *sums = malloc(row_size * sizeof *sums);
    int done = between && sums && weights_make(&across, width, target_width) && weights_make(&down, height, target_height);
    if (done) {
        horizontal(source, width, height, channels, &across, between, target_width);
        vertical(between, row_size, &down, target, target_height, sums);
    }
    weights_free(&across);
    weights_free(&down);
    free(between);
    free(sums);
    return done;
}
