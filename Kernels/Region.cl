// Regions of images x [n, c, h, w] in parts y [k, c, rows, columns] by boxes [k, 5] (an image's number, x1, y1, x2, y2), and
// suppression of boxes that overlap.
//
// ALIGNED     whether corners are moved by half an element (alignment).
// SAMPLING    samples along each axis of a part; 0: as many as the part is wide, rounded up (alignment).
//
// CPU_LIKE devices: sixteen channels of an image are laid out as a block [position][channel] first, and a work-item takes a
// part of sixteen channels as one vector; gradients are spread by the one work-item that owns a plane or block. Others: a
// work-item owns an element; gradients are gathered from all boxes' parts that cover it.

// How many parts and samples there are, and what overlaps by exactly a threshold, must not depend on how products and sums are
// rounded together.
#pragma OPENCL FP_CONTRACT OFF

// Correctly rounded where the device's own quotient need not be.
inline float quotient(const float a, const float b) {
    const float q = a / b;
#ifdef CPU_LIKE
    return q;
#else
    const float rest = fma(-q, b, a);
    return isfinite(rest) && b != 0 ? q + rest / b : q;
#endif
}

#define REGION_ARGUMENTS const int n, const int c, const int h, const int w, const ulong boxes, const int rows,  \
    const int columns, const float scale
// The image that box k is in; -1 for one that is not there.
#define IMAGE_OF(k) (places[5 * (k)] >= 0 && places[5 * (k)] < (float)n ? (int)places[5 * (k)] : -1)

typedef struct { int begin, end; } Range;

inline int corner(const float value, const float scale) {
    const float scaled = value * scale;
    if (!(scaled > -1e8f)) return -100000000;
    return scaled > 1e8f ? 100000000 : (int)round(scaled);
}

// An axis of a region: where it begins, and how large a part is.
typedef struct { int start; float step; } Axis;

inline Axis pooled_axis(const float low, const float high, const float scale, const int parts) {
    Axis axis;
    axis.start = corner(low, scale);
    axis.step = quotient((float)max(corner(high, scale) - axis.start + 1, 1), (float)parts);
    return axis;
}

inline Range pooled_part(const Axis axis, const int part, const int extent) {
    Range range;
    range.begin = clamp((int)floor((float)part * axis.step) + axis.start, 0, extent);
    range.end = clamp((int)ceil((float)(part + 1) * axis.step) + axis.start, 0, extent);
    return range;
}

#ifndef ALIGNED
#define ALIGNED 0
#endif
#ifndef SAMPLING
#define SAMPLING 0
#endif
// An axis of a region that is sampled: `count` samples a part, `each` of them to divide by.
typedef struct { float start, step, each; int count; } Samples;

inline Samples sampled_axis(const float low, const float high, const float scale, const int parts) {
    const float offset = ALIGNED ? 0.5f : 0.0f;
    Samples s;
    s.start = low * scale - offset;
    float size = high * scale - offset - s.start;
    if (!ALIGNED && !(size > 1)) size = 1;
    s.step = quotient(size, (float)parts);
    const float grid = SAMPLING > 0 ? (float)SAMPLING : ceil(s.step);
    s.each = grid >= 1 ? (grid < 1e8f ? grid : 1e8f) : 1.0f;
    s.count = grid >= 1 && s.start == s.start ? (int)s.each : 0;
    return s;
}

// The samples of a part that can lie in the image: of many most may lie outside.
inline Range part_samples(const Samples s, const float first, const int extent) {
    Range range = {0, s.count};
    const float between = s.step / s.each;
    if (s.count > 64 && between > 0) {
        const float skipped = floor((-2 - first) / between) - 2, wanted = ceil(((float)extent + 2 - first) / between) + 2;
        if (skipped > 0) range.begin = skipped < 1e8f ? (int)skipped : 100000000;
        if (wanted < (float)s.count) range.end = wanted > 0 ? (int)wanted : 0;
    }
    return range;
}

// A sample's two elements and the second's weight; below < 0 for one outside.
typedef struct { int below, above; float part; } Sample;

