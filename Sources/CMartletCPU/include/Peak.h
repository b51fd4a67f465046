#ifndef MARTLET_PEAK_H
#define MARTLET_PEAK_H

#include <stdint.h>

/// Multiplies and adds on registers, `rounds` times 12 vectors of 16 floats (6 where registers are few); `result` gets 16 floats.
void martlet_multiply_adds(float *_Nonnull result, int64_t rounds, float factor, float term, int32_t few_registers);

#endif
