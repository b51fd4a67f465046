#include "WinogradImages.h"

// A task transforms a block of tiles for all channels, multiplies the values of each product by its weights, and turns the
// products of each output channel into its tiles of the target.

// Output channels whose products are kept at a time; more where values are packed anew for each.
enum { output_chunk = 128, output_chunk_of_parts = 256 };

typedef struct {
    int64_t tiles, pitch, value_distance, product_distance, chunk_panels, stage, parts;
} block_layout;

static block_layout lay_out_block(const martlet_winograd *w) {
    block_layout l = {.tiles = winograd_block_tiles(w)};
    l.pitch = tile_pitch(l.tiles);
    l.value_distance = product_pitch(w->channels, l.pitch);
    int64_t rows = winograd_panel_rows(w), chunk = w->splits ? output_chunk_of_parts : output_chunk;
    l.chunk_panels = smaller(martlet_winograd_panels(w), larger(1, chunk / rows));
    l.product_distance = product_pitch(l.chunk_panels * rows, l.pitch);
    l.stage = round_up(w->tile * round_up(l.tiles, lanes), lanes);
    l.parts = w->splits ? martlet_amx_panels(l.tiles) * martlet_amx_panel_floats(w->channels) : 0;
    return l;
}

static int64_t block_columns(const martlet_winograd *w) { return (w->tiles_x + w->column_blocks - 1) / w->column_blocks; }

int64_t martlet_winograd_scratch(const martlet_winograd *w) {
    if (w->by_images) return martlet_winograd_image_scratch(w);
    block_layout l = lay_out_block(w);
    int64_t side = winograd_side(w);
    return round_up(side * side * (l.value_distance + l.product_distance) + w->tile * l.stage + lanes + l.parts
                    + martlet_winograd_source_scratch(w, block_columns(w)), lanes);
}

MARTLET_INLINE void multiply_tile(const int rows, const int vectors, int64_t count, const float *weights, const float *values,
                                  int64_t pitch, float *products, int64_t product_pitch) {
    lane_vector sum[most_rows][2];
    MARTLET_UNROLL for (int m = 0; m < rows; m++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[m][v] = (lane_vector){0};
    const float *in = values;
    MARTLET_UNROLL_FOUR
    for (int64_t k = 0; k < count; k++) {
        lane_vector value[2];
        // With one vector the asking takes longer than the waiting.
        if (vectors == 2) MARTLET_UNROLL for (int v = 0; v < vectors; v++) look_ahead(in + v * lanes, 8 * pitch);
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) value[v] = LOAD(in + v * lanes);
        MARTLET_UNROLL for (int m = 0; m < rows; m++)
            MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[m][v] += weights[m] * value[v];
        weights += rows;
        in += pitch;
    }
    MARTLET_UNROLL for (int m = 0; m < rows; m++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) STORE(products + m * product_pitch + v * lanes, sum[m][v]);
}

