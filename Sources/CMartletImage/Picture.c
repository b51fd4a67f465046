#include "Reader.h"

#include <stdlib.h>
#include <string.h>

martlet_image_status martlet_picture_read(martlet_picture *picture, unsigned reduction, martlet_region region, uint8_t *target,
                                          char message[MARTLET_IMAGE_MESSAGE_SIZE]) {
    return picture->read(picture, reduction, region, target, message);
}

void martlet_picture_close(martlet_picture *picture) {
    if (picture) picture->close(picture);
}

static uint32_t number(const uint8_t *bytes, int count, int is_little) {
    uint32_t value = 0;
    for (int i = 0; i < count; i++) value = value << 8 | bytes[is_little ? count - 1 - i : i];
    return value;
}

int martlet_exif_orientation(const uint8_t *tiff, size_t size) {
    enum { entry_size = 12, orientation_tag = 0x0112, short_type = 3 };
    if (size < 8) return 1;
    int is_little = tiff[0] == 'I' && tiff[1] == 'I';
    if (!is_little && !(tiff[0] == 'M' && tiff[1] == 'M')) return 1;
    if (number(tiff + 2, 2, is_little) != 42) return 1;
    size_t directory = number(tiff + 4, 4, is_little);
    if (directory > size - 2) return 1;
    size_t count = number(tiff + directory, 2, is_little);
    for (size_t i = 0; i < count; i++) {
        size_t entry = directory + 2 + i * entry_size;
        if (entry + entry_size > size) return 1;
        if (number(tiff + entry, 2, is_little) != orientation_tag) continue;
        if (number(tiff + entry + 2, 2, is_little) != short_type) return 1;
        uint32_t value = number(tiff + entry + 8, 2, is_little);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

void martlet_image_orient(const uint8_t *source, size_t width, size_t height, size_t channels, int orientation, uint8_t *target) {
    int swaps = orientation >= 5;
    int mirrors_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    int mirrors_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t out_width = swaps ? height : width, out_height = swaps ? width : height;
    for (size_t y = 0; y < out_height; y++) {
        for (size_t x = 0; x < out_width; x++) {
            // Where the pixel stands in the source: swapped first, then mirrored along the source's own axes.
            size_t from_x = swaps ? y : x, from_y = swaps ? x : y;
            if (mirrors_x) from_x = width - 1 - from_x;
            if (mirrors_y) from_y = height - 1 - from_y;
            memcpy(target + (y * out_width + x) * channels, source + (from_y * width + from_x) * channels, channels);
        }
    }
}
