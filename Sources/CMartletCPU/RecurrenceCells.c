#include "RecurrenceCells.h"

#include <string.h>

#include "Exponential.h"
#include "Lanes.h"

// Whole vectors of units; of the last part exactly its elements are touched, since those behind are another thread's.

MARTLET_INLINE void take(const float *from, int64_t count, lane_vector *x) {
    if (count == lanes) {
        *x = LOAD(from);
    } else {
        *x = (lane_vector){0};
        memcpy(x, from, (size_t)count * sizeof *from);
    }
}

MARTLET_INLINE void put(float *to, int64_t count, const lane_vector *x) {
    if (count == lanes) STORE(to, *x);
    else memcpy(to, x, (size_t)count * sizeof *to);
}

MARTLET_INLINE void put_zeros(float *to, int64_t count) {
    lane_vector zeros = {0};
    put(to, count, &zeros);
}

// A function of the position and the count of a vector's units, for all vectors of a row; the count is a constant but in the last.
#define EACH_PART(total, PART)                                           \
    {                                                                    \
        int64_t at = 0;                                                  \
        for (; at + lanes <= (total); at += lanes) PART(at, lanes);      \
        if (at < (total)) PART(at, (total) - at);                        \
    }

// Between -limit and limit; NaN stays. In this form it becomes a minimum and a maximum.
MARTLET_INLINE void clamp(lane_vector *x, float limit) {
    lane_vector low = (lane_vector){0} - limit, high = (lane_vector){0} + limit;
    lane_integers beyond = high < *x;
    *x = (lane_vector)(((lane_integers)high & beyond) | ((lane_integers)*x & ~beyond));
    beyond = low > *x;
    *x = (lane_vector)(((lane_integers)low & beyond) | ((lane_integers)*x & ~beyond));
}

// 1 / x within 1e-7 of it, for numbers from 1 up to 1e38, in less than half of a division's time: a guess from the exponent's
// bits, 12 % off, and three of Newton's steps, each of which squares its error. NaN for NaN.
MARTLET_INLINE void lane_reciprocal(const lane_vector *x, lane_vector *y) {
    lane_vector d = *x, r = (lane_vector)(0x7EF311C7 - (lane_integers)d);
    r = r * (2.0f - d * r);
    r = r * (2.0f - d * r);
    r = r + r * (1.0f - d * r);
    *y = r;
}

// 1 / (1 + e^-x), where e^x is that of Exponential.h for exponents that one factor holds.
MARTLET_INLINE void lane_sigmoid(lane_vector *x) {
    lane_vector v = -*x, p;
    clamp(&v, 87.0f);
    lane_vector shifted = v * EXPONENTIAL_PER_LN + (EXPONENTIAL_SHIFT + 127.0f);
    lane_vector n = shifted - (EXPONENTIAL_SHIFT + 127.0f);
    lane_vector f = v * EXPONENTIAL_PER_LN - n;
    f = v * EXPONENTIAL_PER_LN_REST + f;
    EXPONENTIAL_FRACTION(p, f);
    v = p * (lane_vector)((lane_integers)shifted << 23) + 1.0f;
    lane_reciprocal(&v, x);
}

// The quotient of polynomials of hyperbolic_tangent in PointwiseMath.h.
MARTLET_INLINE void lane_tanh(lane_vector *x) {
    lane_vector v = *x, inverse;
    clamp(&v, 9.18f);
    lane_vector s = v * v;
    lane_vector p = s * 1.3319342073714324e-08f + 2.058369864244014e-05f;
    p = p * s + 3.494048723950982e-03f;
    p = p * s + 1.337973028421402e-01f;
    p = p * s + 1.0f;
    lane_vector q = s * 7.762136533528974e-07f + 3.28311522025615e-04f;
    q = q * s + 2.587112784385681e-02f;
    q = q * s + 4.671304523944855e-01f;
    q = q * s + 1.0f;
    lane_reciprocal(&q, &inverse);
    v = v * p * inverse;
    clamp(&v, 1.0f);
    *x = v;
}

