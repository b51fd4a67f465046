// Maximum and average pooling of planes h x w into oh x ow, and their gradients.
//
// ADAPTIVE    1: window i of an axis reaches from floor(i * h / oh) to ceil((i + 1) * h / oh). 0: it has
// KY, KX      positions, DY, DX steps apart, and begins
// SY, SX      steps after the one before; the first begins `top` or `left` positions before the image.
// BLOCK       neighbouring windows of a row taken at once (CPU-like): 1, 4, 8, or 16 where SX is 1, or 2 with DX 1.
//             The last block of a row may overlap the one before: it stores the same again.
// GROUP       work-items that share a window, a power of two (GPU-like, large adaptive windows); else 1.
//
// CPU_LIKE devices: a work-item owns whole planes or bands of rows, which it reads in the order of memory; gradients
// are spread from the outputs of a plane by the one work-item that owns it. Others: a work-item owns an element, and
// gradients are gathered from the windows that cover it.
#ifndef ADAPTIVE
#define ADAPTIVE 0
#endif
#ifndef BLOCK
#define BLOCK 1
#endif
#ifndef GROUP
#define GROUP 1
#endif

// Loops of constant length: not every compiler unrolls them unasked.
#define UNROLL _Pragma("unroll")

typedef struct {
    int h, w, oh, ow, top, left;
} Shape;

#define SHAPE_ARGUMENTS const int h, const int w, const int oh, const int ow, const int top, const int left
#define SHAPE const Shape shape = {h, w, oh, ow, top, left}

#if ADAPTIVE
#define DY 1
#define DX 1
inline int window_begin(const int i, const int size, const int windows) { return (int)((long)i * size / windows); }
inline int window_end(const int i, const int size, const int windows) {
    return (int)(((long)(i + 1) * size + windows - 1) / windows);
}
#define ROW_BEGIN(oy) window_begin(oy, shape.h, shape.oh)
#define ROW_END(oy) window_end(oy, shape.h, shape.oh)
#define COLUMN_BEGIN(ox) window_begin(ox, shape.w, shape.ow)
#define COLUMN_END(ox) window_end(ox, shape.w, shape.ow)
// The windows that may cover a position, first and last.
#define FIRST_ROW(y) (int)((long)(y) * shape.oh / shape.h)
#define LAST_ROW(y) (int)(((long)((y) + 1) * shape.oh - 1) / shape.h)
#define FIRST_COLUMN(x) (int)((long)(x) * shape.ow / shape.w)
#define LAST_COLUMN(x) (int)(((long)((x) + 1) * shape.ow - 1) / shape.w)
#else
// The first position inside the image, and the end of the window clipped to it.
inline int clipped_begin(const int begin, const int step) {
    return begin >= 0 ? begin : begin + (-begin + step - 1) / step * step;
}
#define ROW_BEGIN(oy) clipped_begin((oy) * SY - shape.top, DY)
#define ROW_END(oy) min(shape.h, (oy) * SY - shape.top + (KY - 1) * DY + 1)
#define COLUMN_BEGIN(ox) clipped_begin((ox) * SX - shape.left, DX)
#define COLUMN_END(ox) min(shape.w, (ox) * SX - shape.left + (KX - 1) * DX + 1)
inline int first_window(const int position, const int extent, const int stride) {
    return position < extent ? 0 : (position - extent) / stride + 1;
}
#define FIRST_ROW(y) first_window((y) + shape.top, (KY - 1) * DY + 1, SY)
#define LAST_ROW(y) min(shape.oh - 1, ((y) + shape.top) / SY)
#define FIRST_COLUMN(x) first_window((x) + shape.left, (KX - 1) * DX + 1, SX)
#define LAST_COLUMN(x) min(shape.ow - 1, ((x) + shape.left) / SX)
#endif

