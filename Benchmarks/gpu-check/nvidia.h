// What libclc leaves to an intrinsic that LLVM cannot lower for NVIDIA's GPUs. Included before every program.
__attribute__((overloadable)) static inline float nvidia_exp2(float x) { return __nvvm_ex2_approx_f(x); }
__attribute__((overloadable)) static inline float4 nvidia_exp2(float4 x) {
    return (float4)(nvidia_exp2(x.x), nvidia_exp2(x.y), nvidia_exp2(x.z), nvidia_exp2(x.w));
}
#define native_exp2(x) nvidia_exp2(x)
