#include "MatmulDot.h"

#include <string.h>

#include "Transpose.h"

static int is_wide(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("x86-64-v4");
#else
    return 0;
#endif
}

int64_t martlet_dot_height(void) { return is_wide() ? 8 : 4; }

int64_t martlet_dot_width(int64_t rows) {
    static const int64_t wide[martlet_dot_most_rows + 1] = {0, 8, 8, 8, 6, 5, 4, 3, 3}, narrow[5] = {0, 4, 2, 1, 1};
    return is_wide() ? wide[rows] : narrow[rows];
}

#define FOLD(x, y, low, high) (__builtin_shufflevector(x, y, low) + __builtin_shufflevector(x, y, high))

// Lane i of the result is the sum of the lanes of vector i.
MARTLET_INLINE void sum_lanes(const lane_vector v[lanes], float *sums) {
    lane_vector a[8], b[4], c[2];
    MARTLET_UNROLL for (int i = 0; i < 8; i++) a[i] = FOLD(v[2 * i], v[2 * i + 1], LOW1, HIGH1);
    MARTLET_UNROLL for (int i = 0; i < 4; i++) b[i] = FOLD(a[2 * i], a[2 * i + 1], LOW2, HIGH2);
    MARTLET_UNROLL for (int i = 0; i < 2; i++) c[i] = FOLD(b[2 * i], b[2 * i + 1], LOW4, HIGH4);
    STORE(sums, FOLD(c[0], c[1], LOW8, HIGH8));
}

enum { most_sums = 32 };

MARTLET_INLINE void multiply_dots(const int rows, const int columns, int64_t depth, const float *const *left,
                                  const float *const *right, float *sums) {
    lane_vector sum[most_sums];
    const float *a[martlet_dot_most_rows], *b[martlet_dot_most_columns];
    MARTLET_UNROLL for (int i = 0; i < rows * columns; i++) sum[i] = (lane_vector){0};
    MARTLET_UNROLL for (int i = 0; i < rows; i++) a[i] = left[i];
    MARTLET_UNROLL for (int j = 0; j < columns; j++) b[j] = right[j];
    int64_t p = 0;
    for (; p + lanes <= depth; p += lanes) {
        __asm__ volatile("" ::: "memory");
        if (rows <= columns) {
            lane_vector x[martlet_dot_most_rows];
            MARTLET_UNROLL for (int i = 0; i < rows; i++) x[i] = LOAD(a[i] + p);
            MARTLET_UNROLL for (int j = 0; j < columns; j++) {
                lane_vector y = LOAD(b[j] + p);
                MARTLET_UNROLL for (int i = 0; i < rows; i++) sum[i * columns + j] += x[i] * y;
            }
        } else {
            lane_vector y[martlet_dot_most_columns];
            MARTLET_UNROLL for (int j = 0; j < columns; j++) y[j] = LOAD(b[j] + p);
            MARTLET_UNROLL for (int i = 0; i < rows; i++) {
                lane_vector x = LOAD(a[i] + p);
                MARTLET_UNROLL for (int j = 0; j < columns; j++) sum[i * columns + j] += x * y[j];
            }
        }
    }
    if (p < depth) {
        size_t rest = (size_t)(depth - p) * sizeof(float);
        lane_vector y[martlet_dot_most_columns];
        for (int j = 0; j < columns; j++) {
            y[j] = (lane_vector){0};
            memcpy(&y[j], b[j] + p, rest);
        }
        MARTLET_UNROLL for (int i = 0; i < rows; i++) {
            lane_vector x = {0};
            memcpy(&x, a[i] + p, rest);
            MARTLET_UNROLL for (int j = 0; j < columns; j++) sum[i * columns + j] += x * y[j];
        }
    }
    MARTLET_UNROLL for (int i = rows * columns; i < most_sums; i++) sum[i] = (lane_vector){0};
    sum_lanes(sum, sums);
    if (rows * columns > lanes) sum_lanes(sum + lanes, sums + lanes);
}

#define DOT(rows, columns) case rows: multiply_dots(rows, columns, depth, left, right, sums); break;

MARTLET_CLONES
static void multiply_wide(int64_t rows, int64_t depth, const float *const *left, const float *const *right, float *sums) {
    switch (rows) { DOT(1, 8) DOT(2, 8) DOT(3, 8) DOT(4, 6) DOT(5, 5) DOT(6, 4) DOT(7, 3) DOT(8, 3) default: break; }
}

MARTLET_CLONES
static void multiply_narrow(int64_t rows, int64_t depth, const float *const *left, const float *const *right, float *sums) {
    switch (rows) { DOT(1, 4) DOT(2, 2) DOT(3, 1) DOT(4, 1) default: break; }
}

void martlet_dot_multiply(int64_t rows, int64_t depth, const float *const *left, const float *const *right, float *sums) {
    if (is_wide()) multiply_wide(rows, depth, left, right, sums);
    else multiply_narrow(rows, depth, left, right, sums);
}
