#ifndef MARTLET_ROWS_H
#define MARTLET_ROWS_H

#include <math.h>
#include <string.h>

#include "Exponential.h"
#include "Lanes.h"

// Loops over a row in whole vectors. Of its last part a whole vector is read, and written, too where that ends at or before
// `limit`, the end of the rows that the caller may read or will yet write.

MARTLET_INLINE void load_part(const float *in, int64_t count, const float *limit, float fill, lane_vector *out) {
    const lane_integers lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    if (count >= lanes) {
        *out = LOAD(in);
    } else if (limit - in >= lanes) {
        lane_vector filling = (lane_vector){0} + fill;
        lane_integers inside = lane < (int32_t)count;
        *out = (lane_vector)(((lane_integers)LOAD(in) & inside) | ((lane_integers)filling & ~inside));
    } else {
        float part[lanes];
        for (int i = 0; i < lanes; i++) part[i] = fill;
        for (int64_t i = 0; i < count; i++) part[i] = in[i];
        *out = LOAD(part);
    }
}

MARTLET_INLINE void store_part(float *out, int64_t count, const float *limit, const lane_vector *x) {
    if (count >= lanes || limit - out >= lanes) {
        STORE(out, *x);
    } else {
        float part[lanes];
        STORE(part, *x);
        for (int64_t i = 0; i < count; i++) out[i] = part[i];
    }
}

// Sets the lanes from `count` on to 0.
MARTLET_INLINE void keep_part(int64_t count, lane_vector *x) {
    const lane_integers lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    *x = (lane_vector)((lane_integers)*x & (lane < (int32_t)smaller(count, lanes)));
}

// Lane by lane the larger; the second where the first is NaN.
MARTLET_INLINE void lane_maximum(const lane_vector *x, const lane_vector *y, lane_vector *result) {
    lane_integers take = *x > *y;
    *result = (lane_vector)(((lane_integers)*x & take) | ((lane_integers)*y & ~take));
}

// The largest element, NaN not counted; minus infinity for none.
MARTLET_INLINE float row_maximum(const float *in, int64_t n, const float *limit) {
    lane_vector most[2], x;
    most[0] = most[1] = (lane_vector){0} - INFINITY;
    int64_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes)
        for (int v = 0; v < 2; v++) {
            x = LOAD(in + i + v * lanes);
            lane_maximum(&x, &most[v], &most[v]);
        }
    for (; i < n; i += lanes) {
        load_part(in + i, n - i, limit, -INFINITY, &x);
        lane_maximum(&x, &most[0], &most[0]);
    }
    lane_maximum(&most[1], &most[0], &x);
    lane_vector y = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    lane_maximum(&y, &x, &x);
    y = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
    lane_maximum(&y, &x, &x);
    y = __builtin_shufflevector(x, x, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    lane_maximum(&y, &x, &x);
    return x[0] > x[1] ? x[0] : x[1];
}

// The sum of e^(x - maximum).
MARTLET_INLINE float exponential_sum(const float *in, int64_t n, const float *limit, float maximum) {
    lane_vector sum = {0}, x, e;
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        x = LOAD(in + i) - maximum;
        look_ahead(in + i, n);
        exponentials_below(&x, &e);
        sum += e;
    }
    if (i < n) {
        load_part(in + i, n - i, limit, -INFINITY, &x);
        x -= maximum;
        exponentials_below(&x, &e);
        // The filling adds nothing, even to a row of minus infinities.
        keep_part(n - i, &e);
        sum += e;
    }
    return lane_sum(&sum);
}

#endif
