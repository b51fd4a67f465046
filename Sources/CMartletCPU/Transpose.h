#ifndef MARTLET_TRANSPOSE_H
#define MARTLET_TRANSPOSE_H

#include "Lanes.h"

#define SWAP_LANES(step, low, high)                                                   \
    MARTLET_UNROLL for (int i = 0; i < lanes; i++)                                    \
        if (!(i & step)) {                                                            \
            lane_vector a = row[i], b = row[i + step];                                \
            row[i] = __builtin_shufflevector(a, b, low);                              \
            row[i + step] = __builtin_shufflevector(a, b, high);                      \
        }
#define LOW8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define LOW4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define HIGH4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOW1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define HIGH1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

// Turns 16 vectors of 16 lanes into the vectors of each lane.
MARTLET_INLINE void transpose_lanes(lane_vector *row) {
    SWAP_LANES(8, LOW8, HIGH8)
    SWAP_LANES(4, LOW4, HIGH4)
    SWAP_LANES(2, LOW2, HIGH2)
    SWAP_LANES(1, LOW1, HIGH1)
}

typedef float half_lanes __attribute__((vector_size(32)));
typedef half_lanes loose_half __attribute__((aligned(4), may_alias));
typedef float quarter_lanes __attribute__((vector_size(16)));
typedef quarter_lanes loose_quarter __attribute__((aligned(4), may_alias));

// Eight rows of four numbers, `step` apart, to four rows of eight. Halves are joined by loads, so that no number crosses them.
MARTLET_INLINE void transpose_four(const float *from, int64_t step, float *to, int64_t pitch) {
    half_lanes row[4];
    MARTLET_UNROLL for (int i = 0; i < 4; i++) {
        quarter_lanes low = *(const loose_quarter *)(from + i * step), high = *(const loose_quarter *)(from + (i + 4) * step);
        row[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    MARTLET_UNROLL for (int i = 0; i < 4; i += 2) {
        half_lanes a = i == 0 ? __builtin_shufflevector(row[0], row[1], 0, 8, 1, 9, 4, 12, 5, 13)
                              : __builtin_shufflevector(row[0], row[1], 2, 10, 3, 11, 6, 14, 7, 15);
        half_lanes b = i == 0 ? __builtin_shufflevector(row[2], row[3], 0, 8, 1, 9, 4, 12, 5, 13)
                              : __builtin_shufflevector(row[2], row[3], 2, 10, 3, 11, 6, 14, 7, 15);
        *(loose_half *)(to + i * pitch) = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        *(loose_half *)(to + (i + 1) * pitch) = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
}

// Sixteen rows of sixteen numbers, `step` apart, to rows `pitch` apart, rows and columns exchanged: by pieces that stay in the
// registers of every instruction set.
MARTLET_INLINE void transpose_block(const float *from, int64_t step, float *to, int64_t pitch) {
    MARTLET_UNROLL for (int i = 0; i < lanes; i += 8)
        MARTLET_UNROLL for (int c = 0; c < lanes; c += 4) transpose_four(from + i * step + c, step, to + c * pitch + i, pitch);
}

#endif
