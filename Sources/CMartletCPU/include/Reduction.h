#ifndef MARTLET_REDUCTION_H
#define MARTLET_REDUCTION_H

#include <stdint.h>

#include "Pool.h"

// Reductions of the middle axis of x [outer, n, inner] to y [outer, inner].

enum {
    martlet_reduce_sum, martlet_reduce_mean, martlet_reduce_max, martlet_reduce_min,
    martlet_reduce_arg_max, martlet_reduce_arg_min, martlet_reduce_variance, martlet_reduce_norm
};

typedef struct {
    int32_t kind;
    int32_t correction;  // of the variance
    int64_t outer, n, inner;
} martlet_reduction;

/// Bytes of memory that the partial results of a reduction need; 0 where there are none.
int64_t martlet_reduce_scratch(const martlet_reduction *_Nonnull reduction);

/// Floats to floats, arg kinds to int32. The order of additions depends on the shape alone.
void martlet_reduce(MartletPool *_Nonnull pool, const martlet_reduction *_Nonnull reduction, const float *_Nonnull x,
                    void *_Nonnull y, void *_Nullable scratch);

#endif
