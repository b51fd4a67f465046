#ifndef CMARTLETIMAGE_H
#define CMARTLETIMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// An 8-bit image, row-major and interleaved. `channels` is 1 (grey) or 3 (RGB). Freed by martlet_image_free.
typedef struct {
    uint8_t *pixels;
    size_t width, height, channels;
    /// EXIF's orientation, 1 to 8; 1 where the file says nothing.
    int orientation;
} martlet_image;

typedef enum {
    MARTLET_IMAGE_OK = 0,
    /// The data contradict the format, or end too early.
    MARTLET_IMAGE_DAMAGED,
    /// More pixels than allowed.
    MARTLET_IMAGE_TOO_LARGE,
    MARTLET_IMAGE_OUT_OF_MEMORY,
} martlet_image_status;

enum { MARTLET_IMAGE_MESSAGE_SIZE = 256 };

/// Decode a whole file in memory. Anything but MARTLET_IMAGE_OK leaves a reason in `message`, and nothing to free.
martlet_image_status martlet_jpeg_decode(const uint8_t *data, size_t size, size_t pixel_limit, martlet_image *image,
                                         char message[MARTLET_IMAGE_MESSAGE_SIZE]);
martlet_image_status martlet_png_decode(const uint8_t *data, size_t size, size_t pixel_limit, martlet_image *image,
                                        char message[MARTLET_IMAGE_MESSAGE_SIZE]);

/// Encodes `pixels` (1 or 3 channels) as a PNG file in memory, to be freed by martlet_bytes_free.
martlet_image_status martlet_png_encode(const uint8_t *pixels, size_t width, size_t height, size_t channels, uint8_t **data,
                                        size_t *size, char message[MARTLET_IMAGE_MESSAGE_SIZE]);

void martlet_image_free(martlet_image *image);
void martlet_bytes_free(uint8_t *data);

/// The orientation in an EXIF block (a TIFF file, without the "Exif" prefix); 1 where there is none, or where it is damaged.
int martlet_exif_orientation(const uint8_t *tiff, size_t size);

/// Writes an image turned upright: `target` has room for all pixels, and for orientations 5 to 8 its width is the
/// source's height.
void martlet_image_orient(const uint8_t *source, size_t width, size_t height, size_t channels, int orientation, uint8_t *target);

/// Resizes with a triangle filter whose support grows with the scale (antialiasing), in fixed point with 8-bit results after
/// each of the two passes. Returns 0 where memory is short.
int martlet_image_resize(const uint8_t *source, size_t width, size_t height, size_t channels, uint8_t *target,
                         size_t target_width, size_t target_height);

#ifdef __cplusplus
}
#endif
#endif
