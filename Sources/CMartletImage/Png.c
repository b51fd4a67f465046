#include "Reader.h"

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
    martlet_picture picture;
    png_structp png;
    png_infop info;
    source from;
    uint8_t *pixels;
    png_bytep *rows;
    martlet_image_status status;
} png_picture;

_Noreturn static void fail(png_structp png, png_const_charp text) {
    message_set(png_get_error_ptr(png), text);
    png_longjmp(png, 1);
}

_Noreturn static void leave(png_picture *file, const char *text, martlet_image_status status) {
    file->status = status;
    png_error(file->png, text);
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

/// Asks for 8-bit grey or RGB, whatever is stored: palettes looked up, small greys spread over 0...255, the high byte of 16-bit
/// values, transparency dropped.
static void transform(png_structp png, png_infop info) {
    int type = png_get_color_type(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_bit_depth(png, info) == 16) png_set_strip_16(png);
    png_set_strip_alpha(png);
}

static size_t big_endian(const uint8_t *bytes) {
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/// What the chunks beside the pixels say: the orientation, which may stand anywhere, and the frames of an animation.
static void survey(const uint8_t *data, size_t size, int *orientation, size_t *frames) {
    enum { signature = 8, around = 12 };
    *orientation = 1;
    *frames = 1;
    for (size_t at = signature; size >= around && at <= size - around;) {
        const uint8_t *chunk = data + at;
        size_t length = big_endian(chunk);
        if (length > size - around - at) return;
        if (!memcmp(chunk + 4, "eXIf", 4)) *orientation = martlet_exif_orientation(chunk + 8, length);
        if (!memcmp(chunk + 4, "acTL", 4) && length >= 4) *frames = big_endian(chunk + 8);
        at += around + length;
    }
}

static void png_close(martlet_picture *picture) {
    png_picture *file = (png_picture *)picture;
    png_destroy_read_struct(&file->png, &file->info, NULL);
    free(file->pixels);
    free(file->rows);
    free(file);
}

static martlet_image_status png_read(martlet_picture *picture, unsigned reduction, martlet_region region, uint8_t *target,
                                     char *message) {
    png_picture *file = (png_picture *)picture;
    size_t width = picture->info.width, height = picture->info.height, channels = picture->info.channels;
    png_set_error_fn(file->png, message, fail, ignore);
    file->status = MARTLET_IMAGE_DAMAGED;
    if (setjmp(png_jmpbuf(file->png))) return file->status;
    if (reduction != 1 || region.left + region.width > width || region.top + region.height > height)
        png_error(file->png, "a part reaches beyond the picture");
    size_t stride = width * channels, row_size = region.width * channels;
    int is_whole = region.width == width && region.height == height;
    int is_interlaced = png_get_interlace_type(file->png, file->info) != PNG_INTERLACE_NONE;
    // Every row where a later pass goes over it again, else one.
    size_t kept = is_whole ? 0 : is_interlaced ? height : 1;
    file->pixels = kept ? calloc(kept, stride) : NULL;
    file->rows = malloc(height * sizeof *file->rows);
    if (!file->rows || (kept && !file->pixels)) leave(file, "out of memory", MARTLET_IMAGE_OUT_OF_MEMORY);
    if (is_whole || is_interlaced) {
        // Zeros, since an interlaced row is first read in part.
        if (is_whole && is_interlaced) memset(target, 0, stride * height);
        for (size_t y = 0; y < height; y++) file->rows[y] = (is_whole ? target : file->pixels) + y * stride;
        png_read_image(file->png, file->rows);
        png_read_end(file->png, NULL);
        if (is_whole) return MARTLET_IMAGE_OK;
        for (size_t y = 0; y < region.height; y++)
            memcpy(target + y * row_size, file->rows[region.top + y] + region.left * channels, row_size);
        return MARTLET_IMAGE_OK;
    }
    for (size_t y = 0; y < region.top + region.height; y++) {
        png_read_row(file->png, file->pixels, NULL);
        if (y >= region.top) memcpy(target + (y - region.top) * row_size, file->pixels + region.left * channels, row_size);
    }
    return MARTLET_IMAGE_OK;
}

martlet_image_status martlet_png_open(const uint8_t *data, size_t size, size_t pixel_limit, martlet_picture **picture,
                                      martlet_picture_info *result, char message[MARTLET_IMAGE_MESSAGE_SIZE]) {
    png_picture *file = calloc(1, sizeof *file);
    if (file) file->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, fail, ignore);
    if (file && file->png) file->info = png_create_info_struct(file->png);
    if (!file || !file->info) {
        if (file) png_close(&file->picture);
        message_set(message, "out of memory");
        return MARTLET_IMAGE_OUT_OF_MEMORY;
    }
    file->from = (source){data, size, 0};
    file->status = MARTLET_IMAGE_DAMAGED;
    if (setjmp(png_jmpbuf(file->png))) {
        martlet_image_status status = file->status;
        png_close(&file->picture);
        return status;
    }
    png_set_read_fn(file->png, &file->from, read_bytes);
    // Our own bound on the area follows; these are the format's.
    png_set_user_limits(file->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Texts and colour profiles, which may inflate to much, are of no use here.
    png_set_keep_unknown_chunks(file->png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)"iCCP\0iTXt\0zTXt\0tEXt\0sPLT", 5);
    png_read_info(file->png, file->info);

    size_t width = png_get_image_width(file->png, file->info), height = png_get_image_height(file->png, file->info);
    if (width > pixel_limit / height) {
        char text[MARTLET_IMAGE_MESSAGE_SIZE];
        message_set_extent(text, width, height);
        leave(file, text, MARTLET_IMAGE_TOO_LARGE);
    }
    if (png_get_rowbytes(file->png, file->info) * height / DEFLATE_RATIO > size)
        png_error(file->png, "the file is too short for its picture");
    int orientation;
    size_t frames;
    survey(data, size, &orientation, &frames);
    if (frames > 1) {
        char text[64];
        snprintf(text, sizeof text, "an animation of %zu frames", frames);
        leave(file, text, MARTLET_IMAGE_UNSUPPORTED);
    }
    transform(file->png, file->info);
    png_set_interlace_handling(file->png);
    png_read_update_info(file->png, file->info);
    size_t channels = png_get_channels(file->png, file->info);
    if ((channels != 1 && channels != 3) || png_get_rowbytes(file->png, file->info) != width * channels)
        png_error(file->png, "unknown kind of pixels");
    file->picture = (martlet_picture){{width, height, channels, orientation, 0}, png_read, png_close};
    *result = file->picture.info;
    *picture = &file->picture;
    return MARTLET_IMAGE_OK;
}
