#ifndef MARTLET_STREAM_H
#define MARTLET_STREAM_H

#include <stdint.h>

#include "Lanes.h"

// Stores past the caches, of results too large to be found there by whoever reads them next: what is stored normally is read
// from memory first, line by line.

#define ONE(pointer) ((pointer)[i])
#define ALL(pointer) LOAD((pointer) + i)
#define ALL_AHEAD(pointer) (look_ahead((pointer) + i, looked_ahead), LOAD((pointer) + i))

// out[i] = VALUE(ONE) for i < n. VALUE(AT) is an expression of AT(a), AT(b)...: element i of the arrays, or the lanes from it.
#define EACH_STREAMED(out, n, VALUE)                                                                              \
    do {                                                                                                          \
        int64_t i = 0;                                                                                            \
        for (; i < (n) && (uintptr_t)((out) + i) % 64 != 0; i++) (out)[i] = VALUE(ONE);                           \
        for (; i + lanes <= (n); i += lanes)                                                                      \
            __builtin_nontemporal_store(VALUE(ALL_AHEAD), (lane_vector *)((out) + i));                            \
        for (; i < (n); i++) (out)[i] = VALUE(ONE);                                                               \
    } while (0)

// The same through the caches.
#define EACH_STORED(out, n, VALUE)                                          \
    do {                                                                    \
        int64_t i = 0;                                                      \
        for (; i + lanes <= (n); i += lanes) STORE((out) + i, VALUE(ALL));  \
        for (; i < (n); i++) (out)[i] = VALUE(ONE);                         \
    } while (0)

MARTLET_INLINE void stream_copy(const float *in, float *out, int64_t n) {
#define VALUE(AT) AT(in)
    EACH_STREAMED(out, n, VALUE);
#undef VALUE
}

// Makes what was streamed seen by other threads.
MARTLET_INLINE void stream_end(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

#endif
