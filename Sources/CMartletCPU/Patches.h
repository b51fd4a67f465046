#ifndef MARTLET_PATCHES_H
#define MARTLET_PATCHES_H

#include <string.h>

#include "Lanes.h"
#include "include/Convolution.h"

// Neighbouring positions of one grid row.
typedef struct {
    int64_t source;     // offset of the image's first channel (of the group) in the source
    int64_t i, j;       // the first position's row and column
    int64_t origin;     // where the first position reads with a tap at (0, 0)
    int64_t to;         // where its elements go in a row of patches
    int32_t at, count;  // where in the block, and how many
    int64_t image;
} position_run;

// A run for one tap: its elements [begin, end) are read from `source` on, the others are 0.
typedef struct {
    int64_t source, to;
    int32_t begin, end, count;
    int32_t safe;   // whole vectors may be read, for all channels
} clipped_run;

enum { patch_block = 256 };

// Divides the positions [begin, end) into runs that cross neither a row nor a multiple of `panel` positions. A panel's
// elements lie `panel_pitch` behind those of the panel before.
MARTLET_INLINE int64_t find_runs(const martlet_grid *g, int64_t group, int64_t begin, int64_t end, int64_t panel,
                                 int64_t panel_pitch, position_run *runs) {
    int64_t count = 0, plane = g->height * g->width;
    int64_t j = begin % g->columns, row = begin / g->columns;
    int64_t i = row % g->rows, image = row / g->rows;
    for (int64_t p = begin; p < end;) {
        int64_t at = p - begin, within = at % panel;
        int64_t length = smaller(smaller(g->columns - j, end - p), panel - within);
        int64_t source = (image * g->groups + group) * g->channels * plane;
        runs[count++] = (position_run){
            source, i, j, source + i * g->source_step_y * g->width + j * g->source_step_x,
            at / panel * panel_pitch + within, (int32_t)at, (int32_t)length, image};
        p += length;
        j += length;
        if (j == g->columns) {
            j = 0;
            if (++i == g->rows) { i = 0; image++; }
        }
    }
    return count;
}

MARTLET_INLINE int64_t ceiling_quotient(int64_t a, int64_t b) {
    if (b == 1) return a;
    return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

// Whether all positions of the grid lie inside the source at a tap.
MARTLET_INLINE int is_inside(const martlet_grid *g, int64_t tap) {
    int64_t y = g->tap_y[tap], x = g->tap_x[tap];
    return y >= 0 && x >= 0 && y + (g->rows - 1) * g->source_step_y < g->height
           && x + (g->columns - 1) * g->source_step_x < g->width;
}

// Whether an image's patches lie in the source as they are, a plane after the other.
MARTLET_INLINE int is_flat(const martlet_grid *g) {
    return g->taps == 1 && g->rows == 1 && g->source_step_x == 1 && is_inside(g, 0);
}

// What one tap makes of the runs; whether all of them lie wholly inside the source and may be read in whole vectors. No element
// before 0 or at or behind `limit` is read.
MARTLET_INLINE int clip_runs(const martlet_grid *g, const position_run *runs, int64_t run_count, int64_t tap, int64_t limit,
                             clipped_run *clipped) {
    int64_t offset = g->tap_x[tap], step = g->source_step_x;
    // Columns low <= j < high read inside the source.
    int64_t low = ceiling_quotient(-offset, step), high = ceiling_quotient(g->width - offset, step);
    int64_t furthest = limit - (g->channels - 1) * g->height * g->width;
    int whole = 1;
    for (int64_t r = 0; r < run_count; r++) {
        const position_run *run = &runs[r];
        int64_t y = run->i * g->source_step_y + g->tap_y[tap], count = run->count;
        int64_t begin = smaller(larger(low - run->j, 0), count), end = larger(smaller(high - run->j, count), begin);
        int64_t source = run->source + y * g->width + run->j * step + offset;
        if (y < 0 || y >= g->height) {
            begin = end = 0;
            source = run->source;
        }
        int safe = source >= 0 && source + (count + lanes - 1) / lanes * lanes * step <= furthest;
        clipped[r] = (clipped_run){source, run->to, (int32_t)begin, (int32_t)end, run->count, safe};
        whole &= safe & (end - begin == count);
    }
    return whole;
}

// These write whole vectors, and so spoil up to 15 elements behind.
// The next channel's lie `distance` behind.
MARTLET_INLINE void copy_vectors(float *out, const float *in, int64_t count, int64_t distance) {
    for (int64_t i = 0; i < count; i += lanes) {
        look_ahead(in + i, distance);
        STORE(out + i, LOAD(in + i));
    }
}

// Steps of 1, 2 or 4. Without branches on what is inside: at the edges of an image they would be guessed wrongly.
MARTLET_INLINE void copy_clipped(const clipped_run *run, const float *in, float *out, int64_t distance, const int64_t step) {
    const lane_integers first = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int32_t i = 0; i < run->count; i += lanes) {
        lane_integers at = first + i;
        look_ahead(in + i * step, distance);
        lane_vector value = LOAD(in + i * step);
        if (step >= 2) {
            look_ahead(in + i * step + lanes, distance);
            value = EVEN_LANES(value, LOAD(in + i * step + lanes));
        }
        if (step == 4) {
            look_ahead(in + i * step + 2 * lanes, distance);
            look_ahead(in + i * step + 3 * lanes, distance);
            value = EVEN_LANES(value, EVEN_LANES(LOAD(in + i * step + 2 * lanes), LOAD(in + i * step + 3 * lanes)));
        }
        lane_integers bits = (lane_integers)value & (at >= run->begin) & (at < run->end);
        STORE(out + i, (lane_vector)bits);
    }
}

