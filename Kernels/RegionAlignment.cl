// The mean of values sampled between a part's elements, and its gradient.
//
// ALIGNED     whether corners are moved by half an element.
// SAMPLING    samples along each axis of a part; 0: as many as the part is wide, rounded up.
#include "Region.cl"

#ifndef ALIGNED
#define ALIGNED 0
#endif
#ifndef SAMPLING
#define SAMPLING 0
#endif
// An axis of a region that is sampled: `count` samples a part, `each` of them to divide by.
typedef struct { float start, step, each; int count; } Samples;

INLINE Samples sampled_axis(const float low, const float high, const float scale, const int parts) {
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
INLINE Range part_samples(const Samples s, const float first, const int extent) {
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

INLINE Sample sample_at(const Samples s, const float first, const int i, const int extent) {
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

// Declares how box k is sampled, and the share of a sample in its part.
#define OPEN_BOX(k)                                                                                       \
    const Samples down = sampled_axis(places[5 * (k) + 2], places[5 * (k) + 4], scale, rows);             \
    const Samples across = sampled_axis(places[5 * (k) + 1], places[5 * (k) + 3], scale, columns);        \
    const float share = 1 / (down.each * across.each)
// Declares where part (i, j) of that box begins, and its samples that may lie in the image.
#define OPEN_PART(i, j)                                                                                             \
    const float top = down.start + (float)(i) * down.step, left = across.start + (float)(j) * across.step;          \
    const Range ys = part_samples(down, top, h), xs = part_samples(across, left, w)
// Does `work` for each sample of that part in the image: v is its place down the rows, u along them.
#define EACH_SAMPLE(v, u, work)                                     \
    for (int a = ys.begin; a < ys.end; a++) {                       \
        const Sample v = sample_at(down, top, a, h);                \
        if (v.below < 0) continue;                                  \
        for (int b = xs.begin; b < xs.end; b++) {                   \
            const Sample u = sample_at(across, left, b, w);         \
            if (u.below < 0) continue;                              \
            work;                                                   \
        }                                                           \
    }
// The value between four elements, ELEMENT(row, column) being one.
#define BETWEEN(v, u, ELEMENT)                                                                            \
    ((ELEMENT(v.below, u.below) * (1 - u.part) + ELEMENT(v.below, u.above) * u.part) * (1 - v.part)       \
     + (ELEMENT(v.above, u.below) * (1 - u.part) + ELEMENT(v.above, u.above) * u.part) * v.part)

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
        OPEN_BOX(k);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) {
                OPEN_PART(i, j);
#define BLOCK_AT(row, column) vload16((row) * w + (column), from)
                float16 sum = image < 0 ? NAN : 0.0f;
                if (image >= 0) EACH_SAMPLE(v, u, sum += BETWEEN(v, u, BLOCK_AT))
                float values[16];
                vstore16(sum * share, 0, values);
                const size_t part = to + i * columns + j;
                for (int lane = 0; lane < channels; lane++) y[part + lane * parts] = values[lane];
            }
    }
}
#else
kernel void region_align(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, places), TENSOR_ARGUMENT(float, y),
                         REGION_ARGUMENTS) {
    TENSOR(const float, x);
    TENSOR(const float, places);
    TENSOR(float, y);
    const Number item = get_global_id(0);
    if (item >= (Number)(boxes * c * rows * columns)) return;
    OF_PART(item);
    const int image = IMAGE_OF(k);
#define PLANE_AT(row, column) plane[(row) * w + (column)]
    float result = NAN;
    if (image >= 0) {
        global const float *plane = x + ((size_t)image * c + channel) * h * w;
        float sum = 0;
        OPEN_BOX(k);
        OPEN_PART(i, j);
        EACH_SAMPLE(v, u, sum += BETWEEN(v, u, PLANE_AT))
        result = sum * share;
    }
    y[item] = result;
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
        OPEN_BOX(k);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) {
                OPEN_PART(i, j);
                float values[16];
                for (int lane = 0; lane < 16; lane++) values[lane] = lane < channels ? from[lane * parts + i * columns + j] : 0.0f;
                const float16 gradient = vload16(0, values) * share;
#define ADD(row, column, weight) vstore16(vload16((row) * w + (column), to) + gradient * (weight), (row) * w + (column), to)
#define ADD_TO_FOUR(v, u)                                            \
    ADD(v.below, u.below, (1 - v.part) * (1 - u.part));              \
    ADD(v.below, u.above, (1 - v.part) * u.part);                    \
    ADD(v.above, u.below, v.part * (1 - u.part));                    \
    ADD(v.above, u.above, v.part * u.part)
                EACH_SAMPLE(v, u, ADD_TO_FOUR(v, u))
            }
    }
}
#else
// What the samples of a part give an element of their axis.
INLINE float axis_weight(const Samples s, const int part, const int position, const int extent) {
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
INLINE Range parts_about(const Samples s, const int position, const int extent, const int parts) {
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
    const Number item = get_global_id(0);
    if (item >= (Number)n * c * h * w) return;
    OF_ELEMENT(item);
    const int parts = rows * columns;
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
