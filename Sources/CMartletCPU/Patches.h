#ifndef MARTLET_PATCHES_H
#define MARTLET_PATCHES_H

#include <string.h>

#include "Lanes.h"
#include "include/Convolution.h"

// Neighbouring positions of one grid row.
typedef struct {
    int64_t source;    // offset of the image's first channel (of the group) in the source
    int32_t i, j;      // the first position's row and column
    int32_t at, count; // where in the block, and how many
    int32_t image;
} position_run;

// A run for one tap: zeros, elements of the source, zeros.
typedef struct {
    int64_t source;
    int32_t at, before, count, after;
} clipped_run;

enum { patch_block = 256 };

// Divides the positions [begin, end) into runs that cross neither a row nor a multiple of `panel` positions.
MARTLET_INLINE int64_t find_runs(const martlet_grid *g, int64_t group, int64_t begin, int64_t end, int64_t panel,
                                 position_run *runs) {
    int64_t count = 0, plane = g->height * g->width;
    int64_t j = begin % g->columns, row = begin / g->columns;
    int64_t i = row % g->rows, image = row / g->rows;
    for (int64_t p = begin; p < end;) {
        int64_t at = p - begin;
        int64_t length = smaller(smaller(g->columns - j, end - p), panel - at % panel);
        runs[count++] = (position_run){((image * g->groups + group) * g->channels) * plane, (int32_t)i, (int32_t)j,
                                       (int32_t)at, (int32_t)length, (int32_t)image};
        p += length;
        j += length;
        if (j == g->columns) {
            j = 0;
            if (++i == g->rows) { i = 0; image++; }
        }
    }
    return count;
}

MARTLET_INLINE int64_t ceiling_quotient(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// What of a run lies inside the source at a tap.
MARTLET_INLINE void clip_run(const martlet_grid *g, const position_run *run, int64_t tap, int64_t first, clipped_run *out) {
    int64_t y = run->i * g->source_step_y + g->tap_y[tap], offset = g->tap_x[tap], step = g->source_step_x;
    // Columns low <= j < high read inside the source.
    int64_t low = ceiling_quotient(-offset, step), high = ceiling_quotient(g->width - offset, step);
    int64_t begin = run->j, end = run->j + run->count;
    low = smaller(larger(low, begin), end);
    high = larger(smaller(high, end), low);
    if (y < 0 || y >= g->height) low = high = end;
    out->at = (int32_t)(run->at - first);
    out->before = (int32_t)(low - begin);
    out->count = (int32_t)(high - low);
    out->after = (int32_t)(end - high);
    out->source = run->source + y * g->width + low * step + offset;
}

// Copies `count` elements `step` apart. Whole vectors are written, so that up to 15 elements behind `out` are overwritten; no
// element at or behind `limit` is read.
MARTLET_INLINE void copy_elements(float *out, const float *in, int64_t count, int64_t step, const float *limit) {
    int64_t i = 0;
    if (step == 1) {
        for (; i < count && limit - (in + i) >= lanes; i += lanes) STORE(out + i, LOAD(in + i));
        for (; i < count; i++) out[i] = in[i];
    } else if (step == 2) {
        for (; i < count && limit - (in + 2 * i) >= 2 * lanes; i += lanes) {
            lane_vector a = LOAD(in + 2 * i), b = LOAD(in + 2 * i + lanes);
            STORE(out + i, __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
        }
        for (; i < count; i++) out[i] = in[2 * i];
    } else {
        for (; i < count; i++) out[i] = in[i * step];
    }
}

MARTLET_INLINE void fill_zero(float *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = 0;
}

// Writes the rows k in [begin, end) of the patch matrix for some runs, each row `pitch` floats long and `width` of them
// defined. Rows are written in order, each beyond its end by less than a vector; so `out` has a vector of slack.
MARTLET_INLINE void gather_patches(const martlet_grid *g, const float *source, const position_run *runs, int64_t run_count,
                                   int64_t begin, int64_t end, int64_t used, int64_t width, int64_t pitch, float *out) {
    const float *limit = source + g->images * g->groups * g->channels * g->height * g->width;
    int64_t plane = g->height * g->width, step = g->source_step_x, first = run_count ? runs[0].at : 0;
    clipped_run clipped[patch_block];
    int64_t k = begin, tap = begin / g->channels, channel = begin % g->channels;
    for (; k < end; tap++, channel = 0) {
        int whole = 1;
        for (int64_t r = 0; r < run_count; r++) {
            clip_run(g, &runs[r], tap, first, &clipped[r]);
            whole &= clipped[r].count == runs[r].count;
        }
        for (; channel < g->channels && k < end; channel++, k++, out += pitch) {
            const float *in = source + channel * plane;
            if (whole) {
                for (int64_t r = 0; r < run_count; r++)
                    copy_elements(out + clipped[r].at, in + clipped[r].source, clipped[r].count, step, limit);
            } else {
                for (int64_t r = 0; r < run_count; r++) {
                    const clipped_run *run = &clipped[r];
                    float *to = out + run->at;
                    fill_zero(to, run->before);
                    if (run->count) copy_elements(to + run->before, in + run->source, run->count, step, limit);
                    fill_zero(to + run->before + run->count, run->after);
                }
            }
            fill_zero(out + used, width - used);
        }
    }
}

#endif
