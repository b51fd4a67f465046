// Gradients of pooling on CPU-like devices, spread from the outputs of a plane by the one work-item that owns it.
#include "PoolingBlocks.cl"

// A work-item owns whole planes of dx, so that it may add to them: nobody else does, and the order is fixed.
#define EACH_PLANE(plane) \
    for (size_t plane = get_global_id(0) * planesEach, last = min((ulong)(plane + planesEach), planes); plane < last; plane++)

INLINE void clear(global float *p, const size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) vstore16(0, 0, p + i);
    for (; i < count; i++) p[i] = 0;
}

kernel void max_pool_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const int, indices),
                              TENSOR_ARGUMENT(float, dx), const ulong planes, SHAPE_ARGUMENTS, const ulong planesEach) {
    TENSOR(const float, dy);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    const size_t image = (size_t)h * w, outputs = (size_t)oh * ow;
    EACH_PLANE(plane) {
        global float *to = dx + plane * image;
        global const float *from = dy + plane * outputs;
        global const int *positions = indices + plane * outputs;
        clear(to, image);
        for (size_t i = 0; i < outputs; i++)
            if ((uint)positions[i] < image) to[positions[i]] += from[i];
    }
}

#if BLOCK > 1
// Element i of `even` goes to 2 i, of `odd` to 2 i + 1.
INLINE void put_pair(const floats even, const floats odd, global float *p) {
    floats a, b;
    a.even = even.lo;
    a.odd = odd.lo;
    b.even = even.hi;
    b.odd = odd.hi;
    STORE_BLOCK(a, 0, p);
    STORE_BLOCK(b, 1, p);
}
#endif

// Adds g to a span, or stores it.
INLINE void span_add(global float *p, const int count, const float g, const int stores) {
    int x = 0;
    if (stores) {
        for (; x + 16 <= count; x += 16) vstore16(g, 0, p + x);
        for (; x < count; x++) p[x] = g;
    } else {
        for (; x + 16 <= count; x += 16) vstore16(vload16(0, p + x) + g, 0, p + x);
        for (; x < count; x++) p[x] += g;
    }
}

#if BLOCK > 1 && DX == 1 && SX <= 2
// The gradient of a plane row by row: first, for each window of a row, the sum of the windows' shares above each other,
// in a padded row of its own; then each position takes from that row the windows beside each other.
#define BY_ROWS 1
#define LONGEST_ROW 1024
#define PAD (KX + 16)
INLINE void average_gradient_by_rows(global const float *dy, global float *to, const Shape shape, const int countsPadding) {
    float shares[LONGEST_ROW + 2 * PAD];
    for (int i = 0; i < PAD; i++) shares[i] = shares[PAD + shape.ow + i] = 0;
    const int begin = countsPadding ? -shape.left : 0, end = countsPadding ? shape.w + shape.left : shape.w;
    const int top = countsPadding ? -shape.top : 0, bottom = countsPadding ? shape.h + shape.top : shape.h;
    for (int y = 0; y < shape.h; y++) {
        const int lastRow = LAST_ROW(y);
        for (int at = 0; at < shape.ow; at += BLOCK) {
            const int ox = min(at, shape.ow - BLOCK);
            floats sum = 0;
            for (int oy = FIRST_ROW(y); oy <= lastRow; oy++) {
                const int first = oy * SY - shape.top;
                sum += LOAD_BLOCK(0, dy + (size_t)oy * shape.ow + ox) * (1.0f / (min(first + KY, bottom) - max(first, top)));
            }
            const ints first = block_positions() + (ox * SX - shape.left);
            const ints width = min(first + KX, (ints)end) - max(first, (ints)begin);
            STORE_BLOCK(sum / PASTE(convert_float, BLOCK)(width), 0, shares + PAD + ox);
        }
        global float *row = to + (size_t)y * shape.w;
        int x = 0;
#if SX == 1
        for (; x + BLOCK <= shape.w; x += BLOCK) {
            floats sum = 0;
            UNROLL for (int k = 0; k < KX; k++) sum += LOAD_BLOCK(0, shares + PAD + x + shape.left - k);
            STORE_BLOCK(sum, 0, row + x);
        }
#else
        for (; x + 2 * BLOCK <= shape.w; x += 2 * BLOCK) {
            floats even = 0, odd = 0;
            UNROLL for (int k = 0; k < KX; k++) {
                const int d = shape.left - k;
                if (d & 1) odd += LOAD_BLOCK(0, shares + PAD + (x + d + 1) / 2);
                else even += LOAD_BLOCK(0, shares + PAD + (x + d) / 2);
            }
            put_pair(even, odd, row + x);
        }
#endif
        for (; x < shape.w; x++) {
            float sum = 0;
            for (int ox = FIRST_COLUMN(x); ox <= LAST_COLUMN(x); ox++) sum += shares[PAD + ox];
            row[x] = sum;
        }
    }
}
#else
#define BY_ROWS 0
#endif

