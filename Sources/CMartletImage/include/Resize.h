#ifndef MARTLET_RESIZE_H
#define MARTLET_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "Picture.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What a resized value is a weighted mean of: the values under a box, a triangle, a cubic spline (a = -0.5) or a sinc in a window
/// of itself (Lanczos, 3 lobes). Each grows with the scale where an image shrinks (antialiasing).
typedef enum {
    MARTLET_FILTER_BOX,
    MARTLET_FILTER_BILINEAR,
    MARTLET_FILTER_BICUBIC,
    MARTLET_FILTER_LANCZOS,
} martlet_filter;

/// One direction of a resize: `source` positions become `target` ones, of which `count` are wanted from `first` on.
typedef struct {
    size_t source, target, first, count;
} martlet_axis;

/// The source positions that the wanted ones are made of.
void martlet_axis_reach(martlet_axis axis, martlet_filter filter, size_t *start, size_t *count);

/// Resizes as Pillow does, in fixed point with 8-bit results after each of the two passes, the width first. `source` holds the
/// region `have` of the whole image, at least what both axes reach. Returns 0 where memory is short.
int martlet_image_resize(const uint8_t *source, martlet_region have, size_t channels, martlet_axis across, martlet_axis down,
                         martlet_filter filter, uint8_t *target);

/// The same of planes of floats [planes, height, width], in floating point. Returns 0 where memory is short.
int martlet_planes_resize(const float *source, size_t planes, size_t height, size_t width, martlet_filter filter, float *target,
                          size_t target_height, size_t target_width);

#ifdef __cplusplus
}
#endif
#endif
