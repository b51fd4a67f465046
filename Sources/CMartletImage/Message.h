#ifndef MARTLET_IMAGE_MESSAGE_H
#define MARTLET_IMAGE_MESSAGE_H

#include "CMartletImage.h"

#include <stdio.h>

static inline void message_set(char *message, const char *text) { snprintf(message, MARTLET_IMAGE_MESSAGE_SIZE, "%s", text); }

static inline void message_set_extent(char *message, size_t width, size_t height) {
    snprintf(message, MARTLET_IMAGE_MESSAGE_SIZE, "%zu x %zu pixels", width, height);
}

#endif
