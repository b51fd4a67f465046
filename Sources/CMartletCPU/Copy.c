#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "Collapse.h"
#include "Lanes.h"
#include "Pointwise.h"
#include "PointwiseEvaluate.h"
#include "Stream.h"

// Copies between any two layouts. Elements are only moved, so float32 and int32 alike are four bytes each.

typedef uint32_t quad __attribute__((vector_size(16)));
typedef quad loose_quad __attribute__((aligned(4), may_alias));

// Elements below which one thread does it all, and from which results go past the caches; the sides of a transposed band
// along the source's rows, and of a tile.
enum { parallel_copy = 1 << 17, streamed_copy = 1 << 22, narrowest = 64, widest = 1024, tile = 16, tasks_a_thread = 4 };

typedef struct {
    martlet_space space;
    int64_t source_strides[collapse_rank], target_strides[collapse_rank];
    const uint32_t *source;
    uint32_t *target;
    int32_t transposed;  // the axis on which the source is contiguous, -1 where the inner axis will do
    int64_t units, share, band;
    bool streamed;
} copy_job;

#define UNPACKED(x, y, low) (low) \
    ? __builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) \
    : __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define UNPACKED_PAIRS(x, y, low) (low) \
    ? __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) \
    : __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define QUARTERS(x, y, even) (even) \
    ? __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) \
    : __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)

// target[i * target_step + j] = source[j * source_step + i], 16 by 16: whole cache lines on both sides, so that rows at a
// distance of a power of two, which share a place in the caches, do no harm.
MARTLET_INLINE void transpose_block(const uint32_t *source, int64_t source_step, uint32_t *target, int64_t target_step,
                                    bool streamed) {
    lane_integers a[tile], b[tile];
    MARTLET_UNROLL for (int k = 0; k < tile; k += 2) {
        lane_integers x = *(const loose_integers *)(source + k * source_step);
        lane_integers y = *(const loose_integers *)(source + (k + 1) * source_step);
        a[k] = UNPACKED(x, y, true);
        a[k + 1] = UNPACKED(x, y, false);
    }
    MARTLET_UNROLL for (int k = 0; k < tile; k += 4) {
        b[k] = UNPACKED_PAIRS(a[k], a[k + 2], true);
        b[k + 1] = UNPACKED_PAIRS(a[k], a[k + 2], false);
        b[k + 2] = UNPACKED_PAIRS(a[k + 1], a[k + 3], true);
        b[k + 3] = UNPACKED_PAIRS(a[k + 1], a[k + 3], false);
    }
    // b[4 q + c] now holds, in quarter l, column 4 l + c of rows 4 q to 4 q + 3.
    MARTLET_UNROLL for (int c = 0; c < 4; c++) {
        lane_integers even = QUARTERS(b[c], b[4 + c], true), odd = QUARTERS(b[c], b[4 + c], false);
        lane_integers even2 = QUARTERS(b[8 + c], b[12 + c], true), odd2 = QUARTERS(b[8 + c], b[12 + c], false);
        a[c] = QUARTERS(even, even2, true);
        a[4 + c] = QUARTERS(odd, odd2, true);
        a[8 + c] = QUARTERS(even, even2, false);
        a[12 + c] = QUARTERS(odd, odd2, false);
    }
    MARTLET_UNROLL for (int k = 0; k < tile; k++) {
        if (streamed) __builtin_nontemporal_store(a[k], (lane_integers *)(target + k * target_step));
        else *(loose_integers *)(target + k * target_step) = a[k];
    }
}

MARTLET_INLINE void transpose_quad(const uint32_t *source, int64_t source_step, uint32_t *target, int64_t target_step) {
    quad a = *(const loose_quad *)source, b = *(const loose_quad *)(source + source_step);
    quad c = *(const loose_quad *)(source + 2 * source_step), d = *(const loose_quad *)(source + 3 * source_step);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(loose_quad *)target = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(loose_quad *)(target + target_step) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(loose_quad *)(target + 2 * target_step) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(loose_quad *)(target + 3 * target_step) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

// target[i * target_step + j] = source[j * source_step + i] for i < rows, j < columns.
static void transpose_tile(const uint32_t *source, int64_t source_step, uint32_t *target, int64_t target_step, int64_t rows,
                           int64_t columns) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        int64_t j = 0;
        for (; j + 4 <= columns; j += 4)
            transpose_quad(source + j * source_step + i, source_step, target + i * target_step + j, target_step);
        for (; j < columns; j++)
            for (int64_t k = i; k < i + 4; k++) target[k * target_step + j] = source[j * source_step + k];
    }
    for (; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) target[i * target_step + j] = source[j * source_step + i];
}

static void copy_row(const uint32_t *source, int64_t source_stride, uint32_t *target, int64_t target_stride, int64_t n,
                     bool streamed) {
    if (source_stride == 1 && target_stride == 1 && streamed) {
        martlet_stream((float *)(void *)target, (const float *)(const void *)source, n);
        martlet_stream_end();
    } else if (source_stride == 1 && target_stride == 1) {
        memcpy(target, source, (size_t)n * sizeof *target);
    } else if (source_stride == 0 && target_stride == 1) {
        uint32_t value = source[0];
        for (int64_t i = 0; i < n; i++) target[i] = value;
    } else {
        for (int64_t i = 0; i < n; i++) target[i * target_stride] = source[i * source_stride];
    }
}

