#ifndef MARTLET_WINOGRAD_TILES_H
#define MARTLET_WINOGRAD_TILES_H

#include <string.h>

#include "AMX.h"
#include "Tiles.h"
#include "include/Winograd.h"

// The transforms on one axis. F(2, 3) has the points 0, 1, -1 and infinity, the two forms of six products have 0, p, -p, q, -q
// and infinity with p = 3/4 and q = 3/2: their powers are exact, and the error is half that of the usual 1 and 2.

enum { most_tile = 4, most_kernel = 5, most_side = 6, most_products = most_side * most_side };

#define P 0.75f
#define Q 1.5f
#define P2 0.5625f
#define Q2 2.25f
#define P3 0.421875f
#define Q3 3.375f
// 1 / (p^2 q^2), 1 / (2 p^2 (p^2 - q^2)) and 1 / (2 q^2 (q^2 - p^2)).
#define G0 (64.0f / 81.0f)
#define GP (-128.0f / 243.0f)
#define GQ (32.0f / 243.0f)

// Replaces x[0], x[step], ... by the transform of a source tile's axis.
MARTLET_INLINE void transform_source(const int side, lane_vector *x, const int step) {
    lane_vector a = x[0], b = x[step], c = x[2 * step], d = x[3 * step];
    if (side == 4) {
        x[0] = a - c;
        x[step] = b + c;
        x[2 * step] = c - b;
        x[3 * step] = b - d;
        return;
    }
    lane_vector e = x[4 * step], f = x[5 * step];
    lane_vector even_p = e - Q2 * c, odd_p = d - Q2 * b, even_q = e - P2 * c, odd_q = d - P2 * b;
    lane_vector first = e - (P2 + Q2) * c, last = f - (P2 + Q2) * d;
    x[0] = first + (P2 * Q2) * a;
    x[step] = even_p + P * odd_p;
    x[2 * step] = even_p - P * odd_p;
    x[3 * step] = even_q + Q * odd_q;
    x[4 * step] = even_q - Q * odd_q;
    x[5 * step] = last + (P2 * Q2) * b;
}

// y[0], y[to], ...: the transform of x[0], x[from], ..., a kernel's axis.
MARTLET_INLINE void transform_kernel(const int side, const int kernel, const lane_vector *x, const int from, lane_vector *y,
                                     const int to) {
    lane_vector a = x[0], b = x[from], c = x[2 * from];
    if (side == 4) {
        lane_vector even = 0.5f * (a + c);
        y[0] = a;
        y[to] = even + 0.5f * b;
        y[2 * to] = even - 0.5f * b;
        y[3 * to] = c;
        return;
    }
    lane_vector even_p = a + P2 * c, odd_p = P * b, even_q = a + Q2 * c, odd_q = Q * b, last = c;
    if (kernel == 5) {
        lane_vector d = x[3 * from], e = x[4 * from];
        even_p += (P2 * P2) * e;
        odd_p += P3 * d;
        even_q += (Q2 * Q2) * e;
        odd_q += Q3 * d;
        last = e;
    }
    y[0] = G0 * a;
    y[to] = GP * (even_p + odd_p);
    y[2 * to] = GP * (even_p - odd_p);
    y[3 * to] = GQ * (even_q + odd_q);
    y[4 * to] = GQ * (even_q - odd_q);
    y[5 * to] = last;
}

// From products to outputs.
MARTLET_INLINE void transform_products(const int tile, const int side, const lane_vector *x, const int from, lane_vector *y,
                                       const int to) {
    if (side == 4) {
        y[0] = x[0] + x[from] + x[2 * from];
        y[to] = x[from] - x[2 * from] - x[3 * from];
        return;
    }
    lane_vector even_p = x[from] + x[2 * from], odd_p = x[from] - x[2 * from];
    lane_vector even_q = x[3 * from] + x[4 * from], odd_q = x[3 * from] - x[4 * from];
    y[0] = x[0] + even_p + even_q;
    if (tile == 2) {
        y[to] = P * odd_p + (Q * odd_q + x[5 * from]);
        return;
    }
    y[to] = P * odd_p + Q * odd_q;
    y[2 * to] = P2 * even_p + Q2 * even_q;
    y[3 * to] = P3 * odd_p + (Q3 * odd_q + x[5 * from]);
}

// The transposes of the last two, for the weight gradient: from outputs to products ...
MARTLET_INLINE void transform_outputs(const int tile, const int side, const lane_vector *x, const int from, lane_vector *y,
                                      const int to) {
    lane_vector a = x[0], b = x[from];
    if (side == 4) {
        y[0] = a;
        y[to] = a + b;
        y[2 * to] = a - b;
        y[3 * to] = -b;
        return;
    }
    lane_vector even_p = a, odd_p = P * b, even_q = a, odd_q = Q * b, last = b;
    if (tile == 4) {
        lane_vector c = x[2 * from], d = x[3 * from];
        even_p += P2 * c;
        odd_p += P3 * d;
        even_q += Q2 * c;
        odd_q += Q3 * d;
        last = d;
    }
    y[0] = a;
    y[to] = even_p + odd_p;
    y[2 * to] = even_p - odd_p;
    y[3 * to] = even_q + odd_q;
    y[4 * to] = even_q - odd_q;
    y[5 * to] = last;
}

