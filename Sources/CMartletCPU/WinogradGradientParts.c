#include "WinogradGradient.h"

// The products of a weight gradient from their numbers' parts (AMX.h): rows of channels times lanes of outputs over a block's
// tiles.

enum { side = martlet_amx_side };

int martlet_winograd_gradient_splits(const martlet_winograd *w, int64_t channels) {
    return w->splits && smaller(channels, w->outputs) >= least_split;
}

int64_t martlet_winograd_gradient_parts(const martlet_winograd *w, int64_t channels, int64_t pieces) {
    if (!martlet_winograd_gradient_splits(w, channels)) return 0;
    return (1 + martlet_amx_panels(w->outputs)) * pieces * martlet_amx_step_floats;
}

int martlet_winograd_outer_parts(const outer_product *p, float *sums, int64_t output_pitch, float *parts) {
    int64_t floats = p->pieces * martlet_amx_step_floats;
    float *row_panel = parts + martlet_amx_panels(p->outputs) * floats;
    int finite = 1;
    for (int64_t output = 0; output < p->outputs; output += side) {
        int64_t width = p->outputs - output > lanes ? side : lanes;
        for (int64_t piece = 0; piece < p->pieces; piece++) {
            const outer_piece *part = &p->piece[piece];
            martlet_amx_pack_lanes(p->gradient + output * p->tiles + part->first * width, 1, width, width, part->depth,
                                   parts + output / side * floats + piece * martlet_amx_step_floats);
        }
    }
    for (int64_t channel = 0; channel < p->channels; channel += side) {
        int64_t rows = smaller(side, p->channels - channel);
        for (int64_t piece = 0; piece < p->pieces; piece++) {
            const outer_piece *part = &p->piece[piece];
            martlet_amx_pack_rows(p->values + channel * p->value_pitch + part->at, p->value_pitch, 1, rows, part->depth,
                                  row_panel + piece * martlet_amx_step_floats);
        }
        for (int64_t output = 0; output < p->outputs; output += side)
            finite &= martlet_amx_multiply_into(row_panel, parts + output / side * floats, rows,
                                                p->outputs - output > lanes ? side : lanes, p->pieces * martlet_amx_depth,
                                                sums + channel * output_pitch + output, output_pitch, p->adds);
    }
    return finite;
}
