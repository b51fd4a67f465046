#ifndef MARTLET_WINOGRAD_H
#define MARTLET_WINOGRAD_H

#include <stdint.h>

// Convolutions of stride 1 by Winograd's minimal filtering (Lavin and Gray, 2016): a tile of `tile` x `tile` outputs and a
// kernel of `kernel` x `kernel` taps take (tile + kernel - 1)^2 products a channel and output. Forms: F(2x2, 3x3),
// F(4x4, 3x3) and F(2x2, 5x5).
//
//   target[i][j] = sum over taps and channels of weight[m][c][ky][kx] * source[c][i + top + ky][j + left + kx]
//
// with 0 outside the source; the target is dense. Channels and outputs are those of a group.
typedef struct {
    int64_t images, groups;
    int64_t channels, height, width;     // of the source
    int64_t outputs, rows, columns;      // of the target
    int64_t top, left;
    int32_t tile, kernel;
    // A block is some rows of tiles (of all images, one after the other) by some columns of tiles.
    int64_t tiles_y, tiles_x;
    int64_t row_blocks, column_blocks;
    int64_t parts;                       // a block's output channels are divided into as many tasks
} martlet_winograd;

// Whether there is a form of this tile and kernel.
int martlet_winograd_fits(int32_t tile, int32_t kernel);

// Chooses the blocks of a convolution (or input gradient) for so many threads.
void martlet_winograd_divide(martlet_winograd *w, int64_t threads);
int64_t martlet_winograd_tasks(const martlet_winograd *w);
int64_t martlet_winograd_scratch(const martlet_winograd *w);

// Panels of output channels that one group's transformed weights are packed into, and the floats all groups need.
int64_t martlet_winograd_panels(const martlet_winograd *w);
int64_t martlet_winograd_packed(const martlet_winograd *w);
// Transforms the weights of the panels (group * panels + panel) in [begin, end). The weight of (g, m, c, tap) is at
// weights[g * group_stride + m * output_stride + c * channel_stride + tap], taps turned by half a turn if `rotated`; `limit`
// is the count of all weights.
void martlet_winograd_pack(const martlet_winograd *w, const float *weights, int64_t limit, int64_t group_stride,
                           int64_t output_stride, int64_t channel_stride, int32_t rotated, float *packed, int64_t begin,
                           int64_t end);

// The part of the target that a task computes.
typedef struct {
    int64_t first_row, last_row;         // rows of tiles
    int64_t first_column, last_column;   // columns of tiles
    int64_t group, first_output, last_output;
} martlet_winograd_range;
martlet_winograd_range martlet_winograd_task_range(const martlet_winograd *w, int64_t task);

// Computes a task's part of the target. Returns 1 where some result is not finite: a tile then mixes what single products keep
// apart, and the part has to be computed directly.
int32_t martlet_winograd_products(const martlet_winograd *w, const float *source, const float *packed, float *target,
                                  int64_t task, float *scratch);

// The weight gradient: source and gradient (dense, rows x columns) as of the forward convolution, for the channels
// [first_channel, last_channel) of one group, summed over the rows of tiles (of all images) [first_row, last_row) into
// partial[tap][channel][output], rows martlet_weight_gradient_pitch floats long. Returns 1 where some result is not finite.
int64_t martlet_winograd_gradient_scratch(const martlet_winograd *w, int64_t channels);
int32_t martlet_winograd_gradient(const martlet_winograd *w, const float *source, const float *gradient, float *partial,
                                  int64_t group, int64_t first_channel, int64_t last_channel, int64_t first_row,
                                  int64_t last_row, float *scratch);

#endif
