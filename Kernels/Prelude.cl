// Put before every program. Also defined: CPU_LIKE or GPU_LIKE, and KERNEL_<name> for the kernel that is built.

// A view: its buffer and its offset in elements as a kernel's arguments, then the pointer to its first element.
#define TENSOR_ARGUMENT(type, name) global type *name##_base, const ulong name##_offset
#define TENSOR(type, name) global type *name = name##_base + name##_offset

// Counts elements; GPUs divide 32-bit numbers several times as fast. FAR is 1 where there are too many.
#if defined(CPU_LIKE) || FAR
typedef size_t Number;
#else
typedef uint Number;
#endif

// PoCL is done twice as soon with functions that nobody else can call. For GPUs they are as they were when the kernels were measured
// there: `static` made some of NVIDIA's assembler's kernels take a seventh more registers.
#ifdef CPU_LIKE
#define INLINE static inline
#else
#define INLINE inline
#endif

// Loops of constant length: not every compiler unrolls them unasked.
#define UNROLL _Pragma("unroll")
// Longer ones, which would take too many registers unrolled whole.
#define UNROLL_BY_TWO _Pragma("unroll 2")

// One instruction where the device has it.
#ifdef FP_FAST_FMAF
#define MULTIPLY_ADD(x, y, z) fma(x, y, z)
#else
#define MULTIPLY_ADD(x, y, z) mad(x, y, z)
#endif

// `count` steps, addressed as step 0 to 3 from where `advance` leads: what addresses cost is shared by four.
#define BY_FOURS(count, step, advance)                                                  \
    {                                                                                   \
        size_t left_ = count;                                                           \
        for (; left_ >= 4; left_ -= 4) {                                                \
            step(0) step(1) step(2) step(3)                                             \
            advance(4)                                                                  \
        }                                                                               \
        for (; left_ > 0; left_--) {                                                    \
            step(0)                                                                     \
            advance(1)                                                                  \
        }                                                                               \
    }

// MR rows in place, by threes: each address is a base and a multiple of the step, which addressing modes make. `volatile` hides
// how the bases follow one from another: compilers would compute every address from the one before.
#define ROWS_BY_THREES(rows, from, step)                                                \
    global const float *volatile rows##Hidden[(MR + 2) / 3];                            \
    UNROLL for (uint i = 0; i < (MR + 2) / 3; i++) rows##Hidden[i] = from + 3 * i * (step); \
    global const float *rows[(MR + 2) / 3];                                             \
    UNROLL for (uint i = 0; i < (MR + 2) / 3; i++) rows[i] = rows##Hidden[i]
#define OF_ROWS(rows, step, i, p) rows[(i) / 3][(i) % 3 * (step) + (p)]
#define NEXT_OF_ROWS(rows, steps) UNROLL for (uint i = 0; i < (MR + 2) / 3; i++) rows[i] += steps;

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

