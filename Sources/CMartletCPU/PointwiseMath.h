#ifndef MARTLET_POINTWISE_MATH_H
#define MARTLET_POINTWISE_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "Exponential.h"
#include "Lanes.h"

// Elementary functions without branches, so that loops over them become vector code. The polynomials are weighted minimax
// fits of relative error; each function is within 2 to 3 units in the last place.

MARTLET_INLINE uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

MARTLET_INLINE float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

MARTLET_INLINE float magnitude(float x) { return from_bits(bits_of(x) & 0x7FFFFFFFu); }

MARTLET_INLINE float with_sign_of(float x, float sign) {
    return from_bits((bits_of(x) & 0x7FFFFFFFu) | (bits_of(sign) & 0x80000000u));
}

// x = m * 2^e with m from sqrt(1/2) to sqrt(2); x positive and finite, subnormal too.
MARTLET_INLINE float split_exponent(float x, float *e) {
    int tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    int32_t shifted = (int32_t)(bits_of(scaled) - 0x3F3504F3u);
    *e = (float)(shifted >> 23) - (tiny ? 23.0f : 0.0f);
    return from_bits((uint32_t)(shifted & 0x007FFFFF) + 0x3F3504F3u);
}

MARTLET_INLINE float logarithm(float x) {
    float e;
    float f = split_exponent(x, &e) - 1.0f;
    float p = 6.915368057e-02f;
    p = p * f + -1.178980768e-01f;
    p = p * f + 1.187297629e-01f;
    p = p * f + -1.238434847e-01f;
    p = p * f + 1.421865809e-01f;
    p = p * f + -1.666925082e-01f;
    p = p * f + 2.000222661e-01f;
    p = p * f + -2.499998660e-01f;
    p = p * f + 3.333331044e-01f;
    float s = f * f;
    float tail = p * f * s + e * -2.12194440e-4f;
    float y = e * 0.693359375f + (f - (0.5f * s - tail));
    y = x == INFINITY ? INFINITY : y;
    y = x == 0.0f ? -INFINITY : y;
    return x >= 0.0f ? y : NAN;
}

MARTLET_INLINE float logarithm_one_plus(float x) {
    float u = 1.0f + x;
    float lost = x - (u - 1.0f);
    float y = logarithm(u) + lost / u;
    y = u == 1.0f ? x : y;
    y = u == 0.0f ? -INFINITY : y;
    return x == INFINITY ? INFINITY : y;
}

MARTLET_INLINE float exponential_minus_one(float x) {
    float p = 1.999289630e-04f;
    p = p * x + 1.399745676e-03f;
    p = p * x + 8.333073005e-03f;
    p = p * x + 4.166531547e-02f;
    p = p * x + 1.666666801e-01f;
    p = p * x + 5.000000417e-01f;
    float small = x + x * x * p;
    float large = martlet_exponential(x) - 1.0f;
    return magnitude(x) < 0.5f ? small : large;
}

MARTLET_INLINE float sigmoid(float x) { return 1.0f / (1.0f + martlet_exponential(-x)); }

// Between -limit and limit; NaN stays.
MARTLET_INLINE float bounded(float x, float limit) {
    x = limit < x ? limit : x;
    return -limit > x ? -limit : x;
}

// Quotients of polynomials in the square, fitted for relative error; both reach 1 where their arguments are bounded.
MARTLET_INLINE float hyperbolic_tangent(float x) {
    x = bounded(x, 9.18f);
    float s = x * x;
    float p = 1.3319342073714324e-08f;
    p = p * s + 2.058369864244014e-05f;
    p = p * s + 3.494048723950982e-03f;
    p = p * s + 1.337973028421402e-01f;
    p = p * s + 1.0f;
    float q = 7.762136533528974e-07f;
    q = q * s + 3.28311522025615e-04f;
    q = q * s + 2.587112784385681e-02f;
    q = q * s + 4.671304523944855e-01f;
    q = q * s + 1.0f;
    return bounded(x * p / q, 1.0f);
}

