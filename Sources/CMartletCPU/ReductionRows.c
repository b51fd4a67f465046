#include <math.h>

#include "Lanes.h"
#include "ReductionKernels.h"

// Sums run in float over blocks, 64 at a time side by side, and from block to block in double: each float addition chain is
// 64 long at most, whatever the length of the row.
enum { block = 4096, accumulators = 4 };

typedef enum { term_value, term_square, term_distance, term_square_distance } term_kind;

MARTLET_INLINE float term(term_kind kind, float x, float mean) {
    switch (kind) {
    case term_value: return x;
    case term_square: return x * x;
    case term_distance: return x - mean;
    default: return (x - mean) * (x - mean);
    }
}

typedef double wide_vector __attribute__((vector_size(128)));

// By halves.
MARTLET_INLINE double wide_sum(const wide_vector *x) {
    typedef double eight __attribute__((vector_size(64)));
    typedef double four __attribute__((vector_size(32)));
    eight a = __builtin_shufflevector(*x, *x, 0, 1, 2, 3, 4, 5, 6, 7)
              + __builtin_shufflevector(*x, *x, 8, 9, 10, 11, 12, 13, 14, 15);
    four b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

// Adds a block's whole vectors to `totals` and returns the sum of the elements left over.
MARTLET_INLINE double add_block(term_kind kind, const float *x, int64_t n, float mean, wide_vector *totals) {
    int64_t i = 0;
    if (n >= lanes) {
        const int asks = asks_for_reads(n);
        lane_vector sums[accumulators] = {0};
        for (; i + accumulators * lanes <= n; i += accumulators * lanes) {
            MARTLET_UNROLL for (int a = 0; a < accumulators; a++) {
                if (asks) look_ahead(x + i + a * lanes, looked_ahead);
                lane_vector v = LOAD(x + i + a * lanes);
                if (kind == term_distance || kind == term_square_distance) v -= mean;
                sums[a] += kind == term_square || kind == term_square_distance ? v * v : v;
            }
        }
        for (; i + lanes <= n; i += lanes) {
            lane_vector v = LOAD(x + i);
            if (kind == term_distance || kind == term_square_distance) v -= mean;
            sums[0] += kind == term_square || kind == term_square_distance ? v * v : v;
        }
        lane_vector sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        *totals += __builtin_convertvector(sum, wide_vector);
    }
    double rest = 0;
    for (; i < n; i++) rest += term(kind, x[i], mean);
    return rest;
}

MARTLET_INLINE double row_sum(term_kind kind, const float *x, int64_t n, float mean) {
    wide_vector totals = {0};
    double total = 0;
    for (int64_t i = 0; i < n; i += block) total += add_block(kind, x + i, smaller(block, n - i), mean, &totals);
    return n < lanes ? total : total + wide_sum(&totals);
}

MARTLET_INLINE martlet_partial row_variance(const float *x, int64_t n) {
    double mean = n > 0 ? row_sum(term_value, x, n, 0) / (double)n : NAN;
    // About the rounded mean, and then corrected for the rounding.
    float center = (float)mean;
    double shift = row_sum(term_distance, x, n, center);
    double squares = row_sum(term_square_distance, x, n, center);
    return (martlet_partial){(double)center + shift / (double)n, squares - shift * shift / (double)n};
}

MARTLET_INLINE double row_squares(const float *x, int64_t n) {
    double squares = row_sum(term_square, x, n, 0);
    if (squares > 1e-30 && squares < INFINITY) return squares;
    // Squares may have left the range of float.
    squares = 0;
    for (int64_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
    return squares;
}

MARTLET_INLINE void keep_extreme(bool largest, const lane_vector *v, lane_vector *best) {
    lane_integers take = largest ? *v > *best : *v < *best;
    *best = (lane_vector)(((lane_integers)*v & take) | ((lane_integers)*best & ~take));
}

// The extreme of the lanes, none of which is NaN, by halves.
MARTLET_INLINE float lane_extreme(bool largest, const lane_vector *all) {
    lane_vector x = *all;
    lane_vector other = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    keep_extreme(largest, &other, &x);
    other = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
    keep_extreme(largest, &other, &x);
    other = __builtin_shufflevector(x, x, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    keep_extreme(largest, &other, &x);
    return largest ? (x[1] > x[0] ? x[1] : x[0]) : x[1] < x[0] ? x[1] : x[0];
}

// NaN before all: one is looked for beside the extremes of the others, which no comparison lets it among.
MARTLET_INLINE float row_extreme(bool largest, const float *x, int64_t n) {
    float best = x[0];
    int64_t i = 0;
    if (n >= accumulators * lanes) {
        lane_vector bests[accumulators];
        lane_integers odd = {0};
        const int asks = asks_for_reads(n);
        MARTLET_UNROLL for (int a = 0; a < accumulators; a++) bests[a] = LOAD(x + a * lanes);
        for (; i + accumulators * lanes <= n; i += accumulators * lanes) {
            lane_vector v[accumulators];
            MARTLET_UNROLL for (int a = 0; a < accumulators; a++) {
                if (asks) look_ahead(x + i + a * lanes, looked_ahead);
                v[a] = LOAD(x + i + a * lanes);
                keep_extreme(largest, &v[a], &bests[a]);
            }
            // One comparison tells it of two.
            MARTLET_UNROLL for (int a = 0; a < accumulators; a += 2) odd |= (v[a] != v[a]) | (v[a + 1] != v[a + 1]);
        }
        if (__builtin_reduce_or(odd)) return NAN;
        MARTLET_UNROLL for (int a = 1; a < accumulators; a++) keep_extreme(largest, &bests[a], &bests[0]);
        best = lane_extreme(largest, &bests[0]);
    }
    for (; i < n; i++)
        if ((largest ? x[i] > best : x[i] < best) || x[i] != x[i]) best = x[i];
    return best;
}

// The first position of the extreme: positions are looked for only in the first block that holds the row's extreme.
MARTLET_INLINE martlet_partial row_position(bool largest, const float *x, int64_t n, int64_t base) {
    float best = x[0];
    int64_t first = 0;
    for (int64_t i = 0; i < n; i += block) {
        float found = row_extreme(largest, x + i, smaller(block, n - i));
        if (best == best && ((largest ? found > best : found < best) || found != found)) {
            best = found;
            first = i;
        }
    }
    int64_t position = first;
    lane_vector wanted = (lane_vector){0} + best;
    for (; position + 4 * lanes <= n; position += 4 * lanes) {
        lane_integers found = {0};
        MARTLET_UNROLL for (int a = 0; a < 4; a++) {
            lane_vector v = LOAD(x + position + a * lanes);
            found |= best == best ? v == wanted : v != v;
        }
        if (__builtin_reduce_or(found)) break;
    }
    if (best == best) {
        while (x[position] != best) position++;
    } else {
        while (x[position] == x[position]) position++;
    }
    return (martlet_partial){best, (double)(base + position)};
}

MARTLET_CLONES
void martlet_reduce_rows(int32_t kind, const float *x, int64_t rows, int64_t row_stride, int64_t n, int64_t base,
                         martlet_partial *partials) {
    for (int64_t row = 0; row < rows; row++, x += row_stride) {
        martlet_partial *partial = &partials[row];
        switch (kind) {
        case martlet_reduce_sum:
        case martlet_reduce_mean: *partial = (martlet_partial){row_sum(term_value, x, n, 0), 0}; break;
        case martlet_reduce_norm: *partial = (martlet_partial){row_squares(x, n), 0}; break;
        case martlet_reduce_variance: *partial = row_variance(x, n); break;
        case martlet_reduce_max: *partial = (martlet_partial){row_extreme(true, x, n), 0}; break;
        case martlet_reduce_min: *partial = (martlet_partial){row_extreme(false, x, n), 0}; break;
        default: *partial = row_position(kind == martlet_reduce_arg_max, x, n, base); break;
        }
    }
}