// EXP, TANH and ERF of floats or vectors of them, and EXP_BELOW of numbers that are not positive, as shares of 1: its error
// grows with the distance from 0, by 1.3e-8 of the value each unit, and below -87 it is 0. CPU-like devices' libraries take
// some of them lane by lane; these are polynomials and quotients of them, fitted for relative error, within 3 units in the last
// place, and keep NaN. The quotients reach 1 where their arguments are bounded.
#ifdef CPU_LIKE
#define ELEMENTARY_FUNCTIONS(floats, ints)                                                                      \
    __attribute__((overloadable)) INLINE floats EXP(floats x) {                                                 \
        x = select(x, (floats)(-104.0f), x < (floats)(-104.0f));                                                \
        x = select(x, (floats)(89.0f), x > (floats)(89.0f));                                                    \
        const floats shifted = x * 1.44269502f + 12582912.0f, n = shifted - 12582912.0f;                        \
        const floats f = x * 1.92596303e-8f + (x * 1.44269502f - n);                                            \
        floats p = f * 1.326472498e-03f + 9.671512991e-03f;                                                     \
        p = p * f + 5.550733581e-02f;                                                                           \
        p = p * f + 2.402224243e-01f;                                                                           \
        p = p * f + 6.931470037e-01f;                                                                           \
        p = p * f + 1.0f;                                                                                       \
        const ints exponent = as_##ints(shifted) - 0x4B400000, half_ = exponent >> 1;                           \
        return p * as_##floats((half_ + 127) << 23) * as_##floats((exponent - half_ + 127) << 23);              \
    }                                                                                                           \
    __attribute__((overloadable)) INLINE floats EXP_BELOW(floats x) {                                           \
        const floats shifted = x * 1.44269502f + 12583039.0f, n = shifted - 12583039.0f;                        \
        const floats f = x * 1.44269502f - n;                                                                   \
        floats p = f * 1.326472498e-03f + 9.671512991e-03f;                                                     \
        p = p * f + 5.550733581e-02f;                                                                           \
        p = p * f + 2.402224243e-01f;                                                                           \
        p = p * f + 6.931470037e-01f;                                                                           \
        p = p * f + 1.0f;                                                                                       \
        p *= as_##floats(as_##ints(shifted) << 23);                                                             \
        return select(p, (floats)(0.0f), x < (floats)(-87.0f));                                                 \
    }                                                                                                           \
    __attribute__((overloadable)) INLINE floats bounded(floats x, const float limit) {                          \
        x = select(x, (floats)(limit), (floats)(limit) < x);                                                    \
        return select(x, (floats)(-limit), (floats)(-limit) > x);                                               \
    }                                                                                                           \
    __attribute__((overloadable)) INLINE floats TANH(floats x) {                                                \
        x = bounded(x, 9.18f);                                                                                  \
        const floats s = x * x;                                                                                 \
        floats p = s * 1.3319342073714324e-08f + 2.058369864244014e-05f;                                        \
        p = p * s + 3.494048723950982e-03f;                                                                     \
        p = p * s + 1.337973028421402e-01f;                                                                     \
        p = p * s + 1.0f;                                                                                       \
        floats q = s * 7.762136533528974e-07f + 3.28311522025615e-04f;                                          \
        q = q * s + 2.587112784385681e-02f;                                                                     \
        q = q * s + 4.671304523944855e-01f;                                                                     \
        q = q * s + 1.0f;                                                                                       \
        return bounded(x * p / q, 1.0f);                                                                        \
    }                                                                                                           \
    __attribute__((overloadable)) INLINE floats ERF(floats x) {                                                 \
        x = bounded(x, 4.1f);                                                                                   \
        const floats s = x * x;                                                                                 \
        floats p = s * 2.025927415161277e-06f + 2.8468528762459755e-04f;                                        \
        p = p * s + 3.808054141700268e-03f;                                                                     \
        p = p * s + 5.287511646747589e-02f;                                                                     \
        p = p * s + 1.9154781103134155e-01f;                                                                    \
        p = p * s + 1.1283791065216064f;                                                                        \
        floats q = s * 3.783187275985256e-05f + 1.1706996010616422e-03f;                                        \
        q = q * s + 1.5054875984787941e-02f;                                                                    \
        q = q * s + 1.1455859243869781e-01f;                                                                    \
        q = q * s + 5.030875205993652e-01f;                                                                     \
        q = q * s + 1.0f;                                                                                       \
        return bounded(x * p / q, 1.0f);                                                                        \
    }
#define REACHING_TANH(floats, x) TANH(x)
ELEMENTARY_FUNCTIONS(float, int)
ELEMENTARY_FUNCTIONS(float2, int2)
ELEMENTARY_FUNCTIONS(float4, int4)
ELEMENTARY_FUNCTIONS(float8, int8)
ELEMENTARY_FUNCTIONS(float16, int16)

// Stores sixteen floats past the caches where they lie at a multiple of 64 bytes: for results too large to be found there by
// their readers. What is stored normally is read from memory first.
INLINE void stream(const float16 v, global float *p) {
    if ((size_t)p % 64 == 0) __builtin_nontemporal_store(v, (global float16 *)p);
    else vstore16(v, 0, p);
}

