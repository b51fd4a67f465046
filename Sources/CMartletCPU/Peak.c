#include "Peak.h"

#include "Lanes.h"

// Enough independent sums to hide the latency of a multiply-add, few enough to stay in registers.
#define CHAINS(count)                                                                   \
    {                                                                                   \
        lane_vector sums[count];                                                        \
        for (int i = 0; i < count; i++) sums[i] = (lane_vector){} + (float)i * term;    \
        for (int64_t round = 0; round < rounds; round++) {                              \
            MARTLET_UNROLL                                                              \
            for (int i = 0; i < count; i++) sums[i] = sums[i] * factor + term;          \
        }                                                                               \
        for (int i = 1; i < count; i++) sums[0] += sums[i];                             \
        STORE(result, sums[0]);                                                         \
    }

MARTLET_CLONES
void martlet_multiply_adds(float *result, int64_t rounds, float factor, float term, int32_t few_registers) {
    if (few_registers) CHAINS(6) else CHAINS(12)
}
