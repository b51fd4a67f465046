#include "AttentionTiles.h"
#include "Exponential.h"

// A block of keys lies in the lanes; the queries' rows pass by. Weights come back from the scores and the logarithms of their
// sums. One task owns a head of keys and all its query heads, so that nothing is added by two.
//
//             lanes = keys
//           +-----------------+       scores[query] = sum_c q[query][c] * kt[c], products[query] = sum_c dy[query][c] * vt[c]
//   queries | weights, slopes |       dvt[c] += sum_query dy[query][c] * weights[query]
//           +-----------------+       dkt[c] += sum_query q[query][c] * slopes[query]
//                                     dq[query] += sum_key slopes[query][key] * k[key]

typedef struct {
    // Keys and values as lanes, and their gradients; keys as rows filled up to whole vectors.
    float *keys, *values, *keys_gradient, *values_gradient, *key_rows;
    // Of a block of queries.
    float *weights, *slopes, *added, *kept, *draws;
    // Of all queries of the heads that share the keys: gradients, and what y and dy have in common.
    float *queries_gradient, *common;
} gradient_block;

static int64_t lane_vectors(void) { return martlet_tile_height(2) >= 8 ? 2 : 1; }

int64_t martlet_attention_gradient_scratch(const martlet_attention *a) {
    int64_t padded = padded_to_lanes(a->width), rows = a->heads / a->key_heads * a->queries;
    return (4 * a->width + padded + 4 * attention_rows) * attention_most_lanes + attention_most_lanes + 2 * draw_words
           + rows * (padded + 1) + lanes;
}

static void lay_out(const martlet_attention *a, float *scratch, gradient_block *b) {
    int64_t padded = padded_to_lanes(a->width), rows = a->heads / a->key_heads * a->queries;
    b->keys = scratch;
    b->values = b->keys + a->width * attention_most_lanes;
    b->keys_gradient = b->values + a->width * attention_most_lanes;
    b->values_gradient = b->keys_gradient + a->width * attention_most_lanes;
    b->key_rows = b->values_gradient + a->width * attention_most_lanes;
    b->weights = b->key_rows + padded * attention_most_lanes;
    b->slopes = b->weights + attention_rows * attention_most_lanes;
    b->added = b->slopes + attention_rows * attention_most_lanes;
    b->kept = b->added + attention_rows * attention_most_lanes;
    b->queries_gradient = b->kept + attention_rows * attention_most_lanes;
    b->common = b->queries_gradient + rows * padded;
    b->draws = b->common + padded_to_lanes(rows);
}

MARTLET_CLONES
static void common_parts(const float *dy, int64_t dy_step, const float *y, int64_t y_step, int64_t count, int64_t width,
                         float *common) {
    for (int64_t i = 0; i < count; i++, dy += dy_step, y += y_step) {
        lane_vector sum = {0};
        int64_t c = 0;
        for (; c + lanes <= width; c += lanes) sum += LOAD(dy + c) * LOAD(y + c);
        float rest = 0;
        for (; c < width; c++) rest += dy[c] * y[c];
        common[i] = lane_sum(&sum) + rest;
    }
}

// Scores to weights, and products to the gradients of the scores. `seen` counts keys from the first lane.
MARTLET_INLINE void slope_rows(const int masks, const int adds, const int drops, int64_t count, int64_t pitch, float scale,
                               const float *log_sums, const float *common, const int64_t *seen, gradient_block *b) {
    const lane_integers own = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int64_t i = 0; i < count; i++) {
        float rest = log_sums[i] == -(float)INFINITY ? (float)INFINITY : log_sums[i];
        for (int64_t g = 0; g < pitch; g += lanes) {
            int64_t at = i * pitch + g;
            lane_vector x = LOAD(b->weights + at) * scale, weight, product = LOAD(b->slopes + at);
            if (adds) x += LOAD(b->added + at);
            x -= rest;
            exponentials_below(&x, &weight);
            if (masks) {
                lane_integers is_seen = own + (int32_t)g < (int32_t)seen[i];
                weight = (lane_vector)((lane_integers)weight & is_seen);
            }
            if (drops) {
                lane_vector kept = LOAD(b->kept + at);
                product *= kept;
                STORE(b->weights + at, weight * kept);
            } else {
                STORE(b->weights + at, weight);
            }
            STORE(b->slopes + at, weight * (product - common[i]));
        }
    }
}

