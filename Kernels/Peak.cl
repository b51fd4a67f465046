// Multiply-adds on registers alone: the roof that benchmarks are held against. Each work-item keeps CHAINS independent sums,
// enough to hide the latency of one.
#define CHAINS 12

#ifdef CPU_LIKE
typedef float16 VECTOR;
#define STORE(value, target) vstore16(value, 0, target)
#define WIDTH 16
#else
typedef float VECTOR;
#define STORE(value, target) *(target) = (value)
#define WIDTH 1
#endif

kernel void multiply_adds(TENSOR_ARGUMENT(float, result), ulong rounds, float factor, float term) {
    TENSOR(float, result);
    VECTOR sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = (VECTOR)((float)i * term);
    for (ulong round = 0; round < rounds; round++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) sums[i] = mad(sums[i], (VECTOR)factor, (VECTOR)term);
    }
    for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];
    STORE(sums[0], result + get_global_id(0) * WIDTH);
}

// The least that a launch can do.
kernel void nothing(TENSOR_ARGUMENT(float, result)) {}
