#include "AMX.h"
#include "ConvolutionPack.h"
#include "PaddedPatches.h"

// Blocks of the patch matrix, up to 384 rows by up to 256 positions, are split into parts as they are gathered, and stay in the
// second-level cache; panels of weights, split once a call, are multiplied by all their panels.

enum {
    side = martlet_amx_side,
    half = martlet_amx_tile_rows,
    most_depth = 384,
    most_panels = martlet_implicit_gemm_block / side,
    tile_floats = side * side,
    gathered_panel = martlet_amx_depth * side + lanes,
    step_floats = martlet_amx_step_floats
};

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t depth_of(const martlet_grid *g) { return g->taps * g->channels; }

// Rows of patches in a block: blocks are about equal, and whole steps.
static int64_t block_depth(int64_t k_count) {
    return martlet_amx_steps(quotient_up(k_count, quotient_up(k_count, most_depth))) * martlet_amx_depth;
}

int64_t martlet_grid_parts_panels(int64_t outputs) { return quotient_up(outputs, side); }
int64_t martlet_grid_parts_halves(int64_t outputs) { return quotient_up(outputs, half); }
int64_t martlet_grid_parts_first_output(int64_t outputs, int64_t panel) { return smaller(outputs, panel * side); }

// The packed weights of a group: [block of k][panel][step].
static int64_t group_floats(const martlet_grid *g) {
    return martlet_grid_parts_panels(g->outputs) * martlet_amx_steps(depth_of(g)) * step_floats;
}

static int64_t panel_start_floats(const martlet_grid *g, int64_t panel, int64_t k0, int64_t count) {
    return (martlet_grid_parts_panels(g->outputs) * martlet_amx_steps(k0) + panel * martlet_amx_steps(count)) * step_floats;
}

int64_t martlet_grid_parts(const martlet_grid *g) { return g->groups * group_floats(g); }

int64_t martlet_grid_parts_scratch(const martlet_grid *g) {
    int64_t tiles = depth_of(g) > most_depth ? martlet_grid_parts_panels(g->outputs) * most_panels : 1;
    int64_t products = most_panels * (martlet_amx_steps(most_depth) * step_floats + gathered_panel) + (tiles + 1) * tile_floats;
    return larger(products, (depth_of(g) + 1) * half) + padded_patches_scratch(g, martlet_implicit_gemm_block);
}

void martlet_grid_pack_parts(const martlet_grid *g, const float *weights, int64_t limit, int64_t group_stride,
                             int64_t output_stride, int64_t channel_stride, const int32_t *tap_index, float *packed,
                             int64_t begin, int64_t end, float *scratch) {
    int64_t halves = martlet_grid_parts_halves(g->outputs), k_count = depth_of(g), block = block_depth(k_count);
    for (int64_t item = begin; item < end; item++) {
        int64_t group = item / halves, first = item % halves * half, rows = smaller(half, g->outputs - first);
        const float *from = weights + group * group_stride + first * output_stride;
        // The weights of a single tap may be split where they lie.
        int in_place = g->taps == 1 && (output_stride == 1 || channel_stride == 1);
        int64_t row_step = in_place ? output_stride : 1, depth_step = in_place ? channel_stride : rows;
        if (in_place) {
            from += tap_index[0];
        } else {
            martlet_grid_pack_panel(g, from, weights + limit, output_stride, channel_stride, tap_index, k_count, 0, rows, scratch);
            from = scratch;
        }
        float *to = packed + group * group_floats(g) + first % side / half * martlet_amx_tile_floats;
        for (int64_t k0 = 0; k0 < k_count; k0 += block) {
            int64_t count = smaller(block, k_count - k0);
            martlet_amx_pack_rows(from + k0 * depth_step, row_step, depth_step, rows, count,
                                  to + panel_start_floats(g, first / side, k0, count));
        }
    }
}

// The positions of one call and where their sums go.
typedef struct {
    const martlet_grid *g;
    const float *source, *weights;
    float *target, *patches, *gathered, *tiles;
    int64_t group, begin, end, panels, first_panel;
    int flat;
    int dense;  // the grid is the whole target: tiles inside one image lie in it
    padded_patches padded;
    int64_t run_count, run_starts[most_panels + 1];
    position_run runs[martlet_implicit_gemm_block];
} position_block;

static void start(position_block *b) {
    const martlet_grid *g = b->g;
    b->panels = quotient_up(b->end - b->begin, side);
    b->flat = is_flat(g);
    b->dense = g->step_x == 1 && g->rows * g->columns == g->target_height * g->target_width;
    b->run_count = find_runs(g, b->group, b->begin, b->end, side, gathered_panel, b->runs);
    for (int64_t q = 0, r = 0; q <= b->panels; q++) {
        while (r < b->run_count && b->runs[r].at < q * side) r++;
        b->run_starts[q] = r;
    }
}

static int64_t positions_of(const position_block *b, int64_t panel, int64_t panels) {
    return smaller(panels * side, b->end - b->begin - panel * side);
}

MARTLET_CLONES
static void take(position_block *b) { take_padded(b->g, b->source, b->group, b->begin, b->end, &b->padded); }

MARTLET_CLONES
static void gather(const position_block *b, int64_t panel, int64_t panels, int64_t k_begin, int64_t k_end) {
    int64_t first = b->run_starts[panel], last = b->run_starts[panel + panels];
    if (b->padded.copies) return gather_padded(b->g, &b->padded, b->runs + first, last - first, k_begin, k_end, side, b->gathered);
    gather_patches(b->g, b->source, b->runs + first, last - first, k_begin, k_end, 0, 0, side, b->gathered);
}

