#ifndef MARTLET_RECURRENCE_H
#define MARTLET_RECURRENCE_H

#include <stdint.h>

#include "Pool.h"

// Recurrent layers over a whole sequence, by the contract of RecurrenceOps.

/// A sequence, and the layer's recurrent weights [gates * units][units].
typedef struct {
    int64_t steps, samples, units, gates;
    int32_t is_reversed;
    const int32_t *_Nullable lengths;
    const float *_Nonnull weight;
    int32_t splits;  // whether numbers may be split into parts for the matrix unit, which then is there
} martlet_recurrence;

/// Floats that any of the functions below needs while it runs on so many threads; scratch memory begins at a multiple of 64 bytes.
int64_t martlet_recurrence_scratch(const martlet_recurrence *_Nonnull sequence, int32_t threads);

void martlet_lstm(MartletPool *_Nonnull pool, const martlet_recurrence *_Nonnull sequence, float *_Nonnull gates,
                  float *_Nonnull hidden, float *_Nonnull cell, float *_Nonnull scratch);

void martlet_lstm_gradient(MartletPool *_Nonnull pool, const martlet_recurrence *_Nonnull sequence,
                           const float *_Nonnull hidden_gradient, const float *_Nullable cell_gradient,
                           const float *_Nonnull gates, const float *_Nonnull cell, float *_Nonnull gates_gradient,
                           float *_Nonnull initial_hidden_gradient, float *_Nonnull initial_cell_gradient,
                           float *_Nonnull scratch);

void martlet_gru(MartletPool *_Nonnull pool, const martlet_recurrence *_Nonnull sequence, float *_Nonnull gates,
                 const float *_Nullable bias, float *_Nonnull hidden, float *_Nonnull candidate, float *_Nonnull scratch);

void martlet_gru_gradient(MartletPool *_Nonnull pool, const martlet_recurrence *_Nonnull sequence,
                          const float *_Nonnull hidden_gradient, const float *_Nonnull gates, const float *_Nonnull hidden,
                          const float *_Nonnull candidate, float *_Nonnull gates_gradient,
                          float *_Nonnull candidate_gradient, float *_Nonnull initial_hidden_gradient,
                          float *_Nonnull scratch);

#endif
