#ifndef MARTLET_RECURRENCE_CELLS_H
#define MARTLET_RECURRENCE_CELLS_H

#include <stdint.h>

// One step of recurrent cells for a block of samples and units. All pointers are to the block's first sample and unit; rows of
// gates are gates * units floats apart, all others `units`.

typedef struct {
    int64_t rows, count;   // samples and units of the block
    int64_t units;         // of the layer
    const int32_t *lengths;  // of the block's samples, or NULL
    int64_t step;
} martlet_cells;

/// The sums of i, f, g and o become the gates.
void martlet_lstm_cells(const martlet_cells *block, float *gates, const float *cell, float *next_cell, const float *hidden,
                        float *next_hidden);

/// `d_hidden` and `d_cell` hold what comes from later steps on entry, and on return what goes on to earlier ones beside the
/// recurrent product. `above_cell` may be NULL.
void martlet_lstm_cells_gradient(const martlet_cells *block, const float *gates, const float *cell, const float *next_cell,
                                 const float *above_hidden, const float *above_cell, float *d_gates, float *d_hidden,
                                 float *d_cell);

/// `candidate` holds the recurrent product of the candidate, to which `bias` (or NULL) is added.
void martlet_gru_cells(const martlet_cells *block, float *gates, const float *bias, const float *hidden, float *candidate,
                       float *next_hidden);

void martlet_gru_cells_gradient(const martlet_cells *block, const float *gates, const float *hidden, const float *candidate,
                                const float *above_hidden, float *d_gates, float *d_candidate, float *d_hidden);

#endif
