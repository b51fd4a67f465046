#ifndef MARTLET_PLANES_H
#define MARTLET_PLANES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Writes `count` interleaved pixels as planes of floats: `levels` holds, for each plane, the value of each of the 256 levels. A
/// grey image may fill three planes.
void martlet_planes_fill(const uint8_t *pixels, size_t count, size_t channels, size_t planes, const float *levels, float *target);

/// Replaces each value x by x * scale + offset.
void martlet_plane_scale(float *values, size_t count, float scale, float offset);

/// Mirrors rows left to right.
void martlet_rows_mirror(float *values, size_t rows, size_t width);

#ifdef __cplusplus
}
#endif
#endif
