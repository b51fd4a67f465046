#include "WinogradGradient.h"

// The sums of the weight gradient's products, turned into taps: a vector holds one product of 16 outputs.

MARTLET_INLINE void taps_of_sums(const int kernel, const int side, const float *sums, int64_t distance, float *to,
                                 int64_t tap_distance, lane_vector *check) {
    lane_vector x[most_products], half[most_kernel * most_side], y[most_kernel * most_kernel];
    MARTLET_UNROLL for (int i = 0; i < side * side; i++) x[i] = LOAD(sums + i * distance);
    MARTLET_UNROLL for (int j = 0; j < side; j++) transform_gradient(side, kernel, x + j, side, half + j, side);
    MARTLET_UNROLL for (int r = 0; r < kernel; r++) transform_gradient(side, kernel, half + r * side, 1, y + r * kernel, 1);
    MARTLET_UNROLL for (int i = 0; i < kernel * kernel; i++) {
        STORE(to + i * tap_distance, y[i]);
        *check += 0.0f * y[i];
    }
}

MARTLET_CLONES
int martlet_winograd_finish_taps(const martlet_winograd *w, int64_t channels, int64_t output_pitch, const float *sums,
                                 int64_t sum_distance, float *to) {
    lane_vector check = {0};
    int64_t tap_distance = w->channels * output_pitch;
    for (int64_t i = 0; i < channels * output_pitch; i += lanes) {
        if (w->kernel == 5) taps_of_sums(5, 6, sums + i, sum_distance, to + i, tap_distance, &check);
        else if (w->tile == 4) taps_of_sums(3, 6, sums + i, sum_distance, to + i, tap_distance, &check);
        else taps_of_sums(3, 4, sums + i, sum_distance, to + i, tap_distance, &check);
    }
    return lane_sum(&check) == 0;
}
