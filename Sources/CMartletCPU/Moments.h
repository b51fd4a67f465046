#ifndef MARTLET_MOMENTS_H
#define MARTLET_MOMENTS_H

#include <math.h>

#include "Rows.h"

enum { moment_piece = 4096 };

// Mean and sum of squared distances from it, in two passes over at most 4096 elements. What is read next lies `distance` on.
MARTLET_INLINE void piece_moments(const float *x, int64_t n, const float *limit, int64_t distance, float *mean,
                                  float *squares) {
    lane_vector sum[2], v;
    sum[0] = sum[1] = (lane_vector){0};
    int64_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
        sum[0] += LOAD(x + i);
        sum[1] += LOAD(x + i + lanes);
    }
    for (; i < n; i += lanes) {
        load_part(x + i, n - i, limit, 0, &v);
        sum[0] += v;
    }
    sum[0] += sum[1];
    float m = lane_sum(&sum[0]) / (float)n;
    sum[0] = sum[1] = (lane_vector){0};
    for (i = 0; i + 2 * lanes <= n; i += 2 * lanes) {
        look_ahead(x + i, distance);
        look_ahead(x + i + lanes, distance);
        v = LOAD(x + i) - m;
        sum[0] += v * v;
        v = LOAD(x + i + lanes) - m;
        sum[1] += v * v;
    }
    for (; i < n; i += lanes) {
        load_part(x + i, n - i, limit, m, &v);
        v -= m;
        sum[0] += v * v;
    }
    sum[0] += sum[1];
    *mean = m;
    *squares = lane_sum(&sum[0]);
}

// The same of any number of elements: parts are joined as in Chan, Golub and LeVeque, "Updating formulae and a pairwise
// algorithm for computing sample variances" (1979).
MARTLET_INLINE void row_moments(const float *x, int64_t n, const float *limit, float *mean, float *squares) {
    if (n <= moment_piece) {
        piece_moments(x, n, limit, n, mean, squares);
        return;
    }
    double sum = 0, s = 0;
    for (int64_t i = 0; i < n; i += moment_piece) {
        int64_t count = smaller(moment_piece, n - i);
        float a, b;
        piece_moments(x + i, count, limit, count, &a, &b);
        s += b;
        if (i > 0) {
            double distance = a - sum / (double)i;
            s += distance * distance * (double)i * (double)count / (double)(i + count);
        }
        sum += a * (double)count;
    }
    *mean = (float)(sum / (double)n);
    *squares = (float)s;
}

// Sums of dy and of dy * (x - mean) * inverse, each weighted by scale if there is one. Of dy and x `readable` elements may be
// read, n of scale.
MARTLET_INLINE void gradient_sums(const float *dy, const float *x, const float *scale, int64_t n, int64_t readable, float mean,
                                  float inverse, float *plain, float *weighted) {
    lane_vector a = {0}, b = {0}, g, v, w;
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        look_ahead(dy + i, looked_ahead);
        look_ahead(x + i, looked_ahead);
        g = LOAD(dy + i);
        v = LOAD(x + i);
        if (scale) g *= LOAD(scale + i);
        a += g;
        b += g * ((v - mean) * inverse);
    }
    if (i < n) {
        load_part(dy + i, n - i, dy + readable, 0, &g);
        load_part(x + i, n - i, x + readable, mean, &v);
        if (scale) {
            load_part(scale + i, n - i, scale + n, 0, &w);
            g *= w;
        }
        a += g;
        b += g * ((v - mean) * inverse);
    }
    *plain = lane_sum(&a);
    *weighted = lane_sum(&b);
}

#endif
