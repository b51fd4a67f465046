#include "Planes.h"

#include "Lanes.h"

void martlet_planes_fill(const uint8_t *pixels, size_t count, size_t channels, size_t planes, const float *levels, float *target) {
    if (channels == 3 && planes == 3) {
        const float *red = levels, *green = levels + 256, *blue = levels + 512;
        float *second = target + count, *third = second + count;
        for (size_t i = 0; i < count; i++, pixels += 3) {
            target[i] = red[pixels[0]];
            second[i] = green[pixels[1]];
            third[i] = blue[pixels[2]];
        }
        return;
    }
    for (size_t plane = 0; plane < planes; plane++, levels += 256, target += count) {
        size_t channel = plane < channels ? plane : channels - 1;
        for (size_t i = 0; i < count; i++) target[i] = levels[pixels[i * channels + channel]];
    }
}

MARTLET_CLONES void martlet_plane_scale(float *values, size_t count, float scale, float offset) {
    for (size_t i = 0; i < count; i++) values[i] = values[i] * scale + offset;
}

void martlet_rows_mirror(float *values, size_t rows, size_t width) {
    for (; rows > 0; rows--, values += width) {
        for (size_t left = 0, right = width - 1; left < right; left++, right--) {
            float value = values[left];
            values[left] = values[right];
            values[right] = value;
        }
    }
}