// One axis of the source is contiguous, the inner one of the target: tiles of both, so that whole lines are read and written.
// A unit is a band of indices of the contiguous axis at one position of the other axes.
MARTLET_CLONES
static void copy_band(const copy_job *job, int64_t unit) {
    int32_t last = job->space.rank - 1, band_axis = job->transposed;
    int64_t bands = (job->space.shape[band_axis] + job->band - 1) / job->band;
    int64_t first = unit % bands * job->band, rest = unit / bands;
    const uint32_t *source = job->source + first;
    uint32_t *target = job->target + first * job->target_strides[band_axis];
    for (int32_t axis = last - 1; axis >= 0; axis--) {
        if (axis == band_axis) continue;
        int64_t index = rest % job->space.shape[axis];
        rest /= job->space.shape[axis];
        source += index * job->source_strides[axis];
        target += index * job->target_strides[axis];
    }
    int64_t rows = smaller(job->band, job->space.shape[band_axis] - first);
    int64_t source_step = job->source_strides[last], target_step = job->target_strides[band_axis];
    bool streamed = job->streamed && (uintptr_t)target % 64 == 0 && target_step % tile == 0;
    int64_t j = 0;
    for (; j + tile <= job->space.shape[last]; j += tile) {
        int64_t i = 0;
        for (; i + tile <= rows; i += tile)
            transpose_block(source + j * source_step + i, source_step, target + i * target_step + j, target_step, streamed);
        transpose_tile(source + j * source_step + i, source_step, target + i * target_step + j, target_step, rows - i, tile);
    }
    transpose_tile(source + j * source_step, source_step, target + j, target_step, rows, job->space.shape[last] - j);
    if (streamed) stream_end();
}

// A unit is a row.
static void copy_unit(const copy_job *job, int64_t unit) {
    int32_t last = job->space.rank - 1;
    const uint32_t *source = job->source;
    uint32_t *target = job->target;
    for (int32_t axis = last - 1; axis >= 0; axis--) {
        int64_t index = unit % job->space.shape[axis];
        unit /= job->space.shape[axis];
        source += index * job->source_strides[axis];
        target += index * job->target_strides[axis];
    }
    copy_row(source, job->source_strides[last], target, job->target_strides[last], job->space.shape[last], false);
}

static void copy_task(void *context, size_t task, int worker) {
    (void)worker;
    const copy_job *job = context;
    int64_t begin = (int64_t)task * job->share, end = smaller(begin + job->share, job->units);
    for (int64_t unit = begin; unit < end; unit++) {
        if (job->transposed >= 0) copy_band(job, unit);
        else copy_unit(job, unit);
    }
}

// A single row, cut into pieces.
typedef struct {
    const copy_job *job;
    int64_t share;
} row_job;

static void copy_piece(void *context, size_t task, int worker) {
    (void)worker;
    const row_job *row = context;
    const copy_job *job = row->job;
    int64_t begin = (int64_t)task * row->share, end = smaller(begin + row->share, job->space.shape[0]);
    copy_row(job->source + begin * job->source_strides[0], job->source_strides[0],
             job->target + begin * job->target_strides[0], job->target_strides[0], end - begin, job->streamed);
}

void martlet_copy(MartletPool *pool, int32_t rank, const int64_t *shape, const void *source, const int64_t *source_strides,
                  void *target, const int64_t *target_strides) {
    int64_t strides[2][collapse_rank];
    copy_job job = {.source = source, .target = target, .transposed = -1};
    job.space.rank = rank;
    memcpy(job.space.shape, shape, (size_t)rank * sizeof *shape);
    memcpy(strides[0], source_strides, (size_t)rank * sizeof *shape);
    memcpy(strides[1], target_strides, (size_t)rank * sizeof *shape);
    int64_t count = martlet_collapse(&job.space, 2, strides, 1);
    if (count == 0) return;
    memcpy(job.source_strides, strides[0], sizeof job.source_strides);
    memcpy(job.target_strides, strides[1], sizeof job.target_strides);

    int32_t last = job.space.rank - 1;
    bool parallel = pool && count >= parallel_copy;
    job.streamed = count >= streamed_copy;
    int64_t tasks = parallel ? (int64_t)martlet_pool_threads(pool) * tasks_a_thread : 1;
    if (last == 0) {
        int64_t share = ((count + tasks - 1) / tasks + 1023) / 1024 * 1024;
        row_job row = {&job, share};
        if (parallel) martlet_pool_run(pool, (size_t)((count + share - 1) / share), copy_piece, &row);
        else copy_piece(&row, 0, 0);
        return;
    }
    if (job.target_strides[last] == 1 && job.source_strides[last] > 1)
        for (int32_t axis = 0; axis < last; axis++)
            if (job.source_strides[axis] == 1) job.transposed = axis;
    job.units = 1;
    // Bands as wide as leave each task one.
    job.band = widest;
    if (job.transposed >= 0)
        while (job.band > narrowest && count / job.space.shape[last] / job.band < tasks) job.band /= 2;
    for (int32_t axis = 0; axis < last; axis++)
        job.units *= axis == job.transposed ? (job.space.shape[axis] + job.band - 1) / job.band : job.space.shape[axis];
    job.share = (job.units + tasks - 1) / tasks;
    if (parallel) martlet_pool_run(pool, (size_t)((job.units + job.share - 1) / job.share), copy_task, &job);
    else copy_task(&job, 0, 0);
}

void martlet_fill(MartletPool *pool, void *target, int64_t count, uint32_t bits) {
    const int64_t shape[1] = {count}, still[1] = {0}, step[1] = {1};
    martlet_copy(pool, 1, shape, &bits, still, target, step);
}
