#include "AttentionTiles.h"
#include "Exponential.h"

// A block of keys lies in the lanes; the queries' rows pass by. Weights come back from the scores and the logarithms of their
// sums. One task owns a head of keys and all its query heads, so that nothing is added by two.
//
//             lanes = keys
//           +-----------------+       scores[query] = sum_c q[query][c] * kt[c], products[query] = sum_c dy[query][c] * vt[c]
//   queries | weights, slopes |       dv[key] += sum_query weights[query][key] * dy[query]
//           +-----------------+       dk[key] += sum_query slopes[query][key] * q[query]
//                                     dq[query] += sum_key slopes[query][key] * k[key]

typedef struct {
    float *keys, *values;   // as lanes
    // Of a block of queries.
    float *weights, *slopes, *added, *kept, *draws;
    float *common;   // what y and dy have in common, of all queries of the heads that share the keys
    // Rows that are not whole as they lie: keys and a block of queries and of dy; gradients of keys, values and all queries.
    float *key_rows, *query_rows, *dy_rows, *keys_gradient, *values_gradient, *queries_gradient;
} gradient_block;

static int64_t query_rows(const martlet_attention *a) { return a->heads / a->key_heads * a->queries; }

int64_t martlet_attention_gradient_scratch(const martlet_attention *a) {
    int64_t padded = padded_to_lanes(a->width), rows = query_rows(a);
    int64_t filled = is_whole(a->width) ? 0 : padded * (3 * attention_most_lanes + 2 * attention_rows + rows);
    return (2 * a->width + 4 * attention_rows) * attention_most_lanes + attention_most_lanes + 2 * draw_words
           + padded_to_lanes(rows) + filled;
}

