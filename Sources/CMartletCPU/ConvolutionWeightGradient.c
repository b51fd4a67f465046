#include "FewOutputs.h"
#include "Patches.h"
#include "Tiles.h"
#include "Transpose.h"

// dw[m][k] = the sum over positions p of gradient[m][p] * patch[k][p], block by block of positions. The gradient block is
// transposed, so that a register tile is (k) x (vectors of m).

enum { block_positions = 192, pitch = block_positions + lanes, output_block = 128 };

int64_t martlet_weight_gradient_pitch(int64_t outputs) { return (outputs + lanes - 1) / lanes * lanes; }

int64_t martlet_weight_gradient_scratch(const martlet_grid *g, int64_t k_count) {
    if (martlet_few_outputs_fit(g)) return martlet_few_outputs_scratch(g, k_count);
    return (k_count + most_rows) * pitch + block_positions * output_block + 2 * lanes;
}

// The panels of a transposed block are one or two vectors of outputs wide: [panel][p][output].
MARTLET_INLINE int64_t panel_width(int64_t outputs, int64_t first, int vectors) {
    return vectors == 2 && outputs - first > lanes ? 2 * lanes : lanes;
}

// Transposes `count` positions of `outputs` rows into panels; outputs up to the next multiple of a vector are set to 0.
MARTLET_CLONES
static void transpose_gradient(const float *in, int64_t in_pitch, int64_t outputs, int64_t count, float *block, int64_t at,
                               int vectors) {
    for (int64_t m = 0; m < outputs; m += lanes) {
        int64_t panel = vectors == 2 ? m / (2 * lanes) * (2 * lanes) : m, out_pitch = panel_width(outputs, panel, vectors);
        float *out = block + panel * block_positions + at * out_pitch + (m - panel);
        int64_t rows = smaller(lanes, outputs - m), p = 0;
        for (; p + lanes <= count; p += lanes) {
            lane_vector row[lanes];
            for (int i = 0; i < lanes; i++) row[i] = i < rows ? LOAD(in + (m + i) * in_pitch + p) : (lane_vector){0};
            transpose_lanes(row);
            for (int i = 0; i < lanes; i++) STORE(out + (p + i) * out_pitch, row[i]);
        }
        for (; p < count; p++)
            for (int64_t i = 0; i < lanes; i++) out[p * out_pitch + i] = i < rows ? in[(m + i) * in_pitch + p] : 0;
    }
}

MARTLET_INLINE void outer_tile(const int rows, const int vectors, int64_t count, const float *patches, const float *gradient,
                               int64_t gradient_pitch, float *result, int64_t result_pitch) {
    lane_vector sum[most_rows][2];
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = (lane_vector){0};
    MARTLET_UNROLL_FOUR
    for (int64_t p = 0; p < count; p++) {
        lane_vector d[2];
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) d[v] = LOAD(gradient + p * gradient_pitch + v * lanes);
        MARTLET_UNROLL for (int r = 0; r < rows; r++)
            MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += patches[r * pitch + p] * d[v];
    }
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) {
            float *to = result + r * result_pitch + v * lanes;
            STORE(to, LOAD(to) + sum[r][v]);
        }
}

#define OUTER(rows) case rows: outer_tile(rows, vectors, count, patches, gradient, gradient_pitch, result, result_pitch); break;
#define FAMILY(name, most, vector_count)                                                                               \
    MARTLET_CLONES                                                                                                     \
    static void name(int64_t rows, int64_t count, const float *patches, const float *gradient, int64_t gradient_pitch, \
                     float *result, int64_t result_pitch) {                                                            \
        enum { vectors = vector_count };                                                                               \
        switch (rows) { MARTLET_ROWS_##most(OUTER) default: break; }                                                   \
    }

FAMILY(outer_two, 14, 2)
FAMILY(outer_one, 14, 1)

MARTLET_CLONES
static void pack_rows(const martlet_grid *g, const float *source, const position_run *runs, int64_t run_count, int64_t k_begin,
                      int64_t k_end, float *out) {
    gather_patches(g, source, runs, run_count, k_begin, k_end, 0, 0, pitch, out);
}

static void many(const martlet_grid *g, const float *gradient, int64_t group, int64_t begin, int64_t used, int64_t k_count,
                 const float *patches, float *block, float *partial) {
    tile_shape shape = choose_tile();
    int64_t area = g->rows * g->columns, result_pitch = martlet_weight_gradient_pitch(g->outputs);
    int64_t panels = (k_count + shape.rows - 1) / shape.rows;
    for (int64_t first = 0; first < g->outputs; first += output_block) {
        int64_t outputs = smaller(output_block, g->outputs - first);
        for (int64_t p = begin; p < begin + used;) {
            int64_t image = p / area, at = p % area, count = smaller(area - at, begin + used - p);
            transpose_gradient(gradient + ((image * g->groups + group) * g->outputs + first) * area + at, area, outputs, count,
                               block, p - begin, shape.vectors);
            p += count;
        }
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t k = panel_start(k_count, panels, panel), rows = panel_start(k_count, panels, panel + 1) - k;
            for (int64_t m = 0; m < outputs;) {
                int64_t width = panel_width(outputs, m, shape.vectors);
                float *to = partial + k * result_pitch + first + m;
                if (width == 2 * lanes)
                    outer_two(rows, used, patches + k * pitch, block + m * block_positions, width, to, result_pitch);
                else
                    outer_one(rows, used, patches + k * pitch, block + m * block_positions, width, to, result_pitch);
                m += width;
            }
        }
    }
}

