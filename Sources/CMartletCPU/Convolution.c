#include "ConvolutionPack.h"
#include "Patches.h"
#include "Tiles.h"
#include "Transpose.h"

// A block of the patch matrix, `depth` rows by up to 256 positions, is packed in panels of one or two vectors of positions
// and multiplied by panels of weights, each product tile held in registers. The patch block stays in the second-level
// cache, a panel of weights in the first.

enum { patch_floats = depth * martlet_implicit_gemm_block + martlet_implicit_gemm_block + 2 * lanes };

int64_t martlet_implicit_gemm_scratch(const martlet_grid *g) {
    return patch_floats + larger(g->outputs, most_rows) * martlet_implicit_gemm_block;
}

int64_t martlet_grid_panels(int64_t outputs) {
    int rows = choose_tile().rows;
    return (outputs + rows - 1) / rows;
}

int64_t martlet_grid_first_output(int64_t outputs, int64_t panel) {
    return panel_start(outputs, martlet_grid_panels(outputs), panel);
}

int64_t martlet_grid_depth(const martlet_grid *g, int32_t direct) { return direct ? g->taps * g->channels : depth; }

void martlet_grid_zero(const martlet_grid *g, float *target) {
    for (int64_t plane = 0; plane < g->images * g->groups * g->outputs; plane++, target += g->target_height * g->target_width)
        for (int64_t i = 0; i < g->rows; i++)
            for (int64_t j = 0; j < g->columns; j++)
                target[(g->first_y + i * g->step_y) * g->target_width + g->first_x + j * g->step_x] = 0;
}

// Weights are read 16 outputs at a time along their inner axis and transposed, as many channels together as lie in a piece.
enum { pack_floats = 512 };

// `count` neighbouring weights of up to 16 outputs: taken[i][output]. What is taken next lies `distance` behind.
MARTLET_INLINE void take_weights(const float *from, const float *limit, int64_t rows, int64_t stride, int64_t count,
                                 int64_t distance, float *taken) {
    for (int64_t i = 0; i < count; i += lanes) {
        lane_vector row[lanes];
        for (int64_t m = 0; m < lanes; m++) {
            const float *in = from + smaller(m, rows - 1) * stride + i;
            if (in + lanes <= limit) {
                look_ahead(in, distance);
                row[m] = LOAD(in);
            } else {
                float part[lanes] = {0};
                memcpy(part, in, (size_t)smaller(lanes, count - i) * sizeof *part);
                row[m] = LOAD(part);
            }
        }
        transpose_lanes(row);
        for (int n = 0; n < lanes; n++) STORE(taken + (i + n) * lanes, row[n]);
    }
}

MARTLET_INLINE void store_weights(float *to, const float *from, int64_t rows) {
    typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
    if (rows < 8) {
        for (int64_t m = 0; m < rows; m++) to[m] = from[m];
    } else {
        eight low = *(const eight *)from, high = *(const eight *)(from + rows - 8);
        *(eight *)to = low;
        *(eight *)(to + rows - 8) = high;
    }
}

// One panel's rows of the channels from `channel` on that `taken` holds, channels `pitch` floats apart in it.
MARTLET_INLINE void place_weights(const martlet_grid *g, const float *taken, int64_t pitch, const int32_t *tap_index,
                                  int64_t first_tap, int64_t block, int64_t first, int64_t rows, int64_t channel, int64_t last,
                                  float *to) {
    int64_t k_count = g->taps * g->channels;
    for (int64_t tap = 0; tap < g->taps; tap++)
        for (int64_t c = channel; c < last; c++) {
            int64_t k = tap * g->channels + c, k0 = k / block * block, count = smaller(block, k_count - k0);
            store_weights(to + g->outputs * k0 + first * count + (k - k0) * rows,
                          taken + (c - channel) * pitch + (tap_index[tap] - first_tap) * lanes, rows);
        }
}

MARTLET_CLONES
void martlet_grid_pack_panel(const martlet_grid *g, const float *from, const float *limit, int64_t output_stride,
                             int64_t channel_stride, const int32_t *tap_index, int64_t block, int64_t first, int64_t rows,
                             float *to) {
    float taken[(pack_floats + lanes) * lanes];
    int64_t low = tap_index[0], high = low;
    for (int64_t t = 1; t < g->taps; t++) {
        low = smaller(low, tap_index[t]);
        high = larger(high, tap_index[t]);
    }
    if (high - low >= pack_floats) {
        for (int64_t tap = 0; tap < g->taps; tap++)
            for (int64_t c = 0; c < g->channels; c++) {
                for (int64_t m = 0; m < rows; m++) taken[m] = from[m * output_stride + c * channel_stride + tap_index[tap]];
                int64_t k = tap * g->channels + c, k0 = k / block * block;
                int64_t count = smaller(block, g->taps * g->channels - k0);
                store_weights(to + g->outputs * k0 + first * count + (k - k0) * rows, taken, rows);
            }
        return;
    }
    // Where a channel's weights are followed by the next one's, as many as fit; else one at a time.
    int64_t span = high - low + 1;
    int64_t together = channel_stride < output_stride ? larger(1, (pack_floats - span) / channel_stride + 1) : 1;
    for (int64_t c = 0; c < g->channels; c += together) {
        int64_t last = smaller(g->channels, c + together);
        const float *in = from + c * channel_stride + low;
        if (output_stride == 1) {
            for (int64_t m = 0; m < rows; m++) taken[m] = in[m];
        } else {
            take_weights(in, limit, rows, output_stride, (last - c - 1) * channel_stride + span, together * channel_stride, taken);
        }
        place_weights(g, taken, channel_stride * lanes, tap_index, low, block, first, rows, c, last, to);
    }
}

