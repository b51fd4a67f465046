// The largest element of each part of a region, and its gradient.
#include "Region.cl"

INLINE int corner(const float value, const float scale) {
    const float scaled = value * scale;
    if (!(scaled > -1e8f)) return -100000000;
    return scaled > 1e8f ? 100000000 : (int)round(scaled);
}

// An axis of a region: where it begins, and how large a part is.
typedef struct { int start; float step; } Axis;

INLINE Axis pooled_axis(const float low, const float high, const float scale, const int parts) {
    Axis axis;
    axis.start = corner(low, scale);
    axis.step = quotient((float)max(corner(high, scale) - axis.start + 1, 1), (float)parts);
    return axis;
}

INLINE Range pooled_part(const Axis axis, const int part, const int extent) {
    Range range;
    range.begin = clamp((int)floor((float)part * axis.step) + axis.start, 0, extent);
    range.end = clamp((int)ceil((float)(part + 1) * axis.step) + axis.start, 0, extent);
    return range;
}

#ifdef KERNEL_region_pool
#ifdef CPU_LIKE
kernel void region_pool(global const float *packed, TENSOR_ARGUMENT(const float, places), TENSOR_ARGUMENT(float, y),
                        TENSOR_ARGUMENT(int, indices), REGION_ARGUMENTS, const ulong each) {
    TENSOR(const float, places);
    TENSOR(float, y);
    TENSOR(int, indices);
    const size_t blocks = (c + 15) / 16, parts = (size_t)rows * columns;
    // Neighbouring items are of one block.
    for (size_t item = get_global_id(0) * each; item < min((ulong)((get_global_id(0) + 1) * each), blocks * boxes); item++) {
        const size_t k = item % boxes, block = item / boxes;
        const int image = IMAGE_OF(k), channels = min(16, c - (int)block * 16);
        global const float *from = packed + ((size_t)max(image, 0) * blocks + block) * h * w * 16;
        const size_t to = (k * c + block * 16) * parts;
        const Axis down = pooled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows);
        const Axis across = pooled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns);
        for (int i = 0; i < rows; i++) {
            const Range ys = pooled_part(down, i, h);
            for (int j = 0; j < columns; j++) {
                const Range xs = pooled_part(across, j, w);
                float16 best = image < 0 ? NAN : 0.0f;
                int16 at = -1;
                if (image >= 0 && ys.begin < ys.end && xs.begin < xs.end) {
                    best = vload16(ys.begin * w + xs.begin, from);
                    at = ys.begin * w + xs.begin;
                    for (int a = ys.begin; a < ys.end; a++)
                        for (int b = xs.begin; b < xs.end; b++) {
                            const float16 v = vload16(a * w + b, from);
                            const int16 take = ~(v <= best) & (best == best);
                            best = take ? v : best;
                            at = take ? (int16)(a * w + b) : at;
                        }
                }
                float values[16];
                int positions[16];
                vstore16(best, 0, values);
                vstore16(at, 0, positions);
                const size_t part = to + i * columns + j;
                for (int lane = 0; lane < channels; lane++) {
                    y[part + lane * parts] = values[lane];
                    indices[part + lane * parts] = positions[lane];
                }
            }
        }
    }
}
#else
kernel void region_pool(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, places), TENSOR_ARGUMENT(float, y),
                        TENSOR_ARGUMENT(int, indices), REGION_ARGUMENTS) {
    TENSOR(const float, x);
    TENSOR(const float, places);
    TENSOR(float, y);
    TENSOR(int, indices);
    const Number item = get_global_id(0);
    if (item >= (Number)(boxes * c * rows * columns)) return;
    OF_PART(item);
    const int image = IMAGE_OF(k);
    float best = image < 0 ? NAN : 0.0f;
    int at = -1;
    if (image >= 0) {
        const Range ys = pooled_part(pooled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows), i, h);
        const Range xs = pooled_part(pooled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns), j, w);
        global const float *plane = x + ((size_t)image * c + channel) * h * w;
        for (int a = ys.begin; a < ys.end; a++)
            for (int b = xs.begin; b < xs.end; b++) {
                const float v = plane[a * w + b];
                const int take = at < 0 || (!(v <= best) && best == best);
                best = take ? v : best;
                at = take ? a * w + b : at;
            }
    }
    y[item] = best;
    indices[item] = at;
}
#endif
#endif

#ifdef KERNEL_region_pool_gradient
#ifdef CPU_LIKE
kernel void region_pool_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, places),
                                 TENSOR_ARGUMENT(const int, indices), TENSOR_ARGUMENT(float, dx), REGION_ARGUMENTS,
                                 const ulong each) {
    TENSOR(const float, dy);
    TENSOR(const float, places);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    const size_t first = get_global_id(0) * each, last = min((ulong)(first + each), (ulong)n * c);
    const int size = h * w, parts = rows * columns;
    for (size_t i = first * size; i < last * size; i++) dx[i] = 0;
    for (size_t k = 0; k < boxes; k++) {
        const int image = IMAGE_OF(k);
        if (image < 0) continue;
        const size_t begin = max((ulong)first, (ulong)image * c), end = min((ulong)last, (ulong)(image + 1) * c);
        for (size_t plane = begin; plane < end; plane++) {
            const size_t from = (k * c + plane - (size_t)image * c) * parts;
            for (size_t i = from; i < from + parts; i++)
                if (indices[i] >= 0 && indices[i] < size) dx[plane * size + indices[i]] += dy[i];
        }
    }
}
#else
kernel void region_pool_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, places),
                                 TENSOR_ARGUMENT(const int, indices), TENSOR_ARGUMENT(float, dx), REGION_ARGUMENTS) {
    TENSOR(const float, dy);
    TENSOR(const float, places);
    TENSOR(const int, indices);
    TENSOR(float, dx);
    const Number item = get_global_id(0);
    if (item >= (Number)n * c * h * w) return;
    OF_ELEMENT(item);
    const int position = row * w + column, parts = rows * columns;
    float sum = 0;
    for (size_t k = 0; k < boxes; k++) {
        if (IMAGE_OF(k) != image) continue;
        const Axis down = pooled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows);
        const Axis across = pooled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns);
        // Every part that holds the position lies about its share of the region; one more on each side for rounding.
        const float y = (float)(row - down.start), x = (float)(column - across.start);
        if (y < 0 || x < 0 || y > down.step * rows + 1 || x > across.step * columns + 1) continue;
        const int firstRow = max((int)(y / down.step) - 1 - (int)(1 / down.step), 0);
        const int lastRow = min((int)((y + 1) / down.step) + 1, rows - 1);
        const int firstColumn = max((int)(x / across.step) - 1 - (int)(1 / across.step), 0);
        const int lastColumn = min((int)((x + 1) / across.step) + 1, columns - 1);
        const size_t from = (k * c + channel) * parts;
        for (int i = firstRow; i <= lastRow; i++)
            for (int j = firstColumn; j <= lastColumn; j++)
                if (indices[from + i * columns + j] == position) sum += dy[from + i * columns + j];
    }
    dx[item] = sum;
}
#endif
#endif
