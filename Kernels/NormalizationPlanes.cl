// Normalisation along planes of s elements, cut into pieces, and its gradient. A group reads pieces `across` work-items wide,
// GROUP / across at a time.
#include "Normalization.cl"

#if GROUP > 1
#define ACROSS (1u << acrossBits)
#define SUBLANE (get_local_id(0) & (ACROSS - 1))
#define SUBROW (get_local_id(0) >> acrossBits)
#define LEADS (get_local_id(0) == 0)
#define GROUP_SUM(v, i) group_sum(v, scratch + (i) * GROUP)
// EACH_FOUR and EACH_TWO take so many vectors that are ACROSS from each other, the work-item's own, so that all are read before one
// is written; EACH_VECTOR those that are left.
#define EACH_FEW(i, length, few) \
    uint i = SUBLANE * VEC;      \
    for (; i + (((few) - 1) * ACROSS + 1) * VEC <= (length); i += (few) * ACROSS * VEC)
#define EACH_FOUR(i, length) EACH_FEW(i, length, 4)
#define EACH_TWO(i, length) EACH_FEW(i, length, 2)
#define EACH_VECTOR(i, length) for (; i + VEC <= (length); i += ACROSS * VEC)
#define NEXT(i, k) ((i) + (k) * ACROSS * VEC)

#else
#define ACROSS 1
#define SUBLANE 0
#define SUBROW 0
#define LEADS 1
#define SCRATCH(count)
#define GROUP_SUM(v, i) (v)
#define EACH_VECTOR(i, length) for (size_t i = 0; i + VEC <= (length); i += VEC)
#endif

#if ALIGNED
#define HAS_REST(length) 0
#else
#define HAS_REST(length) ((length) % VEC != 0 && SUBLANE == ACROSS - 1)
#endif
// Pieces of planes; `s`, `pieces` and `pieceLength` are in scope.
#define EACH_PIECE(u, first, last) for (Number u = (first) + SUBROW; u < (last); u += GROUP / ACROSS)
#define PLANE(u) (pieces == 1 ? (u) : (u) / (Number)pieces)
#define PIECE_BEGIN(u) (pieces == 1 ? 0 : (u) % (Number)pieces * (Number)pieceLength)
#define PIECE_LENGTH(u) ((Number)min((ulong)pieceLength, (ulong)(s - PIECE_BEGIN(u))))
// The part of a channel that is the group's, and its pieces.
#define PART_OF_CHANNEL                                                                                       \
    const Number group = get_group_id(0), channel = group / (Number)parts, part = group % (Number)parts;      \
    const Number first = part * (Number)unitsEach;                                                            \
    const Number last = min((Number)(first + (Number)unitsEach), (Number)(n * pieces))
#define PART_OF_PLANES                                           \
    const Number first = get_group_id(0) * (Number)unitsEach;    \
    const Number last = min((Number)(first + (Number)unitsEach), (Number)(planes * pieces))

