#include "WinogradGradient.h"

// F(kernel, tile) with the transposed transforms: of each product, the values of the source (rows of channels) times those of
// the gradient (vectors of outputs), summed over the tiles; at the end the sums are turned into taps.

typedef struct {
    int64_t columns, column_blocks, rows;   // of a block, at most
    int64_t tiles, pitch, value_distance, output_pitch, gradient_distance, sum_distance, stage_pitch;
} gradient_layout;

static gradient_layout lay_out_gradient(const martlet_winograd *w, int64_t channels) {
    int64_t most = gradient_tiles();
    gradient_layout l = {.column_blocks = (w->tiles_x + most - 1) / most};
    l.columns = (w->tiles_x + l.column_blocks - 1) / l.column_blocks;
    l.rows = smaller(w->images * w->tiles_y, larger(1, most / l.columns));
    l.tiles = l.rows * l.columns;
    l.pitch = tile_pitch(l.tiles);
    l.value_distance = product_pitch(channels, l.pitch);
    l.output_pitch = martlet_weight_gradient_pitch(w->outputs);
    l.gradient_distance = product_pitch(l.output_pitch, l.tiles);
    l.sum_distance = product_pitch(channels, l.output_pitch);
    l.stage_pitch = round_up(w->tile * l.columns, lanes) * lanes;
    return l;
}

int64_t martlet_winograd_gradient_scratch(const martlet_winograd *w, int64_t channels) {
    if (w->by_images) return martlet_winograd_image_gradient_scratch(w, channels);
    gradient_layout l = lay_out_gradient(w, channels);
    int64_t side = winograd_side(w);
    return round_up(side * side * (l.value_distance + l.gradient_distance + l.sum_distance) + w->tile * l.stage_pitch
                    + martlet_winograd_source_scratch(w, l.columns), lanes)
           + martlet_winograd_gradient_parts(w, channels, martlet_amx_steps(l.tiles));
}

// stage[x][output] for `count` columns of one row and 16 outputs, zeros outside of the gradient.
MARTLET_INLINE void transpose_row(const float *row, const float *limit, int64_t plane, int64_t outputs, int64_t width,
                                  int64_t count, float *stage) {
    int64_t x = 0;
    for (; x < width; x += lanes) {
        lane_vector part[lanes];
        for (int64_t m = 0; m < lanes; m++) {
            const float *in = row + smaller(m, outputs - 1) * plane + x;
            if (in + lanes <= limit) {
                look_ahead(in, lanes * plane);
                part[m] = LOAD(in);
            } else {
                float rest[lanes] = {0};
                for (int64_t i = 0; i < smaller(lanes, width - x); i++) rest[i] = in[i];
                part[m] = LOAD(rest);
            }
        }
        transpose_lanes(part);
        for (int i = 0; i < lanes; i++) STORE(stage + (x + i) * lanes, part[i]);
    }
    for (x = width; x < count; x++) STORE(stage + x * lanes, (lane_vector){0});
}

MARTLET_INLINE void transform_gradient_tiles(const int tile, const int side, const float *stage, int64_t stage_pitch,
                                             int64_t columns, int64_t pitch, int64_t distance, float *values) {
    for (int64_t t = 0; t < columns; t++, stage += tile * lanes, values += pitch) {
        lane_vector x[most_tile * most_tile], half[most_side * most_tile], y[most_products];
        MARTLET_UNROLL for (int r = 0; r < tile; r++)
            MARTLET_UNROLL for (int j = 0; j < tile; j++) x[r * tile + j] = LOAD(stage + r * stage_pitch + j * lanes);
        MARTLET_UNROLL for (int j = 0; j < tile; j++) transform_outputs(tile, side, x + j, tile, half + j, tile);
        MARTLET_UNROLL for (int r = 0; r < side; r++) transform_outputs(tile, side, half + r * tile, 1, y + r * side, 1);
        MARTLET_UNROLL for (int i = 0; i < side * side; i++) STORE(values + i * distance, y[i]);
    }
}

