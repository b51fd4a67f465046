#include "Reader.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

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

void martlet_bytes_free(uint8_t *data) { free(data); }

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
    int colors = channels == 1 ? PNG_COLOR_TYPE_GRAY : channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, colors, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
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