int32_t martlet_weight_gradient(const martlet_grid *g, const float *source, const float *gradient, float *partial,
                                int64_t group, int64_t k_begin, int64_t k_end, int64_t image_begin, int64_t image_end,
                                float *scratch) {
    int64_t area = g->rows * g->columns, k_count = k_end - k_begin;
    float *patches = scratch, *block = patches + (k_count + most_rows) * pitch;
    memset(partial, 0, (size_t)(k_count * martlet_weight_gradient_pitch(g->outputs)) * sizeof(float));
    if (martlet_few_outputs_fit(g)) {
        martlet_few_outputs(g, source, gradient, partial, group, k_begin, k_end, image_begin, image_end, scratch);
        return 1;
    }
    for (int64_t begin = image_begin * area; begin < image_end * area; begin += block_positions) {
        int64_t used = smaller(block_positions, image_end * area - begin);
        position_run runs[block_positions];
        int64_t run_count = find_runs(g, group, begin, begin + used, block_positions, 0, runs);
        pack_rows(g, source, runs, run_count, k_begin, k_end, patches);
        many(g, gradient, group, begin, used, k_count, patches, block, partial);
    }
    return 1;
}

// result[output][i ...] of up to 16 outputs and weights of one group, `at` being where each weight's sums lie in `from`.
MARTLET_INLINE void sum_block(const float *from, const int64_t *at, int64_t wide, int64_t slabs, int64_t slab_pitch,
                              int64_t readable, int64_t count, float *result, int64_t result_pitch) {
    lane_vector row[lanes];
    for (int64_t n = 0; n < lanes; n++) {
        row[n] = (lane_vector){0};
        if (n >= wide) continue;
        for (int64_t slab = 0, p = at[n]; slab < slabs; slab++, p += slab_pitch) {
            if (p + lanes <= readable) {
                look_ahead(from + p, 4 * lanes);
                row[n] += LOAD(from + p);
            } else {
                float part[lanes] = {0};
                memcpy(part, from + p, (size_t)count * sizeof *part);
                row[n] += LOAD(part);
            }
        }
    }
    transpose_lanes(row);
    for (int64_t n = 0; n < count; n++) {
        if (wide == lanes) STORE(result + n * result_pitch, row[n]);
        else memcpy(result + n * result_pitch, &row[n], (size_t)wide * sizeof *result);
    }
}

MARTLET_CLONES
void martlet_weight_gradient_sum(const martlet_grid *g, const float *partial, int64_t slabs, float *result,
                                 int64_t begin, int64_t end) {
    int64_t row_pitch = martlet_weight_gradient_pitch(g->outputs), k_count = g->taps * g->channels;
    int64_t group_pitch = k_count * row_pitch, slab_pitch = g->groups * group_pitch;
    for (int64_t first = begin; first < end;) {
        int64_t group = first / g->outputs, last = smaller(end, (group + 1) * g->outputs);
        int64_t channel = 0, tap = 0;
        for (int64_t i = 0; i < k_count; i += lanes) {
            int64_t at[lanes], wide = smaller(lanes, k_count - i);
            for (int64_t n = 0; n < wide; n++) {
                at[n] = (tap * g->channels + channel) * row_pitch;
                if (++tap == g->taps) { tap = 0; channel++; }
            }
            // Outputs innermost: the partial sums are read along their rows.
            for (int64_t o = first; o < last; o += lanes) {
                int64_t m = o - group * g->outputs, before = group * group_pitch + m;
                // Lanes behind the last output may be the next row's; they are read, not stored.
                sum_block(partial + before, at, wide, slabs, slab_pitch, slabs * slab_pitch - before, smaller(lanes, last - o),
                          result + o * k_count + i, k_count);
            }
        }
        first = last;
    }
}
