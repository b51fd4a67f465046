// Suppression of boxes that overlap.
//
// Boxes in order lie as `padded` (a multiple of 64) elements of each of five columns: x1, y1, x2, y2, area; `group` and `gone`
// (whether a box is suppressed) beside them. Blocks of 64 boxes are settled one after the other, a launch each: who stays in
// a block follows from what came before and from the block's own masks, and what stays suppresses all that comes later.

#include "Quotient.cl"

#define BLOCK 64
#define SIDE(column, i) side[(column) * padded + (i)]

#ifdef KERNEL_suppress_begin
kernel void suppress_begin(TENSOR_ARGUMENT(const float, boxes), TENSOR_ARGUMENT(const int, order),
                           TENSOR_ARGUMENT(const int, groups), const int grouped, global float *side, global int *group,
                           global int *gone, const ulong n, const ulong padded, TENSOR_ARGUMENT(int, kept),
                           const ulong capacity) {
    TENSOR(const float, boxes);
    TENSOR(const int, order);
    TENSOR(const int, groups);
    TENSOR(int, kept);
    const size_t i = get_global_id(0);
    if (i >= padded) return;
    const int there = i < n;
    const size_t from = there ? order[i] : 0;
    const float x1 = there ? boxes[4 * from] : NAN, y1 = there ? boxes[4 * from + 1] : NAN;
    const float x2 = there ? boxes[4 * from + 2] : NAN, y2 = there ? boxes[4 * from + 3] : NAN;
    SIDE(0, i) = x1;
    SIDE(1, i) = y1;
    SIDE(2, i) = x2;
    SIDE(3, i) = y2;
    SIDE(4, i) = (x2 - x1) * (y2 - y1);
    group[i] = grouped && there ? groups[from] : 0;
    gone[i] = !there;
    if (i < capacity) kept[i] = -1;
}
#endif

#ifdef CPU_LIKE
// Sixteen boxes from j: which of them box i overlaps by more than the threshold, as -1.
INLINE int16 overlapping(global const float *side, global const int *group, const size_t padded, const size_t i,
                         const size_t j, const float threshold) {
    const float16 x1 = vload16(0, &SIDE(0, j)), y1 = vload16(0, &SIDE(1, j)), x2 = vload16(0, &SIDE(2, j)),
                  y2 = vload16(0, &SIDE(3, j));
    const float16 ax1 = SIDE(0, i), ay1 = SIDE(1, i), ax2 = SIDE(2, i), ay2 = SIDE(3, i), none = 0.0f;
    const float16 left = ax1 < x1 ? x1 : ax1, top = ay1 < y1 ? y1 : ay1;
    const float16 right = x2 < ax2 ? x2 : ax2, bottom = y2 < ay2 ? y2 : ay2;
    float16 width = right - left, height = bottom - top;
    width = none < width ? width : none;
    height = none < height ? height : none;
    const float16 shared = width * height, sum = SIDE(4, i) + vload16(0, &SIDE(4, j));
    return (shared / (sum - shared) > threshold) & (vload16(0, group + j) == group[i]);
}
#else
INLINE int overlapping(global const float *side, global const int *group, const size_t padded, const size_t i,
                       const size_t j, const float threshold) {
    if (group[i] != group[j]) return 0;
    const float ax1 = SIDE(0, i), ay1 = SIDE(1, i), ax2 = SIDE(2, i), ay2 = SIDE(3, i);
    const float x1 = SIDE(0, j), y1 = SIDE(1, j), x2 = SIDE(2, j), y2 = SIDE(3, j);
    const float left = ax1 < x1 ? x1 : ax1, top = ay1 < y1 ? y1 : ay1;
    const float right = x2 < ax2 ? x2 : ax2, bottom = y2 < ay2 ? y2 : ay2;
    const float width = right - left, height = bottom - top;
    const float shared = (0 < width ? width : 0) * (0 < height ? height : 0), sum = SIDE(4, i) + SIDE(4, j);
    return quotient(shared, sum - shared) > threshold;
}
#endif

#ifdef KERNEL_suppress_masks
// masks: of each box, which later ones of its block it overlaps, a bit each.
kernel void suppress_masks(global const float *side, global const int *group, global ulong *masks, const ulong padded,
                           const float threshold, const ulong each) {
    for (size_t i = get_global_id(0) * each; i < min((ulong)((get_global_id(0) + 1) * each), padded); i++) {
        const size_t lane = i % BLOCK, first = i - lane;
        ulong mask = 0;
#ifdef CPU_LIKE
        const int16 bits = (int16)(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);
        for (size_t q = lane / 16; q < BLOCK / 16; q++) {
            const int16 hit = overlapping(side, group, padded, i, first + 16 * q, threshold) & bits;
            const int8 a = hit.lo | hit.hi;
            const int4 b = a.lo | a.hi;
            mask |= (ulong)(uint)(b.x | b.y | b.z | b.w) << 16 * q;
        }
#else
        for (size_t j = lane + 1; j < BLOCK; j++)
            mask |= (ulong)overlapping(side, group, padded, i, first + j, threshold) << j;
#endif
        masks[i] = lane == BLOCK - 1 ? 0 : mask & (~0ul << (lane + 1));
    }
}
#endif

#ifdef KERNEL_suppress_spread
// Settles a block, which the first work-item notes in `stays`, and lets it suppress later boxes.
kernel void suppress_spread(global const float *side, global const int *group, global int *gone, global const ulong *masks,
                            global ulong *stays, const ulong padded, const ulong block, const float threshold,
                            const ulong each) {
    const size_t first = block * BLOCK;
    ulong out = 0;
    for (size_t i = 0; i < BLOCK; i++) out |= (ulong)(gone[first + i] != 0) << i;
    for (size_t i = 0; i < BLOCK; i++)
        if (!(out >> i & 1)) out |= masks[first + i];
    if (get_global_id(0) == 0) stays[block] = ~out;
    const size_t begin = first + BLOCK + get_global_id(0) * each, end = min((ulong)(begin + each), padded);
#ifdef CPU_LIKE
    for (size_t j = begin; j < end; j += 16) {
        int16 lost = vload16(0, gone + j);
        for (size_t i = 0; i < BLOCK; i++) {
            if (out >> i & 1) continue;
            if (all(lost != 0)) break;
            lost |= overlapping(side, group, padded, first + i, j, threshold);
        }
        vstore16(lost, 0, gone + j);
    }
#else
    for (size_t j = begin; j < end; j++) {
        int lost = gone[j];
        for (size_t i = 0; i < BLOCK && !lost; i++)
            if (!(out >> i & 1)) lost = overlapping(side, group, padded, first + i, j, threshold);
        gone[j] = lost;
    }
#endif
}
#endif

#ifdef KERNEL_suppress_collect
// A work-item writes the numbers of those of a block that stay, behind those of the blocks before.
kernel void suppress_collect(global const ulong *stays, TENSOR_ARGUMENT(const int, order), TENSOR_ARGUMENT(int, kept),
                             TENSOR_ARGUMENT(int, count), const ulong blocks, const ulong capacity) {
    TENSOR(const int, order);
    TENSOR(int, kept);
    TENSOR(int, count);
    const size_t block = get_global_id(0);
    if (block >= blocks) return;
    size_t at = 0;
    for (size_t b = 0; b < block; b++) at += popcount(stays[b]);
    const ulong mine = stays[block];
    for (size_t i = 0; i < BLOCK; i++)
        if (mine >> i & 1) {
            if (at < capacity) kept[at] = order[block * BLOCK + i];
            at++;
        }
    if (block == blocks - 1) count[0] = (int)min((ulong)at, capacity);
}
#endif
