// Softmax and cross-entropy over rows of n.
//
// GROUP  work-items that share a row: a power of two. 1: a work-item owns whole rows, one after the other, and there is
//        no local memory and no barrier (CPU-like devices, and short rows on others).
// VEC    width of a load: 16 on CPU-like devices, 4 where GROUP is above 1, 1 for short rows on GPU-like devices.
// STREAMED  1 where the result is too large to stay in the caches (CPU-like devices, rows up to LONGEST_ROW).
//
// A row is read as vectors at stride GROUP * VEC; its last n % VEC elements form one partly filled vector.

// 1 in the lanes that load_rest fills, 0 in the others.
inline floatv used_lanes(const size_t count) {
    floatv v = 0;
#if VEC == 16
    if (count & 8) v.s01234567 = 1;
    if (count & 4) v.s89ab = 1;
    if (count & 2) v.scd = 1;
    if (count & 1) v.se = 1;
#elif VEC == 4
    if (count & 2) v.s01 = 1;
    if (count & 1) v.s2 = 1;
#endif
    return v;
}

// The positions of the lanes that load_rest fills, -1 in the others, and of a whole vector.
#if VEC == 1
typedef int intv;
#define WHOLE_POSITIONS 0
#else
typedef PASTE(int, VEC) intv;
#if VEC == 16
#define WHOLE_POSITIONS (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#else
#define WHOLE_POSITIONS (int4)(0, 1, 2, 3)
#endif
#endif
inline intv rest_positions(const size_t count) {
    intv v = -1;
#if VEC == 16
    if (count & 8) v.s01234567 = (int8)(0, 1, 2, 3, 4, 5, 6, 7);
    if (count & 4) v.s89ab = (int)(count & 8) + (int4)(0, 1, 2, 3);
    if (count & 2) v.scd = (int)(count & 12) + (int2)(0, 1);
    if (count & 1) v.se = (int)(count & 14);
#elif VEC == 4
    if (count & 2) v.s01 = (int2)(0, 1);
    if (count & 1) v.s2 = (int)(count & 2);
#endif
    return v;
}

// The larger where both are numbers; `a` where `b` is NaN.
#define LARGER(a, b) ((b) > (a) ? (b) : (a))

inline float max_lanes(const floatv v) {
#if VEC == 16
    const float8 a = LARGER(v.lo, v.hi);
    const float4 b = LARGER(a.lo, a.hi);
    const float2 c = LARGER(b.lo, b.hi);
    return LARGER(c.x, c.y);
#elif VEC == 4
    const float2 c = LARGER(v.lo, v.hi);
    return LARGER(c.x, c.y);
#else
    return v;
#endif
}

#if GROUP > 1
#define LANE get_local_id(0)
#define EACH_ROW(row) const size_t row = get_group_id(0);
#define PART(i) (scratch + (i) * (GROUP + 16))

inline float group_max(const float v, local float *s) {
    const uint lane = get_local_id(0);
    s[lane] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < FOLDS) {
        float largest = s[lane];
        for (uint i = lane + FOLDS; i < GROUP; i += FOLDS) largest = LARGER(largest, s[i]);
        s[GROUP + lane] = largest;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float largest = s[GROUP];
    for (uint i = 1; i < FOLDS; i++) largest = LARGER(largest, s[GROUP + i]);
    return largest;
}
#define GROUP_SUM(v, i) group_sum(v, PART(i))
#define GROUP_MAX(v, i) group_max(v, PART(i))
#else
#define LANE 0
#define EACH_ROW(row)                                                                     \
    for (size_t row = get_global_id(0) * rowsEach, end = min((ulong)(row + rowsEach), rows); row < end; row++)
#define SCRATCH(count)
#define GROUP_SUM(v, i) (v)
#define GROUP_MAX(v, i) (v)
#endif

