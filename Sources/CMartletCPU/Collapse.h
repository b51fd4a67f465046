#ifndef MARTLET_COLLAPSE_H
#define MARTLET_COLLAPSE_H

#include <stdint.h>

// Nested loops over several operands, made as few and as long as their strides allow.

enum { collapse_rank = 16 };

typedef struct {
    int32_t rank;
    int64_t shape[collapse_rank];
} martlet_space;

/// Drops axes of extent 1, orders the others by the strides of the operand `leader` (largest first) and joins those that all
/// operands step through without a gap. `strides[operand]` is rewritten. Returns the number of indices.
int64_t martlet_collapse(martlet_space *space, int32_t operands, int64_t (*strides)[collapse_rank], int32_t leader);

#endif
