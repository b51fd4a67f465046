#ifndef MARTLET_ATTENTION_TILES_H
#define MARTLET_ATTENTION_TILES_H

#include <math.h>
#include <string.h>

#include "Attention.h"
#include "Lanes.h"
#include "MatmulTile.h"
#include "Random.h"
#include "Transpose.h"

// Rows of a block that are multiplied with the lanes before the next ones: a multiple of every tile's height.
enum { attention_rows = 112, attention_most_lanes = 32, draw_words = 64 };

static inline int64_t padded_to_lanes(int64_t n) { return (n + lanes - 1) / lanes * lanes; }

static inline float *head_rows(const martlet_heads *h, int64_t batch, int64_t head, int64_t row) {
    return h->base + batch * h->step[0] + head * h->step[1] + row * h->step[2];
}

static inline float quiet_infinity(void) { return (float)INFINITY; }

// How many keys a query sees, the mask apart.
static inline int64_t keys_seen(const martlet_attention *a, int64_t batch, int64_t query) {
    int64_t seen = a->keys;
    if (a->lengths) seen = smaller(seen, larger(a->lengths[batch], 0));
    if (a->is_causal) seen = smaller(seen, larger(query + a->causal_offset + 1, 0));
    return seen;
}

static inline float mask_value(const martlet_attention *a, int64_t at) {
    if (a->mask_kind == martlet_mask_added) return ((const float *)a->mask)[at];
    return ((const int32_t *)a->mask)[at] ? 0.0f : -quiet_infinity();
}

// What a query's weights of keys [first, first + count) are multiplied by; `buffer` has room for count + 2 * draw_words.
static inline const float *kept_weights(const martlet_attention *a, int64_t batch, int64_t head, int64_t query, int64_t first,
                                        int64_t count, float *buffer) {
    martlet_draw draw = {martlet_random_bernoulli, a->kept, 1 / a->kept, a->seed, a->stream};
    int64_t at = ((batch * a->heads + head) * a->queries + query) * a->keys + first, begin = at / draw_words * draw_words;
    martlet_random(&draw, begin, at + count, buffer, 0);
    return buffer + (at - begin);
}

// Two where the registers hold high tiles of them.
static inline int64_t vectors_of_a_tile(void) { return martlet_tile_height(2) >= 8 ? 2 : 1; }

// A product of any number of rows, by tiles of even heights. A row's bits do not depend on the others.
static inline void multiply_rows(int64_t rows, int64_t vectors, int64_t depth, const float *left, int64_t left_step,
                                 int32_t is_deep, const float *right, int64_t right_step, float *to, int64_t pitch,
                                 int32_t accumulates) {
    int64_t most = martlet_tile_height(vectors), tiles = (rows + most - 1) / most;
    martlet_tile_lanes panel = {right, right_step, 0};
    for (int64_t tile = 0, row = 0; tile < tiles; tile++) {
        int64_t height = (rows - row + tiles - tile - 1) / (tiles - tile);
        martlet_tile_rows block = {left + row * (is_deep ? left_step : 1), left_step, is_deep};
        martlet_tile_multiply(height, vectors, depth, &block, &panel, to + row * pitch, pitch, accumulates);
        row += height;
    }
}

// The same for any whole number of vectors, as many at a time as a tile of `vectors` has.
static inline void multiply_wide_rows(int64_t rows, int64_t columns, int64_t vectors, int64_t depth, const float *left,
                                      int64_t left_step, int32_t is_deep, const float *right, int64_t right_step, float *to,
                                      int64_t pitch, int32_t accumulates) {
    for (int64_t c = 0; c < columns;) {
        int64_t wide = smaller(vectors, (columns - c) / lanes);
        multiply_rows(rows, wide, depth, left, left_step, is_deep, right + c, right_step, to + c, pitch, accumulates);
        c += wide * lanes;
    }
}

// Column c of `count` rows to to[c * pitch ...], a row a lane; zeros in the lanes beyond.
MARTLET_INLINE void rows_to_lanes(const float *rows, int64_t step, int64_t count, int64_t width, int64_t pitch, float *to) {
    for (int64_t group = 0; group < pitch; group += lanes)
        for (int64_t c = 0; c < width; c += lanes) {
            const float *from = rows + group * step + c;
            float *out = to + c * pitch + group;
            if (group + lanes <= count && c + lanes <= width) {
                transpose_block(from, step, out, pitch);
                continue;
            }
            for (int64_t n = 0; n < smaller(lanes, width - c); n++)
                for (int64_t i = 0; i < lanes; i++) out[n * pitch + i] = group + i < count ? from[i * step + n] : 0;
        }
}

// Rows as vectors read and write them: where they lie if their width is a multiple of the lanes, else in memory of their own.
typedef struct {
    float *base;
    int64_t step;
} whole_rows;

static inline int is_whole(int64_t width) { return width % lanes == 0; }

static inline whole_rows rows_as_whole(float *rows, int64_t step, int64_t width, float *own) {
    return is_whole(width) ? (whole_rows){rows, step} : (whole_rows){own, padded_to_lanes(width)};
}

static inline void copy_rows(const float *from, int64_t step, int64_t count, int64_t width, float *to, int64_t pitch) {
    for (int64_t i = 0; i < count; i++) memcpy(to + i * pitch, from + i * step, (size_t)width * sizeof *to);
}

// As `rows_as_whole`, with the rows in it, filled up with zeros.
static inline whole_rows filled_rows(float *rows, int64_t step, int64_t count, int64_t width, float *own) {
    whole_rows filled = rows_as_whole(rows, step, width, own);
    if (is_whole(width)) return filled;
    memset(own, 0, (size_t)(count * filled.step) * sizeof *own);
    copy_rows(rows, step, count, width, own, filled.step);
    return filled;
}

static inline void clear_rows(const whole_rows *rows, int64_t count, int64_t padded) {
    for (int64_t i = 0; i < count; i++) memset(rows->base + i * rows->step, 0, (size_t)padded * sizeof(float));
}

#endif
