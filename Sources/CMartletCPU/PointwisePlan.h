#ifndef MARTLET_POINTWISE_PLAN_H
#define MARTLET_POINTWISE_PLAN_H

#include "Collapse.h"
#include "Pointwise.h"
#include "PointwiseEvaluate.h"

// How one call runs a program: the loops, and where each operand's elements come from and go to.

typedef enum {
    operand_direct,   // contiguous over a chunk: used where it lies
    operand_fixed,    // one value for all elements
    operand_row,      // one value a row
    operand_streamed, // a large output, contiguous over a chunk, that not the last step makes: copied past the caches
    operand_repeated, // an input that is the same in every row of a chunk: copied to a buffer once
    operand_buffered  // copied to or from a buffer of the chunk's size
} martlet_access;

typedef struct {
    const martlet_program *program;
    const martlet_operand *operands;
    martlet_space space;
    int64_t count;
    int64_t chunk;        // elements at once
    int32_t by_rows;      // a chunk does not reach beyond its row
    martlet_flow flow;
    int32_t buffers;      // of `chunk` floats: registers, then buffered inputs
    int32_t slots;
    uint8_t *access;      // of each operand
    uint8_t *modes;       // of each step
    uint8_t *read;        // inputs that memory is asked for ahead
    int64_t (*strides)[collapse_rank];
    float *values;        // scalars, constants and fixed int32 inputs
} martlet_plan;

/// Bytes of memory that a plan for this program needs.
size_t martlet_plan_size(const martlet_program *program);
/// Fills the plan, using `memory`.
void martlet_plan_make(martlet_plan *plan, void *memory, const martlet_program *program, const float *scalars, int32_t rank,
                       const int64_t *shape, const martlet_operand *operands);
/// Runs the elements [begin, end) of the plan's order.
void martlet_plan_run(const martlet_plan *plan, int64_t begin, int64_t end);
/// A guess of the time an element takes, in picoseconds.
int64_t martlet_program_cost(const martlet_program *program);

#endif
