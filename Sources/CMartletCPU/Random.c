#include "Random.h"

#include <string.h>

#include "Lanes.h"
#include "PointwiseMath.h"
#include "Stream.h"

// Sixteen blocks side by side.
enum { blocks = 16, words = 4 * blocks };

// Eight counters in words of 64 bits. A product takes their lower halves; the upper ones, which hold the rest of the product
// before, count for nothing until the end.
typedef uint64_t wide_words __attribute__((vector_size(64)));
typedef uint32_t half_words __attribute__((vector_size(32)));

// Word w of block j is at [w][j].
MARTLET_INLINE void philox(uint64_t seed, uint64_t stream, uint64_t first, uint32_t out[4][blocks]) {
    const uint64_t low = 0xFFFFFFFFu;
    wide_words c[2][4];
    for (int v = 0; v < 2; v++) {
        wide_words block = (wide_words){0, 1, 2, 3, 4, 5, 6, 7} + (first + (uint64_t)v * 8);
        c[v][0] = block;
        c[v][1] = block >> 32;
        c[v][2] = (wide_words){0} + stream;
        c[v][3] = (wide_words){0} + (stream >> 32);
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    MARTLET_UNROLL for (int round = 0; round < 10; round++) {
        MARTLET_UNROLL for (int v = 0; v < 2; v++) {
            wide_words a = (c[v][0] & low) * 0xD2511F53u, b = (c[v][2] & low) * 0xCD9E8D57u;
            c[v][0] = (b >> 32) ^ c[v][1] ^ (uint64_t)k0;
            c[v][1] = b;
            c[v][2] = (a >> 32) ^ c[v][3] ^ (uint64_t)k1;
            c[v][3] = a;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int v = 0; v < 2; v++)
        for (int w = 0; w < 4; w++) {
            half_words words32 = __builtin_convertvector(c[v][w], half_words);
            memcpy(out[w] + v * 8, &words32, sizeof words32);
        }
}

// Blocks one after the other, from words side by side: words 0 and 2, 1 and 3 are interleaved, then those.
MARTLET_INLINE void interleave(const void *in, void *out) {
    const loose_integers *word = in;
    loose_integers *target = out;
    lane_integers a = word[0], b = word[1], c = word[2], d = word[3];
#define LOW(x, y) \
    __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(x, y) \
    __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
    lane_integers even = LOW(a, c), odd = LOW(b, d);
    target[0] = LOW(even, odd);
    target[1] = HIGH(even, odd);
    even = HIGH(a, c);
    odd = HIGH(b, d);
    target[2] = LOW(even, odd);
    target[3] = HIGH(even, odd);
#undef LOW
#undef HIGH
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
    interleave(shaped, values);
}

MARTLET_CLONES
void martlet_random(const martlet_draw *draw, int64_t begin, int64_t end, void *output, int32_t streamed) {
    uint32_t *target = output;
    for (int64_t at = begin; at < end; at += words) {
        uint32_t word[4][blocks];
        _Alignas(64) union {
            float floats[words];
            uint32_t bits[words];
        } values;
        philox(draw->seed, draw->stream, (uint64_t)at / 4, word);
        if (draw->distribution == martlet_random_bits) {
            interleave(word, values.bits);
        } else {
            shape_draws(draw, word, values.floats);
        }
        if (end - at < words) {
            memcpy(target + (at - begin), values.bits, (size_t)(end - at) * sizeof(uint32_t));
        } else if (streamed) {
            stream_copy(values.floats, (float *)output + (at - begin), words);
        } else {
            memcpy(target + (at - begin), values.bits, sizeof values);
        }
    }
    if (streamed) stream_end();
}
