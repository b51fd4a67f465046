#include "PointwiseEvaluate.h"

#include "PointwiseMath.h"

// out[i] = value for each i, `inputs` being declarations that read a, b and c at i. Targets may be the very memory of an operand,
// element for element, which is no dependence between iterations. Where the step `streams`, vector by vector past the caches, so that
// memory is at work while the next one is computed.
#define EACH(ahead, inputs, value)                                                                  \
    do {                                                                                            \
        int64_t begin = 0;                                                                          \
        if (streams) {                                                                              \
            for (; begin + lanes <= n; begin += lanes) {                                            \
                ahead                                                                               \
                _Alignas(64) float results[lanes];                                                  \
                _Pragma("clang loop vectorize(assume_safety) vectorize_width(16)")                  \
                for (int64_t j = 0; j < lanes; j++) {                                               \
                    int64_t i = begin + j;                                                          \
                    inputs results[j] = (value);                                                    \
                }                                                                                   \
                __builtin_nontemporal_store(*(lane_vector *)results, (lane_vector *)(out + begin)); \
            }                                                                                       \
        }                                                                                           \
        _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = begin; i < n; i++) {        \
            inputs out[i] = (value);                                                                \
        }                                                                                           \
    } while (0)

#define AT_X float x = a[i];
#define AT_Y float y = b[i];
#define AT_Z float z = c[i];
#define AHEAD_X if (reads) look_ahead(a + begin, looked_ahead);
#define AHEAD_Y if (reads) look_ahead(b + begin, looked_ahead);
#define AHEAD_Z if (reads) look_ahead(c + begin, looked_ahead);

#define UNARY(code, value) \
    case code: EACH(AHEAD_X, AT_X, value); break;

// Of x and y, one of which may be uniform.
#define OF_TWO(value)                                \
    if (mode & uniform_x) {                          \
        float x = a[0];                              \
        EACH(AHEAD_Y, AT_Y, value);                  \
    } else if (mode & uniform_y) {                   \
        float y = b[0];                              \
        EACH(AHEAD_X, AT_X, value);                  \
    } else {                                         \
        EACH(AHEAD_X AHEAD_Y, AT_X AT_Y, value);     \
    }

#define BINARY(code, value) \
    case code: OF_TWO(value) break;

// The four cases in which x varies.
#define TERNARY_VARYING_X(value)                                                    \
    switch (mode & (uniform_y | uniform_z)) {                                       \
    case 0: EACH(AHEAD_X AHEAD_Y AHEAD_Z, AT_X AT_Y AT_Z, value); break;                                     \
    case uniform_y: { float y = b[0]; EACH(AHEAD_X AHEAD_Z, AT_X AT_Z, value); } break;              \
    case uniform_z: { float z = c[0]; EACH(AHEAD_X AHEAD_Y, AT_X AT_Y, value); } break;              \
    default: { float y = b[0], z = c[0]; EACH(AHEAD_X, AT_X, value); } break;                \
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
            EACH(AHEAD_Z, AT_Z, value);                                          \
        } else {                                                        \
            TERNARY_VARYING_X(value)                                    \
        }                                                               \
        break;                                                          \
    }

// Functions whose fast form does not hold for all arguments work on small blocks, so that the exceptions can be done again.
enum { block = 64 };

MARTLET_INLINE void give_block(float *out, const float *results, int64_t count, int streams) {
    if (streams && count == block)
        for (int64_t i = 0; i < block; i += lanes)
            __builtin_nontemporal_store(*(const lane_vector *)(results + i), (lane_vector *)(out + i));
    else
        memcpy(out, results, (size_t)count * sizeof(float));
}

MARTLET_INLINE void circular_block(float *out, const float *a, int64_t n, int32_t quarters, int streams) {
    for (int64_t first = 0; first < n; first += block) {
        int64_t count = smaller(block, n - first);
        _Alignas(64) float results[block];
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
        give_block(out + first, results, count, streams);
    }
}

MARTLET_INLINE int32_t power_fits(float x, float y) {
    return (x > 0.0f) & (x < INFINITY) & (magnitude(y) < INFINITY);
}

