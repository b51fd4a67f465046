#include "WinogradImages.h"

enum { block_slots = 8, most_source = 1 << 22, least_weights = 1 << 21, share_parts = 10 };

int32_t martlet_winograd_images_fit(const martlet_winograd *w) {
    // At most an eighth of the lanes idle.
    return w->tiles_y * w->tiles_x <= most_slots && w->tiles_y * w->tiles_x > 1
           && round_up(w->images, lanes) * 7 <= w->images * 8;
}

static int64_t chunk_panels(const martlet_winograd *w) {
    return smaller(martlet_winograd_panels(w), larger(1, (w->shares_source ? 64 : w->splits ? 256 : 128) / winograd_panel_rows(w)));
}

void martlet_winograd_divide_images(martlet_winograd *w, int64_t threads) {
    int64_t tiles = w->tiles_y * w->tiles_x, each = image_groups(w) * w->groups, side = winograd_side(w);
    int64_t panels = martlet_winograd_panels(w);
    w->column_blocks = 1;
    if (each == 1 && side * side * tiles * lanes * w->channels <= most_source
        && side * side * w->channels * w->outputs >= least_weights && panels >= 4 * threads) {
        w->shares_source = 1;
        w->row_blocks = 1;
        w->parts = round_up((panels + chunk_panels(w) - 1) / chunk_panels(w), threads);
        w->parts = smaller(w->parts, panels);
        return;
    }
    int64_t best = 0, least = (tiles + block_slots - 1) / block_slots;
    for (int64_t blocks = least; blocks <= tiles; blocks++) {
        int64_t cost = (blocks * each + threads - 1) / threads * ((tiles + blocks - 1) / blocks * 2 + 1);
        if (best == 0 || cost < best) {
            best = cost;
            w->row_blocks = blocks;
        }
    }
    // Most blocks may be a slot larger, where that fills the last turn.
    int64_t turns = (least * each + threads - 1) / threads, fewer = turns * threads / each;
    if (fewer >= 1 && (tiles + fewer - 1) / fewer <= block_slots + 1) w->row_blocks = smaller(fewer, tiles);
    int64_t tasks = w->row_blocks * each;
    w->parts = tasks < threads ? smaller(panels, (threads + tasks - 1) / tasks) : 1;
}

static int64_t block_count(const martlet_winograd *w) {
    return (w->tiles_y * w->tiles_x + w->row_blocks - 1) / w->row_blocks;
}

// The parts of one product's values of a bundle, which is a pair of slots where there is a matrix unit; the last may hold one slot.
static void pack_pair(const martlet_winograd *w, const float *values, int64_t pair, int64_t slots, float *parts) {
    martlet_amx_pack_lanes(values + pair * w->channels * 2 * lanes, 1, 2 * lanes, smaller(2, slots - 2 * pair) * lanes, w->channels,
                           parts);
}

static int64_t pairs_of(int64_t slots) { return (slots + 1) / 2; }

// The floats of all products' values, behind which their parts lie: [product][pair of slots], each a panel of 32 lanes.
static int64_t value_floats(const martlet_winograd *w) {
    int64_t side = winograd_side(w);
    return side * side * slot_distance(block_count(w), w->channels);
}

int64_t martlet_winograd_shared(const martlet_winograd *w) {
    if (!w->shares_source) return 0;
    return value_floats(w) + martlet_winograd_shared_pieces(w) * martlet_amx_panel_floats(w->channels);
}

int64_t martlet_winograd_shared_pieces(const martlet_winograd *w) {
    int64_t side = winograd_side(w);
    return w->splits ? side * side * pairs_of(block_count(w)) : 0;
}

void martlet_winograd_share_parts(const martlet_winograd *w, float *shared, int64_t begin, int64_t end) {
    int64_t slots = block_count(w), pairs = pairs_of(slots), floats = martlet_amx_panel_floats(w->channels);
    for (int64_t piece = begin; piece < end; piece++)
        pack_pair(w, shared + piece / pairs * slot_distance(slots, w->channels), piece % pairs, slots,
                  shared + value_floats(w) + piece * floats);
}

typedef struct {
    int64_t value_distance, product_pitch, product_distance, panel_pitch;
    int64_t values, parts, weights, products, stage, padded;   // floats of each part of the scratch
} image_layout;

