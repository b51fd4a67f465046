// Normalisation along planes of s elements on CPU-like devices where there are statistics enough for all cores: a work-item computes
// some of them and, while what it read is still in the caches, the results that take them. Statistic j is of `count` planes, `step`
// apart, from j * firstStep on; plane p is of channel p % c.
#include "Normalization.cl"

#define PIECE 4096
#define EACH_VECTOR(i, length) for (; i + VEC <= (length); i += VEC)
#define EACH_STATISTIC(j) \
    for (size_t j = get_global_id(0) * each, last = min((ulong)(j + each), statistics); j < last; j++)
#define EACH_PLANE(j, plane) \
    for (size_t plane = (j) * firstStep, end = plane + count * step; plane < end; plane += step)

// The mean of a piece and the sum of squares around it, in two passes. What is read next lies at `next`.
INLINE float2 moments(global const float *from, const size_t length, global const float *next) {
    floatv sum = 0, squares = 0;
    size_t i = 0;
    EACH_VECTOR(i, length) sum += LOAD(from + i);
    sum += load_rest(from + i, length - i, 0.0f);
    const float m = sum_lanes(sum) / length;
    i = 0;
    EACH_VECTOR(i, length) {
        FETCH(next + i);
        const floatv d = LOAD(from + i) - m;
        squares += d * d;
    }
    const floatv d = load_rest(from + i, length - i, m) - m;
    squares += d * d;
    return (float2)(m, sum_lanes(squares));
}

kernel void whole_norm(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, scale), TENSOR_ARGUMENT(const float, shift),
                       TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(float, mean), TENSOR_ARGUMENT(float, inverse),
                       const ulong statistics, const ulong each, const ulong c, const ulong s, const ulong count,
                       const ulong step, const ulong firstStep, const int scaled, const int shifted, const float epsilon) {
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(float, y);
    TENSOR(float, mean);
    TENSOR(float, inverse);
    EACH_STATISTIC(j) {
        float seen = 0, m = 0, squares = 0;
        EACH_PLANE(j, plane) {
            for (size_t begin = 0; begin < s; begin += PIECE) {
                global const float *from = x + plane * s + begin;
                const size_t length = min((ulong)PIECE, s - begin);
                const float2 own = moments(from, length, begin + PIECE < s ? from + PIECE : from + step * s - begin);
                JOIN(float, seen, m, squares, (float)length, own.x, own.y);
                seen += length;
            }
        }
        const float r = 1.0f / sqrt(squares / seen + epsilon);
        mean[j] = m;
        inverse[j] = r;
        EACH_PLANE(j, plane) {
            const float a = scaled ? r * scale[plane % c] : r, b = shifted ? shift[plane % c] : 0.0f;
            global const float *from = x + plane * s;
            global float *to = y + plane * s;
            size_t i = 0;
            EACH_VECTOR(i, s) PUT((LOAD(from + i) - m) * a + b, to + i);
            store_rest((load_rest(from + i, s - i, 0.0f) - m) * a + b, to + i, s - i);
        }
    }
}

// Of batch normalisation: dShift = sum(dy), dScale = inverse sum(dy (x - mean)), dx as plane_gradient computes it.
kernel void whole_norm_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                                TENSOR_ARGUMENT(const float, scale), TENSOR_ARGUMENT(const float, mean),
                                TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, dx),
                                TENSOR_ARGUMENT(float, dScale), TENSOR_ARGUMENT(float, dShift), const ulong statistics,
                                const ulong each, const ulong c, const ulong s, const ulong count, const ulong step,
                                const ulong firstStep, const int scaled) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, dx);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    EACH_STATISTIC(j) {
        const float m = mean[j], r = inverse[j];
        float total = 0, weighted = 0;
        EACH_PLANE(j, plane) {
            for (size_t begin = 0; begin < s; begin += PIECE) {
                global const float *d = dy + plane * s + begin, *from = x + plane * s + begin;
                const size_t length = min((ulong)PIECE, s - begin);
                floatv sum = 0, products = 0;
                size_t i = 0;
                EACH_VECTOR(i, length) {
                    LOOK_AHEAD(d + i);
                    LOOK_AHEAD(from + i);
                    const floatv g = LOAD(d + i);
                    sum += g;
                    products += g * (LOAD(from + i) - m);
                }
                const floatv g = load_rest(d + i, length - i, 0.0f);
                total += sum_lanes(sum + g);
                weighted += sum_lanes(products + g * (load_rest(from + i, length - i, m) - m));
            }
        }
        dShift[j] = total;
        dScale[j] = weighted * r;
        const float a = scaled ? r * scale[j] : r, all = (float)(count * s);
        const float b = a * (total / all), k = a * r * r * (weighted / all);
        EACH_PLANE(j, plane) {
            global const float *d = dy + plane * s, *from = x + plane * s;
            global float *to = dx + plane * s;
            size_t i = 0;
            EACH_VECTOR(i, s) PUT(LOAD(d + i) * a - b - (LOAD(from + i) - m) * k, to + i);
            store_rest(load_rest(d + i, s - i, 0.0f) * a - b - (load_rest(from + i, s - i, m) - m) * k, to + i, s - i);
        }
    }
}