// ... and from products to taps.
MARTLET_INLINE void transform_gradient(const int side, const int kernel, const lane_vector *x, const int from, lane_vector *y,
                                       const int to) {
    if (side == 4) {
        lane_vector even = 0.5f * (x[from] + x[2 * from]);
        y[0] = x[0] + even;
        y[to] = 0.5f * (x[from] - x[2 * from]);
        y[2 * to] = even + x[3 * from];
        return;
    }
    lane_vector even_p = GP * (x[from] + x[2 * from]), odd_p = GP * (x[from] - x[2 * from]);
    lane_vector even_q = GQ * (x[3 * from] + x[4 * from]), odd_q = GQ * (x[3 * from] - x[4 * from]);
    y[0] = G0 * x[0] + (even_p + even_q);
    y[to] = P * odd_p + Q * odd_q;
    y[2 * to] = P2 * even_p + Q2 * even_q;
    if (kernel == 3) {
        y[2 * to] += x[5 * from];
    } else {
        y[3 * to] = P3 * odd_p + Q3 * odd_q;
        y[4 * to] = (P2 * P2) * even_p + ((Q2 * Q2) * even_q + x[5 * from]);
    }
}

MARTLET_INLINE int64_t round_up(int64_t count, int64_t multiple) { return (count + multiple - 1) / multiple * multiple; }

static inline int winograd_side(const martlet_winograd *w) { return w->tile + w->kernel - 1; }

// The most tiles of a block, the length of a row of their values, and the distance between two products' values for so many
// rows: no multiple of a page, so that stores to all products do not meet in one set of the cache.
static inline int64_t winograd_block_tiles(const martlet_winograd *w) {
    int64_t all = w->images * w->tiles_y;
    return ((all + w->row_blocks - 1) / w->row_blocks) * ((w->tiles_x + w->column_blocks - 1) / w->column_blocks);
}
static inline int64_t tile_pitch(int64_t tiles) { return round_up(tiles, lanes) + lanes; }
static inline int64_t product_pitch(int64_t rows, int64_t pitch) { return round_up(rows * pitch, 1024) + 5 * lanes; }

// With fewer channels or outputs, packing values as parts takes longer than what it saves.
enum { least_split = 96 };

// Output channels of a panel of weights, and its floats for one product.
static inline int64_t winograd_panel_rows(const martlet_winograd *w) { return w->splits ? martlet_amx_side : choose_tile().rows; }
static inline int64_t winograd_panel_pitch(const martlet_winograd *w) {
    if (w->splits) return martlet_amx_panel_floats(w->channels);
    return round_up(smaller(w->outputs, choose_tile().rows) * w->channels, lanes) + lanes;
}

// The values of one block: rows of tiles [first_row, last_row) by columns [first_column, last_column).
typedef struct {
    int64_t first_row, last_row, first_column, last_column;
} tile_block;

// One panel's transformed weights, products `distance` apart.
void martlet_winograd_pack_panel(const martlet_winograd *w, const martlet_winograd_weights *weights, int64_t group,
                                 int64_t panel, int64_t distance, float *to);
// products[row][v * 16 ...] = the sum over `count` channels of weights[c][row] * values[c][v * 16 ...], v < vectors.
void martlet_winograd_multiply(int64_t vectors, int64_t rows, int64_t count, const float *weights, const float *values,
                               int64_t value_pitch, float *products, int64_t product_pitch);

// The same from parts, for the panels [first_panel, last_panel) of one product and `count` lanes; `weights` are the first
// panel's. Whether all sums are finite.
// Spoils up to 16 rows behind the last panel's and 15 lanes of each row.
int martlet_winograd_multiply_parts(const martlet_winograd *w, int64_t first_panel, int64_t last_panel, const float *weights,
                                    const float *values, int64_t count, float *products, int64_t pitch);

// The floats of scratch of martlet_winograd_transform_source.
int64_t martlet_winograd_source_scratch(const martlet_winograd *w, int64_t columns);
// values[product][channel][tile] for the channels [first, last) of a group, products `distance` and channels `pitch` apart.
// Up to 15 elements behind each row's end are spoilt.
void martlet_winograd_transform_source(const martlet_winograd *w, const float *source, int64_t group, int64_t first,
                                       int64_t last, const tile_block *block, int64_t pitch, int64_t distance, float *values,
                                       float *scratch);

// Exactly `count` floats: neighbouring elements may be another task's.
MARTLET_INLINE void copy_exact(float *to, const float *from, int64_t count) {
    typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
    typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
    if (count >= lanes) {
        for (int64_t i = 0; i + lanes < count; i += lanes) STORE(to + i, LOAD(from + i));
        STORE(to + count - lanes, LOAD(from + count - lanes));
    } else if (count >= 8) {
        eight a = *(const eight *)from, b = *(const eight *)(from + count - 8);
        *(eight *)to = a;
        *(eight *)(to + count - 8) = b;
    } else if (count >= 4) {
        four a = *(const four *)from, b = *(const four *)(from + count - 4);
        *(four *)to = a;
        *(four *)(to + count - 4) = b;
    } else {
        for (int64_t i = 0; i < count; i++) to[i] = from[i];
    }
}

#endif
