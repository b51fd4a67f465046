#ifndef MARTLET_RANDOM_H
#define MARTLET_RANDOM_H

#include <stdint.h>

// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).

enum { martlet_random_bits, martlet_random_uniform, martlet_random_normal, martlet_random_bernoulli };

typedef struct {
    int32_t distribution;
    float a, b;  // low, high; mean, deviation; probability, scale
    uint64_t seed, stream;
} martlet_draw;

/// Elements [begin, end) of a draw of at least `end` elements, to `output` (int32 for bits, else float32), its element `begin`
/// first. `begin` is a multiple of 64. A `streamed` result is written past the caches.
void martlet_random(const martlet_draw *_Nonnull draw, int64_t begin, int64_t end, void *_Nonnull output,
                    int32_t streamed);

#endif