void martlet_grid_pack(const martlet_grid *g, const float *weights, int64_t limit, int64_t group_stride,
                       int64_t output_stride, int64_t channel_stride, const int32_t *tap_index, int64_t block, float *packed,
                       int64_t begin, int64_t end) {
    int64_t k_count = g->taps * g->channels, panels = martlet_grid_panels(g->outputs);
    for (int64_t item = begin; item < end; item++) {
        int64_t group = item / panels, panel = item % panels;
        int64_t first = panel_start(g->outputs, panels, panel), rows = panel_start(g->outputs, panels, panel + 1) - first;
        martlet_grid_pack_panel(g, weights + group * group_stride + first * output_stride, weights + limit, output_stride,
                                channel_stride, tap_index, block, first, rows, packed + group * g->outputs * k_count);
    }
}

MARTLET_INLINE void multiply_tile(const int rows, const int vectors, int64_t count, const float *weights, const float *patches,
                                  float *tile, int64_t pitch, int accumulate) {
    lane_vector sum[most_rows][2];
    MARTLET_UNROLL for (int m = 0; m < rows; m++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[m][v] = (lane_vector){0};
    MARTLET_UNROLL_FOUR
    for (int64_t k = 0; k < count; k++) {
        lane_vector patch[2];
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) patch[v] = LOAD(patches + v * lanes);
        MARTLET_UNROLL for (int m = 0; m < rows; m++)
            MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[m][v] += weights[m] * patch[v];
        weights += rows;
        patches += vectors * lanes;
    }
    MARTLET_UNROLL for (int m = 0; m < rows; m++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) {
            float *to = tile + m * pitch + v * lanes;
            if (accumulate) sum[m][v] += LOAD(to);
            STORE(to, sum[m][v]);
        }
}

#define TILE(rows) case rows: multiply_tile(rows, vectors, count, weights, patches, tile, pitch, accumulate); break;
#define FAMILY(name, most, vector_count)                                                                                  \
    MARTLET_CLONES                                                                                                        \
    static void name(int64_t rows, int64_t count, const float *weights, const float *patches, float *tile, int64_t pitch, \
                     int accumulate) {                                                                                    \
        enum { vectors = vector_count };                                                                                  \
        switch (rows) { MARTLET_ROWS_##most(TILE) default: break; }                                                       \
    }

FAMILY(multiply_two, 14, 2)
FAMILY(multiply_one, 6, 1)

MARTLET_CLONES
static void pack_patches(const martlet_grid *g, const float *source, const position_run *runs, int64_t run_count,
                         int64_t begin, int64_t end, int64_t rest, int64_t rest_count, int64_t pitch, float *out) {
    gather_patches(g, source, runs, run_count, begin, end, rest, rest_count, pitch, out);
}

void martlet_implicit_gemm(const martlet_grid *g, const float *source, const float *packed, float *target,
                             int64_t group, int64_t begin, int64_t end, int64_t first_panel, int64_t last_panel,
                             float *scratch) {
    tile_shape shape = choose_tile();
    int64_t width = shape.vectors * lanes, k_count = g->taps * g->channels, area = g->rows * g->columns;
    int64_t plane = g->target_height * g->target_width, used = end - begin, panels = (used + width - 1) / width;
    int64_t all_panels = martlet_grid_panels(g->outputs);
    // Where the grid is the whole target, tiles inside one image lie in it; others are kept apart until they are done.
    int dense = g->step_x == 1 && area == plane;

    position_run runs[martlet_implicit_gemm_block];
    int64_t run_starts[martlet_implicit_gemm_block / lanes + 1];
    int64_t deepest = smaller(depth, k_count), panel_pitch = width * deepest + lanes;
    int64_t run_count = find_runs(g, group, begin, end, width, panel_pitch, runs);
    int64_t rest = (panels - 1) * panel_pitch + (used - 1) % width + 1, rest_count = panels * width - used;
    for (int64_t q = 0, r = 0; q <= panels; q++) {
        while (r < run_count && runs[r].at < q * width) r++;
        run_starts[q] = r;
    }

    const float *weights = packed + group * g->outputs * k_count;
    float *tiles = scratch + patch_floats;
    for (int64_t k0 = 0; k0 < k_count; k0 += depth) {
        int64_t count = smaller(depth, k_count - k0);
        pack_patches(g, source, runs, run_count, k0, k0 + count, rest, rest_count, width, scratch);
        for (int64_t panel = first_panel; panel < last_panel; panel++) {
            int64_t first = panel_start(g->outputs, all_panels, panel);
            int64_t rows = panel_start(g->outputs, all_panels, panel + 1) - first;
            const float *panel_weights = weights + g->outputs * k0 + first * count;
            for (int64_t q = 0; q < panels; q++) {
                const float *patches = scratch + q * panel_pitch;
                int64_t p = begin + q * width, image = p / area, position = p % area, pitch = width;
                float *tile = tiles + (first * panels + q * rows) * width;
                int straight = dense && position + width <= area && p + width <= end;
                if (straight) {
                    tile = target + ((image * g->groups + group) * g->outputs + first) * plane + position;
                    pitch = plane;
                }
                if (shape.vectors == 2) multiply_two(rows, count, panel_weights, patches, tile, pitch, k0 > 0);
                else multiply_one(rows, count, panel_weights, patches, tile, pitch, k0 > 0);
                if (!straight && k0 + count == k_count)
                    store_tile(g, tile, pitch, rows, runs + run_starts[q], run_starts[q + 1] - run_starts[q], group, first,
                               target);
            }
        }
    }
}
