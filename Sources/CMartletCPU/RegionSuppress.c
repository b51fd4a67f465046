#include <math.h>
#include <string.h>

#include "Lanes.h"
#include "include/Region.h"

// Products and sums are rounded one by one, as in the implementation whose indices these are to equal.
#pragma clang fp contract(off)

#define EITHER(take, a, b) (lane_vector)(((lane_integers)(a) & (take)) | ((lane_integers)(b) & ~(take)))

typedef struct { const float *x1, *y1, *x2, *y2, *area; const int32_t *group; int32_t *gone; } columns_of;

MARTLET_INLINE columns_of suppress_columns(float *columns, int64_t padded) {
    return (columns_of){columns, columns + padded, columns + 2 * padded, columns + 3 * padded, columns + 4 * padded,
                        (const int32_t *)(void *)(columns + 5 * padded), (int32_t *)(void *)(columns + 6 * padded)};
}

void martlet_suppress_begin(const float *boxes, const int32_t *order, const int32_t *groups, int64_t n, int64_t padded,
                            float *columns) {
    int32_t *group = (int32_t *)(void *)(columns + 5 * padded), *gone = group + padded;
    for (int64_t i = 0; i < padded; i++) {
        // What stands behind the last overlaps nothing.
        static const float nowhere[4] = {NAN, NAN, NAN, NAN};
        const float *box = i < n ? boxes + 4 * (int64_t)order[i] : nowhere;
        for (int64_t side = 0; side < 4; side++) columns[side * padded + i] = box[side];
        float width = box[2] - box[0], height = box[3] - box[1];
        columns[4 * padded + i] = width * height;
        group[i] = groups && i < n ? groups[order[i]] : 0;
        gone[i] = i < n ? 0 : -1;
    }
}

// Sixteen boxes from j: which of them box i overlaps by more than the threshold.
MARTLET_INLINE void overlapping(const columns_of *c, int64_t i, int64_t j, float threshold, lane_integers *result) {
    lane_vector x1 = LOAD(c->x1 + j), y1 = LOAD(c->y1 + j), x2 = LOAD(c->x2 + j), y2 = LOAD(c->y2 + j), zero = {0};
    lane_vector ax1 = zero + c->x1[i], ay1 = zero + c->y1[i], ax2 = zero + c->x2[i], ay2 = zero + c->y2[i];
    lane_vector left = EITHER(ax1 < x1, x1, ax1), top = EITHER(ay1 < y1, y1, ay1);
    lane_vector right = EITHER(x2 < ax2, x2, ax2), bottom = EITHER(y2 < ay2, y2, ay2);
    lane_vector width = right - left, height = bottom - top;
    width = EITHER(zero < width, width, zero);
    height = EITHER(zero < height, height, zero);
    lane_vector shared = width * height, sum = LOAD(c->area + j) + c->area[i];
    lane_vector quotient = shared / (sum - shared);
    *result = (quotient > threshold) & ((lane_integers)*(const loose_integers *)(c->group + j) == c->group[i]);
}

MARTLET_CLONES
uint64_t martlet_suppress_block_kept(float *columns, int64_t padded, int64_t block, float threshold) {
    columns_of c = suppress_columns(columns, padded);
    int64_t first = block * martlet_suppress_block, end = first + martlet_suppress_block;
    uint64_t kept = 0;
    for (int64_t i = first; i < end; i++) {
        if (c.gone[i]) continue;
        kept |= 1ull << (i - first);
        for (int64_t j = i / lanes * lanes; j < end; j += lanes) {
            lane_integers hit;
            overlapping(&c, i, j, threshold, &hit);
            for (int l = 0; l < lanes; l++)
                if (j + l > i) c.gone[j + l] |= hit[l];
        }
    }
    return kept;
}

MARTLET_CLONES
void martlet_suppress_spread(float *columns, int64_t padded, int64_t block, uint64_t kept, float threshold, int64_t begin,
                             int64_t end) {
    columns_of c = suppress_columns(columns, padded);
    int64_t first = block * martlet_suppress_block;
    for (int64_t j = begin; j < end; j += lanes) {
        lane_integers gone = *(const loose_integers *)(c.gone + j);
        for (uint64_t rest = kept; rest; rest &= rest - 1) {
            int left = 0;
            for (int l = 0; l < lanes; l++) left |= ~gone[l];
            if (!left) break;
            lane_integers hit;
            overlapping(&c, first + __builtin_ctzll(rest), j, threshold, &hit);
            gone |= hit;
        }
        *(loose_integers *)(c.gone + j) = gone;
    }
}
