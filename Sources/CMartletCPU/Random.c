#include "Random.h"

#include <string.h>

#include "Lanes.h"
#include "PointwiseMath.h"

// Sixteen blocks side by side.
enum { blocks = 16, words = 4 * blocks };

MARTLET_INLINE uint32_t high_product(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a * b) >> 32); }

// Word w of block j is at [w][j].
MARTLET_INLINE void philox(uint64_t seed, uint64_t stream, uint64_t first, uint32_t out[4][blocks]) {
    for (int j = 0; j < blocks; j++) {
        uint64_t block = first + (uint64_t)j;
        uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
        uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        MARTLET_UNROLL for (int round = 0; round < 10; round++) {
            uint32_t n0 = high_product(0xCD9E8D57u, c2) ^ c1 ^ k0, n1 = 0xCD9E8D57u * c2;
            uint32_t n2 = high_product(0xD2511F53u, c0) ^ c3 ^ k1, n3 = 0xD2511F53u * c0;
            c0 = n0;
            c1 = n1;
            c2 = n2;
            c3 = n3;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        out[0][j] = c0;
        out[1][j] = c1;
        out[2][j] = c2;
        out[3][j] = c3;
    }
}

MARTLET_INLINE float unit(uint32_t word) { return (float)(int32_t)(word >> 8) * 0x1p-24f; }

// sqrt(-2 ln u) times the cosine and the sine of 2 pi v, both exact to about a unit in the last place: the angle is reduced
// in whole eighths of a turn before it becomes a float.
MARTLET_INLINE void box_muller(uint32_t first, uint32_t second, float *even, float *odd) {
    float u = (float)(int32_t)((first >> 8) + 1u) * 0x1p-24f;
    float radius = __builtin_elementwise_sqrt(-2.0f * logarithm(u));
    int32_t turn = (int32_t)(second >> 8);
    int32_t quarter = (turn + 0x200000) >> 22;
    float r = (float)(turn - quarter * 0x400000) * (float)(6.283185307179586 * 0x1p-24);
    *odd = radius * circular(r, quarter);
    *even = radius * circular(r, quarter + 1);
}

// The scaling is rounded after the product and again after the sum, on every device: the pragma forbids joining them.
MARTLET_INLINE void shape_draws(const martlet_draw *draw, uint32_t word[4][blocks], float *values) {
#pragma clang fp contract(off)
    float a = draw->a, b = draw->b;
    float shaped[4][blocks];
    if (draw->distribution == martlet_random_uniform) {
        float span = b - a;
        for (int w = 0; w < 4; w++)
            for (int j = 0; j < blocks; j++) shaped[w][j] = a + unit(word[w][j]) * span;
    } else if (draw->distribution == martlet_random_bernoulli) {
        for (int w = 0; w < 4; w++)
            for (int j = 0; j < blocks; j++) shaped[w][j] = unit(word[w][j]) < a ? b : 0.0f;
    } else {
        for (int w = 0; w < 4; w += 2)
            for (int j = 0; j < blocks; j++) {
                float even, odd;
                box_muller(word[w][j], word[w + 1][j], &even, &odd);
                shaped[w][j] = a + b * even;
                shaped[w + 1][j] = a + b * odd;
            }
    }
    for (int j = 0; j < blocks; j++)
        for (int w = 0; w < 4; w++) values[j * 4 + w] = shaped[w][j];
}

MARTLET_CLONES
void martlet_random(const martlet_draw *draw, int64_t begin, int64_t end, void *output) {
    uint32_t *target = output;
    for (int64_t at = begin; at < end; at += words) {
        uint32_t word[4][blocks];
        union {
            float floats[words];
            uint32_t bits[words];
        } values;
        philox(draw->seed, draw->stream, (uint64_t)at / 4, word);
        if (draw->distribution == martlet_random_bits) {
            for (int j = 0; j < blocks; j++)
                for (int w = 0; w < 4; w++) values.bits[j * 4 + w] = word[w][j];
        } else {
            shape_draws(draw, word, values.floats);
        }
        memcpy(target + (at - begin), values.bits, (size_t)smaller(words, end - at) * sizeof(uint32_t));
    }
}
