#include "AttentionTiles.h"
#include "Exponential.h"

// A block of queries lies in the lanes: their scores with a key are a row of vectors, so that products read keys as they are,
// number by number, and the softmax goes through rows without crossing lanes. The weights are then the numbers by which rows of
// values are multiplied, and the result is rows too. What a query's numbers are depends on no other query, and on the keys in
// their order.
//
//             lanes = queries
//           +-----------------+       scores[key] = sum_c k[key][c] * qt[c]
//      keys |     scores      |       y^T[c] = y^T[c] * correction + sum_key v[key][c] * weights[key]
//           +-----------------+

static int64_t lane_vectors(const martlet_attention *a) { return a->queries > lanes ? vectors_of_a_tile() : 1; }

int64_t martlet_attention_block(const martlet_attention *a) { return lane_vectors(a) * lanes; }

typedef struct {
    float *queries, *scores, *values, *result, *added, *kept, *draws;
    float largest[attention_most_lanes], total[attention_most_lanes], correction[attention_most_lanes];
    int32_t seen[attention_most_lanes];
} forward_block;

int64_t martlet_attention_scratch(const martlet_attention *a) {
    int64_t filled = is_whole(a->width) ? 0 : padded_to_lanes(a->width) * (attention_rows + attention_most_lanes);
    return (a->width + 3 * attention_rows) * attention_most_lanes + attention_rows + 2 * draw_words + filled;
}

static void lay_out(const martlet_attention *a, float *scratch, forward_block *b) {
    b->queries = scratch;
    b->scores = b->queries + a->width * attention_most_lanes;
    b->added = b->scores + attention_rows * attention_most_lanes;
    b->kept = b->added + attention_rows * attention_most_lanes;
    b->draws = b->kept + attention_rows * attention_most_lanes;
    b->values = b->draws + attention_rows + 2 * draw_words;
    b->result = b->values + padded_to_lanes(a->width) * attention_rows;
}

// Scales and masks the scores of `count` keys, turns them into weights relative to the largest so far, and says by what the
// result so far is to be multiplied.
MARTLET_INLINE void weigh(const int masks, const int adds, const int drops, int64_t count, int64_t pitch, float scale,
                          int64_t first, forward_block *b) {
    for (int64_t g = 0; g < pitch; g += lanes) {
        const lane_vector lowest = (lane_vector){0} - (float)INFINITY;
        lane_vector before = LOAD(b->largest + g), top = before, sum = {0};
        lane_integers limit = (lane_integers) * (const loose_integers *)(b->seen + g) - (int32_t)first;
        for (int64_t i = 0; i < count; i++) {
            float *place = b->scores + i * pitch + g;
            lane_vector s = LOAD(place) * scale;
            if (adds) s += LOAD(b->added + i * pitch + g);
            if (masks) {
                lane_integers is_seen = (lane_integers){0} + (int32_t)i < limit;
                s = (lane_vector)(((lane_integers)s & is_seen) | ((lane_integers)lowest & ~is_seen));
            }
            STORE(place, s);
            lane_integers is_larger = s > top;
            top = (lane_vector)(((lane_integers)s & is_larger) | ((lane_integers)top & ~is_larger));
        }
        // A lane that has seen nothing subtracts 0 instead of minus infinity.
        lane_integers is_empty = top == lowest;
        lane_vector base = (lane_vector)((lane_integers)top & ~is_empty), change = before - base, correction;
        exponentials_below(&change, &correction);
        for (int64_t i = 0; i < count; i++) {
            float *place = b->scores + i * pitch + g;
            lane_vector x = LOAD(place) - base, weight;
            exponentials_below(&x, &weight);
            sum += weight;
            if (drops) weight *= LOAD(b->kept + i * pitch + g);
            STORE(place, weight);
        }
        STORE(b->largest + g, top);
        STORE(b->correction + g, correction);
        STORE(b->total + g, LOAD(b->total + g) * correction + sum);
    }
}

MARTLET_CLONES
static void weigh_plain(int64_t count, int64_t pitch, float scale, forward_block *b) { weigh(0, 0, 0, count, pitch, scale, 0, b); }

MARTLET_CLONES
static void weigh_masked(int64_t count, int64_t pitch, float scale, int64_t first, forward_block *b) {
    weigh(1, 0, 0, count, pitch, scale, first, b);
}

MARTLET_CLONES
static void weigh_any(int32_t adds, int32_t drops, int64_t count, int64_t pitch, float scale, int64_t first, forward_block *b) {
    weigh(1, adds, drops, count, pitch, scale, first, b);
}

