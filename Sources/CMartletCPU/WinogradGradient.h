#ifndef MARTLET_WINOGRAD_GRADIENT_H
#define MARTLET_WINOGRAD_GRADIENT_H

#include "WinogradImages.h"
#include "include/Convolution.h"

// The taps of sums[product][channel][output], products `sum_distance` apart, as to[tap][channel][output] with all the group's
// channels in a tap. Whether all of them are finite.
int martlet_winograd_finish_taps(const martlet_winograd *w, int64_t channels, int64_t output_pitch, const float *sums,
                                 int64_t sum_distance, float *to);

// Tiles that are summed up before the sums go to memory, which takes the time of some 30 tiles. A panel of outputs over so many must
// stay in the first-level cache.
static inline int64_t gradient_tiles(void) { return choose_tile().vectors == 2 ? 128 : 256; }

// A product's sums over the tiles of a block, [channel][output], from pieces of up to 32 tiles.
enum { most_pieces = 8 };
typedef struct {
    int64_t first, depth;   // the piece's tiles
    int64_t at;             // where a channel's values of them lie
} outer_piece;
typedef struct {
    const float *values;    // channels `value_pitch` apart
    const float *gradient;  // [panel of 32 or 16 outputs][tile][output]
    int64_t value_pitch, tiles, channels, outputs, pieces;
    outer_piece piece[most_pieces];
    int adds;               // whether the sums are added to what is there
} outer_product;

// Whether they are computed from the numbers' parts, the floats of scratch that takes (a multiple of 16), and the sums; whether all of
// them are finite.
int martlet_winograd_gradient_splits(const martlet_winograd *w, int64_t channels);
int64_t martlet_winograd_gradient_parts(const martlet_winograd *w, int64_t channels, int64_t pieces);
int martlet_winograd_outer_parts(const outer_product *product, float *sums, int64_t output_pitch, float *parts);

// The same as martlet_winograd_gradient by images; its items are blocks of tiles for 16 images each.
int64_t martlet_winograd_gradient_blocks(const martlet_winograd *w);
int64_t martlet_winograd_image_gradient_scratch(const martlet_winograd *w, int64_t channels);
int32_t martlet_winograd_image_gradient(const martlet_winograd *w, const float *source, const float *gradient, float *partial,
                                        int64_t group, int64_t first_channel, int64_t last_channel, int64_t first_item,
                                        int64_t last_item, float *scratch);

#endif
