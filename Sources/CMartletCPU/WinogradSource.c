#include "WinogradTiles.h"

// A channel's part of the source is copied with zeros around it, split into the columns of the tiles (every `tile`-th
// element from each of `side` first ones on), whole rows of tiles behind each other, and transformed 16 tiles at a time.

// Rows of tiles of one image that are split at a time, and channels whose values are written side by side.
enum { bands = 8, together = 16 };

static int64_t padded_pitch(const martlet_winograd *w, int64_t columns) {
    return round_up(w->tile * round_up(columns, lanes) + winograd_side(w), lanes) + lanes;
}

static int64_t split_pitch(const martlet_winograd *w, int64_t columns) {
    return round_up((bands + (winograd_side(w) - 1) / w->tile) * columns, lanes) + 3 * lanes;
}

int64_t martlet_winograd_source_scratch(const martlet_winograd *w, int64_t columns) {
    int64_t rows = w->tile * bands + winograd_side(w);
    return rows * padded_pitch(w, columns) + winograd_side(w) * w->tile * split_pitch(w, columns);
}

MARTLET_INLINE void fill_vectors(float *to, int64_t count) {
    for (int64_t i = 0; i < count; i += lanes) STORE(to + i, (lane_vector){0});
}

// Rows [y, y + rows) by columns [x, x + length), zeros where the plane ends; rows are copied in order and may spoil 15 elements
// behind.
MARTLET_INLINE void pad_rows(const martlet_winograd *w, const float *plane, const float *limit, int64_t y, int64_t rows,
                             int64_t x, int64_t length, int64_t pitch, float *to) {
    int64_t begin = smaller(larger(-x, 0), length), end = smaller(larger(w->width - x, begin), length);
    for (int64_t r = 0; r < rows; r++, to += pitch) {
        if (y + r < 0 || y + r >= w->height) {
            fill_vectors(to, length);
            continue;
        }
        const float *row = plane + (y + r) * w->width + x;
        fill_vectors(to, begin);
        if (row + begin + round_up(end - begin, lanes) <= limit) {
            for (int64_t i = begin; i < end; i += lanes) {
                look_ahead(row + i, w->height * w->width);
                STORE(to + i, LOAD(row + i));
            }
        } else {
            for (int64_t i = begin; i < end; i++) to[i] = row[i];
        }
        fill_vectors(to + end, length - end);
    }
}


// columns[j][t] = row[t * tile + j].
MARTLET_INLINE void split_row(const int tile, const int side, const float *row, int64_t columns, int64_t distance, float *to) {
    for (int64_t t = 0; t < columns; t += lanes) {
        const float *in = row + t * tile;
        MARTLET_UNROLL for (int j = 0; j < side; j += tile) {
            if (tile == 2) {
                lane_vector a = LOAD(in + j), b = LOAD(in + j + lanes);
                STORE(to + j * distance + t, EVEN_LANES(a, b));
                STORE(to + (j + 1) * distance + t, ODD_LANES(a, b));
            } else {
                lane_vector a = LOAD(in + j), b = LOAD(in + j + lanes), c = LOAD(in + j + 2 * lanes);
                lane_vector d = LOAD(in + j + 3 * lanes);
                lane_vector low_even = EVEN_LANES(a, b), low_odd = ODD_LANES(a, b), high_even = EVEN_LANES(c, d), high_odd = ODD_LANES(c, d);
                STORE(to + j * distance + t, EVEN_LANES(low_even, high_even));
                STORE(to + (j + 1) * distance + t, EVEN_LANES(low_odd, high_odd));
                if (j + 2 < side) {
                    STORE(to + (j + 2) * distance + t, ODD_LANES(low_even, high_even));
                    STORE(to + (j + 3) * distance + t, ODD_LANES(low_odd, high_odd));
                }
            }
        }
    }
}


MARTLET_INLINE void transform_tiles(const int tile, const int side, const float *split, int64_t row_distance,
                                    int64_t split_distance, int64_t columns, int64_t count, int64_t distance, float *values) {
    for (int64_t t = 0; t < count; t += lanes) {
        lane_vector x[most_products];
        MARTLET_UNROLL for (int j = 0; j < side; j++)
            MARTLET_UNROLL for (int r = 0; r < side; r++)
                x[r * side + j] = LOAD(split + j * split_distance + (r % tile) * row_distance + (r / tile) * columns + t);
        MARTLET_UNROLL for (int j = 0; j < side; j++) transform_source(side, x + j, side);
        MARTLET_UNROLL for (int r = 0; r < side; r++) transform_source(side, x + r * side, 1);
        MARTLET_UNROLL for (int i = 0; i < side * side; i++) STORE(values + i * distance + t, x[i]);
    }
}

MARTLET_INLINE void transform_block(const int tile, const int side, const martlet_winograd *w, const float *source,
                                    int64_t group, int64_t first, int64_t last, const tile_block *block, int64_t pitch,
                                    int64_t distance, float *values, float *scratch) {
    int64_t plane = w->height * w->width, columns = block->last_column - block->first_column;
    int64_t padded = padded_pitch(w, columns), row_distance = split_pitch(w, columns), split_distance = tile * row_distance;
    float *split = scratch + (tile * bands + side) * padded;
    const float *limit = source + w->images * w->groups * w->channels * plane;
    for (int64_t begin = first; begin < last; begin += together, values += together * pitch) {
        int64_t end = smaller(last, begin + together);
        float *to = values;
        for (int64_t row = block->first_row; row < block->last_row;) {
            int64_t image = row / w->tiles_y, ty = row % w->tiles_y;
            int64_t rows = smaller(smaller(bands, w->tiles_y - ty), block->last_row - row);
            int64_t count = rows * tile + side - tile;
            const float *from = source + ((image * w->groups + group) * w->channels + begin) * plane;
            for (int64_t channel = begin; channel < end; channel++, from += plane) {
                pad_rows(w, from, limit, w->top + ty * tile, count, w->left + block->first_column * tile,
                         columns * tile + side - tile, padded, scratch);
                for (int64_t r = 0; r < count; r++)
                    split_row(tile, side, scratch + r * padded, columns, split_distance,
                              split + r % tile * row_distance + r / tile * columns);
                transform_tiles(tile, side, split, row_distance, split_distance, columns, rows * columns, distance,
                                to + (channel - begin) * pitch);
            }
            to += rows * columns;
            row += rows;
        }
    }
}

MARTLET_CLONES
void martlet_winograd_transform_source(const martlet_winograd *w, const float *source, int64_t group, int64_t first,
                                       int64_t last, const tile_block *block, int64_t pitch, int64_t distance, float *values,
                                       float *scratch) {
    if (w->tile == 4) transform_block(4, 6, w, source, group, first, last, block, pitch, distance, values, scratch);
    else if (w->kernel == 5) transform_block(2, 6, w, source, group, first, last, block, pitch, distance, values, scratch);
    else transform_block(2, 4, w, source, group, first, last, block, pitch, distance, values, scratch);
}