MARTLET_INLINE float error_function(float x) {
    x = bounded(x, 4.1f);
    float s = x * x;
    float p = 2.025927415161277e-06f;
    p = p * s + 2.8468528762459755e-04f;
    p = p * s + 3.808054141700268e-03f;
    p = p * s + 5.287511646747589e-02f;
    p = p * s + 1.9154781103134155e-01f;
    p = p * s + 1.1283791065216064f;
    float q = 3.783187275985256e-05f;
    q = q * s + 1.1706996010616422e-03f;
    q = q * s + 1.5054875984787941e-02f;
    q = q * s + 1.1455859243869781e-01f;
    q = q * s + 5.030875205993652e-01f;
    q = q * s + 1.0f;
    return bounded(x * p / q, 1.0f);
}

// The slopes of x times the normal distribution function of x, and of its approximation by the tangent of `gelu_argument`.
MARTLET_INLINE float gelu_slope(float x) {
    float density = martlet_exponential(x * x * -0.5f) * 0.39894228f;
    return 0.5f * (1.0f + error_function(x * 0.70710678f)) + x * density;
}

#define MARTLET_GELU_LINEAR 0.79788456f
#define MARTLET_GELU_CUBIC 0.035677408f

MARTLET_INLINE float gelu_argument(float x) { return x * (MARTLET_GELU_CUBIC * (x * x) + MARTLET_GELU_LINEAR); }

MARTLET_INLINE float gelu_tanh_slope(float x) {
    float t = hyperbolic_tangent(gelu_argument(x)), half = x * 0.5f;
    float inner = 3.0f * MARTLET_GELU_CUBIC * (x * x) + MARTLET_GELU_LINEAR;
    return 0.5f + 0.5f * t + half * (1.0f - t * t) * inner;
}

// Beyond this the reduction below loses digits.
#define MARTLET_CIRCULAR_LIMIT 1.0e5f

// The sine of x + quarters * pi / 2, for |x| up to the limit.
MARTLET_INLINE float circular(float x, int32_t quarters) {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits; pi / 2 is in two parts, so that n times the first is exact.
    float shifted = x * 0.636619772367581343f + 12582912.0f;
    double n = (double)(shifted - 12582912.0f);
    float r = (float)(((double)x - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11);
    uint32_t quadrant = bits_of(shifted) + (uint32_t)quarters;
    float s = r * r;
    float p = 2.716394691e-06f;
    p = p * s + -1.983913106e-04f;
    p = p * s + 8.333328745e-03f;
    p = p * s + -1.666666664e-01f;
    float sine = r + r * s * p;
    float q = 2.479930219e-05f;
    q = q * s + -1.388888292e-03f;
    q = q * s + 4.166666661e-02f;
    float cosine = 1.0f - (0.5f * s - s * s * q);
    float y = (quadrant & 1u) ? cosine : sine;
    return from_bits(bits_of(y) ^ ((quadrant & 2u) << 30));
}

// x^y for positive finite x and finite y, through double precision.
MARTLET_INLINE float positive_power(float x, float y) {
    float e;
    double m = (double)split_exponent(x, &e);
    double f = (m - 1.0) / (m + 1.0);
    double s = f * f;
    double p = 0.1958141119700538;
    p = p * s + 0.22176394695912446;
    p = p * s + 0.28572103717432557;
    p = p * s + 0.39999995680368672;
    p = p * s + 0.66666666675591846;
    double log = (double)e * 0.69314718055994530942 + (2.0 * f + f * s * p);
    double t = (double)y * log;
    t = t < -120.0 ? -120.0 : t;
    t = t > 120.0 ? 120.0 : t;
    double shifted = t * 1.44269504088896340736 + 6755399441055744.0;
    double n = shifted - 6755399441055744.0;
    double r = t - n * 0.69314718055994530942;
    double q = 0.00019924166324589282;
    q = q * r + 0.0013948580521849138;
    q = q * r + 0.0083332486526992329;
    q = q * r + 0.041666218279782924;
    q = q * r + 0.16666666995818175;
    q = q * r + 0.50000001077469403;
    q = q * r + 0.99999999996405187;
    q = q * r + 0.99999999995955124;
    // 2^n: the low bits of `shifted` hold n, which the shift moves into the exponent.
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    uint64_t scale_bits = (bits + 1023u) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return (float)(q * scale);
}

// Truncated; what does not fit takes the nearest number that does, NaN 0.
MARTLET_INLINE int32_t truncated(float x) {
    int32_t y = (int32_t)(x >= -2147483648.0f && x < 2147483648.0f ? x : 0.0f);
    y = x >= 2147483648.0f ? INT32_MAX : y;
    return x < -2147483648.0f ? INT32_MIN : y;
}

#endif
