#include "Normalization.h"

#include "Moments.h"
#include "Stream.h"

int64_t martlet_norm_pieces(const martlet_norm *g) { return larger(1, (g->positions + moment_piece - 1) / moment_piece); }

int64_t martlet_norm_statistics(const martlet_norm *g) { return g->groups ? g->samples * g->groups : g->channels; }

typedef struct { int64_t plane, offset, count, channel, statistic; } norm_item;

MARTLET_INLINE norm_item find_item(const martlet_norm *g, int64_t pieces, int64_t item) {
    int64_t plane = item / pieces, start = item % pieces * moment_piece;
    return (norm_item){plane, plane * g->positions + start, smaller(moment_piece, g->positions - start), plane % g->channels,
                       g->groups ? plane / (g->channels / g->groups) : plane % g->channels};
}

// The planes of a statistic: `count` of them from `first`, `step` apart.
typedef struct { int64_t first, step, count; } norm_planes;

MARTLET_INLINE norm_planes find_planes(const martlet_norm *g, int64_t statistic) {
    if (!g->groups) return (norm_planes){statistic, g->channels, g->samples};
    int64_t channels = g->channels / g->groups;
    return (norm_planes){statistic * channels, 1, channels};
}

// The item `next` will be wanted after this one.
MARTLET_INLINE void item_moments(const martlet_norm *g, int64_t pieces, int64_t i, int64_t next, const float *x,
                                 float *partial) {
    norm_item item = find_item(g, pieces, i);
    const float *limit = x + g->samples * g->channels * g->positions;
    int64_t distance = find_item(g, pieces, next).offset - item.offset;
    piece_moments(x + item.offset, item.count, limit, distance, &partial[2 * i], &partial[2 * i + 1]);
}

MARTLET_CLONES
void martlet_norm_moments(const martlet_norm *g, const float *x, float *partial, int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t i = begin; i < end; i++) item_moments(g, pieces, i, i + 1, x, partial);
}

void martlet_norm_combine(const martlet_norm *g, const float *partial, float epsilon, float *mean, float *inverse,
                          int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t j = begin; j < end; j++) {
        norm_planes planes = find_planes(g, j);
        double sum = 0, squares = 0, all = (double)(planes.count * g->positions);
        for (int64_t p = 0; p < planes.count; p++)
            for (int64_t k = 0; k < pieces; k++) {
                int64_t i = (planes.first + p * planes.step) * pieces + k;
                sum += partial[2 * i] * (double)smaller(moment_piece, g->positions - k * moment_piece);
            }
        double m = sum / all;
        for (int64_t p = 0; p < planes.count; p++)
            for (int64_t k = 0; k < pieces; k++) {
                int64_t i = (planes.first + p * planes.step) * pieces + k;
                double distance = partial[2 * i] - m;
                squares += partial[2 * i + 1]
                           + distance * distance * (double)smaller(moment_piece, g->positions - k * moment_piece);
            }
        mean[j] = (float)m;
        inverse[j] = (float)(1 / sqrt(squares / all + epsilon));
    }
}

MARTLET_INLINE void item_apply(const martlet_norm *g, int64_t pieces, int64_t i, const float *x, const float *scale,
                               const float *shift, const float *mean, const float *inverse, float *y, int32_t streamed) {
    norm_item item = find_item(g, pieces, i);
    float m = mean[item.statistic], a = inverse[item.statistic] * (scale ? scale[item.channel] : 1);
    float b = shift ? shift[item.channel] : 0;
    const float *in = x + item.offset;
    float *out = y + item.offset;
#define VALUE(AT) ((AT(in) - m) * a + b)
    if (streamed) EACH_STREAMED(out, item.count, VALUE);
    else EACH_STORED(out, item.count, VALUE);
#undef VALUE
}

MARTLET_CLONES
void martlet_norm_apply(const martlet_norm *g, const float *x, const float *scale, const float *shift, const float *mean,
                        const float *inverse, float *y, int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t i = begin; i < end; i++) item_apply(g, pieces, i, x, scale, shift, mean, inverse, y, 0);
}

MARTLET_CLONES
void martlet_norm_statistic(const martlet_norm *g, const float *x, const float *scale, const float *shift, float epsilon,
                            float *partial, float *y, float *mean, float *inverse, int32_t streamed, int64_t begin,
                            int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t j = begin; j < end; j++) {
        norm_planes planes = find_planes(g, j);
        for (int64_t p = 0; p < planes.count; p++)
            for (int64_t k = 0; k < pieces; k++) {
                int64_t i = (planes.first + p * planes.step) * pieces + k;
                item_moments(g, pieces, i, k + 1 < pieces ? i + 1 : (planes.first + (p + 1) * planes.step) * pieces, x, partial);
            }
        martlet_norm_combine(g, partial, epsilon, mean, inverse, j, j + 1);
        for (int64_t p = 0; p < planes.count; p++)
            for (int64_t k = 0; k < pieces; k++)
                item_apply(g, pieces, (planes.first + p * planes.step) * pieces + k, x, scale, shift, mean, inverse, y, streamed);
    }
    if (streamed) stream_end();
}

