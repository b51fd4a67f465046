#include "FewOutputs.h"

#include "Padded.h"
#include "Tiles.h"

// With few output channels a register tile is (k) x (m) of vectors over positions, whose lanes are added up at the end. What
// lies beyond the end of a row is masked rather than multiplied by 0, since it may be infinite.

enum { few_outputs = 8, most_columns = 12, most_floats = 65536, most_depth = 4096 };

static int64_t tile_columns(int64_t outputs, int vectors) {
    static const int64_t wide[few_outputs + 1] = {0, 12, 10, 8, 6, 4, 4, 3, 3};
    static const int64_t narrow[few_outputs + 1] = {0, 4, 3, 2, 1, 1, 1, 1, 1};
    return vectors == 2 ? wide[outputs] : narrow[outputs];
}

static int64_t padded_columns(const martlet_grid *g) { return (g->columns + lanes - 1) / lanes * lanes; }

int martlet_few_outputs_fit(const martlet_grid *g) {
    return g->outputs <= few_outputs && g->taps > 0 && g->channels > 0 && g->taps * g->channels <= most_depth
           && lay_out(g, most_floats).band > 0;
}

int64_t martlet_few_outputs_scratch(const martlet_grid *g, int64_t k_count) {
    padded_layout l = lay_out(g, most_floats);
    return g->channels * l.plane_pitch + g->outputs * l.band * padded_columns(g)
           + (k_count + most_columns) * (g->outputs * lanes + 1) + 2 * lanes;
}

// sums[k][m], a vector each.
MARTLET_INLINE void dot_tile(const int outputs, const int columns, int64_t rows, int64_t row_columns, int64_t row_distance,
                             const float *gradient, int64_t gradient_pitch, const float *source, const int32_t *offsets,
                             float *sums) {
    const lane_integers lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    lane_vector sum[most_columns][few_outputs];
    MARTLET_UNROLL for (int k = 0; k < columns; k++)
        MARTLET_UNROLL for (int m = 0; m < outputs; m++) sum[k][m] = LOAD(sums + (k * outputs + m) * lanes);
    for (int64_t i = 0; i < rows; i++, source += row_distance)
        for (int64_t j = 0; j < row_columns; j += lanes, gradient += lanes) {
            lane_integers inside = lane < (int32_t)smaller(row_columns - j, lanes);
            lane_vector d[few_outputs];
            MARTLET_UNROLL for (int m = 0; m < outputs; m++) d[m] = LOAD(gradient + m * gradient_pitch);
            MARTLET_UNROLL for (int k = 0; k < columns; k++) {
                lane_vector patch = (lane_vector)((lane_integers)LOAD(source + offsets[k] + j) & inside);
                MARTLET_UNROLL for (int m = 0; m < outputs; m++) sum[k][m] += d[m] * patch;
            }
        }
    MARTLET_UNROLL for (int k = 0; k < columns; k++)
        MARTLET_UNROLL for (int m = 0; m < outputs; m++) STORE(sums + (k * outputs + m) * lanes, sum[k][m]);
}

#define DOT(outputs, columns)                                                                                                 \
    case outputs:                                                                                                             \
        dot_tile(outputs, columns, rows, row_columns, row_distance, gradient, gradient_pitch, source, offsets, sums); break;

MARTLET_CLONES
static void dot_wide(int64_t outputs, int64_t rows, int64_t row_columns, int64_t row_distance, const float *gradient,
                     int64_t gradient_pitch, const float *source, const int32_t *offsets, float *sums) {
    switch (outputs) { DOT(1, 12) DOT(2, 10) DOT(3, 8) DOT(4, 6) DOT(5, 4) DOT(6, 4) DOT(7, 3) DOT(8, 3) default: break; }
}

MARTLET_CLONES
static void dot_narrow(int64_t outputs, int64_t rows, int64_t row_columns, int64_t row_distance, const float *gradient,
                       int64_t gradient_pitch, const float *source, const int32_t *offsets, float *sums) {
    switch (outputs) { DOT(1, 4) DOT(2, 3) DOT(3, 2) DOT(4, 1) DOT(5, 1) DOT(6, 1) DOT(7, 1) DOT(8, 1) default: break; }
}

MARTLET_CLONES
static void copy_band(const martlet_grid *g, const padded_layout *l, const float *source, int64_t first_row, float *out) {
    copy_padded(g, l, source, first_row, out);
}

// Rows of whole vectors, zeros behind: [output][row][column].
static void copy_gradient(const martlet_grid *g, const float *gradient, int64_t rows, float *out) {
    int64_t wide = padded_columns(g);
    for (int64_t m = 0; m < g->outputs; m++, gradient += g->rows * g->columns)
        for (int64_t i = 0; i < rows; i++, out += wide) {
            memcpy(out, gradient + i * g->columns, (size_t)g->columns * sizeof *out);
            for (int64_t j = g->columns; j < wide; j++) out[j] = 0;
        }
}

void martlet_few_outputs(const martlet_grid *g, const float *source, const float *gradient, float *partial, int64_t group,
                         int64_t k_begin, int64_t k_end, int64_t image_begin, int64_t image_end, float *scratch) {
    padded_layout l = lay_out(g, most_floats);
    int vectors = choose_tile().vectors;
    int64_t k_count = k_end - k_begin, columns = tile_columns(g->outputs, vectors), wide = padded_columns(g);
    float *padded = scratch, *block = padded + g->channels * l.plane_pitch + lanes;
    float *sums = block + g->outputs * l.band * wide;
    int32_t *offsets = (int32_t *)(sums + (k_count + most_columns) * g->outputs * lanes);
    memset(sums, 0, (size_t)((k_count + most_columns) * g->outputs * lanes) * sizeof *sums);
    find_offsets(g, &l, k_begin, k_end, offsets);
    // The last tile may be wider than what is left; what it adds up there is not used.
    for (int64_t k = k_count; k < k_count + most_columns; k++) offsets[k] = 0;

    for (int64_t image = image_begin; image < image_end; image++)
        for (int64_t first = 0; first < g->rows; first += l.band) {
            int64_t rows = smaller(l.band, g->rows - first), item = image * g->groups + group;
            copy_band(g, &l, source + item * g->channels * g->height * g->width, first * g->source_step_y + l.first_tap_y,
                      padded);
            copy_gradient(g, gradient + (item * g->outputs * g->rows + first) * g->columns, rows, block);
            for (int64_t k = 0; k < k_count; k += columns) {
                float *to = sums + k * g->outputs * lanes;
                if (vectors == 2)
                    dot_wide(g->outputs, rows, g->columns, g->source_step_y * l.row_pitch, block, rows * wide, padded,
                             offsets + k, to);
                else
                    dot_narrow(g->outputs, rows, g->columns, g->source_step_y * l.row_pitch, block, rows * wide, padded,
                               offsets + k, to);
            }
        }

    int64_t result_pitch = martlet_weight_gradient_pitch(g->outputs);
    for (int64_t k = 0; k < k_count; k++)
        for (int64_t m = 0; m < g->outputs; m++) {
            lane_vector x = LOAD(sums + (k * g->outputs + m) * lanes);
            partial[k * result_pitch + m] = lane_sum(&x);
        }
}
