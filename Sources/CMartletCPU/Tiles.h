#ifndef MARTLET_TILES_H
#define MARTLET_TILES_H

#include "Lanes.h"

// Rows of the patch matrix multiplied at a time, and the most rows of a register tile.
enum { depth = 384, most_rows = 14 };

// How many output channels and vectors of positions a register tile has.
typedef struct { int rows, vectors; } tile_shape;

static inline tile_shape choose_tile(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) return (tile_shape){14, 2};
    if (__builtin_cpu_supports("x86-64-v3")) return (tile_shape){6, 1};
    return (tile_shape){3, 1};
#else
    return (tile_shape){6, 1};
#endif
}

// The first output channel of a panel; panels differ by at most one row.
static inline int64_t panel_start(int64_t outputs, int64_t panels, int64_t panel) {
    int64_t base = outputs / panels, extra = outputs % panels;
    return panel * base + smaller(panel, extra);
}

#endif
