#include "PointwiseEvaluate.h"

#include "PointwiseMath.h"

// Targets may be the very memory of an operand, element for element, which is no dependence between iterations.
#define EACH _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < n; i++)

#define UNARY(code, value)                 \
    case code:                             \
        EACH {                             \
            float x = a[i];                \
            out[i] = (value);              \
        }                                  \
        break;

#define BINARY(code, value)                \
    case code:                             \
        if (mode & uniform_x) {            \
            float x = a[0];                \
            EACH {                         \
                float y = b[i];            \
                out[i] = (value);          \
            }                              \
        } else if (mode & uniform_y) {     \
            float y = b[0];                \
            EACH {                         \
                float x = a[i];            \
                out[i] = (value);          \
            }                              \
        } else {                           \
            EACH {                         \
                float x = a[i], y = b[i];  \
                out[i] = (value);          \
            }                              \
        }                                  \
        break;

// The four cases in which x varies.
#define TERNARY_VARYING_X(value)                                        \
    switch (mode & (uniform_y | uniform_z)) {                           \
    case 0: EACH { float x = a[i], y = b[i], z = c[i]; out[i] = (value); } break;                        \
    case uniform_y: { float y = b[0]; EACH { float x = a[i], z = c[i]; out[i] = (value); } } break;      \
    case uniform_z: { float z = c[0]; EACH { float x = a[i], y = b[i]; out[i] = (value); } } break;      \
    default: { float y = b[0], z = c[0]; EACH { float x = a[i]; out[i] = (value); } } break;             \
    }

// x * y is symmetric: where x alone is uniform they change places.
#define PRODUCT(code, value)                                            \
    case code: {                                                        \
        if ((mode & uniform_x) && !(mode & uniform_y)) {                \
            const float *swap = a;                                      \
            a = b;                                                      \
            b = swap;                                                   \
            mode = (mode & ~uniform_x) | uniform_y;                     \
        }                                                               \
        if (mode & uniform_x) {                                         \
            float x = a[0], y = b[0];                                   \
            EACH {                                                      \
                float z = c[i];                                         \
                out[i] = (value);                                       \
            }                                                           \
        } else {                                                        \
            TERNARY_VARYING_X(value)                                    \
        }                                                               \
        break;                                                          \
    }

// Functions whose fast form does not hold for all arguments work on small blocks, so that the exceptions can be done again.
enum { block = 64 };

MARTLET_INLINE void circular_block(float *out, const float *a, int64_t n, int32_t quarters) {
    for (int64_t first = 0; first < n; first += block) {
        int64_t count = smaller(block, n - first);
        float results[block];
        int32_t exceptions = 0;
        for (int64_t i = 0; i < count; i++) {
            float x = a[first + i];
            int32_t fits = magnitude(x) <= MARTLET_CIRCULAR_LIMIT;
            exceptions += 1 - fits;
            results[i] = circular(fits ? x : 0.0f, quarters);
        }
        for (int64_t i = 0; exceptions > 0 && i < count; i++) {
            float x = a[first + i];
            if (!(magnitude(x) <= MARTLET_CIRCULAR_LIMIT)) results[i] = quarters ? cosf(x) : sinf(x);
        }
        memcpy(out + first, results, (size_t)count * sizeof(float));
    }
}

MARTLET_INLINE int32_t power_fits(float x, float y) {
    return (x > 0.0f) & (x < INFINITY) & (magnitude(y) < INFINITY);
}

MARTLET_INLINE void power_block(float *out, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n) {
    for (int64_t first = 0; first < n; first += block) {
        int64_t count = smaller(block, n - first);
        float xs[block], ys[block], results[block];
        for (int64_t i = 0; i < count; i++) xs[i] = a[(first + i) * a_step];
        for (int64_t i = 0; i < count; i++) ys[i] = b[(first + i) * b_step];
        int32_t exceptions = 0;
        for (int64_t i = 0; i < count; i++) {
            int32_t fits = power_fits(xs[i], ys[i]);
            exceptions += 1 - fits;
            results[i] = positive_power(fits ? xs[i] : 1.0f, fits ? ys[i] : 1.0f);
        }
        for (int64_t i = 0; exceptions > 0 && i < count; i++) {
            if (!power_fits(xs[i], ys[i])) results[i] = powf(xs[i], ys[i]);
        }
        memcpy(out + first, results, (size_t)count * sizeof(float));
    }
}

