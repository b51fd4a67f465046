#ifndef MARTLET_SOFTMAX_H
#define MARTLET_SOFTMAX_H

#include <stdint.h>

// All work on the rows in [begin, end) of matrices with n columns. `streamed` results are written past the caches.

void martlet_softmax(const float *x, float *y, int64_t n, int32_t logarithm, int32_t streamed, int64_t begin, int64_t end);
void martlet_softmax_gradient(const float *dy, const float *y, float *dx, int64_t n, int32_t logarithm, int32_t streamed,
                              int64_t begin, int64_t end);

typedef struct {
    int64_t classes;
    float smoothing;
    int32_t ignores;        // whether there is an ignored label
    int32_t ignored_label;
    const float *weights;   // of the classes, or null for 1
} martlet_cross_entropy_options;

void martlet_cross_entropy(const martlet_cross_entropy_options *options, const float *logits, const int32_t *labels,
                           float *losses, int64_t begin, int64_t end);
void martlet_cross_entropy_gradient(const martlet_cross_entropy_options *options, const float *losses_gradient,
                                    int64_t gradient_stride, const float *logits, const int32_t *labels, float *gradient,
                                    int32_t streamed, int64_t begin, int64_t end);

#endif