static void lay_out(const martlet_attention *a, float *scratch, gradient_block *b) {
    int64_t padded = padded_to_lanes(a->width);
    b->keys = scratch;
    b->values = b->keys + a->width * attention_most_lanes;
    b->weights = b->values + a->width * attention_most_lanes;
    b->slopes = b->weights + attention_rows * attention_most_lanes;
    b->added = b->slopes + attention_rows * attention_most_lanes;
    b->kept = b->added + attention_rows * attention_most_lanes;
    b->draws = b->kept + attention_rows * attention_most_lanes;
    b->common = b->draws + attention_most_lanes + 2 * draw_words;
    b->key_rows = b->common + padded_to_lanes(query_rows(a));
    b->query_rows = b->key_rows + padded * attention_most_lanes;
    b->dy_rows = b->query_rows + padded * attention_rows;
    b->keys_gradient = b->dy_rows + padded * attention_rows;
    b->values_gradient = b->keys_gradient + padded * attention_most_lanes;
    b->queries_gradient = b->values_gradient + padded * attention_most_lanes;
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

// Scores to weights, and products to the gradients of the scores, times the scale. `seen` counts keys from the first lane.
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
            STORE(b->slopes + at, weight * (product - common[i]) * scale);
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

// Where the gradients of a head's queries are summed up.
static whole_rows queries_gradient(const martlet_attention *a, int64_t batch, int64_t head, int64_t shared,
                                   const gradient_block *b) {
    return rows_as_whole(head_rows(&a->dq, batch, head, 0), a->dq.step[2], a->width,
                         b->queries_gradient + shared * a->queries * padded_to_lanes(a->width));
}

// Queries before this one see none of the keys from `key` on.
static int64_t first_query(const martlet_attention *a, int64_t key) {
    return a->is_causal ? smaller(larger(key - a->causal_offset, 0), a->queries) : 0;
}

// The queries of one head against the keys in the lanes, which their gradients and the keys' are added to after the first.
static void pass_queries(const martlet_attention *a, int64_t batch, int64_t head, int64_t shared, int64_t first, int64_t keys,
                         int64_t pitch, const whole_rows *key, const whole_rows *dk, const whole_rows *dv, gradient_block *b) {
    int64_t vectors = pitch / lanes, width = a->width, padded = padded_to_lanes(width);
    const float *log_sums = a->log_sum + (batch * a->heads + head) * a->queries;
    int32_t adds = a->mask_kind != martlet_mask_none, drops = a->kept < 1;
    whole_rows dq = queries_gradient(a, batch, head, shared, b);
    for (int64_t begin = first_query(a, first), query = begin; query < a->queries; query += attention_rows) {
        int64_t count = smaller(attention_rows, a->queries - query), seen[attention_rows], least = pitch;
        for (int64_t i = 0; i < count; i++) {
            seen[i] = smaller(keys_seen(a, batch, query + i) - first, pitch);
            least = smaller(least, seen[i]);
        }
        float *q = head_rows(&a->q, batch, head, query), *dy = head_rows(&a->dy, batch, head, query);
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
        int32_t more = shared > 0 || query > begin;
        whole_rows q_rows = filled_rows(q, a->q.step[2], count, width, b->query_rows);
        whole_rows dy_rows = filled_rows(dy, a->dy.step[2], count, width, b->dy_rows);
        multiply_wide_rows(keys, padded, vectors, count, b->weights, pitch, 0, dy_rows.base, dy_rows.step, dv->base, dv->step,
                           more);
        multiply_wide_rows(keys, padded, vectors, count, b->slopes, pitch, 0, q_rows.base, q_rows.step, dk->base, dk->step, more);
        multiply_wide_rows(count, padded, vectors, keys, b->slopes, pitch, 1, key->base, key->step, dq.base + query * dq.step,
                           dq.step, first > 0);
    }
}

void martlet_attention_gradient(const martlet_attention *a, int64_t task, float *scratch) {
    int64_t batch = task / a->key_heads, key_head = task % a->key_heads, group = a->heads / a->key_heads;
    int64_t pitch = vectors_of_a_tile() * lanes, width = a->width, padded = padded_to_lanes(width);
    gradient_block b;
    lay_out(a, scratch, &b);
    for (int64_t i = 0; i < group; i++) {
        int64_t head = key_head * group + i;
        common_parts(head_rows(&a->dy, batch, head, 0), a->dy.step[2], head_rows(&a->y, batch, head, 0), a->y.step[2], a->queries,
                     width, b.common + i * a->queries);
        // The queries that see no key at all; the others' gradients begin with the first block of keys.
        whole_rows dq = queries_gradient(a, batch, head, i, &b);
        clear_rows(&dq, a->keys > 0 ? first_query(a, 0) : a->queries, padded);
    }
    for (int64_t first = 0; first < a->keys; first += pitch) {
        int64_t keys = smaller(pitch, a->keys - first);
        float *k = head_rows(&a->k, batch, key_head, first);
        float *dk = head_rows(&a->dk, batch, key_head, first), *dv = head_rows(&a->dv, batch, key_head, first);
        take_rows(k, a->k.step[2], keys, width, pitch, b.keys);
        take_rows(head_rows(&a->v, batch, key_head, first), a->v.step[2], keys, width, pitch, b.values);
        whole_rows key = filled_rows(k, a->k.step[2], keys, width, b.key_rows);
        whole_rows keys_gradient = rows_as_whole(dk, a->dk.step[2], width, b.keys_gradient);
        whole_rows values_gradient = rows_as_whole(dv, a->dv.step[2], width, b.values_gradient);
        if (first_query(a, first) == a->queries) {
            clear_rows(&keys_gradient, keys, padded);
            clear_rows(&values_gradient, keys, padded);
        }
        for (int64_t i = 0; i < group; i++)
            pass_queries(a, batch, key_head * group + i, i, first, keys, pitch, &key, &keys_gradient, &values_gradient, &b);
        if (is_whole(width)) continue;
        copy_rows(keys_gradient.base, padded, keys, width, dk, a->dk.step[2]);
        copy_rows(values_gradient.base, padded, keys, width, dv, a->dv.step[2]);
    }
    if (is_whole(width)) return;
    for (int64_t i = 0; i < group; i++)
        copy_rows(b.queries_gradient + i * a->queries * padded, padded, a->queries, width,
                  head_rows(&a->dq, batch, key_head * group + i, 0), a->dq.step[2]);
}
