#ifndef MARTLET_EXPONENTIAL_H
#define MARTLET_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#include "Lanes.h"

// e^x = 2^f * 2^n with n the integer nearest to x / ln 2: adding 1.5 * 2^23 leaves it in the low bits of a float. The
// polynomial is a minimax fit of 2^f - 1 over f, of relative error 9e-8.
#define EXPONENTIAL_SHIFT 12582912.0f
#define EXPONENTIAL_PER_LN 1.44269502f
#define EXPONENTIAL_PER_LN_REST 1.92596303e-8f
#define EXPONENTIAL_FRACTION(p, f)               \
    p = f * 1.326472498e-03f + 9.671512991e-03f; \
    p = p * f + 5.550733581e-02f;                \
    p = p * f + 2.402224243e-01f;                \
    p = p * f + 6.931470037e-01f;                \
    p = p * f + 1.0f

// e^x without branches, so that loops over it become vector code; within 2 units in the last place. Infinite above 88.73,
// subnormal and then 0 far below, NaN for NaN.
MARTLET_INLINE float martlet_exponential(float x) {
    // Comparisons are written so that NaN passes through both.
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    float shifted = x * EXPONENTIAL_PER_LN + EXPONENTIAL_SHIFT;
    float n = shifted - EXPONENTIAL_SHIFT;
    float f = x * EXPONENTIAL_PER_LN - n;
    f = x * EXPONENTIAL_PER_LN_REST + f;
    float p;
    EXPONENTIAL_FRACTION(p, f);
    // 2^n in two factors, since 2^128 and 2^-150 are not normal numbers.
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    int32_t exponent = bits - 0x4B400000;
    int32_t half = exponent >> 1;
    int32_t first_bits = (int32_t)((uint32_t)(half + 127) << 23);
    int32_t second_bits = (int32_t)((uint32_t)(exponent - half + 127) << 23);
    float first, second;
    memcpy(&first, &first_bits, sizeof first);
    memcpy(&second, &second_bits, sizeof second);
    return p * first * second;
}

// Lane by lane the same.
MARTLET_INLINE void exponentials(const lane_vector *x, lane_vector *y) {
    lane_vector v = *x, p;
    lane_integers low = v < -104.0f, high = v > 89.0f;
    v = (lane_vector)(((lane_integers)((lane_vector){0} - 104.0f) & low) | ((lane_integers)v & ~low));
    v = (lane_vector)(((lane_integers)((lane_vector){0} + 89.0f) & high) | ((lane_integers)v & ~high));
    lane_vector shifted = v * EXPONENTIAL_PER_LN + EXPONENTIAL_SHIFT;
    lane_vector n = shifted - EXPONENTIAL_SHIFT;
    lane_vector f = v * EXPONENTIAL_PER_LN - n;
    f = v * EXPONENTIAL_PER_LN_REST + f;
    EXPONENTIAL_FRACTION(p, f);
    lane_integers exponent = (lane_integers)shifted - 0x4B400000, half = exponent >> 1;
    *y = p * (lane_vector)((half + 127) << 23) * (lane_vector)((exponent - half + 127) << 23);
}

// The same of numbers that are not positive, as a share of e^0 = 1: the error grows with the distance from 0, by 1.3e-8 of the
// value each unit, and below -87 it is 0. NaN for NaN.
MARTLET_INLINE void exponentials_below(const lane_vector *x, lane_vector *y) {
    lane_vector v = *x, p;
    lane_integers vanishes = v < -87.0f;
    // The exponent's bias is added with the shift.
    lane_vector shifted = v * EXPONENTIAL_PER_LN + (EXPONENTIAL_SHIFT + 127.0f);
    lane_vector n = shifted - (EXPONENTIAL_SHIFT + 127.0f);
    lane_vector f = v * EXPONENTIAL_PER_LN - n;
    EXPONENTIAL_FRACTION(p, f);
    p *= (lane_vector)((lane_integers)shifted << 23);
    *y = (lane_vector)((lane_integers)p & ~vanishes);
}

#endif
