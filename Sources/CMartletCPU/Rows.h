#ifndef MARTLET_ROWS_H
#define MARTLET_ROWS_H

#include <math.h>
#include <string.h>

#include "Exponential.h"
#include "Lanes.h"

// Loops over a row in whole vectors; a last part is filled up.

MARTLET_INLINE void load_part(const float *in, int64_t count, float fill, lane_vector *out) {
    if (count >= lanes) {
        *out = LOAD(in);
    } else {
        float part[lanes];
        for (int i = 0; i < lanes; i++) part[i] = fill;
        for (int64_t i = 0; i < count; i++) part[i] = in[i];
        *out = LOAD(part);
    }
}

MARTLET_INLINE void store_part(float *out, int64_t count, const lane_vector *x) {
    if (count >= lanes) {
        STORE(out, *x);
    } else {
        float part[lanes];
        STORE(part, *x);
        for (int64_t i = 0; i < count; i++) out[i] = part[i];
    }
}

MARTLET_INLINE void exponentials(const lane_vector *x, lane_vector *y) {
    float in[lanes], out[lanes];
    STORE(in, *x);
    for (int i = 0; i < lanes; i++) out[i] = martlet_exponential(in[i]);
    *y = LOAD(out);
}

// The largest element, NaN not counted; minus infinity for none.
MARTLET_INLINE float row_maximum(const float *in, int64_t n) {
    lane_vector most[2];
    most[0] = most[1] = (lane_vector){0} - INFINITY;
    int64_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes)
        for (int v = 0; v < 2; v++) {
            lane_vector x = LOAD(in + i + v * lanes);
            float a[lanes], b[lanes];
            STORE(a, most[v]);
            STORE(b, x);
            for (int j = 0; j < lanes; j++) a[j] = b[j] > a[j] ? b[j] : a[j];
            most[v] = LOAD(a);
        }
    float part[2 * lanes], result = -INFINITY;
    STORE(part, most[0]);
    STORE(part + lanes, most[1]);
    for (int j = 0; j < 2 * lanes; j++) result = part[j] > result ? part[j] : result;
    for (; i < n; i++) result = in[i] > result ? in[i] : result;
    return result;
}

// The sum of e^(x - maximum).
MARTLET_INLINE float exponential_sum(const float *in, int64_t n, float maximum) {
    lane_vector sum = {0};
    for (int64_t i = 0; i < n; i += lanes) {
        lane_vector x, e;
        load_part(in + i, n - i, -INFINITY, &x);
        // A row of minus infinities is NaN in its own elements; the filling adds nothing.
        x -= maximum;
        if (n - i < lanes)
            for (int j = (int)(n - i); j < lanes; j++) x[j] = -INFINITY;
        exponentials(&x, &e);
        sum += e;
    }
    return lane_sum(&sum);
}

#endif
