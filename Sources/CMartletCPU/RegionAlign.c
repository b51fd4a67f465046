#include "RegionBlocks.h"

// What a part takes of a row (or column) of the image: the weights of its samples there together.
typedef struct { int32_t at; float weight; } share;

MARTLET_INLINE void add_share(share *list, int32_t from, int32_t *end, int32_t at, float weight) {
    // Samples come in order, so that a row met before is one of the last two.
    for (int32_t i = *end - 1; i >= from && i >= *end - 2; i--)
        if (list[i].at == at) { list[i].weight += weight; return; }
    list[*end].at = at;
    list[*end].weight = weight;
    ++*end;
}

// The shares of all parts along an axis, those of part i from starts[i] to starts[i + 1].
MARTLET_INLINE void part_shares(float low, float high, const martlet_regions *g, int64_t parts, int64_t extent, share *list,
                                int32_t *starts) {
    // How many samples there are must not depend on how products and sums are rounded together.
#pragma clang fp contract(off)
    float offset = g->aligned ? 0.5f : 0.0f, start = low * g->scale - offset, size = high * g->scale - offset - start;
    if (!g->aligned && !(size > 1)) size = 1;
    float step = size / (float)parts, grid = g->sampling > 0 ? (float)g->sampling : ceilf(step);
    float each = larger(1, (int64_t)(grid < 1e8f ? grid : 1e8f)), between = step / each;
    int32_t end = 0;
    for (int64_t i = 0; i < parts; i++) {
        starts[i] = end;
        float first = start + (float)i * step;
        // Of many samples most may lie outside the image.
        int64_t s = 0, last = grid >= 1 ? (int64_t)each : 0;
        if (last > 64 && between > 0) {
            float skipped = floorf((-2 - first) / between) - 2, wanted = ceilf(((float)extent + 2 - first) / between) + 2;
            if (skipped > 0) s = skipped < 1e8f ? (int64_t)skipped : 100000000;
            if (wanted < (float)last) last = wanted > 0 ? (int64_t)wanted : 0;
        }
        if (!(first == first)) last = 0;
        for (; s < last; s++) {
            float at = first + ((float)s + 0.5f) * step / each;
            if (at < -1 || at > (float)extent) continue;
            if (at <= 0) at = 0;
            int32_t below = (int32_t)at, above = below + 1;
            if (below >= extent - 1) { below = above = (int32_t)extent - 1; at = (float)below; }
            float part = at - (float)below;
            add_share(list, starts[i], &end, below, (1 - part) / each);
            add_share(list, starts[i], &end, above, part / each);
        }
    }
    starts[parts] = end;
}

// The tables of a box in a worker's scratch, behind the block.
typedef struct { share *rows, *columns; int32_t *row_starts, *column_starts; } part_tables;

MARTLET_INLINE part_tables tables_in(const martlet_regions *g, float *scratch) {
    int64_t samples = g->sampling > 0 ? g->sampling : 1;
    share *rows = (share *)(void *)(scratch + g->height * g->width * lanes);
    share *columns = rows + 2 * g->rows * samples + 4 * (g->height + 8);
    int32_t *starts = (int32_t *)(void *)(columns + 2 * g->columns * samples + 4 * (g->width + 8));
    return (part_tables){rows, columns, starts, starts + g->rows + 1};
}

MARTLET_INLINE void make_tables(const martlet_regions *g, const float *box, const part_tables *t) {
    part_shares(box[2], box[4], g, g->rows, g->height, t->rows, t->row_starts);
    part_shares(box[1], box[3], g, g->columns, g->width, t->columns, t->column_starts);
}

MARTLET_CLONES
void martlet_region_align(const martlet_regions *g, const float *x, const float *boxes, float *y, int64_t image,
                          int64_t channel, int64_t begin, int64_t end, float *scratch) {
    int64_t parts = g->rows * g->columns, count = smaller(lanes, g->channels - channel);
    part_tables t = tables_in(g, scratch);
    region_pack(g, x, image, channel, scratch);
    for (int64_t k = begin; k < end; k++) {
        if (region_image(g, boxes + 5 * k) != image) continue;
        make_tables(g, boxes + 5 * k, &t);
        float *to = y + (k * g->channels + channel) * parts;
        int64_t i = 0, j = 0;
        for (int64_t first = 0; first < parts; first += lanes) {
            lane_vector sums[lanes];
            int64_t group = smaller(lanes, parts - first);
            for (int64_t part = 0; part < group; part++) {
                lane_vector sum = {0};
                for (int32_t a = t.row_starts[i]; a < t.row_starts[i + 1]; a++) {
                    const float *row = scratch + t.rows[a].at * g->width * lanes;
                    lane_vector along = {0};
                    for (int32_t b = t.column_starts[j]; b < t.column_starts[j + 1]; b++)
                        along += LOAD(row + t.columns[b].at * lanes) * t.columns[b].weight;
                    sum += along * t.rows[a].weight;
                }
                sums[part] = sum;
                if (++j == g->columns) { j = 0; i++; }
            }
            for (int64_t part = group; part < lanes; part++) sums[part] = (lane_vector){0};
            region_store(sums, to + first, parts, group, count);
        }
    }
}

MARTLET_CLONES
void martlet_region_align_gradient(const martlet_regions *g, const float *dy, const float *boxes, float *dx, int64_t image,
                                   int64_t channel, float *scratch) {
    int64_t positions = g->height * g->width, parts = g->rows * g->columns, count = smaller(lanes, g->channels - channel);
    part_tables t = tables_in(g, scratch);
    memset(scratch, 0, (size_t)(positions * lanes) * sizeof(float));
    for (int64_t k = 0; k < g->boxes; k++) {
        if (region_image(g, boxes + 5 * k) != image) continue;
        make_tables(g, boxes + 5 * k, &t);
        const float *from = dy + (k * g->channels + channel) * parts;
        int64_t i = 0, j = 0;
        for (int64_t first = 0; first < parts; first += lanes) {
            lane_vector gradients[lanes];
            int64_t group = smaller(lanes, parts - first);
            region_load(from + first, parts, group, count, gradients);
            for (int64_t part = 0; part < group; part++) {
                for (int32_t a = t.row_starts[i]; a < t.row_starts[i + 1]; a++) {
                    float *row = scratch + t.rows[a].at * g->width * lanes;
                    lane_vector along = gradients[part] * t.rows[a].weight;
                    for (int32_t b = t.column_starts[j]; b < t.column_starts[j + 1]; b++) {
                        float *to = row + t.columns[b].at * lanes;
                        STORE(to, LOAD(to) + along * t.columns[b].weight);
                    }
                }
                if (++j == g->columns) { j = 0; i++; }
            }
        }
    }
    float *to = dx + (image * g->channels + channel) * positions;
    for (int64_t p = 0; p < positions; p += lanes) {
        lane_vector row[lanes];
        int64_t group = smaller(lanes, positions - p);
        for (int64_t i = 0; i < lanes; i++) row[i] = i < group ? LOAD(scratch + (p + i) * lanes) : (lane_vector){0};
        region_store(row, to + p, positions, group, count);
    }
}