// Mean, sum of squares around it and count of one part of a channel: `unitsEach` of the channel's n * pieces pieces.
// Partial results lie at [channel, part] of three arrays of c * parts.
kernel GROUPED void plane_moments(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, partial), const ulong n,
                                  const ulong c, const ulong s, const ulong pieces, const ulong pieceLength,
                                  const ulong unitsEach, const ulong parts, const uint acrossBits) {
    TENSOR(const float, x);
    TENSOR(float, partial);
    SCRATCH(3);
    PART_OF_CHANNEL;
    x += channel * s;
#if GROUP > 1
    // One pass: what is read once need not fit a cache.
    floatv mean = 0, own = 0;
    float passed = 0, restMean = 0, restSquares = 0, restCount = 0;
    EACH_PIECE(u, first, last) {
        global const float *from = x + (size_t)PLANE(u) * c * s + PIECE_BEGIN(u);
        const Number length = PIECE_LENGTH(u);
        EACH_FOUR(i, length) {
            const floatv v0 = LOAD(from + i), v1 = LOAD(from + NEXT(i, 1));
            const floatv v2 = LOAD(from + NEXT(i, 2)), v3 = LOAD(from + NEXT(i, 3));
            const floatv four = ((v0 + v1) + (v2 + v3)) * 0.25f;
            const floatv d0 = v0 - four, d1 = v1 - four, d2 = v2 - four, d3 = v3 - four;
            JOIN(floatv, passed, mean, own, 4.0f, four, (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3));
            passed += 4;
        }
        EACH_VECTOR(i, length) {
            JOIN(floatv, passed, mean, own, 1.0f, LOAD(from + i), 0.0f);
            passed += 1;
        }
        if (HAS_REST(length))
            for (i = length - length % VEC; i < length; i++) {
                JOIN(float, restCount, restMean, restSquares, 1.0f, from[i], 0.0f);
                restCount += 1;
            }
    }
    float middle = sum_lanes(mean) / VEC, mine = passed * VEC;
    const floatv apart = mean - middle;
    float squares = sum_lanes(own + passed * (apart * apart));
    if (restCount > 0) {
        JOIN(float, mine, middle, squares, restCount, restMean, restSquares);
        mine += restCount;
    }
    const float2 sums = group_sums(mine * middle, mine, scratch);
    const float count = sums.y, m = sums.x / count;
    const float total = GROUP_SUM(squares + mine * ((middle - m) * (middle - m)), 2);
#else
    // Two passes, the second in cache.
    floatv sum = 0, squares = 0;
    EACH_PIECE(u, first, last) {
        global const float *from = x + PLANE(u) * c * s + PIECE_BEGIN(u);
        const Number length = PIECE_LENGTH(u);
        EACH_VECTOR(i, length) {
            LOOK_AHEAD(from + i);
            sum += LOAD(from + i);
        }
        if (HAS_REST(length)) sum += load_rest(from + length - length % VEC, length % VEC, 0.0f);
    }
    const size_t whole = (last / pieces) * s + last % pieces * pieceLength;
    const float count = whole - ((first / pieces) * s + first % pieces * pieceLength);
    const float m = GROUP_SUM(sum_lanes(sum), 0) / count;
    EACH_PIECE(u, first, last) {
        global const float *from = x + PLANE(u) * c * s + PIECE_BEGIN(u);
        const Number length = PIECE_LENGTH(u);
        EACH_VECTOR(i, length) {
            const floatv d = LOAD(from + i) - m;
            squares += d * d;
        }
        if (HAS_REST(length)) {
            const floatv d = load_rest(from + length - length % VEC, length % VEC, m) - m;
            squares += d * d;
        }
    }
    const float total = GROUP_SUM(sum_lanes(squares), 1);
#endif
    if (LEADS) {
        partial += group;
        partial[0] = m;
        partial[c * parts] = total;
        partial[2 * c * parts] = count;
    }
}

// y = (x - mean) inverse scale + shift. Plane p takes the statistics p % statistics (batch normalisation, where
// planesEach is 1) or p / planesEach (group normalisation, planesEach channels to a group), modulo `statistics`.
kernel GROUPED void plane_normalize(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, scale),
                                    TENSOR_ARGUMENT(const float, shift), TENSOR_ARGUMENT(const float, mean),
                                    TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, y), const ulong planes,
                                    const ulong c, const ulong s, const ulong pieces, const ulong pieceLength,
                                    const ulong unitsEach, const ulong planesEach, const ulong statistics, const int scaled,
                                    const int shifted, const uint acrossBits) {
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, y);
    PART_OF_PLANES;
    EACH_PIECE(u, first, last) {
        const Number plane = PLANE(u), channel = plane % (Number)c, statistic = plane / (Number)planesEach % (Number)statistics;
        const Number length = PIECE_LENGTH(u);
        const size_t begin = plane * s + PIECE_BEGIN(u);
        global const float *from = x + begin;
        global float *to = y + begin;
        const float m = mean[statistic], r = inverse[statistic];
        const float a = scaled ? r * scale[channel] : r;
        const float b = shifted ? shift[channel] : 0.0f;
#if GROUP > 1
        EACH_FOUR(i, length) {
            const floatv v0 = LOAD(from + i), v1 = LOAD(from + NEXT(i, 1));
            const floatv v2 = LOAD(from + NEXT(i, 2)), v3 = LOAD(from + NEXT(i, 3));
            PUT((v0 - m) * a + b, to + i);
            PUT((v1 - m) * a + b, to + NEXT(i, 1));
            PUT((v2 - m) * a + b, to + NEXT(i, 2));
            PUT((v3 - m) * a + b, to + NEXT(i, 3));
        }
#endif
        EACH_VECTOR(i, length) {
            LOOK_AHEAD(from + i);
            PUT((LOAD(from + i) - m) * a + b, to + i);
        }
        if (HAS_REST(length)) {
            const size_t end = length - length % VEC;
            store_rest((load_rest(from + end, length % VEC, 0.0f) - m) * a + b, to + end, length % VEC);
        }
    }
}

