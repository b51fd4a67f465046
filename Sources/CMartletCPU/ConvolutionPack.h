#ifndef MARTLET_CONVOLUTION_PACK_H
#define MARTLET_CONVOLUTION_PACK_H

#include "include/Convolution.h"

/// A panel of martlet_grid_pack, its outputs [first, first + rows), at most 16; `from` is the weight of the first of them, and no
/// weight at or behind `limit` is read. `to` is where the group's packed weights begin.
void martlet_grid_pack_panel(const martlet_grid *g, const float *from, const float *limit, int64_t output_stride,
                             int64_t channel_stride, const int32_t *tap_index, int64_t block, int64_t first, int64_t rows,
                             float *to);

#endif
