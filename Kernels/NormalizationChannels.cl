// The partial results that belong to a channel or group are joined, by one work-item or, where they are many, by a group of GROUP.
#include "Normalization.cl"

// Element j of a channel's part p lies at p * partStride + channel * channelStride + j, for j in 0..<inner.
#if GROUP > 1
#define LANE get_local_id(0)
#define OF_CHANNEL const size_t channel = get_group_id(0)
#define PARTIAL_AT(k) \
    (inner == 1 ? (k) * partStride : (k) / (uint)inner * partStride + (k) % (uint)inner) + channel * channelStride
#define EACH_PARTIAL(at) \
    for (uint k = LANE, all = parts * inner, at; k < all && (at = PARTIAL_AT(k), 1); k += GROUP)
#define GROUP_SUMS(a, b) group_sums(a, b, scratch)
#else
#define LANE 0
#define OF_CHANNEL                             \
    const size_t channel = get_global_id(0);  \
    if (channel >= c) return
#define EACH_PARTIAL(at)                                                                  \
    for (size_t part = 0; part < parts; part++)                                           \
        for (size_t at = part * partStride + channel * channelStride, stop = at + inner; at < stop; at++)
#define SCRATCH(count)
#define GROUP_SUMS(a, b) (float2)(a, b)
#endif

// The mean and 1 / deviation of each channel from partial moments in three arrays of `size`. Where `spreads`, also mean,
// inverse * scale and shift for each of the channel's `inner` columns.
kernel GROUPED void join_moments(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, scale),
                                 TENSOR_ARGUMENT(const float, shift), TENSOR_ARGUMENT(float, mean),
                                 TENSOR_ARGUMENT(float, inverse), TENSOR_ARGUMENT(float, spread), const ulong c,
                                 const ulong parts, const ulong partStride, const ulong channelStride, const ulong inner,
                                 const ulong size, const int spreads, const int scaled, const int shifted,
                                 const float epsilon) {
    TENSOR(const float, partial);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(float, mean);
    TENSOR(float, inverse);
    TENSOR(float, spread);
    SCRATCH(3);
    OF_CHANNEL;
    float count = 0, m = 0, squares = 0;
    EACH_PARTIAL(at) {
        const float own = partial[2 * size + at];
        JOIN(float, count, m, squares, own, partial[at], partial[size + at]);
        count += own;
    }
#if GROUP > 1
    const float mine = m, weight = count;
    const float2 sums = group_sums(weight * mine, weight, scratch);
    count = sums.y;
    m = sums.x / count;
    squares = group_sum(squares + weight * ((mine - m) * (mine - m)), scratch + 2 * GROUP);
#endif
    const float r = 1.0f / sqrt(squares / count + epsilon);
    if (LANE == 0) {
        mean[channel] = m;
        inverse[channel] = r;
    }
    if (spreads) {
        spread += channel * inner;
        for (size_t j = LANE; j < inner; j += GROUP) {
            spread[j] = m;
            spread[c * inner + j] = scaled ? r * scale[channel] : r;
            spread[2 * c * inner + j] = shifted ? shift[channel] : 0.0f;
        }
    }
}