// Asks memory for what will be read soon: a place, or what lies a little further on than what is read now.
#define FETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#define LOOK_AHEAD(p) FETCH((p) + 1024)
// Whether loops that only read should ask ahead: AMD's processors keep more reads under way by themselves than beside what is
// asked for.
#if AMD_PROCESSOR
#define ASKS_FOR_READS 0
#else
#define ASKS_FOR_READS 1
#endif
#else
#define EXP(x) exp(x)
#define EXP_BELOW(x) exp(x)
#define TANH(x) tanh(x)
// Some drivers stop one step short of 1, which 1 - tanh(x)^2 makes a slope that is not there.
#define REACHING_TANH(floats, x) select(TANH(x), copysign((floats)(1.0f), x), fabs(x) > (floats)(9.02f))
#define ERF(x) erf(x)
#define FETCH(p)
#define LOOK_AHEAD(p)
#endif

// Vectors of VEC floats and sums over GROUP work-items, for the families that give VEC and GROUP.
#ifdef VEC
#if VEC == 1
typedef float floatv;
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#else
typedef PASTE(float, VEC) floatv;
#if ALIGNED // every vector lies at a multiple of its size
#define LOAD(p) (*(global const floatv *)(p))
#define STORE(v, p) (*(global floatv *)(p) = (v))
#else
#define LOAD(p) PASTE(vload, VEC)(0, p)
#define STORE(v, p) PASTE(vstore, VEC)(v, 0, p)
#endif
#endif

// A store of a result: STREAMED where it is too large to stay in the caches (CPU-like devices, VEC 16).
#if STREAMED
#define PUT(v, p) stream(v, p)
#else
#define PUT(v, p) STORE(v, p)
#endif

// Fewer than VEC elements, each power of two in lanes of its own; the other lanes hold `fill`.
INLINE floatv load_rest(global const float *p, const size_t count, const float fill) {
    floatv v = fill;
#if VEC == 16
    if (count & 8) { v.s01234567 = vload8(0, p); p += 8; }
    if (count & 4) { v.s89ab = vload4(0, p); p += 4; }
    if (count & 2) { v.scd = vload2(0, p); p += 2; }
    if (count & 1) { v.se = *p; }
#elif VEC == 4
    if (count & 2) { v.s01 = vload2(0, p); p += 2; }
    if (count & 1) { v.s2 = *p; }
#endif
    return v;
}

INLINE void store_rest(const floatv v, global float *p, const size_t count) {
#if VEC == 16
    if (count & 8) { vstore8(v.s01234567, 0, p); p += 8; }
    if (count & 4) { vstore4(v.s89ab, 0, p); p += 4; }
    if (count & 2) { vstore2(v.scd, 0, p); p += 2; }
    if (count & 1) { *p = v.se; }
#elif VEC == 4
    if (count & 2) { vstore2(v.s01, 0, p); p += 2; }
    if (count & 1) { *p = v.s2; }
#endif
}

INLINE float sum_lanes(const floatv v) {
#if VEC == 16
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
#elif VEC == 4
    const float2 c = v.lo + v.hi;
    return c.x + c.y;
#else
    return v;
#endif
}

#if GROUP > 1
#define GROUPED __attribute__((reqd_work_group_size(GROUP, 1, 1)))
// Memory for so many folds over a group.
#define SCRATCH(count) local float scratch[(count) * GROUP] __attribute__((aligned(16)))

INLINE float sum_of_group(local const float *s) {
#if GROUP >= 8
    local const float4 *all = (local const float4 *)s;
    float4 sum = all[0], other = all[1];
    UNROLL_BY_TWO for (uint i = 2; i < GROUP / 4; i += 2) {
        sum += all[i];
        other += all[i + 1];
    }
    sum += other;
    return (sum.x + sum.y) + (sum.z + sum.w);
#else
    float sum = s[0];
    for (uint i = 1; i < GROUP; i++) sum += s[i];
    return sum;
#endif
}

// A sum over a group, which every work-item takes from all values for itself: one barrier, and the same bits everywhere.
INLINE float group_sum(const float v, local float *s) {
    s[get_local_id(0)] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum_of_group(s);
}

// Two sums with one barrier; `s` has room for 2 * GROUP.
INLINE float2 group_sums(const float a, const float b, local float *s) {
    s[get_local_id(0)] = a;
    s[GROUP + get_local_id(0)] = b;
    barrier(CLK_LOCAL_MEM_FENCE);
    return (float2)(sum_of_group(s), sum_of_group(s + GROUP));
}
#else
#define GROUPED
#endif
#endif
