#ifndef MARTLET_WINOGRAD_GRADIENT_H
#define MARTLET_WINOGRAD_GRADIENT_H

#include "WinogradImages.h"
#include "include/Convolution.h"

// The taps of sums[product][channel][output], products `sum_distance` apart, as to[tap][channel][output] with all the group's
// channels in a tap. Whether all of them are finite.
int martlet_winograd_finish_taps(const martlet_winograd *w, int64_t channels, int64_t output_pitch, const float *sums,
                                 int64_t sum_distance, float *to);

// The same as martlet_winograd_gradient by images; its items are blocks of tiles for 16 images each.
int64_t martlet_winograd_gradient_blocks(const martlet_winograd *w);
int64_t martlet_winograd_image_gradient_scratch(const martlet_winograd *w, int64_t channels);
int32_t martlet_winograd_image_gradient(const martlet_winograd *w, const float *source, const float *gradient, float *partial,
                                        int64_t group, int64_t first_channel, int64_t last_channel, int64_t first_item,
                                        int64_t last_item, float *scratch);

#endif