MARTLET_CLONES
static void slope_plain(int64_t count, int64_t pitch, float scale, const float *log_sums, const float *common,
                        gradient_block *b) {
    slope_rows(0, 0, 0, count, pitch, scale, log_sums, common, 0, b);
}

MARTLET_CLONES
static void slope_masked(int64_t count, int64_t pitch, float scale, const float *log_sums, const float *common,
                         const int64_t *seen, gradient_block *b) {
    slope_rows(1, 0, 0, count, pitch, scale, log_sums, common, seen, b);
}

MARTLET_CLONES
static void slope_any(int32_t adds, int32_t drops, int64_t count, int64_t pitch, float scale, const float *log_sums,
                      const float *common, const int64_t *seen, gradient_block *b) {
    slope_rows(1, adds, drops, count, pitch, scale, log_sums, common, seen, b);
}

MARTLET_CLONES
static void take_rows(const float *rows, int64_t step, int64_t count, int64_t width, int64_t pitch, float *to) {
    rows_to_lanes(rows, step, count, width, pitch, to);
}

MARTLET_CLONES
static void give_rows(const float *from, int64_t pitch, float factor, int64_t count, int64_t width, float *rows, int64_t step) {
    float factors[attention_most_lanes];
    for (int i = 0; i < attention_most_lanes; i++) factors[i] = factor;
    lanes_to_rows(from, pitch, factors, count, width, rows, step);
}

static void fetch_masks(const martlet_attention *a, int64_t batch, int64_t head, int64_t query, int64_t count, int64_t first,
                        int64_t keys, int64_t pitch, gradient_block *b) {
    for (int64_t i = 0; i < count; i++) {
        if (a->mask_kind != martlet_mask_none) {
            int64_t at = batch * a->mask_step[0] + head * a->mask_step[1] + (query + i) * a->mask_step[2]
                         + first * a->mask_step[3];
            for (int64_t j = 0; j < pitch; j++)
                b->added[i * pitch + j] = j < keys ? mask_value(a, at + j * a->mask_step[3]) : 0;
        }
        if (a->kept < 1) {
            const float *kept = kept_weights(a, batch, head, query + i, first, keys, b->draws);
            for (int64_t j = 0; j < pitch; j++) b->kept[i * pitch + j] = j < keys ? kept[j] : 0;
        }
    }
}

static void multiply_queries(int64_t count, int64_t keys, int64_t pitch, int64_t padded, const gradient_block *b, float *to) {
    int64_t vectors = pitch / lanes, all = padded / lanes;
    for (int64_t v = 0; v < all;) {
        int64_t wide = smaller(vectors, all - v);
        multiply_rows(count, wide, keys, b->slopes, pitch, 1, b->key_rows + v * lanes, padded, to + v * lanes, padded, 1);
        v += wide;
    }
}

