// Maximum and average pooling on GPU-like devices: a work-item owns a window, or shares a large adaptive one.
//
// GROUP  work-items that share a window, a power of two; else 1.
#include "Pooling.cl"
#ifndef GROUP
#define GROUP 1
#endif

#if GROUP > 1
#define LANE get_local_id(0)
#define OF_WINDOW(planes) const Number i = get_group_id(0)
// The place in its plane of the k-th element of a window whose rows are `width` long; of whole rows without a division.
#define PLACE(k) (width == w ? y0 * w + (k) : (y0 + (k) / width) * w + x0 + (k) % width)
#else
#define GROUPED
#define OF_WINDOW(planes)                 \
    const Number i = get_global_id(0);    \
    if (i >= (Number)((planes) * oh * ow)) return
#endif
// Declares the window's place and its plane.
#define OPEN_WINDOW                                                                                         \
    const Number line = i / (Number)ow, which = line / (Number)oh;                                            \
    const int ox = (int)(i - line * (Number)ow), oy = (int)(line - which * (Number)oh);                       \
    global const float *plane = x + (size_t)which * (uint)(h * w)

kernel GROUPED void max_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(int, indices),
                             const ulong planes, SHAPE_ARGUMENTS) {
    TENSOR(const float, x);
    TENSOR(float, y);
    TENSOR(int, indices);
    SHAPE;
    OF_WINDOW(planes);
    OPEN_WINDOW;
#if GROUP > 1
    local float values[GROUP];
    local int positions[GROUP];
    const int y0 = ROW_BEGIN(oy), x0 = COLUMN_BEGIN(ox), width = COLUMN_END(ox) - x0;
    const int count = (ROW_END(oy) - y0) * width;
    float best = -INFINITY;
    int at = -1;
    for (int k = LANE; k < count; k += GROUP) {
        const int position = PLACE(k);
        const float v = plane[position];
        const int take = at < 0 || BEATS(v, best);
        best = take ? v : best;
        at = take ? position : at;
    }
#define FOLDS 16
#define JOIN_FROM(other)                                                                                      \
    do {                                                                                                      \
        const float v = values[other];                                                                        \
        const int position = positions[other];                                                                \
        /* Equal values and two NaNs: the first position. */                                                  \
        const int same = v == best || (v != v && best != best);                                               \
        const int take = position >= 0 && (at < 0 || (same ? position < at : BEATS(v, best)));                \
        best = take ? v : best;                                                                               \
        at = take ? position : at;                                                                            \
    } while (0)
    values[LANE] = best;
    positions[LANE] = at;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (LANE < FOLDS) {
        for (uint other = LANE + FOLDS; other < GROUP; other += FOLDS) JOIN_FROM(other);
        values[LANE] = best;
        positions[LANE] = at;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (LANE == 0) {
        for (uint other = 1; other < FOLDS && other < GROUP; other++) JOIN_FROM(other);
        y[i] = best;
        indices[i] = at;
    }
#else
    window_max(plane, shape, oy, ox, y + i, indices + i);
#endif
}

kernel GROUPED void average_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong planes,
                                 SHAPE_ARGUMENTS, const int countsPadding) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SHAPE;
    OF_WINDOW(planes);
    OPEN_WINDOW;
    const int y0 = ROW_BEGIN(oy), y1 = ROW_END(oy), x0 = COLUMN_BEGIN(ox), x1 = COLUMN_END(ox);
    float sum = 0;
#if GROUP > 1
    local float scratch[GROUP] __attribute__((aligned(16)));
    const int width = x1 - x0, count = (y1 - y0) * width;
    for (int k = LANE; k < count; k += GROUP) sum += plane[PLACE(k)];
    sum = group_sum(sum, scratch);
    if (LANE == 0) y[i] = sum / divisor(shape, oy, ox, countsPadding);
#else
#if !ADAPTIVE
    if (y1 - y0 == KY && x1 - x0 == KX) {
        plane += (uint)(y0 * w + x0);
        UNROLL for (int iy = 0; iy < KY; iy++)
            UNROLL for (int ix = 0; ix < KX; ix++) sum += plane[iy * w + ix];
        y[i] = sum / (float)(KY * KX);
        return;
    }
#endif
    for (int iy = y0; iy < y1; iy++)
        for (int ix = x0; ix < x1; ix++) sum += plane[(size_t)iy * w + ix];
    y[i] = sum / divisor(shape, oy, ox, countsPadding);
#endif
}
