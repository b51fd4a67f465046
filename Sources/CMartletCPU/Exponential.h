#ifndef MARTLET_EXPONENTIAL_H
#define MARTLET_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#include "Lanes.h"

// e^x without branches, so that loops over it become vector code; error below 1.1 units in the last place. Infinite above
// 88.73, subnormal and then 0 far below, NaN for NaN.
MARTLET_INLINE float martlet_exponential(float x) {
    // Comparisons are written so that NaN passes through both.
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
    const float shift = 12582912.0f;
    float shifted = x * 1.44269504088896341f + shift;
    float n = shifted - shift;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
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

#endif
