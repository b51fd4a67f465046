#include "Softmax.h"

#include "Rows.h"
#include "Stream.h"

// Rows up to this long are computed in a buffer, from where large results go past the caches.
enum { longest_row = 8192 };

// e^(x - maximum) of a row into `out`; the sum.
MARTLET_INLINE float row_exponentials(const float *in, int64_t n, const float *limit, float maximum, float *out,
                                      const float *out_limit) {
    lane_vector sum = {0}, v, e;
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        v = LOAD(in + i) - maximum;
        look_ahead(in + i, n);
        exponentials_below(&v, &e);
        STORE(out + i, e);
        sum += e;
    }
    if (i < n) {
        load_part(in + i, n - i, limit, -INFINITY, &v);
        v -= maximum;
        exponentials_below(&v, &e);
        store_part(out + i, n - i, out_limit, &e);
        keep_part(n - i, &e);
        sum += e;
    }
    return lane_sum(&sum);
}

MARTLET_CLONES
void martlet_softmax(const float *x, float *y, int64_t n, int32_t logarithm, int32_t streamed, int64_t begin, int64_t end) {
    const float *limit = x + end * n, *out_limit = y + end * n;
    float row_buffer[longest_row + lanes];
    streamed = streamed && n > lanes && n <= longest_row;
    for (int64_t row = begin; row < end; row++) {
        const float *in = x + row * n;
        float *out = y + row * n, maximum = row_maximum(in, n, limit);
        if (n <= lanes && !logarithm) {
            lane_vector v, e;
            load_part(in, n, limit, -INFINITY, &v);
            v -= maximum;
            exponentials_below(&v, &e);
            keep_part(n, &e);
            e *= 1 / lane_sum(&e);
            store_part(out, n, out_limit, &e);
            continue;
        }
        float *kept = streamed ? row_buffer : out;
        if (logarithm) {
            float rest = logf(exponential_sum(in, n, limit, maximum));
#define VALUE(AT) (AT(in) - maximum - rest)
            if (streamed) EACH_STREAMED(out, n, VALUE);
            else EACH_STORED(out, n, VALUE);
#undef VALUE
        } else {
            float scale = 1 / row_exponentials(in, n, limit, maximum, kept, streamed ? kept + n + lanes : out_limit);
#define VALUE(AT) (AT(kept) * scale)
            if (streamed) EACH_STREAMED(out, n, VALUE);
            else EACH_STORED(out, n, VALUE);
#undef VALUE
        }
    }
    if (streamed) stream_end();
}

MARTLET_CLONES
void martlet_softmax_gradient(const float *dy, const float *y, float *dx, int64_t n, int32_t logarithm, int32_t streamed,
                              int64_t begin, int64_t end) {
    const float *limit = y + end * n, *g_limit = dy + end * n, *out_limit = dx + end * n;
    for (int64_t row = begin; row < end; row++) {
        const float *g = dy + row * n, *in = y + row * n;
        float *out = dx + row * n;
        lane_vector sum = {0};
        for (int64_t i = 0; i < n; i += lanes) {
            lane_vector a, b;
            load_part(g + i, n - i, g_limit, 0, &a);
            if (!logarithm) {
                load_part(in + i, n - i, limit, 0, &b);
                a *= b;
            }
            sum += a;
        }
        float total = lane_sum(&sum);
        if (logarithm) {
            for (int64_t i = 0; i < n; i += lanes) {
                lane_vector a, b, e;
                load_part(g + i, n - i, g_limit, 0, &a);
                load_part(in + i, n - i, limit, 0, &b);
                exponentials(&b, &e);
                a -= e * total;
                store_part(out + i, n - i, out_limit, &a);
            }
        } else {
#define VALUE(AT) (AT(in) * (AT(g) - total))
            if (streamed) EACH_STREAMED(out, n, VALUE);
            else EACH_STORED(out, n, VALUE);
#undef VALUE
        }
    }
    if (streamed) stream_end();
}

MARTLET_CLONES
void martlet_cross_entropy(const martlet_cross_entropy_options *options, const float *logits, const int32_t *labels,
                           float *losses, int64_t begin, int64_t end) {
    int64_t n = options->classes;
    const float *weights = options->weights, *limit = logits + end * n;
    for (int64_t row = begin; row < end; row++) {
        int32_t label = labels[row];
        if (options->ignores && label == options->ignored_label) { losses[row] = 0; continue; }
        if (label < 0 || label >= n) { losses[row] = NAN; continue; }
        const float *in = logits + row * n;
        float maximum = row_maximum(in, n, limit), rest = logf(exponential_sum(in, n, limit, maximum));
        float loss = (1 - options->smoothing) * (weights ? weights[label] : 1) * (rest - (in[label] - maximum));
        if (options->smoothing != 0) {
            lane_vector sum = {0};
            for (int64_t i = 0; i < n; i += lanes) {
                lane_vector x, w = (lane_vector){0} + 1;
                load_part(in + i, n - i, limit, maximum + rest, &x);
                x = rest - (x - maximum);
                if (weights) load_part(weights + i, n - i, weights + n, 0, &w);
                keep_part(n - i, &x);
                sum += w * x;
            }
            loss += options->smoothing / (float)n * lane_sum(&sum);
        }
        losses[row] = loss;
    }
}

MARTLET_CLONES
void martlet_cross_entropy_gradient(const martlet_cross_entropy_options *options, const float *losses_gradient,
                                    int64_t gradient_stride, const float *logits, const int32_t *labels, float *gradient,
                                    int32_t streamed, int64_t begin, int64_t end) {
    int64_t n = options->classes;
    const float *weights = options->weights, *limit = logits + end * n, *out_limit = gradient + end * n;
    float row_buffer[longest_row + lanes];
    streamed = streamed && n <= longest_row;
    float total = 0;
    for (int64_t i = 0; i < n; i++) total += weights ? weights[i] : 1;
    float share = options->smoothing / (float)n;
    for (int64_t row = begin; row < end; row++) {
        int32_t label = labels[row];
        float *out = gradient + row * n;
        int ignored = options->ignores && label == options->ignored_label;
        if (ignored || label < 0 || label >= n) {
            for (int64_t i = 0; i < n; i++) out[i] = ignored ? 0 : NAN;
            continue;
        }
        const float *in = logits + row * n;
        float *kept = streamed ? row_buffer : out, maximum = row_maximum(in, n, limit);
        float sum = row_exponentials(in, n, limit, maximum, kept, streamed ? kept + n + lanes : out_limit);
        float g = losses_gradient[row * gradient_stride];
        float one = (1 - options->smoothing) * (weights ? weights[label] : 1);
        // The probability's factor: all the weight that the row's targets have.
        float factor = g * (one + share * total) / sum, spread = g * share;
        float own = kept[label] * factor - spread * (weights ? weights[label] : 1) - g * one;
#define PLAIN(AT) (AT(kept) * factor - spread)
#define WEIGHTED(AT) (AT(kept) * factor - spread * AT(weights))
        if (weights && streamed) EACH_STREAMED(out, n, WEIGHTED);
        else if (weights) EACH_STORED(out, n, WEIGHTED);
        else if (streamed) EACH_STREAMED(out, n, PLAIN);
        else EACH_STORED(out, n, PLAIN);
#undef PLAIN
#undef WEIGHTED
        out[label] = own;
    }
    if (streamed) stream_end();
}
