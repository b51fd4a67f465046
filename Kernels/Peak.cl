// The roofs that benchmarks are held against: multiply-adds on registers alone, a triad through memory, and the least launch.

// CHAINS: the independent sums of a work-item, enough to hide the latency of one and few enough for the registers. The product
// and sum are written out and left to the compiler to contract: PoCL's mad() is not one instruction.
#ifndef CHAINS
#define CHAINS 12
#endif

#ifdef CPU_LIKE
typedef float16 VECTOR;
#define WRITE(value, target) vstore16(value, 0, target)
#define READ(source) vload16(0, source)
#define WIDTH 16
#else
typedef float4 VECTOR;
#define WRITE(value, target) vstore4(value, 0, target)
#define READ(source) vload4(0, source)
#define WIDTH 4
#endif

#ifdef KERNEL_multiply_adds
kernel void multiply_adds(TENSOR_ARGUMENT(float, result), ulong rounds, float factor, float term) {
    TENSOR(float, result);
    VECTOR sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = (VECTOR)((float)i * term);
    for (ulong round = 0; round < rounds; round++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * (VECTOR)factor + (VECTOR)term;
    }
    for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];
    WRITE(sums[0], result + get_global_id(0) * WIDTH);
}
#endif

#ifdef KERNEL_triad
// A store that does not read what it overwrites into the caches first, where the compiler has one: a third less traffic on a
// processor. The buffer must then be aligned to the vector.
#if defined(CPU_LIKE) && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define STREAM(value, target) __builtin_nontemporal_store(value, (global VECTOR *)(target))
#endif
#endif
#ifndef STREAM
#define STREAM(value, target) WRITE(value, target)
#endif

// A work-item's `chunk` elements, a multiple of WIDTH, or what is left of `count`.
kernel void triad(global float *a, global const float *b, global const float *c, ulong count, ulong chunk, float factor) {
    const size_t start = get_global_id(0) * chunk, end = min((size_t)count, start + chunk);
    size_t i = start;
    for (; i + WIDTH <= end; i += WIDTH) STREAM(READ(b + i) + factor * READ(c + i), a + i);
    for (; i < end; i++) a[i] = b[i] + factor * c[i];
}
#endif

#ifdef KERNEL_nothing
kernel void nothing(TENSOR_ARGUMENT(float, result)) {}
#endif
