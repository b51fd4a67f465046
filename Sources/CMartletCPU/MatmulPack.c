#include "MatmulPack.h"

#include <string.h>

#include "Transpose.h"

// The first `rows` of sixteen rows of up to sixteen numbers, transposed; zeros beyond.
MARTLET_INLINE void load_transposed(const float *from, int64_t step, int64_t rows, int64_t depth, lane_vector out[lanes]) {
    if (depth == lanes) {
        MARTLET_UNROLL for (int i = 0; i < lanes; i++) out[i] = i < rows ? LOAD(from + i * step) : (lane_vector){0};
    } else {
        for (int i = 0; i < lanes; i++) {
            out[i] = (lane_vector){0};
            if (i < rows) memcpy(&out[i], from + i * step, (size_t)depth * sizeof(float));
        }
    }
    transpose_lanes(out);
}

// Panels of one vector that lie side by side are packed together: their rows are whole cache lines, far apart.
enum { panels_together = 4 };

MARTLET_CLONES
void martlet_pack_lanes(const float *from, int64_t depth_step, int64_t lane_step, int64_t depth, int64_t count, int64_t width,
                        float *to) {
    for (int64_t first = 0, packed = 0; first < count; first += packed, to += depth * packed) {
        int64_t used = smaller(width, count - first);
        packed = width;
        const float *panel = from + first * lane_step;
        if (lane_step != 1) {
            for (int64_t j = 0; j < width; j += lanes) {
                int64_t rows = larger(0, smaller(lanes, used - j));
                int64_t p = 0;
                if (rows == lanes)
                    for (; p + lanes <= depth; p += lanes) {
                        const float *corner = panel + j * lane_step + p;
                        MARTLET_UNROLL for (int i = 0; i < lanes; i++) look_ahead(corner + i * lane_step, 4 * lanes);
                        transpose_block(corner, lane_step, to + p * width + j, width);
                    }
                for (; p < depth; p += lanes) {
                    lane_vector block[lanes];
                    int64_t deep = smaller(lanes, depth - p);
                    load_transposed(panel + j * lane_step + p, lane_step, rows, deep, block);
                    for (int64_t i = 0; i < deep; i++) STORE(to + (p + i) * width + j, block[i]);
                }
            }
        } else if (used == width && width == 2 * lanes) {
            for (int64_t p = 0; p < depth; p++, panel += depth_step) {
                look_ahead(panel, 8 * depth_step);
                look_ahead(panel + lanes, 8 * depth_step);
                STORE(to + p * 2 * lanes, LOAD(panel));
                STORE(to + p * 2 * lanes + lanes, LOAD(panel + lanes));
            }
        } else if (width == lanes && count - first >= panels_together * lanes) {
            packed = panels_together * lanes;
            for (int64_t p = 0; p < depth; p++, panel += depth_step)
                MARTLET_UNROLL for (int j = 0; j < panels_together; j++) {
                    look_ahead(panel + j * lanes, 8 * depth_step);
                    STORE(to + (j * depth + p) * lanes, LOAD(panel + j * lanes));
                }
        } else if (used == width) {
            for (int64_t p = 0; p < depth; p++, panel += depth_step)
                for (int64_t j = 0; j < width; j += lanes) STORE(to + p * width + j, LOAD(panel + j));
        } else {
            for (int64_t p = 0; p < depth; p++, panel += depth_step) {
                for (int64_t j = 0; j < used; j++) to[p * width + j] = panel[j];
                for (int64_t j = used; j < width; j++) to[p * width + j] = 0;
            }
        }
    }
}

// Whole panels of the tallest tiles are copied with a length that the compiler knows.
MARTLET_CLONES
void martlet_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t depth, int64_t rows, float *to) {
    if (depth_step != 1 && rows == 14) {
        for (int64_t p = 0; p < depth; p++) memcpy(to + p * 14, from + p * depth_step, 14 * sizeof *to);
        return;
    }
    if (depth_step != 1) {
        for (int64_t p = 0; p < depth; p++)
            for (int64_t i = 0; i < rows; i++) to[p * rows + i] = from[p * depth_step + i * row_step];
        return;
    }
    for (int64_t p = 0; p < depth; p += lanes) {
        lane_vector block[lanes];
        int64_t deep = smaller(lanes, depth - p);
        load_transposed(from + p, row_step, rows, deep, block);
        // In this order each vector's unused lanes are overwritten by the next.
        for (int64_t i = 0; i < deep; i++) STORE(to + (p + i) * rows, block[i]);
    }
}

MARTLET_CLONES
void martlet_pack_low_panels(const float *from, int64_t depth_step, int64_t depth, int64_t panels, const int64_t *starts,
                             int64_t pitch, float *to) {
    typedef float low_rows __attribute__((vector_size(4 * martlet_low_rows), aligned(4), may_alias));
    int64_t last = depth - 1;
    // Reads up to 7 elements behind a panel's rows, where the next depth's follow; what that spoils is written over later.
    for (int64_t p = 0; p < last; p++) {
        const float *row = from + p * depth_step;
        for (int64_t j = 0; j < starts[panels]; j += lanes) look_ahead(row + j, 8 * depth_step);
        for (int64_t i = 0; i < panels; i++)
            *(low_rows *)(to + i * pitch + p * (starts[i + 1] - starts[i])) = *(const low_rows *)(row + starts[i]);
    }
    for (int64_t i = 0; i < panels; i++) {
        int64_t rows = starts[i + 1] - starts[i];
        for (int64_t j = 0; j < rows; j++) to[i * pitch + last * rows + j] = from[last * depth_step + starts[i] + j];
    }
}

MARTLET_CLONES
void martlet_store_transposed(const float *tile, int64_t tile_pitch, int64_t rows, int64_t columns, float *to, int64_t pitch,
                              int32_t accumulates) {
    for (int64_t first = 0; first < columns; first += lanes) {
        lane_vector block[lanes];
        MARTLET_UNROLL for (int i = 0; i < lanes; i++)
            block[i] = i < rows ? LOAD(tile + i * tile_pitch + first) : (lane_vector){0};
        transpose_lanes(block);
        int64_t used = smaller(lanes, columns - first);
        for (int64_t j = 0; j < used; j++) {
            const float *sums = (const float *)&block[j];
            float *out = to + (first + j) * pitch;
            if (accumulates) {
                for (int64_t i = 0; i < rows; i++) out[i] += sums[i];
            } else if (rows == 14) {
                memcpy(out, sums, 14 * sizeof(float));
            } else {
                for (int64_t i = 0; i < rows; i++) out[i] = sums[i];
            }
        }
    }
}
