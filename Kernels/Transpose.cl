// A block of 16 x 16 floats, its rows and columns exchanged.

// Exchanges the off-diagonal blocks of 2 x 2 blocks of `d` rows and lanes.
#define EXCHANGE(rows, low, high, d)                                    \
    UNROLL for (uint i = 0; i < 16; i++) {                              \
        if (i & d) continue;                                            \
        const float16 x = rows[i], y = rows[i + d];                     \
        rows[i] = shuffle2(x, y, low);                                  \
        rows[i + d] = shuffle2(x, y, high);                             \
    }

INLINE void transpose16(float16 rows[16]) {
    const uint16 low1 = (uint16)(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30), high1 = low1 + 1u;
    const uint16 low2 = (uint16)(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29), high2 = low2 + 2u;
    const uint16 low4 = (uint16)(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27), high4 = low4 + 4u;
    const uint16 low8 = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), high8 = low8 + 8u;
    EXCHANGE(rows, low1, high1, 1)
    EXCHANGE(rows, low2, high2, 2)
    EXCHANGE(rows, low4, high4, 4)
    EXCHANGE(rows, low8, high8, 8)
}
