#include "Collapse.h"

#include <stdbool.h>

static void move_axis(martlet_space *space, int32_t operands, int64_t (*strides)[collapse_rank], int32_t from, int32_t to) {
    space->shape[to] = space->shape[from];
    for (int32_t k = 0; k < operands; k++) strides[k][to] = strides[k][from];
}

static void swap_axes(martlet_space *space, int32_t operands, int64_t (*strides)[collapse_rank], int32_t a, int32_t b) {
    int64_t extent = space->shape[a];
    space->shape[a] = space->shape[b];
    space->shape[b] = extent;
    for (int32_t k = 0; k < operands; k++) {
        int64_t stride = strides[k][a];
        strides[k][a] = strides[k][b];
        strides[k][b] = stride;
    }
}

static bool can_join(const martlet_space *space, int32_t operands, int64_t (*strides)[collapse_rank], int32_t outer) {
    for (int32_t k = 0; k < operands; k++)
        if (strides[k][outer] != strides[k][outer + 1] * space->shape[outer + 1]) return false;
    return true;
}

int64_t martlet_collapse(martlet_space *space, int32_t operands, int64_t (*strides)[collapse_rank], int32_t leader) {
    int64_t count = 1;
    int32_t rank = 0;
    for (int32_t axis = 0; axis < space->rank; axis++) {
        count *= space->shape[axis];
        if (space->shape[axis] == 1) continue;
        move_axis(space, operands, strides, axis, rank);
        rank++;
    }
    space->rank = rank;
    for (int32_t axis = 1; axis < rank; axis++)
        for (int32_t at = axis; at > 0 && strides[leader][at - 1] < strides[leader][at]; at--)
            swap_axes(space, operands, strides, at - 1, at);
    for (int32_t axis = rank - 2; axis >= 0; axis--) {
        if (!can_join(space, operands, strides, axis)) continue;
        space->shape[axis] *= space->shape[axis + 1];
        for (int32_t k = 0; k < operands; k++) strides[k][axis] = strides[k][axis + 1];
        for (int32_t next = axis + 1; next < space->rank - 1; next++) move_axis(space, operands, strides, next + 1, next);
        space->rank--;
    }
    if (space->rank == 0) {
        space->rank = 1;
        space->shape[0] = 1;
        for (int32_t k = 0; k < operands; k++) strides[k][0] = 1;
    }
    return count;
}
