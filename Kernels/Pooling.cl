// The windows of maximum and average pooling of planes h x w into oh x ow.
//
// ADAPTIVE    1: window i of an axis reaches from floor(i * h / oh) to ceil((i + 1) * h / oh). 0: it has
// KY, KX      positions, DY, DX steps apart, and begins
// SY, SX      steps after the one before; the first begins `top` or `left` positions before the image.
#ifndef ADAPTIVE
#define ADAPTIVE 0
#endif

typedef struct {
    int h, w, oh, ow, top, left;
} Shape;

#define SHAPE_ARGUMENTS const int h, const int w, const int oh, const int ow, const int top, const int left
#define SHAPE const Shape shape = {h, w, oh, ow, top, left}

#if ADAPTIVE
#define DY 1
#define DX 1
INLINE int window_begin(const int i, const int size, const int windows) { return (int)((long)i * size / windows); }
INLINE int window_end(const int i, const int size, const int windows) {
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
INLINE int clipped_begin(const int begin, const int step) {
    return begin >= 0 ? begin : begin + (-begin + step - 1) / step * step;
}
#define ROW_BEGIN(oy) clipped_begin((oy) * SY - shape.top, DY)
#define ROW_END(oy) min(shape.h, (oy) * SY - shape.top + (KY - 1) * DY + 1)
#define COLUMN_BEGIN(ox) clipped_begin((ox) * SX - shape.left, DX)
#define COLUMN_END(ox) min(shape.w, (ox) * SX - shape.left + (KX - 1) * DX + 1)
INLINE int first_window(const int position, const int extent, const int stride) {
    return position < extent ? 0 : (position - extent) / stride + 1;
}
#define FIRST_ROW(y) first_window((y) + shape.top, (KY - 1) * DY + 1, SY)
#define LAST_ROW(y) min(shape.oh - 1, ((y) + shape.top) / SY)
#define FIRST_COLUMN(x) first_window((x) + shape.left, (KX - 1) * DX + 1, SX)
#define LAST_COLUMN(x) min(shape.ow - 1, ((x) + shape.left) / SX)
#endif

// The positions that an average divides by.
INLINE float divisor(const Shape shape, const int oy, const int ox, const int countsPadding) {
#if !ADAPTIVE
    if (countsPadding) {
        const int y = oy * SY - shape.top, x = ox * SX - shape.left;
        return (float)(min(y + KY, shape.h + shape.top) - y) * (float)(min(x + KX, shape.w + shape.left) - x);
    }
#endif
    return (float)(ROW_END(oy) - ROW_BEGIN(oy)) * (float)(COLUMN_END(ox) - COLUMN_BEGIN(ox));
}

// Whether v comes before the best so far: larger, or the first NaN.
#define BEATS(v, best) (!((v) <= (best)) & ((best) == (best)))

#if defined(CPU_LIKE) && ADAPTIVE
// The largest of rows of 16 elements or more: each lane keeps its own, then the lanes are compared.
INLINE void wide_max(global const float *plane, const int w, const int y0, const int y1, const int x0, const int x1,
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
INLINE void window_max(global const float *plane, const Shape shape, const int oy, const int ox, global float *value,
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
