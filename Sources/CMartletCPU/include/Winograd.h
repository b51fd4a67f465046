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
    // With small images a vector holds a tile of 16 images instead of 16 tiles; row_blocks are then ranges of an image's tiles, for
    // each 16 images, and column_blocks is 1.
    int32_t by_images;
    // Where few tiles meet many weights, all tasks share the transformed source, and each transforms the weights it needs.
    int32_t shares_source;
    // Whether products are computed from their numbers' parts (AMX.h); to be asked for before the blocks are chosen, and only where
    // the matrix unit is there.
    int32_t splits;
} martlet_winograd;

// The weight of (g, m, c, tap) is at values[g * group_stride + m * output_stride + c * channel_stride + tap], taps turned by half
// a turn if `rotated`; `limit` is the count of all weights.
typedef struct {
    const float *values;
    int64_t limit, group_stride, output_stride, channel_stride;
    int32_t rotated;
} martlet_winograd_weights;

// Whether there is a form of this tile and kernel.
int martlet_winograd_fits(int32_t tile, int32_t kernel);

// Chooses the blocks of a convolution (or input gradient) for so many threads.
void martlet_winograd_divide(martlet_winograd *w, int64_t threads);
int64_t martlet_winograd_tasks(const martlet_winograd *w);
int64_t martlet_winograd_scratch(const martlet_winograd *w);

// Panels of output channels that one group's transformed weights are packed into, and the floats all groups need; 0 where tasks
// transform their own.
int64_t martlet_winograd_panels(const martlet_winograd *w);
int64_t martlet_winograd_packed(const martlet_winograd *w);
// Transforms the weights of the panels (group * panels + panel) in [begin, end).
void martlet_winograd_pack(const martlet_winograd *w, const martlet_winograd_weights *weights, float *packed, int64_t begin,
                           int64_t end);

// The floats of a shared source, 0 where there is none, and its part for the channels (group * channels + channel) in [begin, end).
int64_t martlet_winograd_shared(const martlet_winograd *w);
void martlet_winograd_share(const martlet_winograd *w, const float *source, float *shared, int64_t begin, int64_t end,
                            float *scratch);
// Afterwards, where products are computed from parts: the parts of the shared source's pieces in [begin, end), of so many in all.
int64_t martlet_winograd_shared_pieces(const martlet_winograd *w);
void martlet_winograd_share_parts(const martlet_winograd *w, float *shared, int64_t begin, int64_t end);

// The part of the target that a task computes.
typedef struct {
    int64_t first_row, last_row;         // rows of tiles, or an image's tiles where by_images
    int64_t first_column, last_column;   // columns of tiles, or images where by_images
    int64_t group, first_output, last_output;
} martlet_winograd_range;
martlet_winograd_range martlet_winograd_task_range(const martlet_winograd *w, int64_t task);

// Computes a task's part of the target. Returns 1 where some result is not finite: a tile then mixes what single products keep
// apart, and the part has to be computed directly.
int32_t martlet_winograd_products(const martlet_winograd *w, const float *source, const martlet_winograd_weights *weights,
                                  const float *packed, const float *shared, float *target, int64_t task, float *scratch);

// The weight gradient: source and gradient (dense, rows x columns) as of the forward convolution, for the channels
// [first_channel, last_channel) of one group, summed over the items [first_item, last_item) into
// partial[tap][channel][output], rows martlet_weight_gradient_pitch floats long. Returns 1 where some result is not finite.
// Items are rows of tiles of all images, or blocks of tiles where by_images.
int64_t martlet_winograd_gradient_items(const martlet_winograd *w);
int64_t martlet_winograd_gradient_scratch(const martlet_winograd *w, int64_t channels);
int32_t martlet_winograd_gradient(const martlet_winograd *w, const float *source, const float *gradient, float *partial,
                                  int64_t group, int64_t first_channel, int64_t last_channel, int64_t first_item,
                                  int64_t last_item, float *scratch);

#endif
