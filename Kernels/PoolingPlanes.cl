// Maximum and average pooling on CPU-like devices: a work-item owns whole planes or bands of rows, which it reads in the order of
// memory.
#include "PoolingBlocks.cl"

#if BLOCK > 1
// Calls TAKE(v, offset) for each element of a row of BLOCK windows, `p` being the first window's first. With a stride
// of 2 one load holds two elements of each window. EXTENT: the elements that are read from p on.
#if SX == 1
#define EXTENT (BLOCK + (KX - 1) * DX)
#define EACH_OF_ROW(p, TAKE)                                        \
    UNROLL for (int k = 0; k < KX; k++) {                           \
        const floats v = LOAD_BLOCK(0, (p) + k * DX);               \
        TAKE(v, k * DX);                                            \
    }
#elif SX == 2 && DX == 1
#define EXTENT (2 * BLOCK + (KX - 1) / 2 * 2)
#define EACH_OF_ROW(p, TAKE)                                                          \
    UNROLL for (int k = 0; k < KX; k += 2) {                                          \
        const floats a = LOAD_BLOCK(0, (p) + k), b = LOAD_BLOCK(0, (p) + k + BLOCK);  \
        const floats v = EVEN(a, b), u = ODD(a, b);                                   \
        TAKE(v, k);                                                                   \
        if (k + 1 < KX) TAKE(u, k + 1);                                               \
    }
#else
#define EXTENT ((BLOCK - 1) * SX + (KX - 1) * DX + 1)
INLINE floats strided(global const float *p) {
    const float4 a = (float4)(p[0], p[SX], p[2 * SX], p[3 * SX]);
#if BLOCK == 4
    return a;
#else
    p += 4 * SX;
    return (floats)(a, p[0], p[SX], p[2 * SX], p[3 * SX]);
#endif
}
#define EACH_OF_ROW(p, TAKE)                                        \
    UNROLL for (int k = 0; k < KX; k++) {                           \
        const floats v = strided((p) + k * DX);                     \
        TAKE(v, k * DX);                                            \
    }
#endif
#define TAKE_SUM(v, offset) sum += (v)
#define TAKE_MAX(v, offset)                                                                  \
    do {                                                                                     \
        const ints take = none | (~((v) <= best) & (best == best));                          \
        best = take ? (v) : best;                                                            \
        at = take ? position + (offset) : at;                                                \
        none = 0;                                                                            \
    } while (0)

// Runs `block(ox)` over the windows of row oy that lie inside the image on the horizontal axis, `single(ox)` over the
// others and where a block would read past the tensor, which has `room` elements from the windows' last row on.
#define ROOM                                                                                                   \
    const int lastRow = ROW_END(oy) - 1;                                                                       \
    const long room = lastRow < ROW_BEGIN(oy) ? 0 : (long)((planes - plane) * h - lastRow) * w
#define EACH_WINDOW(block, single)                                                                             \
    do {                                                                                                       \
        const int begin = min(shape.ow, (shape.left + SX - 1) / SX);                                           \
        const int spare = shape.w + shape.left - (KX - 1) * DX - 1;                                            \
        const int end = spare < 0 ? begin : max(begin, min(shape.ow, spare / SX + 1));                         \
        int ox = 0;                                                                                            \
        for (; ox < begin; ox++) { single; }                                                                   \
        if (end - begin >= BLOCK && (long)(end - BLOCK) * SX - shape.left + EXTENT <= room) {                  \
            while (ox < end) {                                                                                 \
                ox = min(ox, end - BLOCK);                                                                     \
                block;                                                                                         \
                ox += BLOCK;                                                                                   \
            }                                                                                                  \
        }                                                                                                      \
        for (; ox < shape.ow; ox++) { single; }                                                                \
    } while (0)
#else
#define ROOM
#define EACH_WINDOW(block, single) for (int ox = 0; ox < shape.ow; ox++) { single; }
#endif

// A work-item takes a band of the output rows of each of `planesEach` planes.
#define EACH_ROW(plane, oy)                                                                                        \
    const size_t firstPlane = get_global_id(0) / bands * planesEach, band = get_global_id(0) % bands;              \
    const size_t endPlane = min((ulong)(firstPlane + planesEach), planes);                                         \
    for (size_t plane = firstPlane; plane < endPlane; plane++)                                                     \
        for (int oy = band * oh / bands, endRow = (band + 1) * oh / bands; oy < endRow; oy++)

#if BLOCK > 1
INLINE void max_block(global const float *plane, const Shape shape, const int oy, const int ox, global float *values,
                      global int *positions) {
    const int y0 = ROW_BEGIN(oy), y1 = ROW_END(oy);
    floats best = 0;
    ints at = 0;
    ints none = -1;
    ints position = block_positions() + (y0 * shape.w + ox * SX - shape.left);
    plane += y0 * shape.w + ox * SX - shape.left;
    for (int y = y0; y < y1; y += DY) {
        EACH_OF_ROW(plane, TAKE_MAX)
        plane += DY * shape.w;
        position += DY * shape.w;
    }
    PUT_BLOCK(best, values + ox);
    PUT_POSITIONS(at, positions + ox);
}

