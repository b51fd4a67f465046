#include "Moments.h"
#include "Normalization.h"
#include "Stream.h"

// Columns are done a strip at a time, rows a few at a time, so that both passes over them hit the first-level cache.
enum { strip = 256, few_rows = 16, most_blocks = 64 };

int64_t martlet_columns_block(int64_t rows, int64_t columns) {
    int64_t least = larger(16384 / larger(columns, 1), few_rows), even = (rows + most_blocks - 1) / most_blocks;
    return (larger(least, even) + few_rows - 1) / few_rows * few_rows;
}

MARTLET_INLINE void strip_moments(const float *x, int64_t rows, int64_t columns, int64_t width, float *restrict mean,
                                  float *restrict squares) {
    float part_mean[strip], part_squares[strip];
    for (int64_t c = 0; c < width; c++) mean[c] = squares[c] = 0;
    for (int64_t first = 0; first < rows; first += few_rows) {
        int64_t count = smaller(few_rows, rows - first);
        const float *in = x + first * columns;
        for (int64_t c = 0; c < width; c++) part_mean[c] = part_squares[c] = 0;
        for (int64_t r = 0; r < count; r++)
            for (int64_t c = 0; c < width; c++) part_mean[c] += in[r * columns + c];
        for (int64_t c = 0; c < width; c++) part_mean[c] /= (float)count;
        for (int64_t r = 0; r < count; r++)
            for (int64_t c = 0; c < width; c++) {
                float distance = in[r * columns + c] - part_mean[c];
                part_squares[c] += distance * distance;
            }
        // The rows so far and these, joined; `mean` is their sum until the end.
        float weight = (float)first * ((float)count / (float)(first + count)), before = first ? 1 / (float)first : 0;
        for (int64_t c = 0; c < width; c++) {
            float distance = part_mean[c] - mean[c] * before;
            mean[c] += part_mean[c] * (float)count;
            squares[c] += part_squares[c] + (first ? distance * distance * weight : 0);
        }
    }
    for (int64_t c = 0; c < width; c++) mean[c] /= (float)rows;
}

MARTLET_CLONES
void martlet_columns_moments(const float *x, int64_t rows, int64_t columns, float *partial, int64_t begin, int64_t end) {
    int64_t block = martlet_columns_block(rows, columns);
    for (int64_t b = begin; b < end; b++) {
        float *mean = partial + b * 2 * columns;
        for (int64_t c = 0; c < columns; c += strip)
            strip_moments(x + b * block * columns + c, smaller(block, rows - b * block), columns, smaller(strip, columns - c),
                          mean + c, mean + columns + c);
    }
}

MARTLET_CLONES
void martlet_columns_combine(const float *partial, int64_t rows, int64_t columns, float epsilon, float *mean, float *inverse,
                             int64_t begin, int64_t end) {
    int64_t block = martlet_columns_block(rows, columns), blocks = (rows + block - 1) / block;
    for (int64_t first = begin; first < end; first += strip) {
        int64_t width = smaller(strip, end - first);
        double middle[strip] = {0}, squares[strip] = {0};
        for (int64_t b = 0; b < blocks; b++) {
            const float *in = partial + b * 2 * columns + first;
            double count = (double)smaller(block, rows - b * block);
            for (int64_t c = 0; c < width; c++) middle[c] += in[c] * count;
        }
        for (int64_t c = 0; c < width; c++) middle[c] /= (double)rows;
        for (int64_t b = 0; b < blocks; b++) {
            const float *in = partial + b * 2 * columns + first;
            double count = (double)smaller(block, rows - b * block);
            for (int64_t c = 0; c < width; c++) {
                double distance = in[c] - middle[c];
                squares[c] += in[columns + c] + distance * distance * count;
            }
        }
        for (int64_t c = 0; c < width; c++) {
            mean[first + c] = (float)middle[c];
            inverse[first + c] = (float)(1 / sqrt(squares[c] / (double)rows + epsilon));
        }
    }
}

MARTLET_CLONES
void martlet_columns_apply(const float *x, int64_t columns, const float *scale, const float *shift, const float *mean,
                           const float *inverse, float *y, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        const float *in = x + r * columns;
        float *out = y + r * columns;
        for (int64_t c = 0; c < columns; c++) {
            float value = (in[c] - mean[c]) * inverse[c];
            value = scale ? value * scale[c] : value;
            out[c] = shift ? value + shift[c] : value;
        }
    }
}

