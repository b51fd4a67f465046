#ifndef MARTLET_REGION_BLOCKS_H
#define MARTLET_REGION_BLOCKS_H

#include <math.h>
#include <string.h>

#include "Transpose.h"
#include "include/Region.h"

// Sixteen channels of an image lie as a block [position][channel] while regions are read, so that a part of a region is one
// vector; sixteen parts are then turned round into rows of the result.

// The image that a box is in; -1 for one that is not there.
MARTLET_INLINE int64_t region_image(const martlet_regions *g, const float *box) {
    return box[0] >= 0 && box[0] < (float)g->images ? (int64_t)box[0] : -1;
}

// Channels `channel` up to sixteen on, as many as there are, of an image's planes.
MARTLET_INLINE void region_pack(const martlet_regions *g, const float *x, int64_t image, int64_t channel, float *block) {
    int64_t positions = g->height * g->width, count = smaller(lanes, g->channels - channel);
    const float *from = x + (image * g->channels + channel) * positions;
    int64_t p = 0;
    if (count == lanes)
        for (; p + lanes <= positions; p += lanes) {
            lane_vector row[lanes];
            for (int i = 0; i < lanes; i++) row[i] = LOAD(from + i * positions + p);
            transpose_lanes(row);
            for (int i = 0; i < lanes; i++) STORE(block + (p + i) * lanes, row[i]);
        }
    for (; p < positions; p++)
        for (int64_t i = 0; i < lanes; i++) block[p * lanes + i] = i < count ? from[i * positions + p] : 0;
}

// Rows of up to sixteen elements, `step` apart, from the lanes of sixteen vectors.
MARTLET_INLINE void region_store(lane_vector *row, float *to, int64_t step, int64_t count, int64_t rows) {
    transpose_lanes(row);
    if (count == lanes && rows == lanes) {
        for (int i = 0; i < lanes; i++) STORE(to + i * step, row[i]);
    } else {
        for (int64_t i = 0; i < rows; i++) memcpy(to + i * step, (const float *)&row[i], (size_t)count * sizeof(float));
    }
}

// The reverse: rows of up to sixteen elements as the lanes of sixteen vectors.
MARTLET_INLINE void region_load(const float *from, int64_t step, int64_t count, int64_t rows, lane_vector *row) {
    for (int64_t i = 0; i < lanes; i++) {
        if (i < rows && count == lanes) {
            row[i] = LOAD(from + i * step);
        } else {
            row[i] = (lane_vector){0};
            if (i < rows) memcpy(&row[i], from + i * step, (size_t)count * sizeof(float));
        }
    }
    transpose_lanes(row);
}

#endif
