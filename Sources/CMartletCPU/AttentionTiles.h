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

// Column c of `count` rows to to[c * pitch ...], a row a lane; zeros in the lanes beyond.
MARTLET_INLINE void rows_to_lanes(const float *rows, int64_t step, int64_t count, int64_t width, int64_t pitch, float *to) {
    for (int64_t group = 0; group < pitch; group += lanes)
        for (int64_t c = 0; c < width; c += lanes) {
            lane_vector v[lanes];
            int64_t part = smaller(lanes, width - c);
            for (int64_t i = 0; i < lanes; i++) {
                const float *from = rows + (group + i) * step + c;
                float piece[lanes] = {0};
                if (group + i < count) memcpy(piece, from, (size_t)part * sizeof *piece);
                v[i] = LOAD(piece);
            }
            transpose_lanes(v);
            for (int64_t n = 0; n < part; n++) STORE(to + (c + n) * pitch + group, v[n]);
        }
}

// The way back, each lane times its factor.
MARTLET_INLINE void lanes_to_rows(const float *from, int64_t pitch, const float *factors, int64_t count, int64_t width,
                                  float *rows, int64_t step) {
    for (int64_t group = 0; group < count; group += lanes)
        for (int64_t c = 0; c < width; c += lanes) {
            lane_vector v[lanes], factor = LOAD(factors + group);
            int64_t part = smaller(lanes, width - c);
            for (int64_t n = 0; n < lanes; n++)
                v[n] = n < part ? LOAD(from + (c + n) * pitch + group) * factor : (lane_vector){0};
            transpose_lanes(v);
            for (int64_t i = 0; i < smaller(lanes, count - group); i++) {
                float *to = rows + (group + i) * step + c;
                if (part == lanes) {
                    STORE(to, v[i]);
                } else {
                    float piece[lanes];
                    STORE(piece, v[i]);
                    memcpy(to, piece, (size_t)part * sizeof *piece);
                }
            }
        }
}

#endif
