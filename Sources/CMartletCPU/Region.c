#include "RegionBlocks.h"

#define EITHER(take, a, b) (lane_vector)(((lane_integers)(a) & (take)) | ((lane_integers)(b) & ~(take)))

// A corner in whole elements, half away from zero; kept within what the sums that follow can hold.
MARTLET_INLINE int64_t corner(float value, float scale) {
    float scaled = value * scale;
    if (!(scaled > -1e8f)) return -100000000;
    if (scaled > 1e8f) return 100000000;
    return (int64_t)roundf(scaled);
}

// Where each part begins and ends along an axis, pairs of positions in the image.
MARTLET_INLINE void part_edges(float low, float high, float scale, int64_t parts, int64_t extent, int32_t *edges) {
    int64_t start = corner(low, scale), size = larger(corner(high, scale) - start + 1, 1);
    float step = (float)size / (float)parts;
    for (int64_t i = 0; i < parts; i++) {
        edges[2 * i] = (int32_t)smaller(larger((int64_t)floorf((float)i * step) + start, 0), extent);
        edges[2 * i + 1] = (int32_t)smaller(larger((int64_t)ceilf((float)(i + 1) * step) + start, 0), extent);
    }
}

int64_t martlet_region_scratch(const martlet_regions *g) {
    int64_t block = g->height * g->width * lanes;
    int64_t samples = g->sampling > 0 ? g->sampling : 1;
    // Entries of two elements for each row that a part's samples touch, at most two a sample; without a ratio the samples are
    // at least half an element apart. Then where each part's entries begin.
    int64_t entries = 2 * (g->rows + g->columns) * samples + 4 * (g->height + g->width + 16);
    return block + 2 * entries + 2 * (g->rows + g->columns) + 2 * lanes + 16;
}

MARTLET_CLONES
void martlet_region_pool(const martlet_regions *g, const float *x, const float *boxes, float *y, int32_t *indices, int64_t image,
                         int64_t channel, int64_t begin, int64_t end, float *scratch) {
    int64_t parts = g->rows * g->columns, count = smaller(lanes, g->channels - channel);
    float *block = scratch;
    int32_t *rows = (int32_t *)(block + g->height * g->width * lanes), *columns = rows + 2 * g->rows;
    region_pack(g, x, image, channel, block);
    for (int64_t k = begin; k < end; k++) {
        const float *box = boxes + 5 * k;
        if (region_image(g, box) != image) continue;
        part_edges(box[2], box[4], g->scale, g->rows, g->height, rows);
        part_edges(box[1], box[3], g->scale, g->columns, g->width, columns);
        int64_t to = (k * g->channels + channel) * parts;
        int64_t i = 0, j = 0;
        for (int64_t first = 0; first < parts; first += lanes) {
            lane_vector bests[lanes], places[lanes];
            int64_t group = smaller(lanes, parts - first);
            for (int64_t part = 0; part < group; part++) {
                int32_t top = rows[2 * i], bottom = rows[2 * i + 1], left = columns[2 * j], right = columns[2 * j + 1];
                lane_vector best = {0};
                lane_integers at = {0};
                if (top < bottom && left < right) {
                    best = LOAD(block + (top * g->width + left) * lanes);
                    at += (int32_t)(top * g->width + left);
                    for (int64_t a = top; a < bottom; a++)
                        for (int64_t b = left; b < right; b++) {
                            lane_vector value = LOAD(block + (a * g->width + b) * lanes);
                            lane_integers take = ~(value <= best) & (best == best);
                            best = EITHER(take, value, best);
                            at = ((int32_t)(a * g->width + b) & take) | (at & ~take);
                        }
                } else {
                    at -= 1;
                }
                bests[part] = best;
                places[part] = (lane_vector)at;
                if (++j == g->columns) { j = 0; i++; }
            }
            for (int64_t part = group; part < lanes; part++) bests[part] = places[part] = (lane_vector){0};
            region_store(bests, y + to + first, parts, group, count);
            region_store(places, (float *)(void *)indices + to + first, parts, group, count);
        }
    }
}

void martlet_region_absent(const martlet_regions *g, const float *boxes, float *y, int32_t *indices, int64_t begin, int64_t end) {
    int64_t size = g->channels * g->rows * g->columns;
    for (int64_t k = begin; k < end; k++) {
        if (region_image(g, boxes + 5 * k) >= 0) continue;
        for (int64_t i = k * size; i < (k + 1) * size; i++) y[i] = NAN;
        for (int64_t i = k * size; indices && i < (k + 1) * size; i++) indices[i] = -1;
    }
}

void martlet_region_pool_gradient(const martlet_regions *g, const float *dy, const float *boxes, const int32_t *indices,
                                  float *dx, int64_t begin, int64_t end) {
    int64_t positions = g->height * g->width, parts = g->rows * g->columns;
    memset(dx + begin * positions, 0, (size_t)((end - begin) * positions) * sizeof *dx);
    for (int64_t k = 0; k < g->boxes; k++) {
        int64_t image = region_image(g, boxes + 5 * k);
        if (image < 0) continue;
        int64_t first = larger(begin, image * g->channels), last = smaller(end, (image + 1) * g->channels);
        for (int64_t plane = first; plane < last; plane++) {
            int64_t from = (k * g->channels + plane - image * g->channels) * parts;
            float *to = dx + plane * positions;
            for (int64_t i = from; i < from + parts; i++)
                if (indices[i] >= 0 && indices[i] < positions) to[indices[i]] += dy[i];
        }
    }
}
