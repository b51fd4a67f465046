#ifndef MARTLET_POINTWISE_EVALUATE_H
#define MARTLET_POINTWISE_EVALUATE_H

#include "Pointwise.h"

// Which operands of a step are one value for all elements.
enum { uniform_x = 1, uniform_y = 2, uniform_z = 4, uniform_all = 8 };

// How the steps share the processor with memory.
typedef struct {
    int32_t streams;      // whether the last step's values go past the caches; then `martlet_stream_end` makes them seen by others
    int32_t read_ahead;   // how many slots are asked of memory ahead
    const uint8_t *read;  // which
} martlet_flow;

/// Runs the steps over n elements. A slot points to n values, or to one where it is uniform.
void martlet_evaluate(const martlet_step *steps, const uint8_t *modes, int32_t count, float *const *slots, int64_t n,
                      const martlet_flow *flow);

/// n elements at a stride, converted from int32 where `is_integer`.
void martlet_load(float *target, const void *source, int64_t stride, int32_t is_integer, int64_t n);
/// The reverse; `uniform` stores source[0] n times.
void martlet_store(void *target, int64_t stride, int32_t is_integer, const float *source, int32_t uniform, int64_t n);
/// n floats past the caches where both lie at multiples of 64 bytes. `martlet_stream_end` makes them seen by other threads.
void martlet_stream(float *target, const float *source, int64_t n);
void martlet_stream_end(void);

#endif