inline Sample sample_at(const Samples s, const float first, const int i, const int extent) {
    Sample sample = {-1, -1, 0.0f};
    float at = first + quotient(((float)i + 0.5f) * s.step, s.each);
    if (at < -1 || at > (float)extent) return sample;
    if (at <= 0) at = 0;
    sample.below = (int)at;
    sample.above = sample.below + 1;
    if (sample.below >= extent - 1) {
        sample.below = sample.above = extent - 1;
        at = (float)sample.below;
    }
    sample.part = at - (float)sample.below;
    return sample;
}

// ---------------------------------------------------------------------------------------------------------------- blocks

#ifdef KERNEL_region_pack
// packed [n][blocks][position][16] of x; channels that are not there are 0.
kernel void region_pack(TENSOR_ARGUMENT(const float, x), global float *packed, const int c, const ulong positions,
                        const ulong count, const ulong each) {
    TENSOR(const float, x);
    const size_t blocks = (c + 15) / 16;
    for (size_t i = get_global_id(0) * each; i < min((ulong)((get_global_id(0) + 1) * each), count); i++) {
        const size_t position = i % positions, block = i / positions % blocks, image = i / positions / blocks;
        global const float *from = x + (image * c + block * 16) * positions + position;
        const int channels = min(16, c - (int)block * 16);
        for (int lane = 0; lane < 16; lane++) packed[i * 16 + lane] = lane < channels ? from[lane * positions] : 0.0f;
    }
}
#endif

#ifdef KERNEL_region_unpack
kernel void region_unpack(global const float *packed, TENSOR_ARGUMENT(float, x), const int c, const ulong positions,
                          const ulong count, const ulong each) {
    TENSOR(float, x);
    const size_t blocks = (c + 15) / 16;
    for (size_t i = get_global_id(0) * each; i < min((ulong)((get_global_id(0) + 1) * each), count); i++) {
        const size_t position = i % positions, block = i / positions % blocks, image = i / positions / blocks;
        global float *to = x + (image * c + block * 16) * positions + position;
        const int channels = min(16, c - (int)block * 16);
        for (int lane = 0; lane < channels; lane++) to[lane * positions] = packed[i * 16 + lane];
    }
}
#endif

// --------------------------------------------------------------------------------------------------------------- pooling

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
    const size_t parts = (size_t)rows * columns, item = get_global_id(0);
    if (item >= boxes * c * parts) return;
    const size_t k = item / parts / c, channel = item / parts % c;
    const int i = item / columns % rows, j = item % columns, image = IMAGE_OF(k);
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
    const size_t item = get_global_id(0);
    if (item >= (size_t)n * c * h * w) return;
    const int position = item % ((size_t)h * w), row = position / w, column = position % w;
    const size_t channel = item / w / h % c;
    const int image = item / w / h / c, parts = rows * columns;
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

// ------------------------------------------------------------------------------------------------------------- alignment