static image_layout lay_out_images(const martlet_winograd *w) {
    int64_t slots = block_count(w), side = winograd_side(w), count = side * side, rows = chunk_panels(w) * winograd_panel_rows(w);
    image_layout l = {.value_distance = slot_distance(slots, w->channels), .panel_pitch = winograd_panel_pitch(w)};
    l.product_pitch = round_up(slots, 2) * lanes + lanes;
    l.product_distance = product_pitch(rows, l.product_pitch);
    l.values = w->shares_source ? 0 : count * l.value_distance;
    l.parts = w->splits && !w->shares_source ? pairs_of(slots) * martlet_amx_panel_floats(w->channels) : 0;
    l.weights = w->shares_source ? count * product_pitch(chunk_panels(w), l.panel_pitch) : 0;
    l.products = count * l.product_distance;
    l.stage = (w->rows * w->columns + lanes) * lanes;
    l.padded = padded_floats(w);
    return l;
}

int64_t martlet_winograd_image_scratch(const martlet_winograd *w) {
    image_layout l = lay_out_images(w);
    return l.parts + l.values + l.weights + l.products + l.stage + l.padded;
}

MARTLET_INLINE void transform_slots(const int tile, const int side, const slot_list *slots, const float *padded, int64_t width,
                                    int64_t bundle_distance, int64_t distance, float *values) {
    for (int64_t slot = 0; slot < slots->count; slot++) {
        const float *in = padded + ((slots->row[slot] - slots->first_row) * width + slots->column[slot]) * tile * lanes;
        float *to = values + slot_place(slot, bundle_distance);
        lane_vector x[most_products];
        MARTLET_UNROLL for (int r = 0; r < side; r++)
            MARTLET_UNROLL for (int j = 0; j < side; j++) x[r * side + j] = LOAD(in + (r * width + j) * lanes);
        MARTLET_UNROLL for (int j = 0; j < side; j++) transform_source(side, x + j, side);
        MARTLET_UNROLL for (int r = 0; r < side; r++) transform_source(side, x + r * side, 1);
        MARTLET_UNROLL for (int i = 0; i < side * side; i++) STORE(to + i * distance, x[i]);
    }
}

MARTLET_CLONES
void martlet_winograd_transform_images(const martlet_winograd *w, const float *source, int64_t group, int64_t first,
                                       int64_t last, int64_t image, const slot_list *slots, int64_t bundle_distance,
                                       int64_t distance, float *values, float *padded) {
    int64_t plane = w->height * w->width, width = padded_width(w), top = w->top + slots->first_row * w->tile;
    int64_t rows = (slots->last_row - slots->first_row) * w->tile + w->kernel - 1;
    const float *limit = source + w->images * w->groups * w->channels * plane;
    // What lies outside of the source stays 0 for all channels.
    memset(padded, 0, (size_t)(rows * width * lanes) * sizeof *padded);
    for (int64_t channel = first; channel < last; channel++, values += slots_together() * lanes) {
        const float *planes[lanes];
        for (int64_t i = 0; i < lanes; i++)
            planes[i] = source + ((smaller(image + i, w->images - 1) * w->groups + group) * w->channels + channel) * plane;
        take_planes(planes, limit, plane, w->height, w->width, top, rows, w->left, width, padded);
        if (w->tile == 4) transform_slots(4, 6, slots, padded, width, bundle_distance, distance, values);
        else if (w->kernel == 5) transform_slots(2, 6, slots, padded, width, bundle_distance, distance, values);
        else transform_slots(2, 4, slots, padded, width, bundle_distance, distance, values);
    }
}

void martlet_winograd_share(const martlet_winograd *w, const float *source, float *shared, int64_t begin, int64_t end,
                            float *scratch) {
    slot_list slots = list_slots(w, 0, w->tiles_y * w->tiles_x);
    martlet_winograd_transform_images(w, source, 0, begin, end, 0, &slots, bundle_floats(w->channels),
                                      slot_distance(slots.count, w->channels), shared + bundle_floats(begin), scratch);
}

