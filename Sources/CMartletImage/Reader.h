#ifndef MARTLET_READER_H
#define MARTLET_READER_H

#include "Picture.h"

#include <stdio.h>

/// What the pictures of each format begin with.
struct martlet_picture {
    martlet_picture_info info;
    martlet_image_status (*read)(martlet_picture *picture, unsigned reduction, martlet_region region, uint8_t *target, char *message);
    void (*close)(martlet_picture *picture);
};

static inline void message_set(char *message, const char *text) { snprintf(message, MARTLET_IMAGE_MESSAGE_SIZE, "%s", text); }

static inline void message_set_extent(char *message, size_t width, size_t height) {
    snprintf(message, 64, "%zu x %zu pixels", width, height);
}

#endif
