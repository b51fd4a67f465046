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

#endif
