#ifndef MARTLET_COLOR_H
#define MARTLET_COLOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Changes of colour as torchvision defines them on tensors: planes of `area` values from 0 to 1, which stay in that range.

/// Multiplied by `factor`.
void martlet_color_brightness(float *values, size_t count, float factor);

/// Blended with the mean of the image in grey; `channels` is 1 or 3.
void martlet_color_contrast(float *values, size_t area, size_t channels, float factor);

/// Blended with the image in grey; three planes.
void martlet_color_saturation(float *values, size_t area, float factor);

/// The hue turned by `turns` (1 is once around); three planes.
void martlet_color_hue(float *values, size_t area, float turns);

#ifdef __cplusplus
}
#endif
#endif
