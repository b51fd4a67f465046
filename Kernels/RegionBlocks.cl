// Images in blocks of sixteen channels, and back.

#ifdef KERNEL_region_pack
// packed [n][blocks][position][16] of x; channels that are not there are 0.
kernel void region_pack(TENSOR_ARGUMENT(const float, x), global float *packed, const int c, const ulong positions,
                        const ulong count, const ulong each) {
    TENSOR(const float, x);
    const size_t blocks = (c + 15) / 16;
    for (size_t i = get_global_id(0) * each; i < min((ulong)((get_global_id(0) + 1) * each), count); i++) {
        const size_t position = i % positions, block = i / positions % blocks, image = i / positions / blocks;
        global const float *from = x + (image * c + block * 16) * positions + position;
        const int channels = min(16, c - (int)block * 16);
        for (int lane = 0; lane < 16; lane++) packed[i * 16 + lane] = lane < channels ? from[lane * positions] : 0.0f;
    }
}
#endif

#ifdef KERNEL_region_unpack
kernel void region_unpack(global const float *packed, TENSOR_ARGUMENT(float, x), const int c, const ulong positions,
                          const ulong count, const ulong each) {
    TENSOR(float, x);
    const size_t blocks = (c + 15) / 16;
    for (size_t i = get_global_id(0) * each; i < min((ulong)((get_global_id(0) + 1) * each), count); i++) {
        const size_t position = i % positions, block = i / positions % blocks, image = i / positions / blocks;
        global float *to = x + (image * c + block * 16) * positions + position;
        const int channels = min(16, c - (int)block * 16);
        for (int lane = 0; lane < channels; lane++) to[lane * positions] = packed[i * 16 + lane];
    }
}
#endif
