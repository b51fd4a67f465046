#ifndef MARTLET_CONVOLUTION_H
#define MARTLET_CONVOLUTION_H

#include <stdint.h>

// A sum of products over the taps of a kernel, as a convolution and its input gradient both are. For every group, image,
// output channel m and grid position (i, j):
//
//   target[first_y + i * step_y][first_x + j * step_x] = sum over taps t and channels c of
//       weight[m][t][c] * source[c][i * source_step_y + tap_y[t]][j * source_step_x + tap_x[t]]
//
// with 0 for positions outside the source. Positions are numbered p = (image * rows + i) * columns + j.
typedef struct {
    int64_t images, groups;
    int64_t channels, height, width;                  // of the source; channels a group
    int64_t outputs, target_height, target_width;     // outputs a group
    int64_t rows, columns;                            // the grid
    int64_t first_y, first_x, step_y, step_x;         // of the grid in the target
    int64_t source_step_y, source_step_x;
    int64_t taps;
    const int32_t *tap_y, *tap_x;
} martlet_grid;

// Positions a call of martlet_implicit_gemm may take at most, and the floats of scratch it then needs.
enum { martlet_implicit_gemm_block = 256 };
int64_t martlet_implicit_gemm_scratch(const martlet_grid *g);

// Panels of output channels that one group's weights are packed into.
int64_t martlet_grid_panels(int64_t outputs);
// The first output channel of a panel (of `outputs` where panel is their count).
int64_t martlet_grid_first_output(int64_t outputs, int64_t panel);
// Sets the grid's positions to 0, in all images and outputs.
void martlet_grid_zero(const martlet_grid *g, float *target);

// Rows of weights in a block: all of them for the direct way.
int64_t martlet_grid_depth(const martlet_grid *g, int32_t direct);
// Packs weights as [group][block of k][panel][k][output] with k = tap * channels + channel: the weight of (g, m, t, c) is at
// weights[g * group_stride + m * output_stride + c * channel_stride + tap_index[t]]. Takes the panels (group * panels + panel)
// in [begin, end); `limit` is the count of all weights. `packed` holds groups * outputs * taps * channels floats.
void martlet_grid_pack(const martlet_grid *g, const float *weights, int64_t limit, int64_t group_stride,
                       int64_t output_stride, int64_t channel_stride, const int32_t *tap_index, int64_t block, float *packed,
                       int64_t begin, int64_t end);

// The positions [begin, end) of one group for the panels [first_panel, last_panel).
void martlet_implicit_gemm(const martlet_grid *g, const float *source, const float *packed, float *target,
                             int64_t group, int64_t begin, int64_t end, int64_t first_panel, int64_t last_panel,
                             float *scratch);

// The same sums on the matrix unit (AMX.h): whether it is the faster way where it is there, for weight gradients too, the floats of the
// packed weights, and those of scratch, which packing needs too.
int martlet_grid_splits(const martlet_grid *g);
int64_t martlet_grid_parts(const martlet_grid *g);
int64_t martlet_grid_parts_scratch(const martlet_grid *g);
// Panels of up to 32 outputs; their weights are packed by halves (group * halves + half) in [begin, end).
int64_t martlet_grid_parts_panels(int64_t outputs);
int64_t martlet_grid_parts_halves(int64_t outputs);
int64_t martlet_grid_parts_first_output(int64_t outputs, int64_t panel);
void martlet_grid_pack_parts(const martlet_grid *g, const float *weights, int64_t limit, int64_t group_stride,
                             int64_t output_stride, int64_t channel_stride, const int32_t *tap_index, float *packed,
                             int64_t begin, int64_t end, float *scratch);
// As martlet_implicit_gemm. Returns whether all sums are finite; else they are to be computed by that one.
int32_t martlet_grid_multiply_parts(const martlet_grid *g, const float *source, const float *packed, float *target,
                                    int64_t group, int64_t begin, int64_t end, int64_t first_panel, int64_t last_panel,
                                    float *scratch);

// The same for few channels, straight from a padded copy of the source. An item is a band
// of grid rows of one image and group: images * groups * ceil(rows / band) items, bands innermost.
int martlet_direct_fits(const martlet_grid *g);
int64_t martlet_direct_band(const martlet_grid *g);
int64_t martlet_direct_scratch(const martlet_grid *g);
void martlet_direct_products(const martlet_grid *g, const float *source, const float *packed, float *target,
                             int64_t item, float *scratch);

// The weight gradient of a convolution, g being its forward geometry: for the k in [k_begin, k_end) (k = tap * channels +
// channel) of one group, summed over the images [image_begin, image_end) into partial[k - k_begin][output], whose rows are
// martlet_weight_gradient_pitch floats long. Returns 1.
int64_t martlet_weight_gradient_pitch(int64_t outputs);
int64_t martlet_weight_gradient_scratch(const martlet_grid *g, int64_t k_count);
int32_t martlet_weight_gradient(const martlet_grid *g, const float *source, const float *gradient, float *partial,
                                int64_t group, int64_t k_begin, int64_t k_end, int64_t image_begin, int64_t image_end,
                                float *scratch);

// The same on the matrix unit. Returns whether all sums are finite; else they are to be computed by the one above.
int64_t martlet_weight_gradient_parts_scratch(const martlet_grid *g);
int32_t martlet_weight_gradient_parts(const martlet_grid *g, const float *source, const float *gradient, float *partial,
                                      int64_t group, int64_t k_begin, int64_t k_end, int64_t image_begin, int64_t image_end,
                                      float *scratch);

// result[group][output][channel][tap] = the sum, slab by slab, of the partial results [slab][group][k][output], for the rows
// (group * outputs + output) in [begin, end).
void martlet_weight_gradient_sum(const martlet_grid *g, const float *partial, int64_t slabs, float *result,
                                 int64_t begin, int64_t end);

#endif
