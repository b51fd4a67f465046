// Blocks of neighbouring windows of a row, taken at once by CPU-like devices.
//
// BLOCK  the windows of a block: 1, 4, 8, or 16 where SX is 1, or 2 with DX 1. The last block of a row may overlap the one
//        before: it stores the same again.
#include "Pooling.cl"
#ifndef BLOCK
#define BLOCK 1
#endif

#if BLOCK > 1
typedef PASTE(float, BLOCK) floats;
typedef PASTE(int, BLOCK) ints;
#define LOAD_BLOCK PASTE(vload, BLOCK)
#define STORE_BLOCK PASTE(vstore, BLOCK)
// Of a result: STREAMED where it is too large to stay in the caches.
#if STREAMED && BLOCK == 16
#define PUT_BLOCK(v, p) stream(v, p)
#define PUT_POSITIONS(v, p) stream(as_float16(v), (global float *)(p))
#else
#define PUT_BLOCK(v, p) STORE_BLOCK(v, 0, p)
#define PUT_POSITIONS(v, p) STORE_BLOCK(v, 0, p)
#endif
// Pairs of elements, and those looked ahead for.
#define LOAD_PAIRS(a, b, p)                                         \
    LOOK_AHEAD(p);                                                  \
    LOOK_AHEAD((p) + BLOCK);                                        \
    const floats a = LOAD_BLOCK(0, p), b = LOAD_BLOCK(1, p)
// Of pairs that lie one after the other, the first ones and the second ones.
#define EVEN(a, b) (floats)((a).even, (b).even)
#define ODD(a, b) (floats)((a).odd, (b).odd)

INLINE ints block_positions(void) {
#if BLOCK == 16
    return SX * (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif BLOCK == 8
    return SX * (int8)(0, 1, 2, 3, 4, 5, 6, 7);
#else
    return SX * (int4)(0, 1, 2, 3);
#endif
}
#endif