// The panels of a product's values are one or two vectors of outputs wide: [panel][tile][output].
static int64_t panel_width(const gradient_layout *l, int64_t output) {
    return choose_tile().vectors == 2 && l->output_pitch - output > lanes ? 2 * lanes : lanes;
}

MARTLET_CLONES
static void transform_gradient_rows(const martlet_winograd *w, const gradient_layout *l, const float *gradient, int64_t group,
                                    const tile_block *block, int64_t tiles, float *values, float *stage) {
    int64_t plane = w->rows * w->columns, columns = block->last_column - block->first_column;
    int64_t x = block->first_column * w->tile, width = smaller(columns * w->tile, w->columns - x);
    const float *limit = gradient + w->images * w->groups * w->outputs * plane;
    for (int64_t row = block->first_row; row < block->last_row; row++) {
        int64_t image = row / w->tiles_y, y = row % w->tiles_y * w->tile, t = (row - block->first_row) * columns;
        for (int64_t output = 0; output < w->outputs; output += lanes) {
            const float *from = gradient + ((image * w->groups + group) * w->outputs + output) * plane + y * w->columns + x;
            for (int64_t r = 0; r < w->tile; r++)
                transpose_row(from + r * w->columns, limit, plane, smaller(lanes, w->outputs - output),
                              y + r < w->rows ? width : 0, columns * w->tile, stage + r * l->stage_pitch);
            int64_t panel = choose_tile().vectors == 2 ? output / (2 * lanes) * (2 * lanes) : output;
            int64_t pitch = panel_width(l, panel);
            float *to = values + panel * tiles + t * pitch + (output - panel);
            if (w->tile == 4)
                transform_gradient_tiles(4, 6, stage, l->stage_pitch, columns, pitch, l->gradient_distance, to);
            else if (w->kernel == 5)
                transform_gradient_tiles(2, 6, stage, l->stage_pitch, columns, pitch, l->gradient_distance, to);
            else
                transform_gradient_tiles(2, 4, stage, l->stage_pitch, columns, pitch, l->gradient_distance, to);
        }
    }
}

int64_t martlet_winograd_gradient_items(const martlet_winograd *w) {
    return w->by_images ? image_groups(w) * martlet_winograd_gradient_blocks(w) : w->images * w->tiles_y;
}

MARTLET_INLINE void outer_step(const int rows, const int vectors, const float *values, int64_t pitch, const float *gradient,
                               lane_vector sum[][2]) {
    lane_vector d[2];
    MARTLET_UNROLL for (int v = 0; v < vectors; v++) d[v] = LOAD(gradient + v * lanes);
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += values[r * pitch] * d[v];
}

MARTLET_INLINE void outer_tile(const int rows, const int vectors, int64_t count, const float *values, int64_t pitch,
                               const float *gradient, float *sums, int64_t sum_pitch, int accumulate) {
    lane_vector sum[most_rows][2];
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = (lane_vector){0};
    // Four steps of more rows would need more addresses than there are registers for.
    if (rows > 6) {
        for (int64_t t = 0; t < count; t++) outer_step(rows, vectors, values + t, pitch, gradient + t * vectors * lanes, sum);
    } else {
        MARTLET_UNROLL_FOUR
        for (int64_t t = 0; t < count; t++) outer_step(rows, vectors, values + t, pitch, gradient + t * vectors * lanes, sum);
    }
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) {
            float *to = sums + r * sum_pitch + v * lanes;
            if (accumulate) sum[r][v] += LOAD(to);
            STORE(to, sum[r][v]);
        }
}