#ifdef KERNEL_region_align
#ifdef CPU_LIKE
kernel void region_align(global const float *packed, TENSOR_ARGUMENT(const float, places), TENSOR_ARGUMENT(float, y),
                         REGION_ARGUMENTS, const ulong each) {
    TENSOR(const float, places);
    TENSOR(float, y);
    const size_t blocks = (c + 15) / 16, parts = (size_t)rows * columns;
    for (size_t item = get_global_id(0) * each; item < min((ulong)((get_global_id(0) + 1) * each), blocks * boxes); item++) {
        const size_t k = item % boxes, block = item / boxes;
        const int image = IMAGE_OF(k), channels = min(16, c - (int)block * 16);
        global const float *from = packed + ((size_t)max(image, 0) * blocks + block) * h * w * 16;
        const size_t to = (k * c + block * 16) * parts;
        const Samples down = sampled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows);
        const Samples across = sampled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns);
        const float share = 1 / (down.each * across.each);
        for (int i = 0; i < rows; i++) {
            const float top = down.start + (float)i * down.step;
            const Range ys = part_samples(down, top, h);
            for (int j = 0; j < columns; j++) {
                const float left = across.start + (float)j * across.step;
                const Range xs = part_samples(across, left, w);
                float16 sum = image < 0 ? NAN : 0.0f;
                for (int a = ys.begin; image >= 0 && a < ys.end; a++) {
                    const Sample v = sample_at(down, top, a, h);
                    if (v.below < 0) continue;
                    for (int b = xs.begin; b < xs.end; b++) {
                        const Sample u = sample_at(across, left, b, w);
                        if (u.below < 0) continue;
                        const float16 upper = vload16(v.below * w + u.below, from) * (1 - u.part)
                            + vload16(v.below * w + u.above, from) * u.part;
                        const float16 lower = vload16(v.above * w + u.below, from) * (1 - u.part)
                            + vload16(v.above * w + u.above, from) * u.part;
                        sum += upper * (1 - v.part) + lower * v.part;
                    }
                }
                float values[16];
                vstore16(sum * share, 0, values);
                const size_t part = to + i * columns + j;
                for (int lane = 0; lane < channels; lane++) y[part + lane * parts] = values[lane];
            }
        }
    }
}
#else
kernel void region_align(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, places), TENSOR_ARGUMENT(float, y),
                         REGION_ARGUMENTS) {
    TENSOR(const float, x);
    TENSOR(const float, places);
    TENSOR(float, y);
    const size_t parts = (size_t)rows * columns, item = get_global_id(0);
    if (item >= boxes * c * parts) return;
    const size_t k = item / parts / c, channel = item / parts % c;
    const int i = item / columns % rows, j = item % columns, image = IMAGE_OF(k);
    float sum = image < 0 ? NAN : 0.0f, share = 1;
    if (image >= 0) {
        const Samples down = sampled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows);
        const Samples across = sampled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns);
        const float top = down.start + (float)i * down.step, left = across.start + (float)j * across.step;
        const Range ys = part_samples(down, top, h), xs = part_samples(across, left, w);
        global const float *plane = x + ((size_t)image * c + channel) * h * w;
        share = 1 / (down.each * across.each);
        for (int a = ys.begin; a < ys.end; a++) {
            const Sample v = sample_at(down, top, a, h);
            if (v.below < 0) continue;
            for (int b = xs.begin; b < xs.end; b++) {
                const Sample u = sample_at(across, left, b, w);
                if (u.below < 0) continue;
                const float upper = plane[v.below * w + u.below] * (1 - u.part) + plane[v.below * w + u.above] * u.part;
                const float lower = plane[v.above * w + u.below] * (1 - u.part) + plane[v.above * w + u.above] * u.part;
                sum += upper * (1 - v.part) + lower * v.part;
            }
        }
    }
    y[item] = sum * share;
}
#endif
#endif

#ifdef KERNEL_region_align_gradient
#ifdef CPU_LIKE
// A work-item owns a block of an image's channels.
kernel void region_align_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, places),
                                  global float *packed, REGION_ARGUMENTS) {
    TENSOR(const float, dy);
    TENSOR(const float, places);
    const size_t blocks = (c + 15) / 16, parts = (size_t)rows * columns, item = get_global_id(0), block = item % blocks;
    const int image = item / blocks, channels = min(16, c - (int)block * 16);
    global float *to = packed + item * h * w * 16;
    for (size_t i = 0; i < (size_t)h * w; i++) vstore16((float16)(0.0f), i, to);
    for (size_t k = 0; k < boxes; k++) {
        if (IMAGE_OF(k) != image) continue;
        global const float *from = dy + (k * c + block * 16) * parts;
        const Samples down = sampled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows);
        const Samples across = sampled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns);
        const float share = 1 / (down.each * across.each);
        for (int i = 0; i < rows; i++) {
            const float top = down.start + (float)i * down.step;
            const Range ys = part_samples(down, top, h);
            for (int j = 0; j < columns; j++) {
                const float left = across.start + (float)j * across.step;
                const Range xs = part_samples(across, left, w);
                float values[16];
                for (int lane = 0; lane < 16; lane++) values[lane] = lane < channels ? from[lane * parts + i * columns + j] : 0.0f;
                const float16 gradient = vload16(0, values) * share;
                for (int a = ys.begin; a < ys.end; a++) {
                    const Sample v = sample_at(down, top, a, h);
                    if (v.below < 0) continue;
                    for (int b = xs.begin; b < xs.end; b++) {
                        const Sample u = sample_at(across, left, b, w);
                        if (u.below < 0) continue;
#define ADD(row, column, weight) vstore16(vload16((row) * w + (column), to) + gradient * (weight), (row) * w + (column), to)
                        ADD(v.below, u.below, (1 - v.part) * (1 - u.part));
                        ADD(v.below, u.above, (1 - v.part) * u.part);
                        ADD(v.above, u.below, v.part * (1 - u.part));
                        ADD(v.above, u.above, v.part * u.part);
                    }
                }
            }
        }
    }
}
#else
// What the samples of a part give an element of their axis.
inline float axis_weight(const Samples s, const int part, const int position, const int extent) {
    const float first = s.start + (float)part * s.step;
    const Range samples = part_samples(s, first, extent);
    float weight = 0;
    for (int i = samples.begin; i < samples.end; i++) {
        const Sample sample = sample_at(s, first, i, extent);
        if (sample.below == position) weight += 1 - sample.part;
        if (sample.above == position) weight += sample.part;
    }
    return weight;
}

