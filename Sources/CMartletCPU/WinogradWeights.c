#include "Transpose.h"
#include "WinogradTiles.h"

// A panel's weights are transposed, so that a vector holds one weight of each of its output channels, and transformed so.
// packed[group][product][panel][channel][output]; each panel has a vector of slack. Where products are computed from
// parts, a panel is one of AMX.h.

int martlet_winograd_fits(int32_t tile, int32_t kernel) {
    return (kernel == 3 && (tile == 2 || tile == 4)) || (kernel == 5 && tile == 2);
}

int64_t martlet_winograd_panels(const martlet_winograd *w) {
    int64_t rows = winograd_panel_rows(w);
    return (w->outputs + rows - 1) / rows;
}

int64_t martlet_winograd_packed(const martlet_winograd *w) {
    int64_t side = winograd_side(w);
    return w->shares_source ? 0 : w->groups * side * side * martlet_winograd_panels(w) * winograd_panel_pitch(w);
}

enum { taken_channels = 16 };

#define KERNEL(in, from, out, to) transform_kernel(side, kernel, in, from, out, to)

MARTLET_INLINE void transform_weights(const int kernel, const int side, const float *taps, int32_t rotated, int64_t distance,
                                      float *to) {
    lane_vector x[most_kernel * most_kernel], half[most_side * most_kernel], y[most_products];
    MARTLET_UNROLL for (int i = 0; i < kernel * kernel; i++)
        x[i] = LOAD(taps + (rotated ? kernel * kernel - 1 - i : i) * lanes);
    MARTLET_UNROLL for (int j = 0; j < kernel; j++) KERNEL(x + j, kernel, half + j, kernel);
    MARTLET_UNROLL for (int i = 0; i < side; i++) KERNEL(half + i * kernel, 1, y + i * side, 1);
    MARTLET_UNROLL for (int i = 0; i < side * side; i++) STORE(to + i * distance, y[i]);
}

// out[i][row] = weights[row * stride + i] for i in [0, count) and 16 rows, the last of which may repeat. What is transposed next
// lies `distance` behind.
MARTLET_INLINE void transpose_rows(const float *weights, const float *limit, int64_t rows, int64_t stride, int64_t count,
                                   int64_t distance, float *out) {
    for (int64_t i = 0; i < count; i += lanes) {
        lane_vector row[lanes];
        for (int64_t m = 0; m < lanes; m++) {
            const float *in = weights + smaller(m, rows - 1) * stride + i;
            if (in + lanes <= limit) {
                look_ahead(in, distance);
                row[m] = LOAD(in);
            } else {
                float part[lanes] = {0};
                for (int64_t n = 0; n < smaller(lanes, count - i); n++) part[n] = in[n];
                row[m] = LOAD(part);
            }
        }
        transpose_lanes(row);
        for (int n = 0; n < lanes; n++) STORE(out + (i + n) * lanes, row[n]);
    }
}

MARTLET_INLINE void pack_channels(const int kernel, const int side, const float *from, const float *limit, int64_t output_stride,
                                  int64_t channel_stride, int32_t rotated, int64_t rows, int64_t channels, int64_t distance,
                                  float *to) {
    float taps[(taken_channels * most_kernel * most_kernel + lanes) * lanes];
    const int64_t area = kernel * kernel;
    int64_t together = channel_stride == area ? taken_channels : 1;
    for (int64_t channel = 0; channel < channels; channel += together) {
        int64_t count = smaller(together, channels - channel);
        transpose_rows(from + channel * channel_stride, limit, rows, output_stride, count * area,
                       together * channel_stride, taps);
        for (int64_t c = 0; c < count; c++, to += rows)
            transform_weights(kernel, side, taps + c * area * lanes, rotated, distance, to);
    }
}

// Up to 16 output channels from `first` on, of the channels [channel, channel + count): to[product][channel][output].
MARTLET_CLONES
static void pack_outputs(const martlet_winograd *w, const martlet_winograd_weights *weights, int64_t group, int64_t first,
                         int64_t rows, int64_t channel, int64_t count, int64_t distance, float *to) {
    int64_t output_stride = weights->output_stride, channel_stride = weights->channel_stride;
    const float *from = weights->values + group * weights->group_stride + first * output_stride + channel * channel_stride;
    const float *limit = weights->values + weights->limit;
    int32_t rotated = weights->rotated;
    if (w->kernel == 5) pack_channels(5, 6, from, limit, output_stride, channel_stride, rotated, rows, count, distance, to);
    else if (w->tile == 4) pack_channels(3, 6, from, limit, output_stride, channel_stride, rotated, rows, count, distance, to);
    else pack_channels(3, 4, from, limit, output_stride, channel_stride, rotated, rows, count, distance, to);
}

// The same as parts, a step of 32 channels at a time.
static void pack_parts(const martlet_winograd *w, const martlet_winograd_weights *weights, int64_t group, int64_t first,
                       int64_t rows, int64_t distance, float *to) {
    enum { step = martlet_amx_depth, pitch = (step + 1) * lanes };
    float values[most_products * pitch];
    int64_t products = winograd_side(w) * winograd_side(w);
    for (int64_t channel = 0; channel < w->channels; channel += step, to += martlet_amx_step_floats)
        for (int64_t row = 0; row < rows; row += lanes) {
            int64_t used = smaller(lanes, rows - row), count = smaller(step, w->channels - channel);
            pack_outputs(w, weights, group, first + row, used, channel, count, pitch, values);
            for (int64_t i = 0; i < products; i++)
                martlet_amx_pack_rows(values + i * pitch, 1, used, used, count,
                                      to + i * distance + row / lanes * martlet_amx_tile_floats);
        }
}

void martlet_winograd_pack_panel(const martlet_winograd *w, const martlet_winograd_weights *weights, int64_t group,
                                 int64_t panel, int64_t distance, float *to) {
    int64_t panels = martlet_winograd_panels(w), first = panel_start(w->outputs, panels, panel);
    int64_t rows = panel_start(w->outputs, panels, panel + 1) - first;
    if (w->splits) pack_parts(w, weights, group, first, rows, distance, to);
    else pack_outputs(w, weights, group, first, rows, 0, w->channels, distance, to);
}

void martlet_winograd_pack(const martlet_winograd *w, const martlet_winograd_weights *weights, float *packed, int64_t begin,
                           int64_t end) {
    int64_t side = winograd_side(w), panels = martlet_winograd_panels(w), pitch = winograd_panel_pitch(w);
    for (int64_t item = begin; item < end; item++) {
        int64_t group = item / panels, panel = item % panels;
        martlet_winograd_pack_panel(w, weights, group, panel, panels * pitch,
                                    packed + (group * side * side * panels + panel) * pitch);
    }
}
