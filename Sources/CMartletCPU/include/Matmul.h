#ifndef MARTLET_MATMUL_H
#define MARTLET_MATMUL_H

#include <stdint.h>

#include "Pointwise.h"
#include "Pool.h"

// Matrix products of operands as they lie in memory, rows or columns contiguous.

/// result[batch] = epilogue(left[batch] * right[batch]): rows by depth, times depth by columns. Steps count elements; of an
/// operand's two steps within a matrix one is 1, or its extent is 1, and the other is at least the first one's extent.
typedef struct {
    int64_t batch, rows, columns, depth;
    const float *_Nonnull left;
    int64_t left_batch, left_row, left_depth;
    const float *_Nonnull right;
    int64_t right_batch, right_depth, right_column;
    float *_Nonnull result;  // [batch][rows][columns]
    int32_t accumulates;     // whether the product is added to what the result holds; then there is no epilogue
    int32_t reads_result;    // whether the epilogue reads the result: products are then kept apart until it has
    const martlet_epilogue *_Nullable epilogue;
    int32_t splits;          // whether numbers may be split into parts for the matrix unit, which then is there
} martlet_product;

/// Whether these tiles are the faster ones: not where an older instruction set has few registers and the product is large.
int32_t martlet_product_suits(const martlet_product *_Nonnull product);

/// Floats that a product needs while it runs on so many threads.
int64_t martlet_product_scratch(const martlet_product *_Nonnull product, int32_t threads);

/// Runs it. The same bits come out for the same product and number of threads.
void martlet_product_run(MartletPool *_Nonnull pool, const martlet_product *_Nonnull product, float *_Nonnull scratch);

#endif
