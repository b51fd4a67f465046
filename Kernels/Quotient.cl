// Quotients that are the same on every device, and nothing fused that is not written so: how many parts and samples there are, and
// what overlaps by exactly a threshold, must not depend on how products and sums are rounded together.
#pragma OPENCL FP_CONTRACT OFF

// Correctly rounded where the device's own quotient need not be.
INLINE float quotient(const float a, const float b) {
    const float q = a / b;
#ifdef CPU_LIKE
    return q;
#else
    const float rest = fma(-q, b, a);
    return isfinite(rest) && b != 0 ? q + rest / b : q;
#endif
}