// log(x) for x of 1 and above, and NaN. Several times faster than the library's scalar logarithm on CPU-like devices;
// the polynomial is (log(1 + m) - m + m^2 / 2) / m^3, fitted over sqrt(1/2) <= 1 + m <= sqrt(2) by least squares.
inline float log_of_sum(const float x) {
    const int bits = as_int(x) - 0x3f3504f3;
    const float exponent = (float)(bits >> 23), m = as_float((bits & 0x7fffff) + 0x3f3504f3) - 1.0f, square = m * m;
    float p = 0.067972891f;
    p = fma(p, m, -0.117089614f);
    p = fma(p, m, 0.118826263f);
    p = fma(p, m, -0.12399108f);
    p = fma(p, m, 0.142194271f);
    p = fma(p, m, -0.166684017f);
    p = fma(p, m, 0.200021446f);
    p = fma(p, m, -0.25000003f);
    p = fma(p, m, 0.333333135f);
    p = fma(exponent, -2.12194440e-4f, p * m * square);
    return x != x ? x : fma(exponent, 0.693359375f, m + fma(square, -0.5f, p));
}

// The work-item that takes a row's last n % VEC elements.
#define HAS_REST (n % VEC != 0 && LANE == GROUP - 1)
// The vectors of a row that are this work-item's.
#define EACH_VECTOR(i) for (size_t i = LANE * VEC, whole = n - n % VEC; i < whole; i += GROUP * VEC)

inline float largest_of(global const float *row, const ulong n) {
    floatv largest = -INFINITY, second = -INFINITY;
    size_t i = LANE * VEC;
    for (; i + (GROUP + 1) * VEC <= n; i += 2 * GROUP * VEC) {
        const floatv v = LOAD(row + i), w = LOAD(row + i + GROUP * VEC);
        largest = LARGER(largest, v);
        second = LARGER(second, w);
    }
    if (i + VEC <= n) {
        const floatv v = LOAD(row + i);
        largest = LARGER(largest, v);
    }
    largest = LARGER(largest, second);
    if (HAS_REST) {
        const floatv v = load_rest(row + n - n % VEC, n % VEC, -INFINITY);
        largest = LARGER(largest, v);
    }
    return max_lanes(largest);
}

// Where a row's exponentials wait for their sum: in the result, or if that is streamed in memory of the work-item's own.
#define LONGEST_ROW 8192
#if STREAMED
#define KEPT_ROW(kept, to) float kept[LONGEST_ROW]
#else
#define KEPT_ROW(kept, to) global float *kept = to
#endif

kernel void softmax(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong rows, const ulong n,
                    const ulong rowsEach) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SCRATCH(2);
    EACH_ROW(row) {
        global const float *from = x + row * n;
        global float *to = y + row * n;
        const float largest = GROUP_MAX(largest_of(from, n), 0);
        floatv sum = 0, rest = 0;
        KEPT_ROW(kept, to);
        EACH_VECTOR(i) {
            const floatv e = EXP_BELOW(LOAD(from + i) - largest);
            FETCH(from + n + i);
            STORE(e, kept + i);
            sum += e;
        }
        if (HAS_REST) {
            rest = EXP_BELOW(load_rest(from + n - n % VEC, n % VEC, -INFINITY) - largest);
            sum += rest;
        }
        const float scale = 1.0f / GROUP_SUM(sum_lanes(sum), 1);
        EACH_VECTOR(i) {
            const floatv e = LOAD(kept + i);
            PUT(e * scale, to + i);
        }
        if (HAS_REST) store_rest(rest * scale, to + n - n % VEC, n % VEC);
    }
}

kernel void log_softmax(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong rows, const ulong n,
                        const ulong rowsEach) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SCRATCH(2);
    EACH_ROW(row) {
        global const float *from = x + row * n;
        global float *to = y + row * n;
        const float largest = GROUP_MAX(largest_of(from, n), 0);
        floatv sum = 0, rest = 0;
        EACH_VECTOR(i) {
            FETCH(from + n + i);
            sum += EXP_BELOW(LOAD(from + i) - largest);
        }
        if (HAS_REST) {
            rest = load_rest(from + n - n % VEC, n % VEC, -INFINITY);
            sum += EXP_BELOW(rest - largest);
        }
        const float logSum = log_of_sum(GROUP_SUM(sum_lanes(sum), 1));
        EACH_VECTOR(i) PUT(LOAD(from + i) - largest - logSum, to + i);
        if (HAS_REST) store_rest(rest - largest - logSum, to + n - n % VEC, n % VEC);
    }
}

