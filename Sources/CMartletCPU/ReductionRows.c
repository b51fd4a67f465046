#include <math.h>

#include "Lanes.h"
#include "ReductionKernels.h"

// Sums run in float over pieces, by lanes, so that each chain of additions is 16 long, and from piece to piece in double.
// Rows are read at four places far apart: memory then has more reads under way than from one (two cores of an AMD EPYC read 24.5 GB/s
// so, and 18 in one piece). What is found at the places is joined in the row's order, so that the bits do not depend on them.
enum { piece = 256, block = 4096, places = 4 };

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

// The sums, by lanes, of `count` pieces `gap` apart; n is a multiple of the lanes.
MARTLET_INLINE void piece_sums(term_kind kind, const int count, const float *x, int64_t gap, int64_t n, float mean,
                               lane_vector sums[places]) {
    const int asks = martlet_asks_for_reads;
    MARTLET_UNROLL for (int a = 0; a < count; a++) sums[a] = (lane_vector){0};
    for (int64_t i = 0; i < n; i += lanes) {
        MARTLET_UNROLL for (int a = 0; a < count; a++) {
            if (asks) look_ahead(x + a * gap + i, looked_ahead);
            lane_vector v = LOAD(x + a * gap + i);
            if (kind == term_distance || kind == term_square_distance) v -= mean;
            sums[a] += kind == term_square || kind == term_square_distance ? v * v : v;
        }
    }
}

// The elements of the piece at i that fill vectors.
MARTLET_INLINE int64_t piece_length(int64_t n, int64_t i) { return smaller(piece, (n - i) / lanes * lanes); }

MARTLET_INLINE void add_piece(const lane_vector *sum, wide_vector *total) { *total += __builtin_convertvector(*sum, wide_vector); }

// A row's total: what its vectors and the elements behind them add up to.
MARTLET_INLINE double finish_sum(term_kind kind, const float *x, int64_t n, float mean, const wide_vector *total) {
    double rest = 0;
    for (int64_t i = n / lanes * lanes; i < n; i++) rest += term(kind, x[i], mean);
    return n < lanes ? rest : rest + wide_sum(total);
}

MARTLET_INLINE double row_sum(term_kind kind, const float *x, int64_t n, float mean) {
    wide_vector total = {0};
    lane_vector sums[places];
    int64_t i = 0;
    for (; i + places * block <= n; i += places * block) {
        for (int64_t j = 0; j < block; j += piece) {
            piece_sums(kind, places, x + i + j, block, piece, mean, sums);
            MARTLET_UNROLL for (int a = 0; a < places; a++) add_piece(&sums[a], &total);
        }
    }
    for (; i + places * piece <= n; i += places * piece) {
        piece_sums(kind, places, x + i, piece, piece, mean, sums);
        MARTLET_UNROLL for (int a = 0; a < places; a++) add_piece(&sums[a], &total);
    }
    for (; i + lanes <= n; i += piece) {
        piece_sums(kind, 1, x + i, 0, piece_length(n, i), mean, sums);
        add_piece(&sums[0], &total);
    }
    return finish_sum(kind, x, n, mean, &total);
}

// The sums of four rows of fewer than four blocks, to the bit those of row_sum.
MARTLET_INLINE void four_row_sums(term_kind kind, const float *x, int64_t gap, int64_t n, double results[places]) {
    wide_vector totals[places] = {0};
    lane_vector sums[places];
    for (int64_t i = 0; i + lanes <= n; i += piece) {
        piece_sums(kind, places, x + i, gap, piece_length(n, i), 0, sums);
        MARTLET_UNROLL for (int a = 0; a < places; a++) add_piece(&sums[a], &totals[a]);
    }
    for (int a = 0; a < places; a++) results[a] = finish_sum(kind, x + a * gap, n, 0, &totals[a]);
}

MARTLET_INLINE martlet_partial row_variance(const float *x, int64_t n) {
    double mean = n > 0 ? row_sum(term_value, x, n, 0) / (double)n : NAN;
    // About the rounded mean, and then corrected for the rounding.
    float center = (float)mean;
    double shift = row_sum(term_distance, x, n, center);
    double squares = row_sum(term_square_distance, x, n, center);
    return (martlet_partial){(double)center + shift / (double)n, squares - shift * shift / (double)n};
}