// The positions that an average divides by.
inline float divisor(const Shape shape, const int oy, const int ox, const int countsPadding) {
#if !ADAPTIVE
    if (countsPadding) {
        const int y = oy * SY - shape.top, x = ox * SX - shape.left;
        return (float)(min(y + KY, shape.h + shape.top) - y) * (float)(min(x + KX, shape.w + shape.left) - x);
    }
#endif
    return (float)(ROW_END(oy) - ROW_BEGIN(oy)) * (float)(COLUMN_END(ox) - COLUMN_BEGIN(ox));
}

// Whether v comes before the best so far: larger, or the first NaN.
#define BEATS(v, best) (!((v) <= (best)) && (best) == (best))

#if defined(CPU_LIKE) && ADAPTIVE
// The largest of rows of 16 elements or more: each lane keeps its own, then the lanes are compared.
inline void wide_max(global const float *plane, const int w, const int y0, const int y1, const int x0, const int x1,
                     global float *value, global int *index) {
    const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    float16 best = vload16(0, plane + (size_t)y0 * w + x0);
    int16 at = lanes + (y0 * w + x0);
    for (int y = y0; y < y1; y++)
        for (int from = x0; from < x1; from += 16) {
            // The last vector of a row may overlap the one before; what it sees twice changes nothing.
            const int x = min(from, x1 - 16);
            const float16 v = vload16(0, plane + (size_t)y * w + x);
            const int16 take = ~(v <= best) & (best == best);
            best = take ? v : best;
            at = take ? lanes + (y * w + x) : at;
        }
    float values[16];
    int positions[16];
    vstore16(best, 0, values);
    vstore16(at, 0, positions);
    int first = 0;
    for (int i = 1; i < 16; i++) {
        const float v = values[i], mine = values[first];
        const int same = v == mine || (v != v && mine != mine);
        if (same ? positions[i] < positions[first] : BEATS(v, mine)) first = i;
    }
    *value = values[first];
    *index = positions[first];
}
#endif

// The largest of a window and its position; -1 where the window has no position in the image.
inline void window_max(global const float *plane, const Shape shape, const int oy, const int ox, global float *value,
                       global int *index) {
    const int y0 = ROW_BEGIN(oy), y1 = ROW_END(oy), x0 = COLUMN_BEGIN(ox), x1 = COLUMN_END(ox);
    float best = -INFINITY;
    int at = -1;
#if defined(CPU_LIKE) && ADAPTIVE
    if (x1 - x0 >= 16) {
        wide_max(plane, shape.w, y0, y1, x0, x1, value, index);
        return;
    }
#endif
#if !ADAPTIVE
    if (y1 - y0 == (KY - 1) * DY + 1 && x1 - x0 == (KX - 1) * DX + 1) {
        plane += (size_t)y0 * shape.w + x0;
        UNROLL for (int y = 0; y < KY; y++)
            UNROLL for (int x = 0; x < KX; x++) {
                const float v = plane[y * DY * shape.w + x * DX];
                const int take = (x == 0 && y == 0) || BEATS(v, best);
                best = take ? v : best;
                at = take ? (y0 + y * DY) * shape.w + x0 + x * DX : at;
            }
    } else
#endif
        for (int y = y0; y < y1; y += DY)
            for (int x = x0; x < x1; x += DX) {
                const float v = plane[(size_t)y * shape.w + x];
                const int take = at < 0 || BEATS(v, best);
                best = take ? v : best;
                at = take ? y * shape.w + x : at;
            }
    *value = best;
    *index = at;
}

#ifdef CPU_LIKE

