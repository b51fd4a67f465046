// Cross-entropy over rows of n logits, and its gradient. The parameters are those of Exponentials.cl.
#include "Exponentials.cl"

// 1 in the lanes that load_rest fills, 0 in the others.
INLINE floatv used_lanes(const size_t count) {
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
INLINE intv rest_positions(const size_t count) {
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

// loss = (1 - e) w[label] (-logp[label]) + e / n sum_j w[j] (-logp[j]), with -logp[j] = logSum - (x[j] - largest).
// `w` is read only where `weighted`; the label `ignored` counts for nothing where `ignores`.
kernel GROUPED void cross_entropy(TENSOR_ARGUMENT(const float, logits), TENSOR_ARGUMENT(const int, labels),
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
        HOLD(values, x);
        const float largest = GROUP_MAX(LARGEST_OF(values, x), 0);
        const size_t last = n - n % VEC;
        floatv sum = 0;
        EACH_VECTOR(i) {
            FETCH(x + n + i);
            sum += EXP_BELOW(AT(values, x, i) - largest);
        }
        if (HAS_REST) sum += EXP_BELOW(load_rest(x + last, n % VEC, -INFINITY) - largest);
        const float logSum = log_of_sum(GROUP_SUM(sum_lanes(sum), 1));
        float spread = 0;
        if (smoothing != 0) {
            floatv terms = 0;
            EACH_VECTOR(i) {
                const floatv term = logSum - (AT(values, x, i) - largest);
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
kernel GROUPED void cross_entropy_gradient(TENSOR_ARGUMENT(const float, dLosses), const ulong dLossesStride,
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
        HOLD(values, x);
        const float largest = GROUP_MAX(LARGEST_OF(values, x), 0);
        const size_t last = n - n % VEC;
        const int spreads = weighted && smoothing != 0;
        KEPT_ROW(kept, to);
        floatv sum = 0, weightSum = 0, rest = 0;
        EACH_VECTOR(i) {
            const floatv e = EXP_BELOW(AT(values, x, i) - largest);
            FETCH(x + n + i);
            KEEP(values, kept, i, e);
            sum += e;
            if (spreads) weightSum += LOAD(w + i);
        }
        if (HAS_REST) {
            rest = EXP_BELOW(load_rest(x + last, n % VEC, -INFINITY) - largest);
            sum += rest;
            if (spreads) weightSum += load_rest(w + last, n % VEC, 0.0f);
        }
#if GROUP > 1
        const float2 sums = group_sums(sum_lanes(sum), sum_lanes(weightSum), scratch + GROUP);
#else
        const float2 sums = (float2)(sum_lanes(sum), sum_lanes(weightSum));
#endif
        const float scale = 1.0f / sums.x, allWeights = spreads ? sums.y : (float)n;

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
            EACH_VECTOR(i) PUT(KEPT(values, x, kept, i) * factor - (weighted ? spread * LOAD(w + i) : (floatv)(spread)), to + i);
            if (HAS_REST) {
                const floatv target = weighted ? spread * load_rest(w + last, n % VEC, 0.0f) : (floatv)(spread);
                store_rest(rest * factor - target, to + last, n % VEC);
            }
            const float own = EXP_BELOW(x[label] - largest) * factor - spread * (weighted ? w[label] : 1.0f);
            to[label] = own - g * labelWeight;
#else
            EACH_VECTOR(i) {
                const floatv p = KEPT(values, x, kept, i) * scale;
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