MARTLET_INLINE void copy_exactly(const clipped_run *run, const float *in, float *out, int64_t step) {
    for (int64_t i = 0; i < run->begin; i++) out[i] = 0;
    for (int64_t i = run->begin; i < run->end; i++) out[i] = in[i * step];
    for (int64_t i = run->end; i < run->count; i++) out[i] = 0;
}

// Writes the rows k in [begin, end) of the patch matrix for some runs, a row every `pitch` elements, and zeros at `rest` up to
// the end of a panel. Each run, panel and row is written after those before it, and may spoil the 15 elements behind: so
// panels are a vector of slack apart.
MARTLET_INLINE void gather_patches(const martlet_grid *g, const float *source, const position_run *runs, int64_t run_count,
                                   int64_t begin, int64_t end, int64_t rest, int64_t rest_count, int64_t pitch, float *out) {
    int64_t plane = g->height * g->width, step = g->source_step_x;
    int64_t limit = g->images * g->groups * g->channels * plane;
    clipped_run clipped[patch_block];
    // How far whole vectors of the runs reach.
    int64_t reach = 0;
    for (int64_t r = 0; r < run_count; r++)
        reach = larger(reach, runs[r].origin + (runs[r].count + lanes - 1) / lanes * lanes * step);
    int64_t k = begin, tap = begin / g->channels, channel = begin % g->channels;
    for (; k < end; tap++, channel = 0) {
        int64_t distance = g->tap_y[tap] * g->width + g->tap_x[tap];
        if (step == 1 && is_inside(g, tap) && reach + distance + (g->channels - 1) * plane <= limit) {
            for (; channel < g->channels && k < end; channel++, k++, out += pitch) {
                const float *in = source + channel * plane + distance;
                for (int64_t r = 0; r < run_count; r++)
                    copy_vectors(out + runs[r].to, in + runs[r].origin, runs[r].count, plane);
                for (int64_t i = 0; i < rest_count; i++) out[rest + i] = 0;
            }
            continue;
        }
        int whole = clip_runs(g, runs, run_count, tap, limit, clipped);
        for (; channel < g->channels && k < end; channel++, k++, out += pitch) {
            const float *in = source + channel * plane;
            for (int64_t r = 0; r < run_count; r++) {
                const clipped_run *run = &clipped[r];
                if (whole && step == 1) copy_vectors(out + run->to, in + run->source, run->count, plane);
                else if (run->safe && step == 1) copy_clipped(run, in + run->source, out + run->to, plane, 1);
                else if (run->safe && step == 2) copy_clipped(run, in + run->source, out + run->to, plane, 2);
                else if (run->safe && step == 4) copy_clipped(run, in + run->source, out + run->to, plane, 4);
                else copy_exactly(run, in + run->source, out + run->to, step);
            }
            for (int64_t i = 0; i < rest_count; i++) out[rest + i] = 0;
        }
    }
}

// Stores a tile that is not one piece of the target, run by run.
static inline void store_tile(const martlet_grid *g, const float *tile, int64_t pitch, int64_t rows, const position_run *runs,
                              int64_t run_count, int64_t group, int64_t first, float *target) {
    int64_t plane = g->target_height * g->target_width;
    for (int64_t r = 0; r < run_count; r++) {
        const position_run *run = &runs[r];
        int64_t y = g->first_y + run->i * g->step_y, x = g->first_x + run->j * g->step_x;
        float *row = target + ((run->image * g->groups + group) * g->outputs + first) * plane + y * g->target_width + x;
        const float *part = tile + (run->at - runs[0].at);
        for (int64_t m = 0; m < rows; m++, row += plane, part += pitch) {
            if (g->step_x == 1) memcpy(row, part, (size_t)run->count * sizeof(float));
            else for (int64_t i = 0; i < run->count; i++) row[i * g->step_x] = part[i];
        }
    }
}

#endif
