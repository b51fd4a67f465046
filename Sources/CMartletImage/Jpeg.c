#include "Reader.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
// Its codes depend on what the library was built with.
#include <jerror.h>

enum {
    /// A progressive file may repeat scans without end; none in earnest has nearly as many.
    SCAN_LIMIT = 100,
    /// What the decoder may take: all coefficients of the largest progressive picture.
    MEMORY_LIMIT = 1 << 30,
    /// Columns on either side of a part, so that smoothed colours come out as in the whole picture.
    MARGIN = 16,
};

typedef struct {
    martlet_picture picture;
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char *message;
    martlet_image_status status;
    uint8_t *row;
} jpeg_picture;

_Noreturn static void leave(jpeg_picture *jpeg, const char *text, martlet_image_status status) {
    message_set(jpeg->message, text);
    jpeg->status = status;
    longjmp(jpeg->escape, 1);
}

_Noreturn static void fail(j_common_ptr info) {
    char text[JMSG_LENGTH_MAX];
    int code = info->err->msg_code;
    info->err->format_message(info, text);
    leave(info->client_data, text,
          code == JERR_NO_BACKING_STORE || code == JERR_OUT_OF_MEMORY ? MARTLET_IMAGE_OUT_OF_MEMORY : MARTLET_IMAGE_DAMAGED);
}

/// Warnings (negative levels) that the picture is not as it was are errors; others, such as bytes between its parts, are let pass.
static void warn(j_common_ptr info, int level) {
    int code = info->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HUFF_BAD_CODE || code == JWRN_HIT_MARKER || code == JWRN_MUST_RESYNC
                      || code == JWRN_ARITH_BAD_CODE))
        fail(info);
}

static void silence(j_common_ptr info) { (void)info; }

static void watch(j_common_ptr info) {
    if (((j_decompress_ptr)info)->input_scan_number > SCAN_LIMIT) leave(info->client_data, "too many scans", MARTLET_IMAGE_DAMAGED);
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

/// Turns a row of CMYK, inverted as Adobe's programs write it, into RGB.
static void row_from_cmyk(const uint8_t *row, size_t width, uint8_t *target) {
    for (size_t x = 0; x < width; x++) {
        unsigned light = row[4 * x + 3];
        for (int channel = 0; channel < 3; channel++) {
            int value = (int)light - multiply(255u - row[4 * x + channel], light);
            target[3 * x + channel] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

/// Whether so few bytes can hold the picture at all: Huffman coding spends at least a bit on each block of 8 x 8.
static int may_hold(j_decompress_ptr info, size_t size) {
    size_t blocks = ((size_t)info->image_width / 8) * (info->image_height / 8);
    return info->arith_code || size >= blocks / 8;
}

static void jpeg_close(martlet_picture *picture) {
    jpeg_picture *jpeg = (jpeg_picture *)picture;
    jpeg_destroy_decompress(&jpeg->info);
    free(jpeg->row);
    free(jpeg);
}

static martlet_image_status jpeg_read(martlet_picture *picture, unsigned reduction, martlet_region region, uint8_t *target,
                                      char *message) {
    jpeg_picture *jpeg = (jpeg_picture *)picture;
    j_decompress_ptr info = &jpeg->info;
    jpeg->message = message;
    if (setjmp(jpeg->escape)) return jpeg->status;
    int is_cmyk = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    size_t channels = picture->info.channels;
    info->out_color_space = is_cmyk ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info->scale_num = 1;
    info->scale_denom = reduction;
    jpeg_start_decompress(info);
    if (region.left + region.width > info->output_width || region.top + region.height > info->output_height)
        leave(jpeg, "a part reaches beyond the picture", MARTLET_IMAGE_DAMAGED);

    JDIMENSION left = 0, width = info->output_width;
    if (region.width + 2 * MARGIN < width) {
        JDIMENSION end = (JDIMENSION)(region.left + region.width) + MARGIN;
        left = region.left > MARGIN ? (JDIMENSION)region.left - MARGIN : 0;
        width = (end < info->output_width ? end : info->output_width) - left;
        jpeg_crop_scanline(info, &left, &width);
    }
    size_t stride = is_cmyk ? 4 : channels, row_size = region.width * channels;
    jpeg->row = malloc(width * stride);
    if (!jpeg->row) leave(jpeg, "out of memory", MARTLET_IMAGE_OUT_OF_MEMORY);
    if (region.top > 0 && jpeg_skip_scanlines(info, (JDIMENSION)region.top) != region.top)
        leave(jpeg, "the picture ends too early", MARTLET_IMAGE_DAMAGED);
    const uint8_t *part = jpeg->row + (region.left - left) * stride;
    int is_direct = !is_cmyk && width == region.width;
    for (size_t y = 0; y < region.height; y++, target += row_size) {
        JSAMPROW row = is_direct ? target : jpeg->row;
        jpeg_read_scanlines(info, &row, 1);
        if (is_cmyk) row_from_cmyk(part, region.width, target);
        else if (!is_direct) memcpy(target, part, row_size);
    }
    if (info->output_scanline == info->output_height) jpeg_finish_decompress(info);
    return MARTLET_IMAGE_OK;
}

martlet_image_status martlet_jpeg_open(const uint8_t *data, size_t size, size_t pixel_limit, martlet_picture **picture,
                                       martlet_picture_info *result, char message[MARTLET_IMAGE_MESSAGE_SIZE]) {
    jpeg_picture *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg) {
        message_set(message, "out of memory");
        return MARTLET_IMAGE_OUT_OF_MEMORY;
    }
    j_decompress_ptr info = &jpeg->info;
    jpeg->message = message;
    info->err = jpeg_std_error(&jpeg->manager);
    jpeg->manager.error_exit = fail;
    jpeg->manager.emit_message = warn;
    jpeg->manager.output_message = silence;
    info->client_data = jpeg;
    if (setjmp(jpeg->escape)) {
        martlet_image_status status = jpeg->status;
        jpeg_close(&jpeg->picture);
        return status;
    }
    jpeg_create_decompress(info);
    info->mem->max_memory_to_use = MEMORY_LIMIT;
    jpeg->progress.progress_monitor = watch;
    info->progress = &jpeg->progress;
    jpeg_mem_src(info, data, size);
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(info, TRUE);

    size_t width = info->image_width, height = info->image_height;
    if (!width || !height || width > pixel_limit / height) {
        char text[64];
        message_set_extent(text, width, height);
        leave(jpeg, text, MARTLET_IMAGE_TOO_LARGE);
    }
    if (!may_hold(info, size)) leave(jpeg, "the file is too short for its picture", MARTLET_IMAGE_DAMAGED);
    size_t channels = info->jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
    jpeg->picture = (martlet_picture){{width, height, channels, orientation_of(info), 1}, jpeg_read, jpeg_close};
    *result = jpeg->picture.info;
    *picture = &jpeg->picture;
    return MARTLET_IMAGE_OK;
}
