#include "WinogradGradient.h"

// The weight gradient by images: sums over the needed slots, whose 16 images are added up one after the other.

int64_t martlet_winograd_gradient_blocks(const martlet_winograd *w) {
    int64_t slots = gradient_tiles() / lanes;
    return (w->tiles_y * w->tiles_x + slots - 1) / slots;
}

typedef struct {
    int64_t slots, value_distance, output_pitch, gradient_distance, sum_distance, padded;
} image_gradient_layout;

static int64_t gradient_width(const martlet_winograd *w) { return w->tile * w->tiles_x; }

static image_gradient_layout lay_out(const martlet_winograd *w, int64_t channels) {
    int64_t blocks = martlet_winograd_gradient_blocks(w);
    image_gradient_layout l = {.slots = (w->tiles_y * w->tiles_x + blocks - 1) / blocks};
    l.value_distance = slot_distance(l.slots, channels);
    l.output_pitch = martlet_weight_gradient_pitch(w->outputs);
    l.gradient_distance = product_pitch(l.output_pitch, l.slots * lanes);
    l.sum_distance = product_pitch(channels, l.output_pitch);
    l.padded = larger(padded_floats(w), w->tile * w->tiles_y * gradient_width(w) * lanes);
    return l;
}

int64_t martlet_winograd_image_gradient_scratch(const martlet_winograd *w, int64_t channels) {
    image_gradient_layout l = lay_out(w, channels);
    int64_t side = winograd_side(w);
    return side * side * (l.value_distance + l.gradient_distance + l.sum_distance) + l.padded
           + martlet_winograd_gradient_parts(w, channels, most_pieces);
}

static int64_t panel_width(const image_gradient_layout *l, int64_t output) {
    return choose_tile().vectors == 2 && l->output_pitch - output > lanes ? 2 * lanes : lanes;
}

// One image and 16 outputs.
MARTLET_INLINE void transform_slots(const int tile, const int side, const slot_list *slots, const float *plane, int64_t width,
                                    int64_t pitch, int64_t distance, float *values) {
    for (int64_t slot = 0; slot < slots->count; slot++) {
        const float *in = plane + ((slots->row[slot] - slots->first_row) * width + slots->column[slot]) * tile * lanes;
        lane_vector x[most_tile * most_tile], half[most_side * most_tile], y[most_products];
        MARTLET_UNROLL for (int r = 0; r < tile; r++)
            MARTLET_UNROLL for (int j = 0; j < tile; j++) x[r * tile + j] = LOAD(in + (r * width + j) * lanes);
        MARTLET_UNROLL for (int j = 0; j < tile; j++) transform_outputs(tile, side, x + j, tile, half + j, tile);
        MARTLET_UNROLL for (int r = 0; r < side; r++) transform_outputs(tile, side, half + r * tile, 1, y + r * side, 1);
        float *to = values + slot * lanes * pitch;
        MARTLET_UNROLL for (int i = 0; i < side * side; i++) STORE(to + i * distance, y[i]);
    }
}

// values[product][panel of outputs][slot][image][output].
MARTLET_CLONES
static void transform_outputs_of_images(const martlet_winograd *w, const image_gradient_layout *l, const float *gradient,
                                        int64_t group, int64_t image, const slot_list *slots, float *values, float *padded) {
    int64_t plane = w->rows * w->columns, width = gradient_width(w), rows = (slots->last_row - slots->first_row) * w->tile;
    const float *limit = gradient + w->images * w->groups * w->outputs * plane;
    memset(padded, 0, (size_t)(rows * width * lanes) * sizeof *padded);
    for (int64_t output = 0; output < w->outputs; output += lanes) {
        int64_t panel = choose_tile().vectors == 2 ? output / (2 * lanes) * (2 * lanes) : output;
        int64_t pitch = panel_width(l, panel);
        for (int64_t i = 0; i < lanes; i++) {
            float *to = values + panel * slots->count * lanes + i * pitch + (output - panel);
            if (image + i >= w->images) {
                // No image: the source has another one's values there.
                for (int64_t product = 0; product < winograd_side(w) * winograd_side(w); product++)
                    for (int64_t slot = 0; slot < slots->count; slot++)
                        STORE(to + product * l->gradient_distance + slot * lanes * pitch, (lane_vector){0});
                continue;
            }
            const float *planes[lanes];
            for (int64_t m = 0; m < lanes; m++)
                planes[m] = gradient + plane * (((image + i) * w->groups + group) * w->outputs
                                                + smaller(output + m, w->outputs - 1));
            take_planes(planes, limit, w->groups * w->outputs * plane, w->rows, w->columns, slots->first_row * w->tile, rows, 0,
                        width, padded);
            if (w->tile == 4) transform_slots(4, 6, slots, padded, width, pitch, l->gradient_distance, to);
            else if (w->kernel == 5) transform_slots(2, 6, slots, padded, width, pitch, l->gradient_distance, to);
            else transform_slots(2, 4, slots, padded, width, pitch, l->gradient_distance, to);
        }
    }
}

// The slots [low, high): `values` is the first channel's in slot 0, `gradient` one panel's in slot 0.
MARTLET_INLINE void outer_tile(const int rows, const int vectors, const int together, int64_t low, int64_t high,
                               const float *values, int64_t bundle_distance, const float *gradient, float *sums,
                               int64_t sum_pitch, int accumulate) {
    lane_vector sum[most_rows][2];
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = (lane_vector){0};
    const float *d = gradient + low * lanes * vectors * lanes;
    for (int64_t slot = low; slot < high; slot++) {
        const float *x = values + slot / together * bundle_distance + slot % together * lanes;
        MARTLET_UNROLL_FOUR
        for (int64_t i = 0; i < lanes; i++, x++, d += vectors * lanes) {
            lane_vector part[2];
            MARTLET_UNROLL for (int v = 0; v < vectors; v++) part[v] = LOAD(d + v * lanes);
            MARTLET_UNROLL for (int r = 0; r < rows; r++)
                MARTLET_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += x[r * together * lanes] * part[v];
        }
    }
    MARTLET_UNROLL for (int r = 0; r < rows; r++)
        MARTLET_UNROLL for (int v = 0; v < vectors; v++) {
            float *to = sums + r * sum_pitch + v * lanes;
            if (accumulate) sum[r][v] += LOAD(to);
            STORE(to, sum[r][v]);
        }
}