// The parts whose samples can touch an element: their samples lie within one element of it, or outside the image beside it.
inline Range parts_about(const Samples s, const int position, const int extent, const int parts) {
    const float low = (position == 0 ? -1.0f : (float)position - 1) - s.start;
    const float high = (position == extent - 1 ? (float)extent : (float)position + 1) - s.start;
    Range range = {0, parts};
    if (!(fabs(s.step) > 1e-20f)) return range;
    // Boxes with exchanged corners run backwards. Some parts more for rounding.
    const float a = low / s.step, b = high / s.step, more = 1 + (fabs(s.start) + (float)extent) * 1e-6f / fabs(s.step);
    range.begin = (int)clamp(floor(fmin(a, b)) - more, 0.0f, (float)parts);
    range.end = (int)clamp(floor(fmax(a, b)) + more + 1, 0.0f, (float)parts);
    return range;
}

kernel void region_align_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, places),
                                  TENSOR_ARGUMENT(float, dx), REGION_ARGUMENTS) {
    TENSOR(const float, dy);
    TENSOR(const float, places);
    TENSOR(float, dx);
    const size_t item = get_global_id(0);
    if (item >= (size_t)n * c * h * w) return;
    const int row = item / w % h, column = item % w;
    const size_t channel = item / w / h % c;
    const int image = item / w / h / c, parts = rows * columns;
    float sum = 0;
    for (size_t k = 0; k < boxes; k++) {
        if (IMAGE_OF(k) != image) continue;
        const Samples down = sampled_axis(places[5 * k + 2], places[5 * k + 4], scale, rows);
        const Samples across = sampled_axis(places[5 * k + 1], places[5 * k + 3], scale, columns);
        if (down.count == 0 || across.count == 0) continue;
        const Range is = parts_about(down, row, h, rows), js = parts_about(across, column, w, columns);
        global const float *from = dy + (k * c + channel) * parts;
        float all = 0;
        for (int i = is.begin; i < is.end; i++) {
            const float v = axis_weight(down, i, row, h);
            if (v == 0) continue;
            float along = 0;
            for (int j = js.begin; j < js.end; j++) along += axis_weight(across, j, column, w) * from[i * columns + j];
            all += v * along;
        }
        sum += all / (down.each * across.each);
    }
    dx[item] = sum;
}
#endif
#endif

// ----------------------------------------------------------------------------------------------------------- suppression
//
// Boxes in order lie as `padded` (a multiple of 64) elements of each of five columns: x1, y1, x2, y2, area; `group` and `gone`
// (whether a box is suppressed) beside them. Blocks of 64 boxes are settled one after the other, a launch each: who stays in
// a block follows from what came before and from the block's own masks, and what stays suppresses all that comes later.

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
inline int16 overlapping(global const float *side, global const int *group, const size_t padded, const size_t i,
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
inline int overlapping(global const float *side, global const int *group, const size_t padded, const size_t i,
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
