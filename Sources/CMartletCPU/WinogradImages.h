#ifndef MARTLET_WINOGRAD_IMAGES_H
#define MARTLET_WINOGRAD_IMAGES_H

#include "Transpose.h"
#include "WinogradTiles.h"

// Small images, 16 at a time: a vector holds the same tile of each. Nothing is wasted at the ends of short rows, and the products
// that only outputs beyond the last row or column need are left out.

enum { most_slots = 64 };

static inline int64_t image_groups(const martlet_winograd *w) { return (w->images + lanes - 1) / lanes; }

int32_t martlet_winograd_images_fit(const martlet_winograd *w);
void martlet_winograd_divide_images(martlet_winograd *w, int64_t threads);
int64_t martlet_winograd_image_scratch(const martlet_winograd *w);
int32_t martlet_winograd_image_products(const martlet_winograd *w, const float *source,
                                        const martlet_winograd_weights *weights, const float *packed, const float *shared,
                                        float *target, int64_t task, float *scratch);

// The tiles [first, last) of an image, each with a slot: those of the last column whose last output is beyond the image come
// first, then the whole ones, those of such a last row, and that of both. So the tiles that need a product are neighbours.
typedef struct {
    int64_t first, last, first_row, last_row;   // tiles, rows of tiles
    int64_t count, ends[3];                     // of the first three kinds
    int16_t row[most_slots], column[most_slots];
} slot_list;

static inline slot_list list_slots(const martlet_winograd *w, int64_t first, int64_t last) {
    slot_list s = {.first = first, .last = last, .first_row = first / w->tiles_x, .last_row = (last - 1) / w->tiles_x + 1};
    for (int kind = 0; kind < 4; kind++) {
        int low = kind >= 2, right = kind == 0 || kind == 3;
        for (int64_t t = first; t < last; t++) {
            int64_t row = t / w->tiles_x, column = t % w->tiles_x;
            if ((row * w->tile + w->tile > w->rows) != low || (column * w->tile + w->tile > w->columns) != right) continue;
            s.row[s.count] = (int16_t)row;
            s.column[s.count++] = (int16_t)column;
        }
        if (kind < 3) s.ends[kind] = s.count;
    }
    return s;
}

// The slots that need a product.
static inline void find_needed(const slot_list *s, int64_t side, int64_t product, int64_t *begin, int64_t *end) {
    int last_row = product / side == side - 1, last_column = product % side == side - 1;
    *begin = last_column ? s->ends[0] : 0;
    *end = last_row ? s->ends[1] : last_column ? s->ends[2] : s->count;
}

// As many slots as a register tile has vectors lie side by side: values[product][bundle of slots][channel][slot][16].
static inline int64_t slots_together(void) { return choose_tile().vectors; }
static inline int64_t bundle_floats(int64_t channels) { return channels * slots_together() * lanes; }
static inline int64_t slot_distance(int64_t slots, int64_t channels) {
    int64_t together = slots_together();
    return product_pitch((slots + together - 1) / together * channels, together * lanes);
}

// Where a slot's values of the first channel lie, bundles so far apart.
static inline int64_t slot_place(int64_t slot, int64_t distance) {
    int64_t together = slots_together();
    return slot / together * distance + slot % together * lanes;
}

// The part of 16 planes of height x width from (top, left) on, `rows` x `pitch`, as to[y][x][plane]; only what lies in them is
// written. Nothing at or behind `limit` is read. The planes that are taken next lie `distance` behind these.
MARTLET_INLINE void take_planes(const float *const *planes, const float *limit, int64_t distance, int64_t height, int64_t width,
                                int64_t top, int64_t rows, int64_t left, int64_t pitch, float *to) {
    int64_t first = larger(top, 0), last = smaller(top + rows, height), count = (last - first) * width;
    int64_t x = -left;
    float *row_of = to + (first - top) * pitch * lanes;
    for (int64_t p = 0; p < count; p += lanes) {
        lane_vector row[lanes];
        int64_t at = first * width + p, used = smaller(lanes, count - p);
        for (int i = 0; i < lanes; i++) {
            const float *in = planes[i] + at;
            if (in + lanes <= limit) {
                look_ahead(in, distance);
                row[i] = LOAD(in);
            } else {
                float part[lanes] = {0};
                memcpy(part, in, (size_t)used * sizeof *part);
                row[i] = LOAD(part);
            }
        }
        transpose_lanes(row);
        for (int64_t i = 0; i < used; i++) {
            if (x >= 0 && x < pitch) STORE(row_of + x * lanes, row[i]);
            if (++x == width - left) {
                x = -left;
                row_of += pitch * lanes;
            }
        }
    }
}

// The padded part of a source that the rows of tiles [first_row, last_row) read.
static inline int64_t padded_width(const martlet_winograd *w) { return w->tile * w->tiles_x + w->kernel - 1; }
static inline int64_t padded_floats(const martlet_winograd *w) {
    return (w->tile * w->tiles_y + w->kernel - 1) * padded_width(w) * lanes;
}

// values[product][bundle][channel - first] for channels of a group and 16 images from `image` on; `padded` is scratch.
void martlet_winograd_transform_images(const martlet_winograd *w, const float *source, int64_t group, int64_t first,
                                       int64_t last, int64_t image, const slot_list *slots, int64_t bundle_distance,
                                       int64_t distance, float *values, float *padded);

#endif