#define OUTER(rows) case rows: outer_tile(rows, vectors, count, values, pitch, gradient, sums, sum_pitch, accumulate); break;
#define FAMILY(name, most, vector_count)                                                                                  \
    MARTLET_CLONES                                                                                                        \
    static void name(int64_t rows, int64_t count, const float *values, int64_t pitch, const float *gradient, float *sums, \
                     int64_t sum_pitch, int accumulate) {                                                                 \
        enum { vectors = vector_count };                                                                                  \
        switch (rows) { MARTLET_ROWS_##most(OUTER) default: break; }                                                      \
    }

FAMILY(outer_two, 14, 2)
FAMILY(outer_one, 14, 1)

static outer_product outer_of_tiles(int64_t tiles, int64_t pitch) {
    outer_product p = {.value_pitch = pitch, .tiles = tiles, .pieces = martlet_amx_steps(tiles)};
    for (int64_t i = 0; i < p.pieces; i++) {
        int64_t first = i * martlet_amx_depth;
        p.piece[i] = (outer_piece){first, smaller(martlet_amx_depth, tiles - first), first};
    }
    return p;
}

int32_t martlet_winograd_gradient(const martlet_winograd *w, const float *source, const float *gradient, float *partial,
                                  int64_t group, int64_t first_channel, int64_t last_channel, int64_t first_item,
                                  int64_t last_item, float *scratch) {
    if (w->by_images)
        return martlet_winograd_image_gradient(w, source, gradient, partial, group, first_channel, last_channel, first_item,
                                               last_item, scratch);
    int64_t channels = last_channel - first_channel, side = winograd_side(w), products = side * side;
    gradient_layout l = lay_out_gradient(w, channels);
    int splits = martlet_winograd_gradient_splits(w, channels), finite = 1;
    float *parts = scratch, *values = parts + martlet_winograd_gradient_parts(w, channels, martlet_amx_steps(l.tiles));
    float *gradients = values + products * l.value_distance, *sums = gradients + products * l.gradient_distance;
    float *stage = sums + products * l.sum_distance, *rest = stage + w->tile * l.stage_pitch;
    int most = choose_tile().vectors == 2 ? choose_tile().rows : 6;
    int64_t panels = (channels + most - 1) / most;
    int accumulate = 0;
    if (splits) martlet_amx_begin();
    for (int64_t row = first_item; row < last_item; row += l.rows)
        for (int64_t column = 0; column < l.column_blocks; column++, accumulate = 1) {
            tile_block block = {row, smaller(last_item, row + l.rows), panel_start(w->tiles_x, l.column_blocks, column),
                                panel_start(w->tiles_x, l.column_blocks, column + 1)};
            int64_t tiles = (block.last_row - block.first_row) * (block.last_column - block.first_column);
            martlet_winograd_transform_source(w, source, group, first_channel, last_channel, &block, l.pitch,
                                              l.value_distance, values, rest);
            transform_gradient_rows(w, &l, gradient, group, &block, tiles, gradients, stage);
            for (int64_t i = 0; splits && i < products; i++) {
                outer_product p = outer_of_tiles(tiles, l.pitch);
                p.values = values + i * l.value_distance, p.gradient = gradients + i * l.gradient_distance;
                p.channels = channels, p.outputs = w->outputs, p.adds = accumulate;
                finite &= martlet_winograd_outer_parts(&p, sums + i * l.sum_distance, l.output_pitch, parts);
            }
            for (int64_t i = 0; !splits && i < products; i++)
                for (int64_t output = 0; output < l.output_pitch;) {
                    int64_t width = panel_width(&l, output);
                    for (int64_t panel = 0; panel < panels; panel++) {
                        int64_t channel = panel_start(channels, panels, panel);
                        int64_t rows = panel_start(channels, panels, panel + 1) - channel;
                        (width == 2 * lanes ? outer_two : outer_one)(
                            rows, tiles, values + i * l.value_distance + channel * l.pitch, l.pitch,
                            gradients + i * l.gradient_distance + output * tiles,
                            sums + i * l.sum_distance + channel * l.output_pitch + output, l.output_pitch, accumulate);
                    }
                    output += width;
                }
        }
    if (splits) martlet_amx_end();
    return !finite || !martlet_winograd_finish_taps(w, channels, l.output_pitch, sums, l.sum_distance,
                                                    partial + first_channel * l.output_pitch);
}
