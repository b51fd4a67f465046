#ifndef MARTLET_PADDED_H
#define MARTLET_PADDED_H

#include "Patches.h"

// A copy of some rows of an image with zeros around it and, for a horizontal step s, each row as s rows of every s-th element:
// so all that a tap reads of a row of the grid are neighbours.

typedef struct {
    int64_t band, source_rows, row_pitch, phase_pitch, plane_pitch;
    int64_t first_tap_y, first_tap_x;
} padded_layout;

// For so many rows of the grid, and whole vectors of columns.
static inline padded_layout lay_out_rows(const martlet_grid *g, int64_t band) {
    int64_t low_y = g->tap_y[0], high_y = low_y, low_x = g->tap_x[0], high_x = low_x;
    for (int64_t t = 1; t < g->taps; t++) {
        low_y = smaller(low_y, g->tap_y[t]);
        high_y = larger(high_y, g->tap_y[t]);
        low_x = smaller(low_x, g->tap_x[t]);
        high_x = larger(high_x, g->tap_x[t]);
    }
    padded_layout l = {.band = band, .first_tap_y = low_y, .first_tap_x = low_x};
    l.phase_pitch = (g->columns + 2 * lanes - 1) / (2 * lanes) * (2 * lanes) + (high_x - low_x) / g->source_step_x + lanes;
    l.row_pitch = l.phase_pitch * g->source_step_x;
    // Rows are multiplied in pairs where a row is short; the last of an odd number reads one more.
    l.source_rows = l.band * g->source_step_y + high_y - low_y + 1;
    l.plane_pitch = l.source_rows * l.row_pitch;
    return l;
}

// As many rows as fit `most_floats`.
static inline padded_layout lay_out(const martlet_grid *g, int64_t most_floats) {
    padded_layout l = lay_out_rows(g, 0);
    int64_t reach = l.source_rows, most = most_floats / (l.row_pitch * g->channels);
    return lay_out_rows(g, smaller(g->rows, most < reach ? 0 : (most - reach) / g->source_step_y + 1));
}

MARTLET_INLINE void fill_zero(float *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = 0;
}

// Every `step`-th element, 2 or 4, for each residue: 16 of each at a time, as many as there are.
// Returns how many.
MARTLET_INLINE int64_t divide_row(const float *row, int64_t count, const int64_t step, float *out, int64_t pitch) {
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes, row += step * lanes) {
        lane_vector a = LOAD(row), b = LOAD(row + lanes), even = EVEN_LANES(a, b), odd = ODD_LANES(a, b);
        if (step == 2) {
            STORE(out + i, even);
            STORE(out + pitch + i, odd);
            continue;
        }
        lane_vector c = LOAD(row + 2 * lanes), d = LOAD(row + 3 * lanes);
        lane_vector more_even = EVEN_LANES(c, d), more_odd = ODD_LANES(c, d);
        STORE(out + i, EVEN_LANES(even, more_even));
        STORE(out + pitch + i, EVEN_LANES(odd, more_odd));
        STORE(out + 2 * pitch + i, ODD_LANES(even, more_even));
        STORE(out + 3 * pitch + i, ODD_LANES(odd, more_odd));
    }
    return i;
}

// Copies the rows from `first_row` on of one image and group.
MARTLET_INLINE void copy_padded(const martlet_grid *g, const padded_layout *l, const float *source, int64_t first_row,
                                float *out) {
    int64_t step = g->source_step_x, steps = step * l->phase_pitch;
    for (int64_t channel = 0; channel < g->channels; channel++) {
        const float *plane = source + channel * g->height * g->width;
        float *to = out + channel * l->plane_pitch;
        for (int64_t r = 0; r < l->source_rows; r++, to += l->row_pitch) {
            int64_t y = first_row + r, left = l->first_tap_x;
            if (y < 0 || y >= g->height) {
                fill_zero(to, l->row_pitch);
            } else if (step == 1) {
                int64_t before = smaller(larger(-left, 0), steps), end = smaller(larger(g->width - left, before), steps);
                fill_zero(to, before);
                const float *row = plane + y * g->width;
                if (end > before) memcpy(to + before, row + left + before, (size_t)(end - before) * sizeof(float));
                fill_zero(to + end, steps - end);
            } else {
                const float *row = plane + y * g->width;
                // Those that all phases have.
                int64_t low = smaller(larger(ceiling_quotient(-left, step), 0), l->phase_pitch);
                int64_t high = smaller(larger(ceiling_quotient(g->width - left - step + 1, step), low), l->phase_pitch);
                int64_t done = low;
                if (step == 2) done += divide_row(row + left + low * step, high - low, 2, to + low, l->phase_pitch);
                if (step == 4) done += divide_row(row + left + low * step, high - low, 4, to + low, l->phase_pitch);
                for (int64_t phase = 0; phase < step; phase++) {
                    float *part = to + phase * l->phase_pitch;
                    int64_t x = left + phase;
                    int64_t before = smaller(larger(ceiling_quotient(-x, step), 0), l->phase_pitch);
                    int64_t end = smaller(larger(ceiling_quotient(g->width - x, step), before), l->phase_pitch);
                    fill_zero(part, before);
                    for (int64_t i = before; i < low; i++) part[i] = row[x + i * step];
                    for (int64_t i = done; i < end; i++) part[i] = row[x + i * step];
                    fill_zero(part + end, l->phase_pitch - end);
                }
            }
        }
    }
}

// Where in the copy the first position of the grid reads, for every k.
MARTLET_INLINE void find_offsets(const martlet_grid *g, const padded_layout *l, int64_t begin, int64_t end, int32_t *offsets) {
    for (int64_t k = begin; k < end; k++) {
        int64_t tap = k / g->channels, x = g->tap_x[tap] - l->first_tap_x;
        offsets[k - begin] = (int32_t)((k % g->channels) * l->plane_pitch + (g->tap_y[tap] - l->first_tap_y) * l->row_pitch
                                       + x % g->source_step_x * l->phase_pitch + x / g->source_step_x);
    }
}

#endif