MARTLET_INLINE void item_sums(const martlet_norm *g, int64_t pieces, int64_t i, const float *dy, const float *x,
                              const float *mean, const float *inverse, float *partial) {
    norm_item item = find_item(g, pieces, i);
    int64_t all = g->samples * g->channels * g->positions;
    gradient_sums(dy + item.offset, x + item.offset, NULL, item.count, all - item.offset, mean[item.statistic],
                  inverse[item.statistic], &partial[2 * i], &partial[2 * i + 1]);
}

MARTLET_CLONES
void martlet_norm_gradient_sums(const martlet_norm *g, const float *dy, const float *x, const float *mean, const float *inverse,
                                float *partial, int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t i = begin; i < end; i++) item_sums(g, pieces, i, dy, x, mean, inverse, partial);
}

void martlet_norm_gradient_channels(const martlet_norm *g, const float *partial, float *scale_gradient, float *shift_gradient,
                                    int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t c = begin; c < end; c++) {
        double plain = 0, weighted = 0;
        for (int64_t n = 0; n < g->samples; n++)
            for (int64_t i = (n * g->channels + c) * pieces; i < (n * g->channels + c + 1) * pieces; i++) {
                plain += partial[2 * i];
                weighted += partial[2 * i + 1];
            }
        shift_gradient[c] = (float)plain;
        scale_gradient[c] = (float)weighted;
    }
}

void martlet_norm_gradient_combine(const martlet_norm *g, const float *partial, const float *scale, float *sums,
                                   int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t j = begin; j < end; j++) {
        norm_planes planes = find_planes(g, j);
        double plain = 0, weighted = 0, all = (double)(planes.count * g->positions);
        for (int64_t p = 0; p < planes.count; p++) {
            int64_t plane = planes.first + p * planes.step;
            double factor = scale ? scale[plane % g->channels] : 1;
            for (int64_t i = plane * pieces; i < (plane + 1) * pieces; i++) {
                plain += factor * partial[2 * i];
                weighted += factor * partial[2 * i + 1];
            }
        }
        sums[2 * j] = (float)(plain / all);
        sums[2 * j + 1] = (float)(weighted / all);
    }
}

MARTLET_INLINE void item_gradient(const martlet_norm *g, int64_t pieces, int64_t i, const float *dy, const float *x,
                                  const float *scale, const float *mean, const float *inverse, const float *sums, float *dx,
                                  int32_t streamed) {
    norm_item item = find_item(g, pieces, i);
    float m = mean[item.statistic], a = inverse[item.statistic], s = scale ? scale[item.channel] : 1;
    float plain = sums[2 * item.statistic], weighted = sums[2 * item.statistic + 1] * a;
    const float *in = x + item.offset, *gradient = dy + item.offset;
    float *out = dx + item.offset;
#define VALUE(AT) ((AT(gradient) * s - plain - (AT(in) - m) * weighted) * a)
    if (streamed) EACH_STREAMED(out, item.count, VALUE);
    else EACH_STORED(out, item.count, VALUE);
#undef VALUE
}

MARTLET_CLONES
void martlet_norm_gradient_apply(const martlet_norm *g, const float *dy, const float *x, const float *scale, const float *mean,
                                 const float *inverse, const float *sums, float *dx, int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t i = begin; i < end; i++) item_gradient(g, pieces, i, dy, x, scale, mean, inverse, sums, dx, 0);
}

MARTLET_CLONES
void martlet_norm_gradient_statistic(const martlet_norm *g, const float *dy, const float *x, const float *scale,
                                     const float *mean, const float *inverse, float *partial, float *sums, float *dx,
                                     int32_t streamed, int64_t begin, int64_t end) {
    int64_t pieces = martlet_norm_pieces(g);
    for (int64_t j = begin; j < end; j++) {
        norm_planes planes = find_planes(g, j);
        for (int64_t p = 0; p < planes.count; p++)
            for (int64_t k = 0; k < pieces; k++)
                item_sums(g, pieces, (planes.first + p * planes.step) * pieces + k, dy, x, mean, inverse, partial);
        martlet_norm_gradient_combine(g, partial, scale, sums, j, j + 1);
        for (int64_t p = 0; p < planes.count; p++)
            for (int64_t k = 0; k < pieces; k++)
                item_gradient(g, pieces, (planes.first + p * planes.step) * pieces + k, dy, x, scale, mean, inverse, sums, dx,
                              streamed);
    }
    if (streamed) stream_end();
}
