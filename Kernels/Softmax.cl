// Softmax and log-softmax over rows of n, and their gradients. The parameters are those of Exponentials.cl.
#include "Exponentials.cl"

kernel GROUPED void softmax(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong rows, const ulong n,
                            const ulong rowsEach) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SCRATCH(2);
    EACH_ROW(row) {
        global const float *from = x + row * n;
        global float *to = y + row * n;
        HOLD(values, from);
        const float largest = GROUP_MAX(LARGEST_OF(values, from), 0);
        floatv sum = 0, rest = 0;
        KEPT_ROW(kept, to);
        EACH_VECTOR(i) {
            const floatv e = EXP_BELOW(AT(values, from, i) - largest);
            FETCH(from + n + i);
            KEEP(values, kept, i, e);
            sum += e;
        }
        if (HAS_REST) {
            rest = EXP_BELOW(load_rest(from + n - n % VEC, n % VEC, -INFINITY) - largest);
            sum += rest;
        }
        const float scale = 1.0f / GROUP_SUM(sum_lanes(sum), 1);
        EACH_VECTOR(i) {
            const floatv e = KEPT(values, from, kept, i);
            PUT(e * scale, to + i);
        }
        if (HAS_REST) store_rest(rest * scale, to + n - n % VEC, n % VEC);
    }
}

kernel GROUPED void log_softmax(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong rows, const ulong n,
                                const ulong rowsEach) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SCRATCH(2);
    EACH_ROW(row) {
        global const float *from = x + row * n;
        global float *to = y + row * n;
        HOLD(values, from);
        const float largest = GROUP_MAX(LARGEST_OF(values, from), 0);
        floatv sum = 0, rest = 0;
        EACH_VECTOR(i) {
            FETCH(from + n + i);
            sum += EXP_BELOW(AT(values, from, i) - largest);
        }
        if (HAS_REST) {
            rest = load_rest(from + n - n % VEC, n % VEC, -INFINITY);
            sum += EXP_BELOW(rest - largest);
        }
        const float logSum = log_of_sum(GROUP_SUM(sum_lanes(sum), 1));
        EACH_VECTOR(i) PUT(AT(values, from, i) - largest - logSum, to + i);
        if (HAS_REST) store_rest(rest - largest - logSum, to + n - n % VEC, n % VEC);
    }
}

// dx = y * (dy - sum(dy * y))
kernel GROUPED void softmax_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, y),
                                     TENSOR_ARGUMENT(float, dx), const ulong rows, const ulong n, const ulong rowsEach) {
    TENSOR(const float, dy);
    TENSOR(const float, y);
    TENSOR(float, dx);
    SCRATCH(1);
    EACH_ROW(row) {
        global const float *g = dy + row * n;
        global const float *p = y + row * n;
        global float *to = dx + row * n;
        const size_t last = n - n % VEC;
        floatv sum = 0, gRest = 0, pRest = 0;
        HOLD(gs, g);
        HOLD(ps, p);
        EACH_VECTOR(i) sum += AT(gs, g, i) * AT(ps, p, i);
        if (HAS_REST) {
            gRest = load_rest(g + last, n % VEC, 0.0f);
            pRest = load_rest(p + last, n % VEC, 0.0f);
            sum += gRest * pRest;
        }
        const float total = GROUP_SUM(sum_lanes(sum), 0);
        EACH_VECTOR(i) PUT(AT(ps, p, i) * (AT(gs, g, i) - total), to + i);
        if (HAS_REST) store_rest(pRest * (gRest - total), to + last, n % VEC);
    }
}

// dx = dy - EXP(y) * sum(dy)
kernel GROUPED void log_softmax_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, y),
                                         TENSOR_ARGUMENT(float, dx), const ulong rows, const ulong n, const ulong rowsEach) {
    TENSOR(const float, dy);
    TENSOR(const float, y);
    TENSOR(float, dx);
    SCRATCH(1);
    EACH_ROW(row) {
        global const float *g = dy + row * n;
        global const float *p = y + row * n;
        global float *to = dx + row * n;
        const size_t last = n - n % VEC;
        floatv sum = 0, gRest = 0;
        HOLD(gs, g);
        HOLD(ps, p);
        EACH_VECTOR(i) sum += AT(gs, g, i);
        if (HAS_REST) {
            gRest = load_rest(g + last, n % VEC, 0.0f);
            sum += gRest;
        }
        const float total = GROUP_SUM(sum_lanes(sum), 0);
        EACH_VECTOR(i) PUT(AT(gs, g, i) - EXP(AT(ps, p, i)) * total, to + i);
        if (HAS_REST) {
            const floatv e = EXP(load_rest(p + last, n % VEC, 0.0f));
            store_rest(gRest - e * total, to + last, n % VEC);
        }
    }
}
