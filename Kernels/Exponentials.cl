// Exponentials of rows and their sums, which softmax and cross-entropy share.
//
// STREAMED  1 where the result is too large to stay in the caches (CPU-like devices, rows up to LONGEST_ROW).
// The other parameters are those of Rows.cl.
#include "Rows.cl"

// The larger where both are numbers; `a` where `b` is NaN.
#define LARGER(a, b) ((b) > (a) ? (b) : (a))

INLINE float max_lanes(const floatv v) {
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
INLINE float group_max(const float v, local float *s) {
    s[get_local_id(0)] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
#if GROUP >= 8
    local const float4 *all = (local const float4 *)s;
    float4 largest = all[0], other = all[1];
    UNROLL_BY_TWO for (uint i = 2; i < GROUP / 4; i += 2) {
        largest = LARGER(largest, all[i]);
        other = LARGER(other, all[i + 1]);
    }
    largest = LARGER(largest, other);
    const float2 half_ = LARGER(largest.lo, largest.hi);
    return LARGER(half_.x, half_.y);
#else
    float largest = s[0];
    for (uint i = 1; i < GROUP; i++) largest = LARGER(largest, s[i]);
    return largest;
#endif
}
#define GROUP_MAX(v, i) group_max(v, scratch + (i) * GROUP)
#else
#define GROUP_MAX(v, i) (v)
#endif

// log(x) for x of 1 and above, and NaN. Several times faster than the library's scalar logarithm on CPU-like devices;
// the polynomial is (log(1 + m) - m + m^2 / 2) / m^3, fitted over sqrt(1/2) <= 1 + m <= sqrt(2) by least squares.
INLINE float log_of_sum(const float x) {
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

// LARGEST_OF: what a work-item knows of a row's largest element.
#if HELD
INLINE float largest_held(const floatv *row, global const float *from, const ulong n) {
    floatv largest = -INFINITY;
    EACH_VECTOR(i) largest = LARGER(largest, row[held]);
    if (HAS_REST) {
        const floatv v = load_rest(from + n - n % VEC, n % VEC, -INFINITY);
        largest = LARGER(largest, v);
    }
    return max_lanes(largest);
}
#define LARGEST_OF(row, from) largest_held(row, from, n)
#else
INLINE float largest_of(global const float *row, const ulong n) {
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
#define LARGEST_OF(row, from) largest_of(from, n)
#endif

// Where a row's exponentials wait for their sum: in registers where it is held; in the result, or if that is streamed in memory
// of the work-item's own, where that is near; else they are taken again.
#define LONGEST_ROW 8192
#if HELD
#define KEPT_ROW(kept, to)
#define KEEP(row, kept, i, e) row[held] = e
#define KEPT(row, from, kept, i) row[held]
#elif GROUP > 1
#define KEPT_ROW(kept, to)
#define KEEP(row, kept, i, e)
#define KEPT(row, from, kept, i) EXP_BELOW(LOAD((from) + (i)) - largest)
#else
#if STREAMED
#define KEPT_ROW(kept, to) float kept[LONGEST_ROW]
#else
#define KEPT_ROW(kept, to) global float *kept = to
#endif
#define KEEP(row, kept, i, e) STORE(e, kept + i)
#define KEPT(row, from, kept, i) LOAD(kept + i)
#endif
