// Put before every program. Also defined: CPU_LIKE or GPU_LIKE, and KERNEL_<name> for the kernel that is built.

// A view: its buffer and its offset in elements as a kernel's arguments, then the pointer to its first element.
#define TENSOR_ARGUMENT(type, name) global type *name##_base, const ulong name##_offset
#define TENSOR(type, name) global type *name = name##_base + name##_offset

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

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

// Fewer than VEC elements, each power of two in lanes of its own; the other lanes hold `fill`.
inline floatv load_rest(global const float *p, const size_t count, const float fill) {
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

inline void store_rest(const floatv v, global float *p, const size_t count) {
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

inline float sum_lanes(const floatv v) {
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
// Sums and maxima over a group take two steps, FOLDS partial results and then those, so two barriers.
#define FOLDS (GROUP >= 128 ? 16 : GROUP >= 32 ? 8 : 1)
#define SCRATCH(count) local float scratch[(count) * (GROUP + 16)]

inline float group_sum(const float v, local float *s) {
    const uint lane = get_local_id(0);
    s[lane] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < FOLDS) {
        float sum = s[lane];
        for (uint i = lane + FOLDS; i < GROUP; i += FOLDS) sum += s[i];
        s[GROUP + lane] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float sum = s[GROUP];
    for (uint i = 1; i < FOLDS; i++) sum += s[GROUP + i];
    return sum;
}
#endif
#endif
