#include "AMX.h"
#include "PaddedPatches.h"

// dw[k][m] = the sum over positions p of patch[k][p] * gradient[m][p], block by block of positions: a block of the gradient is
// split into panels of lanes; rows of patches, 32 at a time, are split as they are gathered and multiplied by all of them.

enum {
    side = martlet_amx_side,
    block_positions = 256,
    output_block = 256,
    pitch = block_positions + lanes,
    panel_floats = block_positions / martlet_amx_depth * martlet_amx_step_floats
};

int64_t martlet_weight_gradient_parts_scratch(const martlet_grid *g) {
    int64_t panels = (smaller(g->outputs, output_block) + side - 1) / side;
    return (panels + 1) * panel_floats + side * pitch + lanes + padded_patches_scratch(g, block_positions);
}

typedef struct {
    const martlet_grid *g;
    const float *source, *gradient;
    float *partial, *lane_panels, *row_panel, *gathered;
    int64_t group, k_begin, k_end, begin, used;
    int in_one_image, flat;
    padded_patches padded;
    int64_t run_count;
    position_run runs[block_positions];
} gradient_block;

// The gradient of outputs from `first` on at the block's positions.
static void split_gradient(const gradient_block *b, int64_t first, int64_t outputs) {
    const martlet_grid *g = b->g;
    int64_t area = g->rows * g->columns, image = b->begin / area, at = b->begin % area;
    const float *from = b->gradient + ((image * g->groups + b->group) * g->outputs + first) * area + at;
    if (b->in_one_image) return martlet_amx_pack_lanes(from, area, 1, outputs, b->used, b->lane_panels);
    int64_t panel = martlet_amx_steps(b->used) * martlet_amx_step_floats;
    for (int64_t m = 0; m < outputs; m += side) {
        int64_t count = smaller(side, outputs - m);
        for (int64_t i = 0; i < count; i++)
            for (int64_t p = 0, length; p < b->used; p += length) {
                image = (b->begin + p) / area, at = (b->begin + p) % area, length = smaller(area - at, b->used - p);
                memcpy(b->gathered + i * pitch + p,
                       b->gradient + ((image * g->groups + b->group) * g->outputs + first + m + i) * area + at,
                       (size_t)length * sizeof(float));
            }
        martlet_amx_pack_lanes(b->gathered, pitch, 1, count, b->used, b->lane_panels + m / side * panel);
    }
}

MARTLET_CLONES
static void take(gradient_block *b) { take_padded(b->g, b->source, b->group, b->begin, b->begin + b->used, &b->padded); }

MARTLET_CLONES
static void gather(const gradient_block *b, int64_t k_begin, int64_t k_end) {
    if (b->padded.copies) return gather_padded(b->g, &b->padded, b->runs, b->run_count, k_begin, k_end, pitch, b->gathered);
    gather_patches(b->g, b->source, b->runs, b->run_count, k_begin, k_end, 0, 0, pitch, b->gathered);
}

static void split_patches(const gradient_block *b, int64_t k, int64_t rows) {
    const martlet_grid *g = b->g;
    if (b->flat && b->in_one_image) {
        int64_t plane = g->height * g->width;
        const float *from = b->source + b->runs[0].origin + g->tap_y[0] * g->width + g->tap_x[0] + k * plane;
        return martlet_amx_pack_rows(from, plane, 1, rows, b->used, b->row_panel);
    }
    gather(b, k, k + rows);
    martlet_amx_pack_rows(b->gathered, pitch, 1, rows, b->used, b->row_panel);
}

static int32_t multiply(const gradient_block *b) {
    int64_t result_pitch = martlet_weight_gradient_pitch(b->g->outputs);
    int64_t panel = martlet_amx_steps(b->used) * martlet_amx_step_floats;
    for (int64_t first = 0; first < b->g->outputs; first += output_block) {
        int64_t outputs = smaller(output_block, b->g->outputs - first);
        split_gradient(b, first, outputs);
        for (int64_t k = b->k_begin; k < b->k_end; k += side) {
            int64_t rows = smaller(side, b->k_end - k);
            split_patches(b, k, rows);
            for (int64_t m = 0; m < outputs; m += side) {
                int64_t columns = smaller(side, outputs - m);
                const float *right = b->lane_panels + m / side * panel;
                float *to = b->partial + (k - b->k_begin) * result_pitch + first + m;
                if (!martlet_amx_multiply_into(b->row_panel, right, rows, columns, b->used, to, result_pitch, 1)) return 0;
            }
        }
    }
    return 1;
}

int32_t martlet_weight_gradient_parts(const martlet_grid *g, const float *source, const float *gradient, float *partial,
                                      int64_t group, int64_t k_begin, int64_t k_end, int64_t image_begin, int64_t image_end,
                                      float *scratch) {
    gradient_block b = {.g = g, .source = source, .gradient = gradient, .partial = partial, .group = group, .k_begin = k_begin,
                        .k_end = k_end, .row_panel = scratch, .gathered = scratch + panel_floats};
    b.lane_panels = b.gathered + side * pitch + lanes;
    b.flat = is_flat(g);
    b.padded = padded_patches_before(g, block_positions, scratch + martlet_weight_gradient_parts_scratch(g));
    int64_t area = g->rows * g->columns;
    int32_t finite = 1;
    memset(partial, 0, (size_t)((k_end - k_begin) * martlet_weight_gradient_pitch(g->outputs)) * sizeof *partial);
    martlet_amx_begin();
    for (b.begin = image_begin * area; finite && b.begin < image_end * area; b.begin += b.used) {
        b.used = smaller(block_positions, image_end * area - b.begin);
        b.in_one_image = b.begin % area + b.used <= area;
        b.run_count = find_runs(g, group, b.begin, b.begin + b.used, block_positions, 0, b.runs);
        if (b.padded.copies) take(&b);
        finite = multiply(&b);
    }
    martlet_amx_end();
    return finite;
}
