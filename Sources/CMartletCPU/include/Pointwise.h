#ifndef MARTLET_POINTWISE_H
#define MARTLET_POINTWISE_H

#include <stddef.h>
#include <stdint.h>

#include "Pool.h"

// Element-by-element functions as flat programs, run over chunks of elements that stay in the first-level cache.

/// What a step computes from its operands x, y, z and w.
enum {
    martlet_negate, martlet_absolute, martlet_sign, martlet_reciprocal, martlet_square,
    martlet_square_root, martlet_reciprocal_square_root,
    martlet_exponential_of, martlet_exponential_minus_one, martlet_logarithm, martlet_logarithm_one_plus,
    martlet_sine, martlet_cosine, martlet_tanh, martlet_sigmoid, martlet_error_function,
    martlet_gelu, martlet_gelu_gradient, martlet_gelu_tanh, martlet_gelu_tanh_gradient,  // the gradients are those at x times y
    martlet_floor, martlet_ceiling, martlet_round, martlet_relu, martlet_is_nan, martlet_is_finite,
    martlet_add, martlet_subtract, martlet_multiply, martlet_divide, martlet_power,
    martlet_maximum, martlet_minimum, martlet_equal, martlet_not_equal, martlet_less, martlet_less_or_equal,
    martlet_select,             // x != 0 ? y : z
    martlet_multiply_add,       // x * y + z
    martlet_multiply_subtract,  // x * y - z
    martlet_subtract_product,   // z - x * y
    martlet_weighted_sum,       // x * z + y * w, where z and w are scalars or constants
    martlet_over_root,          // x / (sqrt(y) + z)
    martlet_copy_of
};

/// One step: slot `target` takes the value of `code` over the slots x, y, z and w (those the code has).
typedef struct {
    uint16_t code, target, x, y, z, w;
} martlet_step;

/// A compiled expression. Its slots are in this order: inputs, scalars, constants, registers.
typedef struct {
    int32_t inputs, scalars, constants, registers, steps, results;
    const martlet_step *_Nonnull step;
    const float *_Nonnull constant;
    const int32_t *_Nonnull result_step;  // the step that computes each result; results share none and are never overwritten
    const int32_t *_Nonnull last_read;    // the last step that reads each input, -1 where none does
} martlet_program;

enum { martlet_maximum_rank = 16, martlet_maximum_buffers = 1024 };

/// The elements of a view: `data` is its first, strides count elements.
typedef struct {
    void *_Nonnull data;
    int64_t strides[martlet_maximum_rank];
    int32_t is_integer;
} martlet_operand;

/// Runs the program at every index of the shape. Operands are the inputs, then the outputs, one a result. An output may be the
/// very view of an input, else they do not overlap. `pool` may be null: then in the calling thread alone.
void martlet_pointwise(MartletPool *_Nullable pool, const martlet_program *_Nonnull program, const float *_Nonnull scalars,
                       int32_t rank, const int64_t *_Nonnull shape, const martlet_operand *_Nonnull operands);

/// Runs the program over tensors of counts[t] elements. Its first inputs are single elements, `shared`; the others are tensor
/// t's `width` pointers, views[t * width + ...]. Result j replaces the tensor's pointer j.
void martlet_update(MartletPool *_Nonnull pool, const martlet_program *_Nonnull program, const float *_Nonnull scalars,
                    int32_t shared_count, const float *_Nonnull const *_Nonnull shared, int64_t tensors,
                    const int64_t *_Nonnull counts, int32_t width, float *_Nonnull const *_Nonnull views);

/// The Euclidean norm of all elements of tensors of counts[t] elements.
void martlet_norm_of_tensors(MartletPool *_Nonnull pool, int64_t tensors, const int64_t *_Nonnull counts,
                             const float *_Nonnull const *_Nonnull views, float *_Nonnull result);

/// What is done to a product before it is stored as a result [batch, rows, columns]. The program's input 0 is the product's
/// element; operand i is input i + 1. Strides are those of batch, row and column.
typedef struct {
    const martlet_program *_Nonnull program;
    const float *_Nonnull scalars;
    float *_Nonnull result;
    int64_t result_strides[3];
    const martlet_operand *_Nonnull operands;
} martlet_epilogue;

/// Stores the epilogue of a tile: rows [row, row + rows) and columns [column, column + columns) of one batch of the result.
/// `product` is the tile's first element, its rows `product_stride` apart; it may be the place of the result itself.
void martlet_epilogue_run(const martlet_epilogue *_Nonnull epilogue, const float *_Nonnull product, int64_t product_stride,
                          int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns);

/// The target takes the source's elements, four bytes each, any strides.
void martlet_copy(MartletPool *_Nullable pool, int32_t rank, const int64_t *_Nonnull shape, const void *_Nonnull source,
                  const int64_t *_Nonnull source_strides, void *_Nonnull target, const int64_t *_Nonnull target_strides);

/// Sets every element of four bytes to `bits`.
void martlet_fill(MartletPool *_Nullable pool, void *_Nonnull target, int64_t count, uint32_t bits);

#endif