static void split_gathered(const position_block *b, int64_t panel, int64_t panels, int64_t k0, int64_t count) {
    int64_t floats = martlet_amx_steps(count) * step_floats;
    for (int64_t k = 0; k < count; k += martlet_amx_depth) {
        int64_t deep = smaller(martlet_amx_depth, count - k);
        gather(b, panel, panels, k0 + k, k0 + k + deep);
        for (int64_t q = panel; q < panel + panels; q++)
            martlet_amx_pack_lanes(b->gathered + q * gathered_panel, 1, side, positions_of(b, q, 1), deep,
                                   b->patches + q * floats + k / martlet_amx_depth * step_floats);
    }
}

// How many panels from one on lie in the same image.
static int64_t panels_in_one_piece(const position_block *b, int64_t panel) {
    int64_t area = b->g->columns, at = (b->begin + panel * side) % area, left = b->panels - panel;
    return at + positions_of(b, panel, left) <= area ? left : (area - at) / side;
}

static void split_patches(const position_block *b, int64_t k0, int64_t count) {
    if (!b->flat) return split_gathered(b, 0, b->panels, k0, count);
    int64_t floats = martlet_amx_steps(count) * step_floats, plane = b->g->height * b->g->width;
    for (int64_t q = 0, whole; q < b->panels; q += larger(whole, 1)) {
        whole = panels_in_one_piece(b, q);
        if (whole == 0) {
            split_gathered(b, q, 1, k0, count);
            continue;
        }
        int64_t origin = b->runs[b->run_starts[q]].origin + b->g->tap_y[0] * b->g->width + b->g->tap_x[0];
        martlet_amx_pack_lanes(b->source + origin + k0 * plane, 1, plane, positions_of(b, q, whole), count,
                               b->patches + q * floats);
    }
}

MARTLET_CLONES
static void add_tile(const float *from, int64_t rows, float *to, int64_t pitch) {
    for (int64_t i = 0; i < rows; i++, from += side, to += pitch) {
        STORE(to, LOAD(to) + LOAD(from));
        STORE(to + lanes, LOAD(to + lanes) + LOAD(from + lanes));
    }
}

// A panel of weights times one of patches. Sums that are no whole tile in one piece of the target are kept apart until they are
// done.
static int32_t multiply(const position_block *b, int64_t panel, int64_t q, int64_t k0, int64_t count) {
    const martlet_grid *g = b->g;
    const float *weights = b->weights + panel_start_floats(g, panel, k0, count);
    const float *ahead = b->weights + panel_start_floats(g, panel + 1, k0, count);
    ahead += q * martlet_amx_steps(count) * martlet_amx_asked_floats;
    const float *patches = b->patches + q * martlet_amx_steps(count) * step_floats;
    int64_t first = panel * side, rows = smaller(side, g->outputs - first), columns = positions_of(b, q, 1);
    int64_t p = b->begin + q * side, area = g->rows * g->columns, image = p / area, position = p % area, pitch = side;
    int first_block = k0 == 0, last_block = k0 + count == depth_of(g);
    float *tile = b->tiles + tile_floats, *sums = b->tiles;
    if (!first_block || !last_block) tile += ((panel - b->first_panel) * b->panels + q) * tile_floats;
    int straight = b->dense && columns == side && rows % half == 0 && position + side <= area;
    if (straight) {
        tile = b->target + ((image * g->groups + b->group) * g->outputs + first) * area + position;
        pitch = area;
    }
    if (first_block) sums = tile;
    if (!martlet_amx_multiply(weights, patches, rows, columns, count, ahead, sums,
                              first_block ? pitch : side))
        return 0;
    if (!first_block) add_tile(sums, rows, tile, pitch);
    if (!straight && last_block)
        store_tile(g, tile, side, rows, b->runs + b->run_starts[q], b->run_starts[q + 1] - b->run_starts[q], b->group, first,
                   b->target);
    return 1;
}

static int32_t multiply_all(const position_block *b, int64_t last_panel) {
    int64_t k_count = depth_of(b->g), block = block_depth(k_count);
    for (int64_t k0 = 0; k0 < k_count; k0 += block) {
        int64_t count = smaller(block, k_count - k0);
        split_patches(b, k0, count);
        for (int64_t panel = b->first_panel; panel < last_panel; panel++)
            for (int64_t q = 0; q < b->panels; q++)
                if (!multiply(b, panel, q, k0, count)) return 0;
    }
    return 1;
}

int32_t martlet_grid_multiply_parts(const martlet_grid *g, const float *source, const float *packed, float *target,
                                    int64_t group, int64_t begin, int64_t end, int64_t first_panel, int64_t last_panel,
                                    float *scratch) {
    position_block b = {.g = g, .source = source, .weights = packed + group * group_floats(g), .target = target,
                        .patches = scratch, .group = group, .begin = begin, .end = end, .first_panel = first_panel};
    b.gathered = b.patches + most_panels * martlet_amx_steps(most_depth) * step_floats;
    b.tiles = b.gathered + most_panels * gathered_panel;
    start(&b);
    b.padded = padded_patches_before(g, martlet_implicit_gemm_block, scratch + martlet_grid_parts_scratch(g));
    if (b.padded.copies) take(&b);
    martlet_amx_begin();
    int32_t finite = multiply_all(&b, last_panel);
    martlet_amx_end();
    return finite;
}

int martlet_grid_splits(const martlet_grid *g) {
    // Splitting a number costs about as much as multiplying it by 32 outputs; gathering small patches costs more still.
    enum { least_flat_outputs = 48, least_flat_depth = 32, least_outputs = 64, least_depth = 192, least_positions = 128 };
    int flat = is_flat(g);
    return g->outputs >= (flat ? least_flat_outputs : least_outputs)
           && depth_of(g) >= (flat ? least_flat_depth : least_depth) && g->images * g->rows * g->columns >= least_positions;
}