// One output channel's tiles as stage[y - first row's][x][image]; whether all of it is finite.
MARTLET_INLINE int finish_slots(const int tile, const int side, const martlet_winograd *w, const slot_list *slots,
                                const float *products, int64_t distance, float *stage) {
    lane_vector check = {0};
    for (int64_t slot = 0; slot < slots->count; slot++) {
        lane_vector x[most_products], half[most_tile * most_side], y[most_tile * most_tile];
        MARTLET_UNROLL for (int i = 0; i < side * side; i++) x[i] = LOAD(products + i * distance + slot * lanes);
        if (slot >= slots->ends[1])
            MARTLET_UNROLL for (int j = 0; j < side; j++) x[(side - 1) * side + j] = (lane_vector){0};
        if (slot < slots->ends[0] || slot >= slots->ends[2])
            MARTLET_UNROLL for (int r = 0; r < side; r++) x[r * side + side - 1] = (lane_vector){0};
        MARTLET_UNROLL for (int j = 0; j < side; j++) transform_products(tile, side, x + j, side, half + j, side);
        MARTLET_UNROLL for (int i = 0; i < tile; i++) transform_products(tile, side, half + i * side, 1, y + i * tile, 1);
        MARTLET_UNROLL for (int i = 0; i < tile * tile; i++) check += 0.0f * y[i];
        int64_t row = slots->row[slot] * tile, column = slots->column[slot] * tile;
        float *to = stage + ((row - slots->first_row * tile) * w->columns + column) * lanes;
        MARTLET_UNROLL for (int i = 0; i < tile; i++)
            MARTLET_UNROLL for (int j = 0; j < tile; j++)
                if (row + i < w->rows && column + j < w->columns) STORE(to + (i * w->columns + j) * lanes, y[i * tile + j]);
    }
    return lane_sum(&check) == 0;
}

// The positions [begin, end) of up to 16 images' planes.
MARTLET_INLINE void give_planes(const float *stage, int64_t begin, int64_t end, int64_t images, int64_t distance, float *to) {
    for (int64_t p = begin; p < end; p += lanes) {
        lane_vector row[lanes];
        for (int i = 0; i < lanes; i++) row[i] = LOAD(stage + (p - begin + i) * lanes);
        transpose_lanes(row);
        int64_t count = smaller(lanes, end - p);
        for (int64_t i = 0; i < images; i++) {
            float *out = to + i * distance + p;
            if (count == lanes) STORE(out, row[i]);
            else copy_exact(out, (const float *)&row[i], count);
        }
    }
}

MARTLET_CLONES
static int finish_images(const martlet_winograd *w, const martlet_winograd_range *range, const slot_list *slots,
                         const float *products, int64_t pitch, int64_t distance, int64_t first, int64_t last, float *stage,
                         float *target) {
    int64_t plane = w->rows * w->columns, images = range->last_column - range->first_column, finite = 1;
    int64_t top = slots->first_row * w->tile;
    for (int64_t output = first; output < last; output++, products += pitch) {
        if (w->tile == 4) finite &= finish_slots(4, 6, w, slots, products, distance, stage);
        else if (w->kernel == 5) finite &= finish_slots(2, 6, w, slots, products, distance, stage);
        else finite &= finish_slots(2, 4, w, slots, products, distance, stage);
        float *to = target + ((range->first_column * w->groups + range->group) * w->outputs + output) * plane;
        int64_t across = w->groups * w->outputs * plane;
        for (int64_t row = slots->first_row; row < slots->last_row;) {
            int64_t left = larger(slots->first - row * w->tiles_x, 0);
            int64_t right = smaller(slots->last - row * w->tiles_x, w->tiles_x);
            // Whole rows together, parts of rows each for itself.
            int64_t rows = left == 0 && right == w->tiles_x ? larger(slots->last / w->tiles_x - row, 1) : 1;
            int64_t y = row * w->tile, bottom = smaller(w->rows, (row + rows) * w->tile);
            row += rows;
            if (left == 0 && right == w->tiles_x) {
                give_planes(stage + (y - top) * w->columns * lanes, y * w->columns, bottom * w->columns, images, across, to);
                continue;
            }
            int64_t x = left * w->tile, end = smaller(w->columns, right * w->tile);
            for (; y < bottom; y++)
                give_planes(stage + ((y - top) * w->columns + x) * lanes, y * w->columns + x, y * w->columns + end, images,
                            across, to);
        }
    }
    return (int)finite;
}

// One product's weights of the panels [first, last).
typedef struct {
    const float *weights;
    int64_t pitch, first, last;
} panel_weights;