MARTLET_CLONES
void martlet_evaluate(const martlet_step *steps, const uint8_t *modes, int32_t count, float *const *slots, int64_t length) {
    for (int32_t index = 0; index < count; index++) {
        martlet_step step = steps[index];
        int mode = modes[index];
        float *out = slots[step.target];
        const float *a = slots[step.x], *b = slots[step.y], *c = slots[step.z];
        int64_t n = mode & uniform_all ? 1 : length;
        switch (step.code) {
        UNARY(martlet_negate, -x)
        UNARY(martlet_absolute, magnitude(x))
        UNARY(martlet_sign, (float)((x > 0.0f) - (x < 0.0f)))
        UNARY(martlet_reciprocal, 1.0f / x)
        UNARY(martlet_square, x * x)
        UNARY(martlet_square_root, __builtin_elementwise_sqrt(x))
        UNARY(martlet_reciprocal_square_root, 1.0f / __builtin_elementwise_sqrt(x))
        UNARY(martlet_exponential_of, martlet_exponential(x))
        UNARY(martlet_exponential_minus_one, exponential_minus_one(x))
        UNARY(martlet_logarithm, logarithm(x))
        UNARY(martlet_logarithm_one_plus, logarithm_one_plus(x))
        UNARY(martlet_tanh, hyperbolic_tangent(x))
        UNARY(martlet_sigmoid, sigmoid(x))
        UNARY(martlet_error_function, error_function(x))
        UNARY(martlet_floor, __builtin_elementwise_floor(x))
        UNARY(martlet_ceiling, __builtin_elementwise_ceil(x))
        UNARY(martlet_round, __builtin_elementwise_roundeven(x))
        UNARY(martlet_relu, x <= 0.0f ? 0.0f : x)
        UNARY(martlet_is_nan, x != x ? 1.0f : 0.0f)
        UNARY(martlet_is_finite, magnitude(x) < INFINITY ? 1.0f : 0.0f)
        UNARY(martlet_copy_of, x)
        case martlet_sine: circular_block(out, a, n, 0); break;
        case martlet_cosine: circular_block(out, a, n, 1); break;
        BINARY(martlet_add, x + y)
        BINARY(martlet_subtract, x - y)
        BINARY(martlet_multiply, x * y)
        BINARY(martlet_divide, x / y)
        BINARY(martlet_maximum, x != x ? x : (x > y ? x : y))
        BINARY(martlet_minimum, x != x ? x : (x < y ? x : y))
        BINARY(martlet_equal, x == y ? 1.0f : 0.0f)
        BINARY(martlet_not_equal, x != y ? 1.0f : 0.0f)
        BINARY(martlet_less, x < y ? 1.0f : 0.0f)
        BINARY(martlet_less_or_equal, x <= y ? 1.0f : 0.0f)
        case martlet_power: power_block(out, a, mode & uniform_x ? 0 : 1, b, mode & uniform_y ? 0 : 1, n); break;
        case martlet_select:
            if (mode & uniform_x) {
                const float *chosen = a[0] != 0.0f ? b : c;
                if (mode & (a[0] != 0.0f ? uniform_y : uniform_z)) {
                    float value = chosen[0];
                    EACH out[i] = value;
                } else {
                    EACH out[i] = chosen[i];
                }
            } else {
                TERNARY_VARYING_X(x != 0.0f ? y : z)
            }
            break;
        PRODUCT(martlet_multiply_add, x * y + z)
        PRODUCT(martlet_multiply_subtract, x * y - z)
        PRODUCT(martlet_subtract_product, z - x * y)
        default: break;
        }
    }
}

MARTLET_CLONES
void martlet_load(float *target, const void *source, int64_t stride, int32_t is_integer, int64_t n) {
    const float *floats = source;
    const int32_t *integers = source;
    if (stride == 0) {
        float value = is_integer ? (float)integers[0] : floats[0];
        for (int64_t i = 0; i < n; i++) target[i] = value;
    } else if (is_integer) {
        for (int64_t i = 0; i < n; i++) target[i] = (float)integers[i * stride];
    } else if (stride == 1) {
        for (int64_t i = 0; i < n; i++) target[i] = floats[i];
    } else {
        for (int64_t i = 0; i < n; i++) target[i] = floats[i * stride];
    }
}

MARTLET_CLONES
void martlet_store(void *target, int64_t stride, int32_t is_integer, const float *source, int32_t uniform, int64_t n) {
    float *floats = target;
    int32_t *integers = target;
    if (is_integer && uniform) {
        int32_t value = truncated(source[0]);
        for (int64_t i = 0; i < n; i++) integers[i * stride] = value;
    } else if (is_integer && stride == 1) {
        for (int64_t i = 0; i < n; i++) integers[i] = truncated(source[i]);
    } else if (is_integer) {
        for (int64_t i = 0; i < n; i++) integers[i * stride] = truncated(source[i]);
    } else if (uniform) {
        float value = source[0];
        for (int64_t i = 0; i < n; i++) floats[i * stride] = value;
    } else if (stride == 1) {
        for (int64_t i = 0; i < n; i++) floats[i] = source[i];
    } else {
        for (int64_t i = 0; i < n; i++) floats[i * stride] = source[i];
    }
}

MARTLET_CLONES
void martlet_stream(float *target, const float *source, int64_t n) {
    int64_t i = 0;
    if (((uintptr_t)target | (uintptr_t)source) % 64 == 0)
        for (; i + lanes <= n; i += lanes)
            __builtin_nontemporal_store(*(const lane_vector *)(source + i), (lane_vector *)(target + i));
    for (; i < n; i++) target[i] = source[i];
}

void martlet_stream_end(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}