// The queries of one head against the keys in the lanes.
static void pass_queries(const martlet_attention *a, int64_t batch, int64_t head, int64_t shared, int64_t first, int64_t keys,
                         int64_t pitch, gradient_block *b) {
    int64_t vectors = pitch / lanes, width = a->width, padded = padded_to_lanes(width);
    const float *log_sums = a->log_sum + (batch * a->heads + head) * a->queries;
    int32_t adds = a->mask_kind != martlet_mask_none, drops = a->kept < 1;
    // Queries before these see none of the keys.
    int64_t begin = a->is_causal ? smaller(larger(first - a->causal_offset, 0), a->queries) : 0;
    for (int64_t query = begin; query < a->queries; query += attention_rows) {
        int64_t count = smaller(attention_rows, a->queries - query), seen[attention_rows], least = pitch;
        for (int64_t i = 0; i < count; i++) {
            seen[i] = smaller(keys_seen(a, batch, query + i) - first, pitch);
            least = smaller(least, seen[i]);
        }
        const float *q = head_rows(&a->q, batch, head, query), *dy = head_rows(&a->dy, batch, head, query);
        const float *common = b->common + shared * a->queries + query;
        multiply_rows(count, vectors, width, q, a->q.step[2], 1, b->keys, pitch, b->weights, pitch, 0);
        multiply_rows(count, vectors, width, dy, a->dy.step[2], 1, b->values, pitch, b->slopes, pitch, 0);
        if (adds || drops) {
            fetch_masks(a, batch, head, query, count, first, keys, pitch, b);
            slope_any(adds, drops, count, pitch, a->scale, log_sums + query, common, seen, b);
        } else if (least < pitch) {
            slope_masked(count, pitch, a->scale, log_sums + query, common, seen, b);
        } else {
            slope_plain(count, pitch, a->scale, log_sums + query, common, b);
        }
        multiply_rows(width, vectors, count, dy, a->dy.step[2], 0, b->weights, pitch, b->values_gradient, pitch, 1);
        multiply_rows(width, vectors, count, q, a->q.step[2], 0, b->slopes, pitch, b->keys_gradient, pitch, 1);
        multiply_queries(count, keys, pitch, padded, b, b->queries_gradient + (shared * a->queries + query) * padded);
    }
}

void martlet_attention_gradient(const martlet_attention *a, int64_t task, float *scratch) {
    int64_t batch = task / a->key_heads, key_head = task % a->key_heads, group = a->heads / a->key_heads;
    int64_t pitch = lane_vectors() * lanes, width = a->width, padded = padded_to_lanes(width);
    gradient_block b;
    lay_out(a, scratch, &b);
    memset(b.queries_gradient, 0, (size_t)(group * a->queries * padded) * sizeof(float));
    for (int64_t i = 0; i < group; i++) {
        int64_t head = key_head * group + i;
        common_parts(head_rows(&a->dy, batch, head, 0), a->dy.step[2], head_rows(&a->y, batch, head, 0), a->y.step[2], a->queries,
                     width, b.common + i * a->queries);
    }
    for (int64_t first = 0; first < a->keys; first += pitch) {
        int64_t keys = smaller(pitch, a->keys - first);
        const float *k = head_rows(&a->k, batch, key_head, first);
        take_rows(k, a->k.step[2], keys, width, pitch, b.keys);
        take_rows(head_rows(&a->v, batch, key_head, first), a->v.step[2], keys, width, pitch, b.values);
        memset(b.keys_gradient, 0, (size_t)(2 * width * attention_most_lanes) * sizeof(float));
        for (int64_t j = 0; j < keys; j++) {
            memcpy(b.key_rows + j * padded, k + j * a->k.step[2], (size_t)width * sizeof(float));
            for (int64_t c = width; c < padded; c++) b.key_rows[j * padded + c] = 0;
        }
        for (int64_t i = 0; i < group; i++) pass_queries(a, batch, key_head * group + i, i, first, keys, pitch, &b);
        give_rows(b.keys_gradient, pitch, a->scale, keys, width, head_rows(&a->dk, batch, key_head, first), a->dk.step[2]);
        give_rows(b.values_gradient, pitch, 1, keys, width, head_rows(&a->dv, batch, key_head, first), a->dv.step[2]);
    }
    for (int64_t i = 0; i < group; i++)
        for (int64_t query = 0; query < a->queries; query++) {
            float *to = head_rows(&a->dq, batch, key_head * group + i, query);
            const float *from = b.queries_gradient + (i * a->queries + query) * padded;
            for (int64_t c = 0; c < width; c++) to[c] = from[c] * a->scale;
        }
}