// Batch normalisation: dShift = sum(dy), dScale = inverse sum(dy (x - mean)) from partial sums in two arrays of `size`
// and the coefficients of dx (see plane_gradient); where `spreads`, those of column_gradient.
kernel GROUPED void join_channel_sums(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, scale),
                                      TENSOR_ARGUMENT(const float, mean), TENSOR_ARGUMENT(const float, inverse),
                                      TENSOR_ARGUMENT(float, dScale), TENSOR_ARGUMENT(float, dShift),
                                      TENSOR_ARGUMENT(float, coefficients), const ulong c, const ulong parts,
                                      const ulong partStride, const ulong channelStride, const ulong inner, const ulong size,
                                      const int spreads, const int scaled, const float count) {
    TENSOR(const float, partial);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    TENSOR(float, coefficients);
    SCRATCH(2);
    OF_CHANNEL;
    float sum = 0, products = 0;
    EACH_PARTIAL(at) {
        sum += partial[at];
        products += partial[size + at];
    }
    const float2 sums = GROUP_SUMS(sum, products);
    const float r = inverse[channel];
    if (LANE == 0) {
        dScale[channel] = sums.y * r;
        dShift[channel] = sums.x;
    }
    const float a = scaled ? r * scale[channel] : r;
    const float b = a * (sums.x / count), k = a * r * r * (sums.y / count);
    if (spreads) {
        coefficients += channel * inner;
        for (size_t j = LANE; j < inner; j += GROUP) {
            coefficients[j] = mean[channel];
            coefficients[c * inner + j] = a;
            coefficients[2 * c * inner + j] = b;
            coefficients[3 * c * inner + j] = k;
        }
    } else if (LANE == 0) {
        coefficients[channel] = b;
        coefficients[c + channel] = k;
    }
}

// Group normalisation where s is small: dShift and dScale from column_sums_by_row.
kernel GROUPED void join_column_sums(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(float, dScale),
                                     TENSOR_ARGUMENT(float, dShift), const ulong c, const ulong parts, const ulong partStride,
                                     const ulong channelStride, const ulong inner, const ulong size) {
    TENSOR(const float, partial);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    SCRATCH(2);
    OF_CHANNEL;
    float sum = 0, products = 0;
    EACH_PARTIAL(at) {
        sum += partial[at];
        products += partial[size + at];
    }
    const float2 sums = GROUP_SUMS(sum, products);
    if (LANE == 0) {
        dScale[channel] = sums.y;
        dShift[channel] = sums.x;
    }
}

// Group normalisation where s is large: from the planes' sums [n * c, parts] the coefficients of dx (see plane_gradient)
// of each of n * groups statistics.
kernel GROUPED void group_coefficients(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, scale),
                                       TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, coefficients),
                                       const ulong n, const ulong c, const ulong parts, const ulong groups, const int scaled,
                                       const float count) {
    TENSOR(const float, partial);
    TENSOR(const float, scale);
    TENSOR(const float, inverse);
    TENSOR(float, coefficients);
    const size_t statistic = get_global_id(0), each = c / groups;
    if (statistic >= n * groups) return;
    float sum = 0, products = 0;
    for (size_t plane = statistic * each; plane < (statistic + 1) * each; plane++) {
        const float w = scaled ? scale[plane % c] : 1.0f;
        for (size_t at = plane * parts; at < (plane + 1) * parts; at++) {
            sum += w * partial[at];
            products += w * partial[n * c * parts + at];
        }
    }
    const float r = inverse[statistic];
    coefficients += statistic;
    coefficients[0] = r * (sum / count);
    coefficients[n * groups] = r * r * r * (products / count);
}

// dShift and dScale of group normalisation from the planes' sums.
kernel GROUPED void join_group_sums(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, inverse),
                                    TENSOR_ARGUMENT(float, dScale), TENSOR_ARGUMENT(float, dShift), const ulong n,
                                    const ulong c, const ulong parts, const ulong groups) {
    TENSOR(const float, partial);
    TENSOR(const float, inverse);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    float sum = 0, products = 0;
    for (size_t sample = 0; sample < n; sample++) {
        const float r = inverse[sample * groups + channel / (c / groups)];
        for (size_t part = 0; part < parts; part++) {
            const size_t at = (sample * c + channel) * parts + part;
            sum += partial[at];
            products += r * partial[n * c * parts + at];
        }
    }
    dScale[channel] = products;
    dShift[channel] = sum;
}

// What belongs to a channel, for each of its s columns.
kernel GROUPED void spread_channels(TENSOR_ARGUMENT(const float, from), TENSOR_ARGUMENT(float, to), const ulong c,
                                    const ulong s) {
    TENSOR(const float, from);
    TENSOR(float, to);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    for (size_t j = 0; j < s; j++) to[channel * s + j] = from[channel];
}
