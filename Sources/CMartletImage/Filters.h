#ifndef MARTLET_FILTERS_H
#define MARTLET_FILTERS_H

#include "Resize.h"

/// Bits after the point in a weight: a sum of 255 times weights that add up to one stays below 2^31.
enum { FILTER_PRECISION = 22 };

/// The weights of one direction: wanted position i takes `counts[i]` source positions from `starts[i]` on, with the weights from
/// i * `stride` on.
typedef struct {
    size_t length, stride;
    size_t *starts, *counts;
    int32_t *values;
    double *exact;
} filter_weights;

/// Source positions are counted from `origin`. Returns 0 where memory is short; to be freed either way.
int filter_weights_make(filter_weights *w, martlet_axis axis, martlet_filter filter, size_t origin);
void filter_weights_free(filter_weights *w);

#endif