#define TILE(rows) case rows: multiply_tile(rows, vectors, count, weights, values, pitch, products, product_pitch); break;
#define FAMILY(name, most, vector_count)                                                                    \
    MARTLET_CLONES                                                                                          \
    static void name(int64_t rows, int64_t count, const float *weights, const float *values, int64_t pitch, \
                     float *products, int64_t product_pitch) {                                              \
        enum { vectors = vector_count };                                                                    \
        switch (rows) { MARTLET_ROWS_##most(TILE) default: break; }                                         \
    }

FAMILY(multiply_two, 14, 2)
FAMILY(multiply_one, 14, 1)

void martlet_winograd_multiply(int64_t vectors, int64_t rows, int64_t count, const float *weights, const float *values,
                               int64_t value_pitch, float *products, int64_t product_pitch) {
    (vectors == 2 ? multiply_two : multiply_one)(rows, count, weights, values, value_pitch, products, product_pitch);
}

int martlet_winograd_multiply_parts(const martlet_winograd *w, int64_t first_panel, int64_t last_panel, const float *weights,
                                    const float *values, int64_t count, float *products, int64_t pitch) {
    int64_t panels = martlet_winograd_panels(w), floats = martlet_amx_panel_floats(w->channels), finite = 1;
    int64_t first = panel_start(w->outputs, panels, first_panel), asked = martlet_amx_steps(w->channels) * martlet_amx_asked_floats;
    // In this order the rows that a product spoils are computed after it.
    for (int64_t panel = first_panel; panel < last_panel; panel++) {
        int64_t output = panel_start(w->outputs, panels, panel), rows = panel_start(w->outputs, panels, panel + 1) - output;
        float *to = products + (output - first) * pitch;
        const float *given = weights + (panel - first_panel) * floats, *ahead = given + floats;
        for (int64_t q = 0; q * martlet_amx_side < count; q++, ahead += asked)
            finite &= martlet_amx_multiply(given, values + q * floats, rows,
                                           smaller(martlet_amx_side, count - q * martlet_amx_side), w->channels, ahead,
                                           to + q * martlet_amx_side, pitch);
    }
    return (int)finite;
}

#define INTERLEAVE_LOW(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVE_HIGH(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// One output channel's products to rows of its tiles: stage[row][tile * w + column]. Whether all of it is finite.
MARTLET_INLINE int finish_tiles(const int tile, const int side, const float *products, int64_t distance, int64_t tiles,
                                int64_t stage_pitch, float *stage) {
    const lane_integers lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    lane_vector check = {0};
    for (int64_t t = 0; t < tiles; t += lanes) {
        lane_vector x[most_products], half[most_tile * most_side], y[most_tile * most_tile];
        MARTLET_UNROLL for (int i = 0; i < side * side; i++) x[i] = LOAD(products + i * distance + t);
        MARTLET_UNROLL for (int j = 0; j < side; j++) transform_products(tile, side, x + j, side, half + j, side);
        MARTLET_UNROLL for (int i = 0; i < tile; i++) transform_products(tile, side, half + i * side, 1, y + i * tile, 1);
        lane_vector odd = {0};
        MARTLET_UNROLL for (int i = 0; i < tile * tile; i++) odd += 0.0f * y[i];
        // What lies behind the last tile may be anything.
        check += (lane_vector)((lane_integers)odd & (lane < (int32_t)smaller(tiles - t, lanes)));
        MARTLET_UNROLL for (int i = 0; i < tile; i++) {
            float *to = stage + i * stage_pitch + t * tile;
            lane_vector *row = y + i * tile;
            if (tile == 2) {
                STORE(to, INTERLEAVE_LOW(row[0], row[1]));
                STORE(to + lanes, INTERLEAVE_HIGH(row[0], row[1]));
            } else {
                lane_vector low_even = INTERLEAVE_LOW(row[0], row[2]), high_even = INTERLEAVE_HIGH(row[0], row[2]);
                lane_vector low_odd = INTERLEAVE_LOW(row[1], row[3]), high_odd = INTERLEAVE_HIGH(row[1], row[3]);
                STORE(to, INTERLEAVE_LOW(low_even, low_odd));
                STORE(to + lanes, INTERLEAVE_HIGH(low_even, low_odd));
                STORE(to + 2 * lanes, INTERLEAVE_LOW(high_even, high_odd));
                STORE(to + 3 * lanes, INTERLEAVE_HIGH(high_even, high_odd));
            }
        }
    }
    return lane_sum(&check) == 0;
}

MARTLET_CLONES
static int finish_outputs(const martlet_winograd *w, const martlet_winograd_range *range, const float *products,
                          int64_t pitch, int64_t distance, int64_t first, int64_t last, int64_t stage_pitch, float *stage,
                          float *target) {
    int64_t columns = range->last_column - range->first_column, tiles = (range->last_row - range->first_row) * columns;
    int64_t x = range->first_column * w->tile, width = smaller(columns * w->tile, w->columns - x);
    int finite = 1;
    for (int64_t output = first; output < last; output++, products += pitch) {
        if (w->tile == 4) finite &= finish_tiles(4, 6, products, distance, tiles, stage_pitch, stage);
        else if (w->kernel == 5) finite &= finish_tiles(2, 6, products, distance, tiles, stage_pitch, stage);
        else finite &= finish_tiles(2, 4, products, distance, tiles, stage_pitch, stage);
        int64_t image = range->first_row / w->tiles_y, ty = range->first_row % w->tiles_y;
        const float *from = stage;
        for (int64_t row = range->first_row; row < range->last_row; row++, from += columns * w->tile) {
            int64_t y = ty * w->tile, height = smaller(w->tile, w->rows - y);
            float *to = target + (((image * w->groups + range->group) * w->outputs + output) * w->rows + y) * w->columns + x;
            for (int64_t r = 0; r < height; r++) copy_exact(to + r * w->columns, from + r * stage_pitch, width);
            if (++ty == w->tiles_y) { ty = 0; image++; }
        }
    }
    return finite;
}

int32_t martlet_winograd_products(const martlet_winograd *w, const float *source, const martlet_winograd_weights *weights,
                                  const float *packed, const float *shared, float *target, int64_t task, float *scratch) {
    if (w->by_images) return martlet_winograd_image_products(w, source, weights, packed, shared, target, task, scratch);
    martlet_winograd_range range = martlet_winograd_task_range(w, task);
    block_layout l = lay_out_block(w);
    int64_t side = winograd_side(w), count = side * side, panels = martlet_winograd_panels(w), part = task % w->parts;
    int64_t panel_pitch = winograd_panel_pitch(w), width = choose_tile().vectors * lanes;
    float *parts = scratch, *values = parts + l.parts, *products = values + count * l.value_distance;
    float *stage = products + count * l.product_distance, *rest = stage + w->tile * l.stage + lanes;

    tile_block block = {range.first_row, range.last_row, range.first_column, range.last_column};
    int64_t tiles = (block.last_row - block.first_row) * (block.last_column - block.first_column);
    martlet_winograd_transform_source(w, source, range.group, 0, w->channels, &block, l.pitch, l.value_distance, values, rest);

    const float *group_weights = packed + range.group * count * panels * panel_pitch;
    int64_t first_panel = panel_start(panels, w->parts, part), last_panel = panel_start(panels, w->parts, part + 1);
    int finite = 1;
    if (w->splits) martlet_amx_begin();
    for (int64_t begin = first_panel; begin < last_panel; begin += l.chunk_panels) {
        int64_t end = smaller(last_panel, begin + l.chunk_panels), first = panel_start(w->outputs, panels, begin);
        for (int64_t i = 0; i < count; i++) {
            const float *product_values = values + i * l.value_distance;
            if (w->splits) {
                martlet_amx_pack_lanes(product_values, 1, l.pitch, tiles, w->channels, parts);
                finite &= martlet_winograd_multiply_parts(w, begin, end, group_weights + (i * panels + begin) * panel_pitch, parts,
                                                          tiles, products + i * l.product_distance, l.pitch);
                continue;
            }
            for (int64_t panel = begin; panel < end; panel++) {
                int64_t output = panel_start(w->outputs, panels, panel);
                int64_t rows = panel_start(w->outputs, panels, panel + 1) - output;
                const float *panel_weights = group_weights + (i * panels + panel) * panel_pitch;
                float *to = products + i * l.product_distance + (output - first) * l.pitch;
                int64_t t = 0;
                if (width == 2 * lanes)
                    for (; t + lanes < tiles; t += width)
                        multiply_two(rows, w->channels, panel_weights, product_values + t, l.pitch, to + t, l.pitch);
                for (; t < tiles; t += lanes)
                    multiply_one(rows, w->channels, panel_weights, product_values + t, l.pitch, to + t, l.pitch);
            }
        }
        finite &= finish_outputs(w, &range, products, l.pitch, l.product_distance, first,
                                 panel_start(w->outputs, panels, end), l.stage, stage, target);
    }
    if (w->splits) martlet_amx_end();
    return !finite;
}
