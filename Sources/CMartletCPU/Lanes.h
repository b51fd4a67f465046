#ifndef MARTLET_LANES_H
#define MARTLET_LANES_H

#include <stddef.h>
#include <stdint.h>

// Functions so marked are compiled for several instruction sets; the loader picks one. Helpers they call must be inlined
// into each (`MARTLET_INLINE`) and take vectors by pointer, since their passing differs between instruction sets.
#if defined(__x86_64__)
#define MARTLET_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MARTLET_CLONES
#endif
#define MARTLET_INLINE static inline __attribute__((always_inline))
#define MARTLET_UNROLL _Pragma("clang loop unroll(full)")
// What addresses and counting cost is shared by four steps.
#define MARTLET_UNROLL_FOUR _Pragma("clang loop unroll_count(4)")

enum { lanes = 16 };

typedef float lane_vector __attribute__((vector_size(64)));
typedef int32_t lane_integers __attribute__((vector_size(64)));
typedef lane_vector loose_vector __attribute__((aligned(4), may_alias));
typedef lane_integers loose_integers __attribute__((aligned(4), may_alias));

#define LOAD(pointer) ((lane_vector)*(const loose_vector *)(pointer))
#define STORE(pointer, value) (*(loose_vector *)(pointer) = (value))

// Of two vectors, one behind the other.
#define EVEN_LANES(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD_LANES(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

MARTLET_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
MARTLET_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Loops over memory ask for what they will read soon, so many elements on where it lies in one piece: the processor's own
// look-ahead pauses with the reads, and keeps fewer of them under way. Asking for what is nobody's does no harm.
enum { looked_ahead = 1024 };

MARTLET_INLINE void look_ahead(const float *reading, int64_t distance) {
    __builtin_prefetch((const void *)((uintptr_t)reading + (uintptr_t)distance * sizeof(float)));
}

// Whether loops that only read should look ahead. AMD's processors keep more reads under way by themselves than beside what is
// asked for.
extern int martlet_asks_for_reads;

// A case for each number of rows that a register tile has, so that it is a constant there.
#define MARTLET_ROWS_3(CASE) CASE(1) CASE(2) CASE(3)
#define MARTLET_ROWS_6(CASE) MARTLET_ROWS_3(CASE) CASE(4) CASE(5) CASE(6)
#define MARTLET_ROWS_7(CASE) MARTLET_ROWS_6(CASE) CASE(7)
#define MARTLET_ROWS_14(CASE) MARTLET_ROWS_7(CASE) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)

// The sum of the lanes, by halves.
MARTLET_INLINE float lane_sum(const lane_vector *x) {
    typedef float eight __attribute__((vector_size(32)));
    typedef float four __attribute__((vector_size(16)));
    eight a = __builtin_shufflevector(*x, *x, 0, 1, 2, 3, 4, 5, 6, 7)
              + __builtin_shufflevector(*x, *x, 8, 9, 10, 11, 12, 13, 14, 15);
    four b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

#endif
