// What of OpenCL C's built-in functions these kernels call, as the standard declares them. A compiler that reads its own 18,000
// lines of declarations before every program takes half of a build's time for them; with these put before the prelude it can do
// without. A function that is missing here fails to build, and is then built as usual.

#define DECLARED __attribute__((overloadable))
#define PURE __attribute__((overloadable, const))

#define EACH_WIDTH(declare, type, name) \
    declare(type, name) declare(type##2, name) declare(type##4, name) declare(type##8, name) declare(type##16, name)
#define ONE(type, name) type PURE name(type);
#define TWO(type, name) type PURE name(type, type);
#define THREE(type, name) type PURE name(type, type, type);

size_t PURE get_global_id(uint);
size_t PURE get_global_size(uint);
size_t PURE get_group_id(uint);
size_t PURE get_local_id(uint);
size_t PURE get_local_size(uint);
size_t PURE get_num_groups(uint);
void DECLARED __attribute__((convergent)) barrier(cl_mem_fence_flags);

EACH_WIDTH(ONE, float, ceil)
EACH_WIDTH(ONE, float, cos)
EACH_WIDTH(ONE, float, cospi)
EACH_WIDTH(ONE, float, erf)
EACH_WIDTH(ONE, float, exp)
EACH_WIDTH(ONE, float, expm1)
EACH_WIDTH(ONE, float, fabs)
EACH_WIDTH(ONE, float, floor)
EACH_WIDTH(ONE, float, log)
EACH_WIDTH(ONE, float, log1p)
EACH_WIDTH(ONE, float, log2)
EACH_WIDTH(ONE, float, native_exp2)
EACH_WIDTH(ONE, float, rint)
EACH_WIDTH(ONE, float, round)
EACH_WIDTH(ONE, float, sin)
EACH_WIDTH(ONE, float, sinpi)
EACH_WIDTH(ONE, float, sqrt)
EACH_WIDTH(ONE, float, tanh)
EACH_WIDTH(TWO, float, copysign)
EACH_WIDTH(TWO, float, fmax)
EACH_WIDTH(TWO, float, fmin)
EACH_WIDTH(TWO, float, pow)
EACH_WIDTH(THREE, float, fma)
EACH_WIDTH(THREE, float, mad)

#define ORDERED(type) \
    EACH_WIDTH(TWO, type, max) EACH_WIDTH(TWO, type, min) EACH_WIDTH(THREE, type, clamp)
ORDERED(float)
ORDERED(int)
ORDERED(uint)
ORDERED(long)
ORDERED(ulong)
EACH_WIDTH(TWO, uint, mul_hi)
EACH_WIDTH(ONE, uint, popcount)
EACH_WIDTH(ONE, ulong, popcount)

#define SELECTED(type, n)                                                                                  \
    type##n PURE select(type##n, type##n, int##n);                                                         \
    type##n PURE select(type##n, type##n, uint##n);
#define WIDTH(n)                                                                                           \
    SELECTED(float, n)                                                                                     \
    SELECTED(int, n)                                                                                       \
    SELECTED(uint, n)                                                                                      \
    long##n PURE select(long##n, long##n, long##n);                                                        \
    ulong##n PURE select(ulong##n, ulong##n, long##n);                                                     \
    int##n PURE isnan(float##n);                                                                           \
    int##n PURE isfinite(float##n);                                                                        \
    int PURE all(int##n);                                                                                  \
    int PURE any(int##n);                                                                                  \
    float##n PURE convert_float##n(int##n);                                                                \
    float##n PURE convert_float##n(uint##n);                                                               \
    float##n PURE convert_float##n(long##n);                                                               \
    float##n PURE convert_float##n(ulong##n);                                                              \
    int##n PURE convert_int##n(float##n);                                                                  \
    int##n PURE convert_int##n(long##n);                                                                   \
    int##n PURE convert_int##n(ulong##n);                                                                  \
    int##n PURE convert_int##n##_sat_rtz(float##n);                                                        \
    uint##n PURE convert_uint##n(int##n);                                                                  \
    uint##n PURE convert_uint##n(ulong##n);                                                                \
    ulong##n PURE convert_ulong##n(int##n);                                                                \
    ulong##n PURE convert_ulong##n(uint##n);
WIDTH()
WIDTH(2)
WIDTH(4)
WIDTH(8)
WIDTH(16)

#define MOVED(space, type, n)                                                                              \
    type##n DECLARED vload##n(size_t, const space type *);                                                 \
    void DECLARED vstore##n(type##n, size_t, space type *);
#define MOVED_BY_WIDTH(space, type) \
    MOVED(space, type, 2) MOVED(space, type, 4) MOVED(space, type, 8) MOVED(space, type, 16)
#define MOVED_IN(space) MOVED_BY_WIDTH(space, float) MOVED_BY_WIDTH(space, int) MOVED_BY_WIDTH(space, uint)
MOVED_IN(global)
MOVED_IN(local)
MOVED_IN(private)
MOVED_BY_WIDTH(private, long)

#define SHUFFLED(n) float##n PURE shuffle2(float##n, float##n, uint##n);
SHUFFLED(4)
SHUFFLED(8)
SHUFFLED(16)

#undef DECLARED
#undef PURE
#undef EACH_WIDTH
#undef ONE
#undef TWO
#undef THREE
#undef ORDERED
#undef SELECTED
#undef WIDTH
#undef MOVED
#undef MOVED_BY_WIDTH
#undef MOVED_IN
#undef SHUFFLED