MARTLET_INLINE int is_inside(const martlet_cells *b, int64_t row) { return !b->lengths || b->step < b->lengths[row]; }

MARTLET_INLINE void lstm_part(int64_t h, int64_t count, float *gates, const float *cell, float *next_cell,
                              float *next_hidden) {
    lane_vector i, f, g, o, c;
    take(gates, count, &i);
    take(gates + h, count, &f);
    take(gates + 2 * h, count, &g);
    take(gates + 3 * h, count, &o);
    take(cell, count, &c);
    lane_sigmoid(&i);
    lane_sigmoid(&f);
    lane_tanh(&g);
    lane_sigmoid(&o);
    c = f * c + i * g;
    put(gates, count, &i);
    put(gates + h, count, &f);
    put(gates + 2 * h, count, &g);
    put(gates + 3 * h, count, &o);
    put(next_cell, count, &c);
    lane_tanh(&c);
    c *= o;
    put(next_hidden, count, &c);
}

MARTLET_CLONES
void martlet_lstm_cells(const martlet_cells *b, float *gates, const float *cell, float *next_cell, const float *hidden,
                        float *next_hidden) {
    int64_t h = b->units;
    for (int64_t row = 0; row < b->rows; row++, gates += 4 * h, cell += h, next_cell += h, hidden += h, next_hidden += h) {
        if (is_inside(b, row)) {
#define PART(j, count) lstm_part(h, count, gates + (j), cell + (j), next_cell + (j), next_hidden + (j))
            EACH_PART(b->count, PART)
#undef PART
        } else {
            memcpy(next_cell, cell, (size_t)b->count * sizeof *cell);
            memcpy(next_hidden, hidden, (size_t)b->count * sizeof *hidden);
        }
    }
}

// What comes from later steps, plus what comes from above.
MARTLET_INLINE void add_above(float *later, const float *above, int64_t count, lane_vector *sum) {
    lane_vector part;
    take(later, count, sum);
    if (!above) return;
    take(above, count, &part);
    *sum += part;
}

MARTLET_INLINE void lstm_gradient_part(int64_t h, int64_t count, int inside, const float *gates, const float *cell,
                                       const float *next_cell, const float *above_hidden, const float *above_cell,
                                       float *d_gates, float *d_hidden, float *d_cell) {
    lane_vector dh, dc;
    add_above(d_hidden, above_hidden, count, &dh);
    add_above(d_cell, above_cell, count, &dc);
    if (!inside) {
        put(d_hidden, count, &dh);
        put(d_cell, count, &dc);
        for (int k = 0; k < 4; k++) put_zeros(d_gates + k * h, count);
        return;
    }
    lane_vector i, f, g, o, before, t;
    take(gates, count, &i);
    take(gates + h, count, &f);
    take(gates + 2 * h, count, &g);
    take(gates + 3 * h, count, &o);
    take(cell, count, &before);
    take(next_cell, count, &t);
    lane_tanh(&t);
    dc += dh * o * (1.0f - t * t);
    lane_vector di = dc * g * (i * (1.0f - i)), df = dc * before * (f * (1.0f - f));
    lane_vector dg = dc * i * (1.0f - g * g), d_out = dh * t * (o * (1.0f - o));
    dc *= f;
    put(d_gates, count, &di);
    put(d_gates + h, count, &df);
    put(d_gates + 2 * h, count, &dg);
    put(d_gates + 3 * h, count, &d_out);
    put(d_cell, count, &dc);
    put_zeros(d_hidden, count);
}