MARTLET_CLONES
void martlet_columns_gradient_sums(const float *dy, const float *x, int64_t rows, int64_t columns, const float *mean,
                                   const float *inverse, float *partial, int64_t begin, int64_t end) {
    int64_t block = martlet_columns_block(rows, columns);
    for (int64_t b = begin; b < end; b++) {
        int64_t last = smaller(rows, (b + 1) * block);
        for (int64_t c0 = 0; c0 < columns; c0 += strip) {
            int64_t width = smaller(strip, columns - c0);
            float plain[strip] = {0}, weighted[strip] = {0};
            for (int64_t r = b * block; r < last; r++) {
                const float *g = dy + r * columns + c0, *in = x + r * columns + c0;
                for (int64_t c = 0; c < width; c++) {
                    plain[c] += g[c];
                    weighted[c] += g[c] * ((in[c] - mean[c0 + c]) * inverse[c0 + c]);
                }
            }
            memcpy(partial + b * 2 * columns + c0, plain, (size_t)width * sizeof *plain);
            memcpy(partial + (b * 2 + 1) * columns + c0, weighted, (size_t)width * sizeof *weighted);
        }
    }
}

MARTLET_CLONES
void martlet_columns_sum(const float *partial, int64_t blocks, int64_t columns, float *shift_gradient, float *scale_gradient,
                         int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += strip) {
        int64_t width = smaller(strip, end - first);
        double plain[strip] = {0}, weighted[strip] = {0};
        for (int64_t b = 0; b < blocks; b++) {
            const float *in = partial + b * 2 * columns + first;
            for (int64_t c = 0; c < width; c++) {
                plain[c] += in[c];
                weighted[c] += in[columns + c];
            }
        }
        for (int64_t c = 0; c < width; c++) {
            shift_gradient[first + c] = (float)plain[c];
            scale_gradient[first + c] = (float)weighted[c];
        }
    }
}

MARTLET_CLONES
void martlet_columns_gradient_apply(const float *dy, const float *x, int64_t rows, int64_t columns, const float *scale,
                                    const float *mean, const float *inverse, const float *shift_gradient,
                                    const float *scale_gradient, float *dx, int64_t begin, int64_t end) {
    float share = 1 / (float)rows;
    for (int64_t r = begin; r < end; r++) {
        const float *in = x + r * columns, *g = dy + r * columns;
        float *out = dx + r * columns;
        for (int64_t c = 0; c < columns; c++) {
            float a = scale ? inverse[c] * scale[c] : inverse[c];
            float normal = (in[c] - mean[c]) * inverse[c];
            out[c] = (g[c] - shift_gradient[c] * share - normal * (scale_gradient[c] * share)) * a;
        }
    }
}

#define EACH(FORM)                               \
    if (streamed) EACH_STREAMED(out, n, FORM);   \
    else EACH_STORED(out, n, FORM)

MARTLET_CLONES
void martlet_rows_norm(const float *x, int64_t groups, int64_t n, const float *scale, const float *shift, float epsilon, float *y,
                       float *mean, float *inverse, int32_t streamed, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        const float *in = x + r * n, *a = scale ? scale + r % groups * n : NULL, *b = shift ? shift + r % groups * n : NULL;
        float *out = y + r * n, m, squares;
        row_moments(in, n, x + end * n, &m, &squares);
        float factor = 1 / sqrtf(squares / (float)n + epsilon);
        mean[r] = m;
        inverse[r] = factor;
#define PLAIN(AT) ((AT(in) - m) * factor)
#define SCALED(AT) (PLAIN(AT) * AT(a))
#define SHIFTED(AT) (PLAIN(AT) + AT(b))
#define BOTH(AT) (PLAIN(AT) * AT(a) + AT(b))
        if (a && b) { EACH(BOTH); }
        else if (a) { EACH(SCALED); }
        else if (b) { EACH(SHIFTED); }
        else { EACH(PLAIN); }
#undef PLAIN
#undef SCALED
    }
    if (streamed) stream_end();
}

MARTLET_CLONES
void martlet_rows_norm_gradient(const float *dy, const float *x, int64_t groups, int64_t n, const float *scale,
                                const float *mean, const float *inverse, float *dx, float *partial, int32_t streamed,
                                int64_t begin, int64_t end) {
    float *restrict all_plain = partial, *restrict all_weighted = partial + groups * n;
    memset(partial, 0, (size_t)(2 * groups * n) * sizeof *partial);
    for (int64_t r = begin * groups; r < end * groups; r++) {
        int64_t at = r % groups * n;
        const float *in = x + r * n, *g = dy + r * n, *s = scale ? scale + at : NULL;
        float *restrict out = dx + r * n, *restrict plain = all_plain + at, *restrict weighted = all_weighted + at;
        float m = mean[r], factor = inverse[r], first, second;
        gradient_sums(g, in, s, n, (end * groups - r) * n, m, factor, &first, &second);
        first /= (float)n;
        second /= (float)n;
        for (int64_t i = 0; i < n; i++) {
            plain[i] += g[i];
            weighted[i] += g[i] * ((in[i] - m) * factor);
        }
#define PLAIN(AT) ((AT(g) - first - (AT(in) - m) * factor * second) * factor)
#define SCALED(AT) ((AT(g) * AT(s) - first - (AT(in) - m) * factor * second) * factor)
        if (s) { EACH(SCALED); }
        else { EACH(PLAIN); }
    }
    if (streamed) stream_end();
}
