// Layer and group normalisation of rows of n, and their gradients. The parameters are those of Rows.cl.
#include "Rows.cl"

// Rows of n elements; row r uses part r % groups of scale and shift.
kernel GROUPED void row_norm(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, scale),
                             TENSOR_ARGUMENT(const float, shift), TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(float, mean),
                             TENSOR_ARGUMENT(float, inverse), const ulong rows, const ulong n, const ulong rowsEach,
                             const ulong groups, const int scaled, const int shifted, const float epsilon) {
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(float, y);
    TENSOR(float, mean);
    TENSOR(float, inverse);
    SCRATCH(2);
    EACH_ROW(row) {
        global const float *from = x + row * n;
        global const float *w = scale + row % groups * n;
        global const float *b = shift + row % groups * n;
        global float *to = y + row * n;
        const size_t last = n - n % VEC;
        HOLD(values, from);
        floatv sum = 0, rest = 0, squares = 0;
        EACH_VECTOR(i) sum += AT(values, from, i);
        if (HAS_REST) {
            rest = load_rest(from + last, n % VEC, 0.0f);
            sum += rest;
        }
        const float m = GROUP_SUM(sum_lanes(sum), 0) / n;
        EACH_VECTOR(i) {
            const floatv d = AT(values, from, i) - m;
            FETCH(from + n + i);
            squares += d * d;
        }
        if (HAS_REST) {
            const floatv d = load_rest(from + last, n % VEC, m) - m;
            squares += d * d;
        }
        const float r = 1.0f / sqrt(GROUP_SUM(sum_lanes(squares), 1) / n + epsilon);
        EACH_VECTOR(i) {
            floatv v = (AT(values, from, i) - m) * r;
            if (scaled) v *= LOAD(w + i);
            if (shifted) v += LOAD(b + i);
            PUT(v, to + i);
        }
        if (HAS_REST) {
            floatv v = (rest - m) * r;
            if (scaled) v *= load_rest(w + last, n % VEC, 0.0f);
            if (shifted) v += load_rest(b + last, n % VEC, 0.0f);
            store_rest(v, to + last, n % VEC);
        }
        if (LANE == 0) {
            mean[row] = m;
            inverse[row] = r;
        }
    }
}

// dx = inverse (g - mean(g) - xhat mean(g xhat)), with g = dy scale and xhat = (x - mean) inverse.
kernel GROUPED void row_norm_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                                      TENSOR_ARGUMENT(const float, scale), TENSOR_ARGUMENT(const float, mean),
                                      TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, dx), const ulong rows,
                                      const ulong n, const ulong rowsEach, const ulong groups, const int scaled) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, dx);
    SCRATCH(2);
    EACH_ROW(row) {
        global const float *d = dy + row * n;
        global const float *from = x + row * n;
        global const float *w = scale + row % groups * n;
        global float *to = dx + row * n;
        const float m = mean[row], r = inverse[row];
        const size_t last = n - n % VEC;
        HOLD(gs, d);
        HOLD(values, from);
        floatv sum = 0, products = 0, gRest = 0, xRest = 0;
        EACH_VECTOR(i) {
            floatv g = AT(gs, d, i);
            if (scaled) g *= LOAD(w + i);
            sum += g;
            products += g * (AT(values, from, i) - m);
        }
        if (HAS_REST) {
            gRest = load_rest(d + last, n % VEC, 0.0f);
            if (scaled) gRest *= load_rest(w + last, n % VEC, 0.0f);
            xRest = load_rest(from + last, n % VEC, m) - m;
            sum += gRest;
            products += gRest * xRest;
        }
#if GROUP > 1
        const float2 sums = group_sums(sum_lanes(sum), sum_lanes(products), scratch);
#else
        const float2 sums = (float2)(sum_lanes(sum), sum_lanes(products));
#endif
        const float b = sums.x / n, k = sums.y / n * r * r;
        EACH_VECTOR(i) {
            floatv g = AT(gs, d, i);
            if (scaled) g *= LOAD(w + i);
            PUT(r * (g - b - (AT(values, from, i) - m) * k), to + i);
        }
        if (HAS_REST) store_rest(r * (gRest - b - xRest * k), to + last, n % VEC);
    }
}