// Sums of dy and of dy (x - mean) over one part of a channel, as plane_moments; two arrays of c * parts.
// Channel k takes the mean k / channelsEach.
kernel GROUPED void plane_sums(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                               TENSOR_ARGUMENT(const float, mean), TENSOR_ARGUMENT(float, partial), const ulong n,
                               const ulong c, const ulong s, const ulong pieces, const ulong pieceLength, const ulong unitsEach,
                               const ulong parts, const ulong channelsEach, const uint acrossBits) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, mean);
    TENSOR(float, partial);
    SCRATCH(2);
    PART_OF_CHANNEL;
    const float m = mean[channel / (Number)channelsEach];
    floatv sum = 0, products = 0;
    EACH_PIECE(u, first, last) {
        const Number length = PIECE_LENGTH(u);
        const size_t begin = (PLANE(u) * c + channel) * s + PIECE_BEGIN(u);
        global const float *d = dy + begin;
        global const float *from = x + begin;
#if GROUP > 1
        EACH_TWO(i, length) {
            const floatv g0 = LOAD(d + i), g1 = LOAD(d + NEXT(i, 1)), v0 = LOAD(from + i), v1 = LOAD(from + NEXT(i, 1));
            sum += g0 + g1;
            products += g0 * (v0 - m) + g1 * (v1 - m);
        }
#endif
        EACH_VECTOR(i, length) {
            LOOK_AHEAD(d + i);
            LOOK_AHEAD(from + i);
            const floatv g = LOAD(d + i);
            sum += g;
            products += g * (LOAD(from + i) - m);
        }
        if (HAS_REST(length)) {
            const size_t end = length - length % VEC;
            const floatv g = load_rest(d + end, length % VEC, 0.0f);
            sum += g;
            products += g * (load_rest(from + end, length % VEC, m) - m);
        }
    }
#if GROUP > 1
    const float2 totals = group_sums(sum_lanes(sum), sum_lanes(products), scratch);
#else
    const float2 totals = (float2)(sum_lanes(sum), sum_lanes(products));
#endif
    if (LEADS) {
        partial += group;
        partial[0] = totals.x;
        partial[c * parts] = totals.y;
    }
}

// dx = dy scale inverse - b - (x - mean) k, with b and k at [statistic] of the two arrays of `coefficients`.
kernel GROUPED void plane_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                                   TENSOR_ARGUMENT(const float, scale), TENSOR_ARGUMENT(const float, mean),
                                   TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(const float, coefficients),
                                   TENSOR_ARGUMENT(float, dx), const ulong planes, const ulong c, const ulong s,
                                   const ulong pieces, const ulong pieceLength, const ulong unitsEach, const ulong planesEach,
                                   const ulong statistics, const int scaled, const uint acrossBits) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(const float, coefficients);
    TENSOR(float, dx);
    PART_OF_PLANES;
    EACH_PIECE(u, first, last) {
        const Number plane = PLANE(u), statistic = plane / (Number)planesEach % (Number)statistics;
        const Number length = PIECE_LENGTH(u);
        const size_t begin = plane * s + PIECE_BEGIN(u);
        global const float *d = dy + begin;
        global const float *from = x + begin;
        global float *to = dx + begin;
        const float m = mean[statistic], r = inverse[statistic];
        const float a = scaled ? r * scale[plane % (Number)c] : r;
        const float b = coefficients[statistic];
        const float k = coefficients[statistics + statistic];
#if GROUP > 1
        EACH_TWO(i, length) {
            const floatv g0 = LOAD(d + i), g1 = LOAD(d + NEXT(i, 1)), v0 = LOAD(from + i), v1 = LOAD(from + NEXT(i, 1));
            PUT(g0 * a - b - (v0 - m) * k, to + i);
            PUT(g1 * a - b - (v1 - m) * k, to + NEXT(i, 1));
        }
#endif
        EACH_VECTOR(i, length) {
            LOOK_AHEAD(d + i);
            LOOK_AHEAD(from + i);
            PUT(LOAD(d + i) * a - b - (LOAD(from + i) - m) * k, to + i);
        }
        if (HAS_REST(length)) {
            const size_t end = length - length % VEC, count = length % VEC;
            const floatv v = load_rest(from + end, count, 0.0f) - m;
            store_rest(load_rest(d + end, count, 0.0f) * a - b - v * k, to + end, count);
        }
    }
}
