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

// Sixteen rows of sixteen numbers, `step` apart, to rows `pitch` apart, rows and columns exchanged: by pieces of eight rows of four
// numbers, which stay in registers. Halves are joined by loads, so that no number crosses them.
#define TRANSPOSE_BLOCK(name, space)                                                                                     \
    INLINE void name(global const float *from, const size_t step, space float *to, const size_t pitch) {                 \
        const uint8 pairs = (uint8)(0, 8, 1, 9, 4, 12, 5, 13), fours = (uint8)(0, 1, 8, 9, 4, 5, 12, 13);                \
        UNROLL for (uint i = 0; i < 16; i += 8) UNROLL for (uint c = 0; c < 16; c += 4) {                                \
            float8 rows[4];                                                                                              \
            UNROLL for (uint n = 0; n < 4; n++)                                                                          \
                rows[n] = (float8)(vload4(0, from + (i + n) * step + c), vload4(0, from + (i + n + 4) * step + c));      \
            UNROLL for (uint n = 0; n < 4; n += 2) {                                                                     \
                const float8 a = shuffle2(rows[0], rows[1], pairs + n), b = shuffle2(rows[2], rows[3], pairs + n);       \
                vstore8(shuffle2(a, b, fours), 0, to + (c + n) * pitch + i);                                             \
                vstore8(shuffle2(a, b, fours + 2u), 0, to + (c + n + 1) * pitch + i);                                    \
            }                                                                                                            \
        }                                                                                                                \
    }
TRANSPOSE_BLOCK(transposeBlock, global)
TRANSPOSE_BLOCK(transposeIntoOwn, private)
