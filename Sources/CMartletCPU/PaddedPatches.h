#ifndef MARTLET_PADDED_PATCHES_H
#define MARTLET_PADDED_PATCHES_H

#include "Padded.h"

// Patches of images of few channels: what a block of positions reads is copied once, with zeros around it and every step's residue
// apart, so that a tap's elements lie in one piece and nothing has to be clipped. Padded.h has the copy.

enum { most_padded_floats = 48 * 1024, padded_images = 2 };

typedef struct {
    padded_layout layout;
    int64_t first_image, first_row[padded_images], floats;   // of an image's copy
    float *copies;
    int32_t *offsets;
} padded_patches;

// Rows of the grid that a block of positions of one image may touch.
static inline padded_layout padded_patches_layout(const martlet_grid *g, int64_t positions) {
    return lay_out_rows(g, smaller(g->rows, (positions - 1) / g->columns + 2));
}

// The floats that the patches of so many positions need; 0 where they are better gathered from the source itself.
static inline int64_t padded_patches_scratch(const martlet_grid *g, int64_t positions) {
    enum { most_channels = 4 };
    if (g->channels > most_channels || g->taps < 2 || g->rows * g->columns < positions) return 0;
    int64_t floats = g->channels * padded_patches_layout(g, positions).plane_pitch + 2 * lanes;
    if (floats > most_padded_floats) return 0;
    return (padded_images * floats + g->taps * g->channels + lanes - 1) / lanes * lanes;
}

// In the last floats of the scratch memory that ends here; without copies where there are to be none.
static inline padded_patches padded_patches_before(const martlet_grid *g, int64_t positions, float *end) {
    int64_t scratch_floats = padded_patches_scratch(g, positions);
    if (scratch_floats == 0) return (padded_patches){0};
    float *scratch = end - scratch_floats;
    padded_patches p = {.layout = padded_patches_layout(g, positions), .copies = scratch};
    p.floats = g->channels * p.layout.plane_pitch + 2 * lanes;
    p.offsets = (int32_t *)(scratch + padded_images * p.floats);
    find_offsets(g, &p.layout, 0, g->taps * g->channels, p.offsets);
    return p;
}

// Copies what the positions [begin, end) of a group read.
MARTLET_INLINE void take_padded(const martlet_grid *g, const float *source, int64_t group, int64_t begin, int64_t end,
                                padded_patches *p) {
    int64_t area = g->rows * g->columns;
    p->first_image = begin / area;
    for (int64_t image = p->first_image; image * area < end; image++) {
        int64_t slot = image - p->first_image, row = larger(begin - image * area, 0) / g->columns;
        p->first_row[slot] = row;
        copy_padded(g, &p->layout, source + (image * g->groups + group) * g->channels * g->height * g->width,
                    row * g->source_step_y + p->layout.first_tap_y, p->copies + slot * p->floats);
    }
}

// As gather_patches.
MARTLET_INLINE void gather_padded(const martlet_grid *g, const padded_patches *p, const position_run *runs, int64_t run_count,
                                  int64_t begin, int64_t end, int64_t pitch, float *out) {
    int64_t row_distance = g->source_step_y * p->layout.row_pitch;
    for (int64_t k = begin; k < end; k++, out += pitch)
        for (int64_t r = 0; r < run_count; r++) {
            const position_run *run = &runs[r];
            int64_t slot = run->image - p->first_image;
            const float *in = p->copies + slot * p->floats + (run->i - p->first_row[slot]) * row_distance + run->j + p->offsets[k];
            for (int64_t i = 0; i < run->count; i += lanes) STORE(out + run->to + i, LOAD(in + i));
        }
}

#endif