// dx = y * (dy - sum(dy * y))
kernel void softmax_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, y),
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
        EACH_VECTOR(i) sum += LOAD(g + i) * LOAD(p + i);
        if (HAS_REST) {
            gRest = load_rest(g + last, n % VEC, 0.0f);
            pRest = load_rest(p + last, n % VEC, 0.0f);
            sum += gRest * pRest;
        }
        const float total = GROUP_SUM(sum_lanes(sum), 0);
        EACH_VECTOR(i) PUT(LOAD(p + i) * (LOAD(g + i) - total), to + i);
        if (HAS_REST) store_rest(pRest * (gRest - total), to + last, n % VEC);
    }
}

// dx = dy - EXP(y) * sum(dy)
kernel void log_softmax_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, y),
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
        EACH_VECTOR(i) sum += LOAD(g + i);
        if (HAS_REST) {
            gRest = load_rest(g + last, n % VEC, 0.0f);
            sum += gRest;
        }
        const float total = GROUP_SUM(sum_lanes(sum), 0);
        EACH_VECTOR(i) PUT(LOAD(g + i) - EXP(LOAD(p + i)) * total, to + i);
        if (HAS_REST) {
            const floatv e = EXP(load_rest(p + last, n % VEC, 0.0f));
            store_rest(gRest - e * total, to + last, n % VEC);
        }
    }
}

// loss = (1 - e) w[label] (-logp[label]) + e / n sum_j w[j] (-logp[j]), with -logp[j] = logSum - (x[j] - largest).
// `w` is read only where `weighted`; the label `ignored` counts for nothing where `ignores`.
kernel void cross_entropy(TENSOR_ARGUMENT(const float, logits), TENSOR_ARGUMENT(const int, labels),
                          TENSOR_ARGUMENT(const float, weights), TENSOR_ARGUMENT(float, losses), const ulong rows,
                          const ulong n, const ulong rowsEach, const int weighted, const float smoothing,
                          const int ignores, const int ignored) {
    TENSOR(const float, logits);
    TENSOR(const int, labels);
    TENSOR(const float, weights);
    TENSOR(float, losses);
    SCRATCH(3);
    EACH_ROW(row) {
        global const float *x = logits + row * n;
        global const float *w = weights;
        const int label = labels[row];
        const float largest = GROUP_MAX(largest_of(x, n), 0);
        const size_t last = n - n % VEC;
        floatv sum = 0;
        EACH_VECTOR(i) {
            FETCH(x + n + i);
            sum += EXP_BELOW(LOAD(x + i) - largest);
        }
        if (HAS_REST) sum += EXP_BELOW(load_rest(x + last, n % VEC, -INFINITY) - largest);
        const float logSum = log_of_sum(GROUP_SUM(sum_lanes(sum), 1));
        float spread = 0;
        if (smoothing != 0) {
            floatv terms = 0;
            EACH_VECTOR(i) {
                const floatv term = logSum - (LOAD(x + i) - largest);
                terms += weighted ? term * LOAD(w + i) : term;
            }
            if (HAS_REST) {
                const floatv term = logSum - (load_rest(x + last, n % VEC, 0.0f) - largest);
                const floatv weight = weighted ? load_rest(w + last, n % VEC, 0.0f) : used_lanes(n % VEC);
                terms += term * weight;
            }
            spread = GROUP_SUM(sum_lanes(terms), 2);
        }
        if (LANE == 0) {
            float loss = NAN;
            if (ignores && label == ignored) {
                loss = 0;
            } else if (label >= 0 && (ulong)label < n) {
                loss = (1 - smoothing) * (weighted ? w[label] : 1.0f) * (logSum - (x[label] - largest));
                if (smoothing != 0) loss += smoothing / n * spread;
            }
            losses[row] = loss;
        }
    }
}