MARTLET_INLINE void power_block(float *out, const float *a, const float *b, int mode, int64_t n, int streams) {
    // The target's memory may be that of a single base or exponent.
    const float base = a[0], exponent = b[0];
    for (int64_t first = 0; first < n; first += block) {
        int64_t count = smaller(block, n - first);
        _Alignas(64) float xs[block], ys[block], results[block];
        for (int64_t i = 0; i < count; i++) xs[i] = mode & uniform_x ? base : a[first + i];
        for (int64_t i = 0; i < count; i++) ys[i] = mode & uniform_y ? exponent : b[first + i];
        int32_t exceptions = 0;
        for (int64_t i = 0; i < count; i++) {
            int32_t fits = power_fits(xs[i], ys[i]);
            exceptions += 1 - fits;
            results[i] = positive_power(fits ? xs[i] : 1.0f, fits ? ys[i] : 1.0f);
        }
        for (int64_t i = 0; exceptions > 0 && i < count; i++) {
            if (!power_fits(xs[i], ys[i])) results[i] = powf(xs[i], ys[i]);
        }
        give_block(out + first, results, count, streams);
    }
}

MARTLET_INLINE void run_step(martlet_step step, int mode, float *const *slots, int64_t length, const int streams, int reads) {
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
    UNARY(martlet_gelu, x * 0.5f * (1.0f + error_function(x * 0.70710678f)))
    BINARY(martlet_gelu_gradient, y * gelu_slope(x))
    UNARY(martlet_gelu_tanh, x * 0.5f * (1.0f + hyperbolic_tangent(gelu_argument(x))))
    BINARY(martlet_gelu_tanh_gradient, y * gelu_tanh_slope(x))
    UNARY(martlet_floor, __builtin_elementwise_floor(x))
    UNARY(martlet_ceiling, __builtin_elementwise_ceil(x))
    UNARY(martlet_round, __builtin_elementwise_roundeven(x))
    UNARY(martlet_relu, x <= 0.0f ? 0.0f : x)
    UNARY(martlet_is_nan, x != x ? 1.0f : 0.0f)
    UNARY(martlet_is_finite, magnitude(x) < INFINITY ? 1.0f : 0.0f)
    UNARY(martlet_copy_of, x)
    case martlet_sine: circular_block(out, a, n, 0, streams); break;
    case martlet_cosine: circular_block(out, a, n, 1, streams); break;
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
    case martlet_power: power_block(out, a, b, mode, n, streams); break;
    case martlet_select:
        if (mode & uniform_x) {
            const float *chosen = a[0] != 0.0f ? b : c;
            if (mode & (a[0] != 0.0f ? uniform_y : uniform_z)) {
                float value = chosen[0];
                EACH(, , value);
            } else {
                EACH(, , chosen[i]);
            }
        } else {
            TERNARY_VARYING_X(x != 0.0f ? y : z)
        }
        break;
    PRODUCT(martlet_multiply_add, x * y + z)
    PRODUCT(martlet_multiply_subtract, x * y - z)
    PRODUCT(martlet_subtract_product, z - x * y)
    case martlet_weighted_sum: {
        const float z = c[0], w = slots[step.w][0];
        OF_TWO(x * z + y * w)
        break;
    }
    case martlet_over_root:
        if (!(mode & uniform_x)) {
            TERNARY_VARYING_X(x / (__builtin_elementwise_sqrt(y) + z))
        } else if (mode & uniform_y) {
            float x = a[0], y = b[0];
            EACH(AHEAD_Z, AT_Z, x / (__builtin_elementwise_sqrt(y) + z));
        } else if (mode & uniform_z) {
            float x = a[0], z = c[0];
            EACH(AHEAD_Y, AT_Y, x / (__builtin_elementwise_sqrt(y) + z));
        } else {
            float x = a[0];
            EACH(AHEAD_Y AHEAD_Z, AT_Y AT_Z, x / (__builtin_elementwise_sqrt(y) + z));
        }
        break;
    default: break;
    }
}

MARTLET_CLONES
void martlet_evaluate(const martlet_step *steps, const uint8_t *modes, int32_t count, float *const *slots, int64_t n,
                      const martlet_flow *flow) {
    for (int32_t s = 0; s < count; s++) {
        // Each step beside its share, so that those which wait for a division do not keep memory waiting.
        int64_t begin = (n * s / count + lanes - 1) / lanes * lanes, end = n * (s + 1) / count;
        for (int32_t i = 0; i < flow->read_ahead && !(count == 1 && flow->streams); i++)
            for (int64_t j = begin; j < end; j += lanes) look_ahead(slots[flow->read[i]] + j, looked_ahead);
        int streams = s == count - 1 && flow->streams && (uintptr_t)slots[steps[s].target] % 64 == 0;
        if (streams) run_step(steps[s], modes[s], slots, n, 1, count == 1 && flow->read_ahead);
        else run_step(steps[s], modes[s], slots, n, 0, 0);
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