#define OUTER(rows)                                                                                                     \
    case rows:                                                                                                          \
        outer_tile(rows, vectors, together, low, high, values, bundle_distance, gradient, sums, sum_pitch, accumulate); \
        break;

#define FAMILY(name, most, vector_count, slot_count)                                                                    \
    MARTLET_CLONES                                                                                                      \
    static void name(int64_t rows, int64_t low, int64_t high, const float *values, int64_t bundle_distance,             \
                     const float *gradient, float *sums, int64_t sum_pitch, int accumulate) {                           \
        enum { vectors = vector_count, together = slot_count };                                                         \
        switch (rows) { MARTLET_ROWS_##most(OUTER) default: break; }                                                    \
    }

FAMILY(outer_two, 14, 2, 2)
FAMILY(outer_one, 14, 1, 2)
// Where all register tiles have one vector.
FAMILY(outer_alone, 6, 1, 1)

typedef void outer_sums(int64_t rows, int64_t low, int64_t high, const float *values, int64_t bundle_distance,
                        const float *gradient, float *sums, int64_t sum_pitch, int accumulate);

// Pairs of slots, whose 32 values of a channel lie together.
static outer_product outer_of_slots(int64_t low, int64_t high, int64_t bundle_distance) {
    outer_product p = {.value_pitch = 2 * lanes};
    for (int64_t slot = low; slot < high;) {
        int64_t count = slot % 2 == 0 && slot + 1 < high ? 2 : 1;
        p.piece[p.pieces++] = (outer_piece){slot * lanes, count * lanes, slot / 2 * bundle_distance + slot % 2 * lanes};
        slot += count;
    }
    return p;
}

int32_t martlet_winograd_image_gradient(const martlet_winograd *w, const float *source, const float *gradient, float *partial,
                                        int64_t group, int64_t first_channel, int64_t last_channel, int64_t first_item,
                                        int64_t last_item, float *scratch) {
    int64_t channels = last_channel - first_channel, side = winograd_side(w), products = side * side;
    int64_t tiles = w->tiles_y * w->tiles_x, blocks = martlet_winograd_gradient_blocks(w);
    int64_t bundle_distance = bundle_floats(channels);
    image_gradient_layout l = lay_out(w, channels);
    int splits = martlet_winograd_gradient_splits(w, channels), finite = 1;
    float *parts = scratch, *values = parts + martlet_winograd_gradient_parts(w, channels, most_pieces);
    float *gradients = values + products * l.value_distance;
    float *sums = gradients + products * l.gradient_distance, *padded = sums + products * l.sum_distance;
    int most = choose_tile().vectors == 2 ? choose_tile().rows : 6;
    int64_t panels = (channels + most - 1) / most;
    if (splits) martlet_amx_begin();
    int begun[most_products] = {0};
    for (int64_t item = first_item; item < last_item; item++) {
        int64_t block = item % blocks, image = item / blocks * lanes;
        slot_list slots = list_slots(w, panel_start(tiles, blocks, block), panel_start(tiles, blocks, block + 1));
        martlet_winograd_transform_images(w, source, group, first_channel, last_channel, image, &slots, bundle_distance,
                                          l.value_distance, values, padded);
        transform_outputs_of_images(w, &l, gradient, group, image, &slots, gradients, padded);
        for (int64_t i = 0; i < products; i++) {
            int64_t low, high;
            find_needed(&slots, side, i, &low, &high);
            if (low >= high) continue;
            int adds = begun[i];
            begun[i] = 1;
            if (splits) {
                outer_product p = outer_of_slots(low, high, bundle_distance);
                p.values = values + i * l.value_distance, p.gradient = gradients + i * l.gradient_distance;
                p.tiles = slots.count * lanes, p.channels = channels, p.outputs = w->outputs, p.adds = adds;
                finite &= martlet_winograd_outer_parts(&p, sums + i * l.sum_distance, l.output_pitch, parts);
                continue;
            }
            for (int64_t output = 0; output < l.output_pitch;) {
                int64_t width = panel_width(&l, output);
                outer_sums *multiply = width == 2 * lanes ? outer_two : slots_together() == 2 ? outer_one : outer_alone;
                for (int64_t panel = 0; panel < panels; panel++) {
                    int64_t channel = panel_start(channels, panels, panel);
                    int64_t rows = panel_start(channels, panels, panel + 1) - channel;
                    multiply(rows, low, high, values + i * l.value_distance + bundle_floats(channel), bundle_distance,
                             gradients + i * l.gradient_distance + output * slots.count * lanes,
                             sums + i * l.sum_distance + channel * l.output_pitch + output, l.output_pitch, adds);
                }
                output += width;
            }
        }
    }
    if (splits) martlet_amx_end();
    for (int64_t i = 0; i < products; i++)
        if (!begun[i]) memset(sums + i * l.sum_distance, 0, (size_t)l.sum_distance * sizeof *sums);
    return !finite || !martlet_winograd_finish_taps(w, channels, l.output_pitch, sums, l.sum_distance,
                                                    partial + first_channel * l.output_pitch);
}
