#include "CMartletImage.h"
#include "Message.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/// The most that deflate can pack into a byte.
enum { DEFLATE_RATIO = 1032 };

typedef struct {
    const uint8_t *data;
    size_t size, position;
} source;

typedef struct {
    uint8_t *data;
    size_t size, capacity;
} sink;

_Noreturn static void fail(png_structp png, png_const_charp text) {
    message_set(png_get_error_ptr(png), text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    source *from = png_get_io_ptr(png);
    if (count > from->size - from->position) png_error(png, "the file ends too early");
    memcpy(target, from->data + from->position, count);
    from->position += count;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    sink *into = png_get_io_ptr(png);
    if (count > into->capacity - into->size) {
        size_t capacity = (into->size + count) * 2;
        uint8_t *grown = realloc(into->data, capacity);
        if (!grown) png_error(png, "out of memory");
        into->data = grown;
        into->capacity = capacity;
    }
    memcpy(into->data + into->size, bytes, count);
    into->size += count;
}

static void flush_bytes(png_structp png) { (void)png; }

/// Asks for 8-bit grey or RGB, whatever is stored: palettes looked up, small greys spread over 0...255, the high byte of 16-bit
/// values, transparency dropped.
static void transform(png_structp png, png_infop info) {
    int type = png_get_color_type(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_bit_depth(png, info) == 16) png_set_strip_16(png);
    png_set_strip_alpha(png);
}

martlet_image_status martlet_png_decode(const uint8_t *data, size_t size, size_t pixel_limit, martlet_image *image,
                                        char message[MARTLET_IMAGE_MESSAGE_SIZE]) {
    source from = {data, size, 0};
    uint8_t *volatile pixels = NULL;
    png_bytep *volatile rows = NULL;
    volatile martlet_image_status status = MARTLET_IMAGE_DAMAGED;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, fail, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        message_set(message, "out of memory");
        return MARTLET_IMAGE_OUT_OF_MEMORY;
    }
    if (setjmp(png_jmpbuf(png))) goto done;
    png_set_read_fn(png, &from, read_bytes);
    // Our own bound on the area follows; these are the format's.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png, info);

    size_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (width > pixel_limit / height) {
        message_set_extent(message, width, height);
        status = MARTLET_IMAGE_TOO_LARGE;
        goto done;
    }
    if (png_get_rowbytes(png, info) * height / DEFLATE_RATIO > size) {
        message_set(message, "the file is too short for its picture");
        goto done;
    }
    transform(png, info);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t channels = png_get_channels(png, info), stride = png_get_rowbytes(png, info);
    if ((channels != 1 && channels != 3) || stride != width * channels) png_error(png, "unknown kind of pixels");
    // Zeros, since an interlaced row is first read in part.
    pixels = calloc(height, stride);
    rows = malloc(height * sizeof *rows);
    if (!pixels || !rows) {
        message_set(message, "out of memory");
        status = MARTLET_IMAGE_OUT_OF_MEMORY;
        goto done;
    }
    for (size_t y = 0; y < height; y++) rows[y] = pixels + y * stride;
    png_read_image(png, rows);
    png_read_end(png, info);

    int orientation = 1;
    png_bytep exif = NULL;
    png_uint_32 exif_size = 0;
    if (png_get_eXIf_1(png, info, &exif_size, &exif)) orientation = martlet_exif_orientation(exif, exif_size);
    *image = (martlet_image){pixels, width, height, channels, orientation};
    pixels = NULL;
    status = MARTLET_IMAGE_OK;

done:
    png_destroy_read_struct(&png, &info, NULL);
    free(pixels);
    free(rows);
    return status;
}

martlet_image_status martlet_png_encode(const uint8_t *pixels, size_t width, size_t height, size_t channels, uint8_t **data,
                                        size_t *size, char message[MARTLET_IMAGE_MESSAGE_SIZE]) {
    sink into = {NULL, 0, 0};
    volatile martlet_image_status status = MARTLET_IMAGE_DAMAGED;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, message, fail, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_write_struct(&png, NULL);
        message_set(message, "out of memory");
        return MARTLET_IMAGE_OUT_OF_MEMORY;
    }
    if (setjmp(png_jmpbuf(png))) goto done;
    png_set_write_fn(png, &into, write_bytes, flush_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < height; y++) png_write_row(png, pixels + y * width * channels);
    png_write_end(png, info);
    *data = into.data;
    *size = into.size;
    into.data = NULL;
    status = MARTLET_IMAGE_OK;

done:
    png_destroy_write_struct(&png, &info);
    free(into.data);
    return status;
}