kernel void average_pool_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(float, dx), const ulong planes,
                                  SHAPE_ARGUMENTS, const int countsPadding, const ulong planesEach) {
    TENSOR(const float, dy);
    TENSOR(float, dx);
    SHAPE;
#if ADAPTIVE
    const int tiles = h % oh == 0 && w % ow == 0;
#else
    const int tiles = 0;
#endif
    EACH_PLANE(plane) {
        global float *to = dx + plane * h * w;
#if BY_ROWS
        if (ow <= LONGEST_ROW) {
            average_gradient_by_rows(dy + plane * oh * ow, to, shape, countsPadding);
            continue;
        }
#endif
        if (!tiles) clear(to, (size_t)h * w);
        for (int oy = 0; oy < oh; oy++) {
            const int y0 = ROW_BEGIN(oy), y1 = ROW_END(oy);
            global const float *from = dy + (plane * oh + oy) * ow;
            for (int ox = 0; ox < ow; ox++) {
                const int x0 = COLUMN_BEGIN(ox), x1 = COLUMN_END(ox);
                const float g = from[ox] / divisor(shape, oy, ox, countsPadding);
#if !ADAPTIVE
                if (y1 - y0 == KY && x1 - x0 == KX) {
                    UNROLL for (int y = 0; y < KY; y++)
                        UNROLL for (int x = 0; x < KX; x++) to[(size_t)(y0 + y) * w + x0 + x] += g;
                    continue;
                }
#endif
                for (int y = y0; y < y1; y++) span_add(to + (size_t)y * w + x0, x1 - x0, g, tiles);
            }
        }
    }
}

#if BLOCK > 1 && SX == 2 && DX == 1
// Windows of 2 x 2 side by side, no padding: each position belongs to one window at most. The image beyond the windows
// (an odd row or column) gets 0. MAXIMUM chooses between the two gradients.
INLINE void clear_border(global float *plane, const int h, const int w, const int oh, const int ow) {
    for (int y = 0; y < 2 * oh; y++)
        for (int x = 2 * ow; x < w; x++) plane[(size_t)y * w + x] = 0;
    clear(plane + (size_t)2 * oh * w, (size_t)(h - 2 * oh) * w);
}

kernel void max_pool_gradient_tiled(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const int, indices),
                                    TENSOR_ARGUMENT(float, dx), const ulong planes, SHAPE_ARGUMENTS,
                                    const ulong planesEach) {
    TENSOR(const float, dy);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    const ints steps = block_positions();
    EACH_PLANE(plane) {
        global float *to = dx + plane * h * w;
        for (int oy = 0; oy < oh; oy++) {
            global const float *from = dy + (plane * oh + oy) * ow;
            global const int *positions = indices + (plane * oh + oy) * ow;
            for (int at = 0; at < ow; at += BLOCK) {
                const int ox = min(at, ow - BLOCK);
                const int corner = oy * 2 * w + ox * 2;
                const floats g = LOAD_BLOCK(0, from + ox);
                const ints which = LOAD_BLOCK(0, positions + ox) - (steps + corner);
                put_pair(which == 0 ? g : 0.0f, which == 1 ? g : 0.0f, to + corner);
                put_pair(which == w ? g : 0.0f, which == w + 1 ? g : 0.0f, to + corner + w);
            }
        }
        clear_border(to, h, w, oh, ow);
    }
}

kernel void average_pool_gradient_tiled(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(float, dx), const ulong planes,
                                        SHAPE_ARGUMENTS, const ulong planesEach) {
    TENSOR(const float, dy);
    TENSOR(float, dx);
    EACH_PLANE(plane) {
        global float *to = dx + plane * h * w;
        for (int oy = 0; oy < oh; oy++) {
            global const float *from = dy + (plane * oh + oy) * ow;
            for (int at = 0; at < ow; at += BLOCK) {
                const int ox = min(at, ow - BLOCK);
                const int corner = oy * 2 * w + ox * 2;
                const floats g = LOAD_BLOCK(0, from + ox) * 0.25f;
                put_pair(g, g, to + corner);
                put_pair(g, g, to + corner + w);
            }
        }
        clear_border(to, h, w, oh, ow);
    }
}
#endif
