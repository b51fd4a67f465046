#include "CMartletImage.h"
#include "Message.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/// A progressive file may repeat scans without end; none in earnest has nearly as many.
enum { SCAN_LIMIT = 200 };

typedef struct {
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char *message;
} error_state;

_Noreturn static void fail(j_common_ptr info) {
    error_state *state = (error_state *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    message_set(state->message, text);
    longjmp(state->escape, 1);
}

/// Warnings (negative levels) are let pass, as most viewers do, but for the end of the data before that of the picture.
static void warn(j_common_ptr info, int level) {
    if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) fail(info);
}

static void silence(j_common_ptr info) { (void)info; }

static void watch(j_common_ptr info) {
    j_decompress_ptr decoder = (j_decompress_ptr)info;
    if (decoder->input_scan_number > SCAN_LIMIT) {
        error_state *state = (error_state *)info->err;
        message_set(state->message, "too many scans");
        longjmp(state->escape, 1);
    }
}

static int orientation_of(j_decompress_ptr info) {
    static const uint8_t prefix[6] = {'E', 'x', 'i', 'f', 0, 0};
    for (jpeg_saved_marker_ptr marker = info->marker_list; marker; marker = marker->next) {
        if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 && !memcmp(marker->data, prefix, 6))
            return martlet_exif_orientation(marker->data + 6, marker->data_length - 6);
    }
    return 1;
}

static uint8_t multiply(unsigned a, unsigned b) {
    unsigned product = a * b + 128;
    return (uint8_t)((product + (product >> 8)) >> 8);
}

/// Turns a row of CMYK, inverted as Adobe's programs write it, into RGB within the same memory.
static void row_from_cmyk(uint8_t *row, size_t width) {
    for (size_t x = 0; x < width; x++) {
        unsigned light = row[4 * x + 3];
        for (int channel = 0; channel < 3; channel++) {
            int value = (int)light - multiply(255u - row[4 * x + channel], light);
            row[3 * x + channel] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

/// Whether so few bytes can hold the picture at all: Huffman coding spends at least a bit on each block of 8 x 8.
static int may_hold(j_decompress_ptr info, size_t size) {
    size_t blocks = ((size_t)info->image_width / 8) * (info->image_height / 8);
    return info->arith_code || size >= blocks / 8;
}

martlet_image_status martlet_jpeg_decode(const uint8_t *data, size_t size, size_t pixel_limit, martlet_image *image,
                                         char message[MARTLET_IMAGE_MESSAGE_SIZE]) {
    struct jpeg_decompress_struct info;
    error_state state = {.message = message};
    uint8_t *volatile pixels = NULL;
    uint8_t *volatile scratch = NULL;
    volatile martlet_image_status status = MARTLET_IMAGE_DAMAGED;

    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&state.manager);
    state.manager.error_exit = fail;
    state.manager.emit_message = warn;
    state.manager.output_message = silence;
    if (setjmp(state.escape)) goto done;
    jpeg_create_decompress(&info);
    state.progress.progress_monitor = watch;
    info.progress = &state.progress;
    jpeg_mem_src(&info, data, size);
    jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&info, TRUE);

    size_t width = info.image_width, height = info.image_height;
    if (!width || !height || width > pixel_limit / height) {
        message_set_extent(message, width, height);
        status = MARTLET_IMAGE_TOO_LARGE;
        goto done;
    }
    if (!may_hold(&info, size)) {
        message_set(message, "the file is too short for its picture");
        goto done;
    }
    int is_cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    int is_grey = info.jpeg_color_space == JCS_GRAYSCALE;
    info.out_color_space = is_cmyk ? JCS_CMYK : is_grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&info);
    size_t channels = is_grey ? 1 : 3;
    pixels = malloc(width * height * channels);
    scratch = malloc(width * 4);
    if (!pixels || !scratch) {
        message_set(message, "out of memory");
        status = MARTLET_IMAGE_OUT_OF_MEMORY;
        goto done;
    }
    while (info.output_scanline < info.output_height) {
        uint8_t *target = pixels + (size_t)info.output_scanline * width * channels;
        JSAMPROW row = is_cmyk ? scratch : target;
        jpeg_read_scanlines(&info, &row, 1);
        if (is_cmyk) {
            row_from_cmyk(scratch, width);
            memcpy(target, scratch, width * 3);
        }
    }
    int orientation = orientation_of(&info);
    jpeg_finish_decompress(&info);
    *image = (martlet_image){pixels, width, height, channels, orientation};
    pixels = NULL;
    status = MARTLET_IMAGE_OK;

done:
    jpeg_destroy_decompress(&info);
    free(pixels);
    free(scratch);
    return status;
}