INLINE floats sum_block(global const float *plane, const Shape shape, const int oy, const int ox) {
    const int y1 = ROW_END(oy);
    floats sum = 0;
    for (int y = ROW_BEGIN(oy); y < y1; y++) EACH_OF_ROW(plane + y * shape.w + ox * SX - shape.left, TAKE_SUM)
    return sum;
}
#endif

kernel void max_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(int, indices),
                     const ulong planes, SHAPE_ARGUMENTS, const ulong planesEach, const ulong bands) {
    TENSOR(const float, x);
    TENSOR(float, y);
    TENSOR(int, indices);
    SHAPE;
    EACH_ROW(plane, oy) {
        global const float *from = x + plane * h * w;
        global float *to = y + (plane * oh + oy) * ow;
        global int *positions = indices + (plane * oh + oy) * ow;
        ROOM;
        EACH_WINDOW(max_block(from, shape, oy, ox, to, positions),
                    window_max(from, shape, oy, ox, to + ox, positions + ox));
    }
}

// The sum of consecutive elements.
INLINE float span_sum(global const float *p, const size_t count) {
    float16 sums = 0;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) sums += vload16(0, p + i);
    if (count & 8) {
        sums.lo += vload8(0, p + i);
        i += 8;
    }
    float4 quarters = sums.lo.lo + sums.lo.hi + sums.hi.lo + sums.hi.hi;
    if (count & 4) {
        quarters += vload4(0, p + i);
        i += 4;
    }
    float rest = 0;
    for (; i < count; i++) rest += p[i];
    return (quarters.x + quarters.y) + (quarters.z + quarters.w) + rest;
}

INLINE float window_sum(global const float *plane, const Shape shape, const int oy, const int ox) {
    const int y0 = ROW_BEGIN(oy), y1 = ROW_END(oy), x0 = COLUMN_BEGIN(ox), x1 = COLUMN_END(ox);
    if (x1 - x0 == shape.w) return span_sum(plane + (size_t)y0 * shape.w, (size_t)(y1 - y0) * shape.w);
    float sum = 0;
    for (int y = y0; y < y1; y++) sum += span_sum(plane + (size_t)y * shape.w + x0, x1 - x0);
    return sum;
}

kernel void average_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong planes,
                         SHAPE_ARGUMENTS, const int countsPadding, const ulong planesEach, const ulong bands) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SHAPE;
    EACH_ROW(plane, oy) {
        global const float *from = x + plane * h * w;
        global float *to = y + (plane * oh + oy) * ow;
        ROOM;
        EACH_WINDOW(PUT_BLOCK(sum_block(from, shape, oy, ox) / divisor(shape, oy, ox, countsPadding), to + ox),
                    to[ox] = window_sum(from, shape, oy, ox) / divisor(shape, oy, ox, countsPadding));
    }
}

#if BLOCK > 1 && SX == 2 && DX == 1
// Windows of 2 x 2 side by side, no padding: each position belongs to one window at most.
#define TAKE_TILED(v, offset)                                       \
    do {                                                            \
        const ints take = ~((v) <= best) & (best == best);          \
        best = take ? (v) : best;                                   \
        at = take ? steps + (corner + (offset)) : at;               \
    } while (0)

kernel void max_pool_tiled(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(int, indices),
                           const ulong planes, SHAPE_ARGUMENTS, const ulong planesEach, const ulong bands) {
    TENSOR(const float, x);
    TENSOR(float, y);
    TENSOR(int, indices);
    const ints steps = block_positions();
    EACH_ROW(plane, oy) {
        global const float *from = x + plane * h * w;
        const size_t row = (plane * oh + oy) * ow;
        for (int begin = 0; begin < ow; begin += BLOCK) {
            const int ox = min(begin, ow - BLOCK), corner = 2 * (oy * w + ox);
            LOAD_PAIRS(a, b, from + corner);
            LOAD_PAIRS(c, d, from + corner + w);
            floats best = EVEN(a, b);
            ints at = steps + corner;
            TAKE_TILED(ODD(a, b), 1);
            TAKE_TILED(EVEN(c, d), w);
            TAKE_TILED(ODD(c, d), w + 1);
            PUT_BLOCK(best, y + row + ox);
            PUT_POSITIONS(at, indices + row + ox);
        }
    }
}

kernel void average_pool_tiled(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong planes,
                               SHAPE_ARGUMENTS, const ulong planesEach, const ulong bands) {
    TENSOR(const float, x);
    TENSOR(float, y);
    EACH_ROW(plane, oy) {
        global const float *from = x + plane * h * w;
        const size_t row = (plane * oh + oy) * ow;
        for (int begin = 0; begin < ow; begin += BLOCK) {
            const int ox = min(begin, ow - BLOCK), corner = 2 * (oy * w + ox);
            LOAD_PAIRS(a, b, from + corner);
            LOAD_PAIRS(c, d, from + corner + w);
            PUT_BLOCK(((EVEN(a, b) + ODD(a, b)) + (EVEN(c, d) + ODD(c, d))) * 0.25f, y + row + ox);
        }
    }
}
#endif