// With g = dLosses, p the softmax and W the sum of the weights:
// dLogits[j] = g (p[j] ((1 - e) w[label] + e / n W) - e / n w[j] - [j = label] (1 - e) w[label]).
// Where memory is near, exponentials wait in the result; else they are taken again.
#if GROUP == 1
#define KEEP(e, p) STORE(e, p)
#else
#define KEEP(e, p)
#define KEPT(x, kept, i) EXP_BELOW(LOAD(x + i) - largest)
#endif

kernel void cross_entropy_gradient(TENSOR_ARGUMENT(const float, dLosses), const ulong dLossesStride,
                                   TENSOR_ARGUMENT(const float, logits), TENSOR_ARGUMENT(const int, labels),
                                   TENSOR_ARGUMENT(const float, weights), TENSOR_ARGUMENT(float, dLogits),
                                   const ulong rows, const ulong n, const ulong rowsEach, const int weighted,
                                   const float smoothing, const int ignores, const int ignored) {
    TENSOR(const float, dLosses);
    TENSOR(const float, logits);
    TENSOR(const int, labels);
    TENSOR(const float, weights);
    TENSOR(float, dLogits);
    SCRATCH(3);
    EACH_ROW(row) {
        global const float *x = logits + row * n;
        global const float *w = weights;
        global float *to = dLogits + row * n;
        const int label = labels[row];
        const float largest = GROUP_MAX(largest_of(x, n), 0);
        const size_t last = n - n % VEC;
        const int spreads = weighted && smoothing != 0;
        KEPT_ROW(kept, to);
        floatv sum = 0, weightSum = 0, rest = 0;
        EACH_VECTOR(i) {
            const floatv e = EXP_BELOW(LOAD(x + i) - largest);
            FETCH(x + n + i);
            KEEP(e, kept + i);
            sum += e;
            if (spreads) weightSum += LOAD(w + i);
        }
        if (HAS_REST) {
            rest = EXP_BELOW(load_rest(x + last, n % VEC, -INFINITY) - largest);
            sum += rest;
            if (spreads) weightSum += load_rest(w + last, n % VEC, 0.0f);
        }
        const float scale = 1.0f / GROUP_SUM(sum_lanes(sum), 1);
        const float allWeights = spreads ? GROUP_SUM(sum_lanes(weightSum), 2) : (float)n;

        const int counts = !(ignores && label == ignored);
        const int inside = label >= 0 && (ulong)label < n;
        const float g = dLosses[row * dLossesStride];
        const float even = smoothing / n;
        const float labelWeight = inside ? (1 - smoothing) * (weighted ? w[label] : 1.0f) : 0.0f;
        const float share = labelWeight + even * allWeights;
        if (!counts || !inside) {
            const float all = counts ? NAN : 0.0f;
            EACH_VECTOR(i) STORE((floatv)(all), to + i);
            if (HAS_REST) store_rest((floatv)(all), to + last, n % VEC);
        } else {
#if GROUP == 1
            const float factor = scale * share * g, spread = even * g;
            EACH_VECTOR(i) PUT(LOAD(kept + i) * factor - (weighted ? spread * LOAD(w + i) : (floatv)(spread)), to + i);
            if (HAS_REST) {
                const floatv target = weighted ? spread * load_rest(w + last, n % VEC, 0.0f) : (floatv)(spread);
                store_rest(rest * factor - target, to + last, n % VEC);
            }
            const float own = EXP_BELOW(x[label] - largest) * factor - spread * (weighted ? w[label] : 1.0f);
            to[label] = own - g * labelWeight;
#else
            EACH_VECTOR(i) {
                const floatv p = KEPT(x, kept, i) * scale;
                floatv target = weighted ? even * LOAD(w + i) : (floatv)(even);
                target = label - (int)i == WHOLE_POSITIONS ? labelWeight + target : target;
                PUT(g * (p * share - target), to + i);
            }
            if (HAS_REST) {
                floatv target = weighted ? even * load_rest(w + last, n % VEC, 0.0f) : (floatv)(even);
                target = label - (int)last == rest_positions(n % VEC) ? labelWeight + target : target;
                store_rest(g * (rest * scale * share - target), to + last, n % VEC);
            }
#endif
        }
    }
}