MARTLET_CLONES
static void scale_rows(const whole_rows *rows, int64_t count, int64_t padded, const float *factors) {
    for (int64_t i = 0; i < count; i++) {
        float *row = rows->base + i * rows->step;
        for (int64_t c = 0; c < padded; c += lanes) STORE(row + c, LOAD(row + c) * factors[i]);
    }
}

MARTLET_CLONES
static void take_queries(const float *rows, int64_t step, int64_t count, int64_t width, int64_t pitch, float *to) {
    rows_to_lanes(rows, step, count, width, pitch, to);
}

// What is added to the scores of keys [first, first + count), and what their weights are multiplied by.
static void fetch_masks(const martlet_attention *a, int64_t batch, int64_t head, int64_t query, int64_t queries, int64_t first,
                        int64_t count, int64_t pitch, forward_block *b) {
    for (int64_t lane = 0; lane < pitch; lane++) {
        int64_t i = smaller(query + lane, query + queries - 1);
        if (a->mask_kind != martlet_mask_none) {
            int64_t at = batch * a->mask_step[0] + head * a->mask_step[1] + i * a->mask_step[2] + first * a->mask_step[3];
            for (int64_t j = 0; j < count; j++) b->added[j * pitch + lane] = mask_value(a, at + j * a->mask_step[3]);
        }
        if (a->kept < 1) {
            const float *kept = kept_weights(a, batch, head, i, first, count, b->draws);
            for (int64_t j = 0; j < count; j++) b->kept[j * pitch + lane] = kept[j];
        }
    }
}

void martlet_attention_forward(const martlet_attention *a, int64_t task, float *scratch) {
    int64_t vectors = lane_vectors(a), pitch = vectors * lanes, blocks = (a->queries + pitch - 1) / pitch;
    int64_t batch = task / blocks / a->heads, head = task / blocks % a->heads, query = task % blocks * pitch;
    int64_t queries = smaller(pitch, a->queries - query), key_head = head / (a->heads / a->key_heads), width = a->width;
    int64_t padded = padded_to_lanes(width);
    forward_block b;
    lay_out(a, scratch, &b);
    int64_t most = 0, least = a->keys;
    for (int64_t lane = 0; lane < pitch; lane++) {
        int64_t seen = lane < queries ? keys_seen(a, batch, query + lane) : 0;
        b.seen[lane] = (int32_t)seen;
        b.largest[lane] = -quiet_infinity();
        b.total[lane] = 0;
        if (lane < queries) {
            most = larger(most, seen);
            least = smaller(least, seen);
        }
    }
    take_queries(head_rows(&a->q, batch, head, query), a->q.step[2], queries, width, pitch, b.queries);
    float *y = head_rows(&a->y, batch, head, query);
    whole_rows result = rows_as_whole(y, a->y.step[2], width, b.result);
    if (most == 0) clear_rows(&result, queries, padded);
    int32_t adds = a->mask_kind != martlet_mask_none, drops = a->kept < 1;
    for (int64_t first = 0; first < most; first += attention_rows) {
        int64_t count = smaller(attention_rows, most - first);
        multiply_rows(count, vectors, width, head_rows(&a->k, batch, key_head, first), a->k.step[2], 1, b.queries, pitch,
                      b.scores, pitch, 0);
        if (adds || drops) {
            fetch_masks(a, batch, head, query, queries, first, count, pitch, &b);
            weigh_any(adds, drops, count, pitch, a->scale, first, &b);
        } else if (least < first + count) {
            weigh_masked(count, pitch, a->scale, first, &b);
        } else {
            weigh_plain(count, pitch, a->scale, &b);
        }
        if (first > 0) scale_rows(&result, queries, padded, b.correction);
        whole_rows values = filled_rows(head_rows(&a->v, batch, key_head, first), a->v.step[2], count, width, b.values);
        multiply_wide_rows(queries, padded, vectors_of_a_tile(), count, b.scores, pitch, 0, values.base, values.step, result.base,
                           result.step, first > 0);
    }
    float *log_sum = a->log_sum + (batch * a->heads + head) * a->queries + query;
    for (int64_t lane = 0; lane < pitch; lane++) {
        if (lane < queries) log_sum[lane] = b.total[lane] == 0 ? -quiet_infinity() : b.largest[lane] + logf(b.total[lane]);
        b.correction[lane] = b.total[lane] == 0 ? 0 : 1 / b.total[lane];
    }
    scale_rows(&result, queries, padded, b.correction);
    if (!is_whole(width)) copy_rows(result.base, result.step, queries, width, y, a->y.step[2]);
}
