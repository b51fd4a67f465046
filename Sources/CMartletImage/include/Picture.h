#ifndef MARTLET_PICTURE_H
#define MARTLET_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A PNG or JPEG file in memory whose header has been read. Its pixels are 8-bit, row-major and interleaved.
typedef struct martlet_picture martlet_picture;

typedef struct {
    /// As stored, before the orientation is applied.
    size_t width, height;
    /// 1 (grey) or 3 (RGB).
    size_t channels;
    /// EXIF's orientation, 1 to 8; 1 where the file says nothing.
    int orientation;
    /// Whether it can be read at a half, a quarter and an eighth of its size.
    int can_reduce;
} martlet_picture_info;

/// Some columns and rows of a picture.
typedef struct {
    size_t left, top, width, height;
} martlet_region;

typedef enum {
    MARTLET_IMAGE_OK = 0,
    /// The data contradict the format, or end too early.
    MARTLET_IMAGE_DAMAGED,
    /// More pixels than allowed.
    MARTLET_IMAGE_TOO_LARGE,
    MARTLET_IMAGE_OUT_OF_MEMORY,
    /// A kind of picture that is not read, such as an animation.
    MARTLET_IMAGE_UNSUPPORTED,
} martlet_image_status;

enum { MARTLET_IMAGE_MESSAGE_SIZE = 256 };

/// Reads the header of a file. The data must stay as long as the picture. Anything but MARTLET_IMAGE_OK leaves a reason in
/// `message`, and nothing to close.
martlet_image_status martlet_jpeg_open(const uint8_t *data, size_t size, size_t pixel_limit, martlet_picture **picture,
                                       martlet_picture_info *info, char message[MARTLET_IMAGE_MESSAGE_SIZE]);
martlet_image_status martlet_png_open(const uint8_t *data, size_t size, size_t pixel_limit, martlet_picture **picture,
                                      martlet_picture_info *info, char message[MARTLET_IMAGE_MESSAGE_SIZE]);

/// Reads a region of the picture at 1 / `reduction` (1, 2, 4 or 8) of its size, rounded up, once. `target` holds
/// width x height x channels bytes of the region. A whole picture is read to its end; of a part, what lies below it is not looked
/// at.
martlet_image_status martlet_picture_read(martlet_picture *picture, unsigned reduction, martlet_region region, uint8_t *target,
                                          char message[MARTLET_IMAGE_MESSAGE_SIZE]);

void martlet_picture_close(martlet_picture *picture);

/// Encodes `pixels` (1, 3 or, with opacity, 4 channels) as a PNG file in memory, to be freed by martlet_bytes_free.
martlet_image_status martlet_png_encode(const uint8_t *pixels, size_t width, size_t height, size_t channels, uint8_t **data,
                                        size_t *size, char message[MARTLET_IMAGE_MESSAGE_SIZE]);

void martlet_bytes_free(uint8_t *data);

/// The orientation in an EXIF block (a TIFF file, without the "Exif" prefix); 1 where there is none, or where it is damaged.
int martlet_exif_orientation(const uint8_t *tiff, size_t size);

/// Writes an image turned upright: `target` has room for all pixels, and for orientations 5 to 8 its width is the
/// source's height.
void martlet_image_orient(const uint8_t *source, size_t width, size_t height, size_t channels, int orientation, uint8_t *target);

#ifdef __cplusplus
}
#endif
#endif