// The sum of squares, once more in double where they may have left the range of float.
MARTLET_INLINE double in_range(double squares, const float *x, int64_t n) {
    if (squares > 1e-30 && squares < INFINITY) return squares;
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

// The extremes, by lanes, of `count` pieces `gap` apart, of equal ones the first; n is a positive multiple of the lanes. No
// comparison lets NaN among them: it is looked for beside them.
MARTLET_INLINE void piece_extremes(bool largest, const int count, const float *x, int64_t gap, int64_t n,
                                   lane_vector bests[places], lane_integers *odd) {
    const int asks = martlet_asks_for_reads;
    MARTLET_UNROLL for (int a = 0; a < count; a++) bests[a] = LOAD(x + a * gap);
    for (int64_t i = 0; i < n; i += lanes) {
        lane_vector v[places];
        MARTLET_UNROLL for (int a = 0; a < count; a++) {
            if (asks) look_ahead(x + a * gap + i, looked_ahead);
            v[a] = LOAD(x + a * gap + i);
            keep_extreme(largest, &v[a], &bests[a]);
        }
        MARTLET_UNROLL for (int a = 0; a < count; a++) *odd |= v[a] != v[a];
    }
}

// A row's extreme: of its vectors' and of the elements behind them. NaN before all.
MARTLET_INLINE float finish_extreme(bool largest, const float *x, int64_t n, const lane_vector *bests) {
    float best = n < lanes ? x[0] : lane_extreme(largest, bests);
    for (int64_t i = n / lanes * lanes; i < n; i++)
        if ((largest ? x[i] > best : x[i] < best) || x[i] != x[i]) best = x[i];
    return best;
}

MARTLET_INLINE float row_extreme(bool largest, const float *x, int64_t n) {
    lane_vector best = {0}, bests[places];
    lane_integers odd = {0};
    int64_t i = 0;
    if (n >= lanes) best = LOAD(x);
    for (; i + places * block <= n; i += places * block) {
        piece_extremes(largest, places, x + i, block, block, bests, &odd);
        MARTLET_UNROLL for (int a = 0; a < places; a++) keep_extreme(largest, &bests[a], &best);
    }
    for (; i + places * piece <= n; i += places * piece) {
        piece_extremes(largest, places, x + i, piece, piece, bests, &odd);
        MARTLET_UNROLL for (int a = 0; a < places; a++) keep_extreme(largest, &bests[a], &best);
    }
    for (; i + lanes <= n; i += piece) {
        piece_extremes(largest, 1, x + i, 0, piece_length(n, i), bests, &odd);
        keep_extreme(largest, &bests[0], &best);
    }
    return __builtin_reduce_or(odd) ? NAN : finish_extreme(largest, x, n, &best);
}

// The extremes of four rows, to the bit those of row_extreme.
MARTLET_INLINE void four_row_extremes(bool largest, const float *x, int64_t gap, int64_t n, double results[places]) {
    lane_vector bests[places];
    lane_integers odd = {0};
    if (n >= lanes) piece_extremes(largest, places, x, gap, n / lanes * lanes, bests, &odd);
    int is_odd = __builtin_reduce_or(odd) != 0;
    for (int a = 0; a < places; a++) {
        const float *row = x + a * gap;
        results[a] = is_odd ? row_extreme(largest, row, n) : finish_extreme(largest, row, n, &bests[a]);
    }
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

MARTLET_INLINE martlet_partial reduce_row(int32_t kind, const float *x, int64_t n, int64_t base) {
    switch (kind) {
    case martlet_reduce_sum:
    case martlet_reduce_mean: return (martlet_partial){row_sum(term_value, x, n, 0), 0};
    case martlet_reduce_norm: return (martlet_partial){in_range(row_sum(term_square, x, n, 0), x, n), 0};
    case martlet_reduce_variance: return row_variance(x, n);
    case martlet_reduce_max: return (martlet_partial){row_extreme(true, x, n), 0};
    case martlet_reduce_min: return (martlet_partial){row_extreme(false, x, n), 0};
    default: return row_position(kind == martlet_reduce_arg_max, x, n, base);
    }
}

// Four rows, `gap` apart, as reduce_row does each; false where they are better taken one by one.
MARTLET_INLINE bool reduce_four_rows(int32_t kind, const float *x, int64_t gap, int64_t n, double results[places]) {
    if (n >= places * block) return false;
    switch (kind) {
    case martlet_reduce_sum:
    case martlet_reduce_mean: four_row_sums(term_value, x, gap, n, results); return true;
    case martlet_reduce_norm:
        four_row_sums(term_square, x, gap, n, results);
        for (int a = 0; a < places; a++) results[a] = in_range(results[a], x + a * gap, n);
        return true;
    case martlet_reduce_max: four_row_extremes(true, x, gap, n, results); return true;
    case martlet_reduce_min: four_row_extremes(false, x, gap, n, results); return true;
    default: return false;
    }
}

MARTLET_CLONES
void martlet_reduce_rows(int32_t kind, const float *x, int64_t rows, int64_t row_stride, int64_t n, int64_t base,
                         martlet_partial *partials) {
    const int64_t apart = rows / places;
    int64_t done = 0;
    double results[places];
    for (; done < apart && reduce_four_rows(kind, x + done * row_stride, apart * row_stride, n, results); done++)
        for (int a = 0; a < places; a++) partials[done + a * apart] = (martlet_partial){results[a], 0};
    for (int64_t row = done == apart ? places * apart : 0; row < rows; row++)
        partials[row] = reduce_row(kind, x + row * row_stride, n, base);
}