MARTLET_CLONES
void martlet_lstm_cells_gradient(const martlet_cells *b, const float *gates, const float *cell, const float *next_cell,
                                 const float *above_hidden, const float *above_cell, float *d_gates, float *d_hidden,
                                 float *d_cell) {
    int64_t h = b->units;
    for (int64_t row = 0; row < b->rows; row++) {
        int inside = is_inside(b, row);
        int64_t first = row * h, gate = row * 4 * h;
#define PART(j, count)                                                                                                     \
    lstm_gradient_part(h, count, inside, gates + gate + (j), cell + first + (j), next_cell + first + (j),                  \
                       above_hidden + first + (j), above_cell ? above_cell + first + (j) : NULL, d_gates + gate + (j),     \
                       d_hidden + first + (j), d_cell + first + (j))
        EACH_PART(b->count, PART)
#undef PART
    }
}

MARTLET_INLINE void gru_part(int64_t h, int64_t count, float *gates, const float *bias, const float *hidden, float *candidate,
                             float *next_hidden) {
    lane_vector r, z, c, q, before;
    take(gates, count, &r);
    take(gates + h, count, &z);
    take(gates + 2 * h, count, &c);
    add_above(candidate, bias, count, &q);
    take(hidden, count, &before);
    lane_sigmoid(&r);
    lane_sigmoid(&z);
    c += r * q;
    lane_tanh(&c);
    put(gates, count, &r);
    put(gates + h, count, &z);
    put(gates + 2 * h, count, &c);
    put(candidate, count, &q);
    before = (1.0f - z) * c + z * before;
    put(next_hidden, count, &before);
}

MARTLET_CLONES
void martlet_gru_cells(const martlet_cells *b, float *gates, const float *bias, const float *hidden, float *candidate,
                       float *next_hidden) {
    int64_t h = b->units;
    for (int64_t row = 0; row < b->rows; row++, gates += 3 * h, hidden += h, candidate += h, next_hidden += h) {
        if (is_inside(b, row)) {
#define PART(j, count) \
    gru_part(h, count, gates + (j), bias ? bias + (j) : NULL, hidden + (j), candidate + (j), next_hidden + (j))
            EACH_PART(b->count, PART)
#undef PART
        } else {
            memcpy(next_hidden, hidden, (size_t)b->count * sizeof *hidden);
        }
    }
}

MARTLET_INLINE void gru_gradient_part(int64_t h, int64_t count, int inside, const float *gates, const float *hidden,
                                      const float *candidate, const float *above_hidden, float *d_gates, float *d_candidate,
                                      float *d_hidden) {
    lane_vector dh;
    add_above(d_hidden, above_hidden, count, &dh);
    if (!inside) {
        put(d_hidden, count, &dh);
        for (int k = 0; k < 3; k++) put_zeros(d_gates + k * h, count);
        put_zeros(d_candidate, count);
        return;
    }
    lane_vector r, z, c, q, before;
    take(gates, count, &r);
    take(gates + h, count, &z);
    take(gates + 2 * h, count, &c);
    take(candidate, count, &q);
    take(hidden, count, &before);
    lane_vector dc = dh * (1.0f - z) * (1.0f - c * c), dz = dh * (before - c) * (z * (1.0f - z));
    lane_vector dr = dc * q * (r * (1.0f - r)), dq = dc * r;
    dh *= z;
    put(d_gates, count, &dr);
    put(d_gates + h, count, &dz);
    put(d_gates + 2 * h, count, &dc);
    put(d_candidate, count, &dq);
    put(d_hidden, count, &dh);
}

MARTLET_CLONES
void martlet_gru_cells_gradient(const martlet_cells *b, const float *gates, const float *hidden, const float *candidate,
                                const float *above_hidden, float *d_gates, float *d_candidate, float *d_hidden) {
    int64_t h = b->units;
    for (int64_t row = 0; row < b->rows; row++) {
        int inside = is_inside(b, row);
        int64_t first = row * h, gate = row * 3 * h;
#define PART(j, count)                                                                                              \
    gru_gradient_part(h, count, inside, gates + gate + (j), hidden + first + (j), candidate + first + (j),          \
                      above_hidden + first + (j), d_gates + gate + (j), d_candidate + first + (j), d_hidden + first + (j))
        EACH_PART(b->count, PART)
#undef PART
    }
}