#if BLOCK > 1
typedef PASTE(float, BLOCK) floats;
typedef PASTE(int, BLOCK) ints;
#define LOAD_BLOCK PASTE(vload, BLOCK)
#define STORE_BLOCK PASTE(vstore, BLOCK)

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
#define EVEN(a, b) (floats)((a).even, (b).even)
#define ODD(a, b) (floats)((a).odd, (b).odd)
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
inline floats strided(global const float *p) {
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

inline ints block_positions(void) {
#if BLOCK == 16
    return SX * (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif BLOCK == 8
    return SX * (int8)(0, 1, 2, 3, 4, 5, 6, 7);
#else
    return SX * (int4)(0, 1, 2, 3);
#endif
}

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
inline void max_block(global const float *plane, const Shape shape, const int oy, const int ox, global float *values,
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
    STORE_BLOCK(best, 0, values + ox);
    STORE_BLOCK(at, 0, positions + ox);
}

inline floats sum_block(global const float *plane, const Shape shape, const int oy, const int ox) {
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
inline float span_sum(global const float *p, const size_t count) {
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

inline float window_sum(global const float *plane, const Shape shape, const int oy, const int ox) {
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
        EACH_WINDOW(STORE_BLOCK(sum_block(from, shape, oy, ox) / divisor(shape, oy, ox, countsPadding), 0, to + ox),
                    to[ox] = window_sum(from, shape, oy, ox) / divisor(shape, oy, ox, countsPadding));
    }
}

// A work-item owns whole planes of dx, so that it may add to them: nobody else does, and the order is fixed.
#define EACH_PLANE(plane) \
    for (size_t plane = get_global_id(0) * planesEach, last = min((ulong)(plane + planesEach), planes); plane < last; plane++)

inline void clear(global float *p, const size_t count) {
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
inline void put_pair(const floats even, const floats odd, global float *p) {
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
inline void span_add(global float *p, const int count, const float g, const int stores) {
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
inline void average_gradient_by_rows(global const float *dy, global float *to, const Shape shape, const int countsPadding) {
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
inline void clear_border(global float *plane, const int h, const int w, const int oh, const int ow) {
    for (int y = 0; y < 2 * oh; y++)
        for (int x = 2 * ow; x < w; x++) plane[(size_t)y * w + x] = 0;
    clear(plane + (size_t)2 * oh * w, (size_t)(h - 2 * oh) * w);
}

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
            const floats a = LOAD_BLOCK(0, from + corner), b = LOAD_BLOCK(1, from + corner);
            const floats c = LOAD_BLOCK(0, from + corner + w), d = LOAD_BLOCK(1, from + corner + w);
            floats best = EVEN(a, b);
            ints at = steps + corner;
            TAKE_TILED(ODD(a, b), 1);
            TAKE_TILED(EVEN(c, d), w);
            TAKE_TILED(ODD(c, d), w + 1);
            STORE_BLOCK(best, 0, y + row + ox);
            STORE_BLOCK(at, 0, indices + row + ox);
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
            const floats a = LOAD_BLOCK(0, from + corner), b = LOAD_BLOCK(1, from + corner);
            const floats c = LOAD_BLOCK(0, from + corner + w), d = LOAD_BLOCK(1, from + corner + w);
            STORE_BLOCK(((EVEN(a, b) + ODD(a, b)) + (EVEN(c, d) + ODD(c, d))) * 0.25f, 0, y + row + ox);
        }
    }
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

#else  // GPU_LIKE

#if GROUP > 1
// A work-group takes a window; a work-item each GROUP-th of its elements.
#define WINDOW get_group_id(0)
#define LANE get_local_id(0)
#else
#define WINDOW get_global_id(0)
#endif

kernel void max_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(int, indices),
                     const ulong planes, SHAPE_ARGUMENTS) {
    TENSOR(const float, x);
    TENSOR(float, y);
    TENSOR(int, indices);
    SHAPE;
    const size_t i = WINDOW;
#if GROUP > 1
    local float values[GROUP];
    local int positions[GROUP];
    const int oy = i / ow % oh, ox = i % ow;
    global const float *plane = x + i / ow / oh * h * w;
    const int y0 = ROW_BEGIN(oy), x0 = COLUMN_BEGIN(ox), width = COLUMN_END(ox) - x0;
    const int count = (ROW_END(oy) - y0) * width;
    float best = -INFINITY;
    int at = -1;
    for (int k = LANE; k < count; k += GROUP) {
        const int position = (y0 + k / width) * w + x0 + k % width;
        const float v = plane[position];
        if (at < 0 || BEATS(v, best)) {
            best = v;
            at = position;
        }
    }
    values[LANE] = best;
    positions[LANE] = at;
    for (uint step = GROUP / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (LANE < step) {
            const float v = values[LANE + step], mine = values[LANE];
            const int other = positions[LANE + step], own = positions[LANE];
            // Equal values and two NaNs: the first position.
            const int same = v == mine || (v != v && mine != mine);
            if (other >= 0 && (own < 0 || (same ? other < own : BEATS(v, mine)))) {
                values[LANE] = v;
                positions[LANE] = other;
            }
        }
    }
    if (LANE == 0) {
        y[i] = values[0];
        indices[i] = positions[0];
    }
#else
    if (i >= planes * oh * ow) return;
    window_max(x + i / ow / oh * h * w, shape, i / ow % oh, i % ow, y + i, indices + i);
#endif
}

kernel void average_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, y), const ulong planes,
                         SHAPE_ARGUMENTS, const int countsPadding) {
    TENSOR(const float, x);
    TENSOR(float, y);
    SHAPE;
    const size_t i = WINDOW;
#if GROUP == 1
    if (i >= planes * oh * ow) return;
#endif
    const int oy = i / ow % oh, ox = i % ow;
    global const float *plane = x + i / ow / oh * h * w;
    const int y0 = ROW_BEGIN(oy), y1 = ROW_END(oy), x0 = COLUMN_BEGIN(ox), x1 = COLUMN_END(ox);
    float sum = 0;
#if GROUP > 1
    local float sums[GROUP];
    const int width = x1 - x0, count = (y1 - y0) * width;
    for (int k = LANE; k < count; k += GROUP) sum += plane[(y0 + k / width) * w + x0 + k % width];
    sums[LANE] = sum;
    for (uint step = GROUP / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (LANE < step) sums[LANE] += sums[LANE + step];
    }
    if (LANE == 0) y[i] = sums[0] / divisor(shape, oy, ox, countsPadding);
#else
    for (int iy = y0; iy < y1; iy++)
        for (int ix = x0; ix < x1; ix++) sum += plane[(size_t)iy * w + ix];
    y[i] = sum / divisor(shape, oy, ox, countsPadding);
#endif
}
#endif

// Gathers: a work-item owns a position of the image and visits the windows that may cover it, in order.
kernel void max_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const int, indices),
                                     TENSOR_ARGUMENT(float, dx), const ulong planes, SHAPE_ARGUMENTS) {
    TENSOR(const float, dy);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    SHAPE;
    const size_t i = get_global_id(0);
    if (i >= planes * h * w) return;
    const int y = i / w % h, x = i % w, position = y * w + x;
    const size_t plane = i / w / h;
    const int lastRow = LAST_ROW(y), lastColumn = LAST_COLUMN(x);
    float sum = 0;
    for (int oy = FIRST_ROW(y); oy <= lastRow; oy++)
        for (int ox = FIRST_COLUMN(x); ox <= lastColumn; ox++) {
            const size_t at = (plane * oh + oy) * ow + ox;
            if (indices[at] == position) sum += dy[at];
        }
    dx[i] = sum;
}

kernel void average_pool_gradient_gather(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(float, dx), const ulong planes,
                                         SHAPE_ARGUMENTS, const int countsPadding) {
    TENSOR(const float, dy);
    TENSOR(float, dx);
    SHAPE;
    const size_t i = get_global_id(0);
    if (i >= planes * h * w) return;
    const int y = i / w % h, x = i % w;
    const size_t plane = i / w / h;
    const int lastRow = LAST_ROW(y), lastColumn = LAST_COLUMN(x);
    float sum = 0;
    for (int oy = FIRST_ROW(y); oy <= lastRow; oy++)
        for (int ox = FIRST_COLUMN(x); ox <= lastColumn; ox++)
            sum += dy[(plane * oh + oy) * ow + ox] / divisor(shape, oy, ox, countsPadding);
    dx[i] = sum;
}