// One product of all slots that need it: values[bundle][channel][slot][16] to products[output][slot][16].
static void multiply_values(const martlet_winograd *w, const slot_list *slots, int64_t product, const panel_weights *given,
                            const float *values, float *products, int64_t pitch) {
    int64_t panels = martlet_winograd_panels(w), first = panel_start(w->outputs, panels, given->first), low, high;
    int wide = slots_together() == 2;
    find_needed(slots, winograd_side(w), product, &low, &high);
    for (int64_t slot = low; slot < high;) {
        int64_t vectors = wide && slot % 2 == 0 && slot + 1 < high ? 2 : 1;
        const float *in = values + slot_place(slot, bundle_floats(w->channels));
        for (int64_t panel = given->first; panel < given->last; panel++) {
            int64_t output = panel_start(w->outputs, panels, panel);
            martlet_winograd_multiply(vectors, panel_start(w->outputs, panels, panel + 1) - output, w->channels,
                                      given->weights + (panel - given->first) * given->pitch, in, slots_together() * lanes,
                                      products + (output - first) * pitch + slot * lanes, pitch);
        }
        slot += vectors;
    }
}

// The same from the parts of each pair; whether all sums are finite.
static int multiply_parts(const martlet_winograd *w, const slot_list *slots, int64_t product, const panel_weights *given,
                          const float *parts, float *products, int64_t pitch) {
    int64_t low, high, floats = martlet_amx_panel_floats(w->channels);
    int finite = 1;
    find_needed(slots, winograd_side(w), product, &low, &high);
    for (int64_t slot = low; slot < high;) {
        int64_t count = slot % 2 == 0 && slot + 1 < high ? 2 : 1;
        finite &= martlet_winograd_multiply_parts(w, given->first, given->last, given->weights,
                                                  parts + slot / 2 * floats + slot % 2 * martlet_amx_tile_floats, count * lanes,
                                                  products + slot * lanes, pitch);
        slot += count;
    }
    return finite;
}

int32_t martlet_winograd_image_products(const martlet_winograd *w, const float *source,
                                        const martlet_winograd_weights *weights, const float *packed, const float *shared,
                                        float *target, int64_t task, float *scratch) {
    martlet_winograd_range range = martlet_winograd_task_range(w, task);
    image_layout l = lay_out_images(w);
    slot_list slots = list_slots(w, range.first_row, range.last_row);
    int64_t side = winograd_side(w), count = side * side, panels = martlet_winograd_panels(w), part = task % w->parts;
    int64_t bundle_distance = bundle_floats(w->channels), chunk = chunk_panels(w);
    float *parts = scratch, *own_values = parts + l.parts, *own = own_values + l.values, *products = own + l.weights;
    float *stage = products + l.products, *padded = stage + l.stage;
    const float *values = shared;
    if (!w->shares_source) {
        martlet_winograd_transform_images(w, source, range.group, 0, w->channels, range.first_column, &slots, bundle_distance,
                                          l.value_distance, own_values, padded);
        values = own_values;
    }
    int64_t first_panel = panel_start(panels, w->parts, part), last_panel = panel_start(panels, w->parts, part + 1);
    int finite = 1;
    if (w->splits) martlet_amx_begin();
    for (int64_t begin = first_panel; begin < last_panel; begin += chunk) {
        int64_t end = smaller(last_panel, begin + chunk), first = panel_start(w->outputs, panels, begin);
        const float *from = packed + (range.group * count * panels + begin) * l.panel_pitch;
        int64_t weight_distance = panels * l.panel_pitch;
        if (w->shares_source) {
            weight_distance = product_pitch(chunk, l.panel_pitch);
            for (int64_t panel = begin; panel < end; panel++)
                martlet_winograd_pack_panel(w, weights, range.group, panel, weight_distance,
                                            own + (panel - begin) * l.panel_pitch);
            from = own;
        }
        for (int64_t i = 0; i < count; i++) {
            panel_weights given = {from + i * weight_distance, l.panel_pitch, begin, end};
            if (w->splits) {
                const float *own_parts = parts, *floats = values + i * l.value_distance;
                int64_t pairs = pairs_of(slots.count), panel = martlet_amx_panel_floats(w->channels);
                if (w->shares_source) own_parts = shared + value_floats(w) + i * pairs * panel;
                else for (int64_t pair = 0; pair < pairs; pair++) pack_pair(w, floats, pair, slots.count, parts + pair * panel);
                finite &= multiply_parts(w, &slots, i, &given, own_parts, products + i * l.product_distance, l.product_pitch);
            } else {
                multiply_values(w, &slots, i, &given, values + i * l.value_distance, products + i * l.product_distance,
                                l.product_pitch);
            }
        }
        finite &= finish_images(w, &range, &slots, products, l.product_pitch, l.product_distance, first,
                                panel_start(w->outputs, panels, end), stage, target);
    }
    if (w->splits) martlet_amx_end();
    return !finite;
}
