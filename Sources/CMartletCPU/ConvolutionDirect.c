#include "Padded.h"
#include "Tiles.h"

// With few channels, writing patches costs more than multiplying them. Here a padded copy of the source is read, vectors at
// fixed distances.

enum { direct_floats = 65536, direct_depth = 1536 };

int64_t martlet_direct_band(const martlet_grid *g) { return lay_out(g, direct_floats).band; }

int64_t martlet_direct_scratch(const martlet_grid *g) {
    return g->channels * lay_out(g, direct_floats).plane_pitch + direct_depth + 2 * lanes;
}

int martlet_direct_fits(const martlet_grid *g) {
    if (g->taps == 0 || g->channels == 0 || g->taps * g->channels > direct_depth) return 0;
    if (martlet_direct_band(g) < smaller(g->rows, 4)) return 0;
    // Idle lanes at the end of a row against the writing of patches, which takes the time of about `patch_cost` outputs.
    enum { patch_cost = 10 };
    int64_t wide = (g->columns + lanes - 1) / lanes * lanes;
    return wide * g->outputs <= g->columns * (g->outputs + patch_cost);
}

MARTLET_CLONES
static void copy_band(const martlet_grid *g, const padded_layout *l, const float *source, int64_t first_row, float *out) {
    copy_padded(g, l, source, first_row, out);
}

MARTLET_INLINE void direct_tile(const int rows, const int vectors, int64_t count, const float *weights, const float *from,
                                const int32_t *offsets, int64_t distance, float *tile) {
    lane_vector sum[most_rows][2];
    MARTLET_UNROLL for (int m = 0; m < rows; m++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[m][v] = (lane_vector){0};
    MARTLET_UNROLL_FOUR
    for (int64_t k = 0; k < count; k++) {
        lane_vector patch[2];
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) patch[v] = LOAD(from + offsets[k] + v * distance);
        MARTLET_UNROLL for (int m = 0; m < rows; m++)
            MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[m][v] += weights[m] * patch[v];
        weights += rows;
    }
    MARTLET_UNROLL for (int m = 0; m < rows; m++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) STORE(tile + (m * vectors + v) * lanes, sum[m][v]);
}

#define TILE(rows) case rows: direct_tile(rows, vectors, count, weights, from, offsets, distance, tile); break;
#define FAMILY(name, most, vector_count)                                                                           \
    MARTLET_CLONES                                                                                                 \
    static void name(int64_t rows, int64_t count, const float *weights, const float *from, const int32_t *offsets, \
                     int64_t distance, float *tile) {                                                              \
        enum { vectors = vector_count };                                                                           \
        switch (rows) { MARTLET_ROWS_##most(TILE) default: break; }                                                \
    }

FAMILY(direct_two, 14, 2)
FAMILY(direct_one, 6, 1)

// Stores `count` of the first vector's elements of each of the tile's rows.
static void store_rows(const martlet_grid *g, const float *tile, int64_t tile_pitch, int64_t rows, int64_t count, float *to) {
    int64_t plane = g->target_height * g->target_width;
    for (int64_t m = 0; m < rows; m++, to += plane, tile += tile_pitch) {
        if (g->step_x == 1) {
            if (count == lanes) STORE(to, LOAD(tile));
            else memcpy(to, tile, (size_t)count * sizeof(float));
        } else {
            for (int64_t i = 0; i < count; i++) to[i * g->step_x] = tile[i];
        }
    }
}

void martlet_direct_products(const martlet_grid *g, const float *source, const float *packed, float *target,
                             int64_t item, float *scratch) {
    padded_layout l = lay_out(g, direct_floats);
    tile_shape shape = choose_tile();
    int64_t bands = (g->rows + l.band - 1) / l.band, band = item % bands, group = item / bands % g->groups;
    int64_t image = item / bands / g->groups, first = band * l.band, last = smaller(g->rows, first + l.band);
    int64_t k_count = g->taps * g->channels, panels = martlet_grid_panels(g->outputs);
    int64_t plane = g->target_height * g->target_width;

    copy_band(g, &l, source + (image * g->groups + group) * g->channels * g->height * g->width,
                first * g->source_step_y + l.first_tap_y, scratch);
    int32_t *offsets = (int32_t *)(scratch + g->channels * l.plane_pitch + 2 * lanes);
    find_offsets(g, &l, 0, k_count, offsets);

    int64_t row_distance = g->source_step_y * l.row_pitch;
    const float *weights = packed + group * g->outputs * k_count;
    for (int64_t panel = 0; panel < panels; panel++) {
        int64_t first_output = panel_start(g->outputs, panels, panel);
        int64_t rows = panel_start(g->outputs, panels, panel + 1) - first_output;
        float *out = target + ((image * g->groups + group) * g->outputs + first_output) * plane;
        for (int64_t j = 0; j < g->columns;) {
            int64_t left = g->columns - j;
            // A vector of two rows, two vectors of a row, or one of each.
            int64_t tall = shape.vectors == 2 && left <= lanes ? 2 : 1;
            int64_t wide = shape.vectors / tall;
            for (int64_t i = first; i < last; i += tall) {
                float tile[most_rows * 2 * lanes];
                const float *from = scratch + (i - first) * row_distance + j;
                if (shape.vectors == 2)
                    direct_two(rows, k_count, weights + first_output * k_count, from, offsets,
                               tall == 2 ? row_distance : lanes, tile);
                else
                    direct_one(rows, k_count, weights + first_output * k_count, from, offsets, 0, tile);
                for (int64_t v = 0; v < shape.vectors; v++) {
                    int64_t y = i + (tall == 2 ? v : 0), x = j + (tall == 2 ? 0 : v * lanes);
                    if (y >= last || x >= g->columns) continue;
                    store_rows(g, tile + v * lanes, shape.vectors * lanes, rows, smaller(lanes, g->columns - x),
                               out + (g->first_y + y * g->step_y) * g->target_width + g->first_x + x * g->step_x);
                }
            }
            j += wide * lanes;
        }
    }
}
