#include "Moments.h"
#include "Normalization.h"

int64_t martlet_columns_block(int64_t columns) { return smaller(larger(8192 / larger(columns, 1), 4), 256); }

MARTLET_CLONES
void martlet_columns_moments(const float *x, int64_t rows, int64_t columns, float *partial, int64_t begin, int64_t end) {
    int64_t block = martlet_columns_block(columns);
    for (int64_t b = begin; b < end; b++) {
        int64_t first = b * block, last = smaller(rows, first + block);
        float *mean = partial + b * 2 * columns, *squares = mean + columns;
        memset(mean, 0, (size_t)(2 * columns) * sizeof *mean);
        for (int64_t r = first; r < last; r++)
            for (int64_t c = 0; c < columns; c++) mean[c] += x[r * columns + c];
        float count = (float)(last - first);
        for (int64_t c = 0; c < columns; c++) mean[c] /= count;
        for (int64_t r = first; r < last; r++)
            for (int64_t c = 0; c < columns; c++) {
                float distance = x[r * columns + c] - mean[c];
                squares[c] += distance * distance;
            }
    }
}

MARTLET_CLONES
void martlet_columns_combine(const float *partial, int64_t rows, int64_t columns, float epsilon, float *mean, float *inverse,
                             int64_t begin, int64_t end) {
    int64_t block = martlet_columns_block(columns), blocks = (rows + block - 1) / block;
    for (int64_t c = begin; c < end; c++) {
        double sum = 0, squares = 0;
        for (int64_t b = 0; b < blocks; b++)
            sum += partial[b * 2 * columns + c] * (double)smaller(block, rows - b * block);
        double m = sum / (double)rows;
        for (int64_t b = 0; b < blocks; b++) {
            double distance = partial[b * 2 * columns + c] - m;
            squares += partial[(b * 2 + 1) * columns + c] + distance * distance * (double)smaller(block, rows - b * block);
        }
        mean[c] = (float)m;
        inverse[c] = (float)(1 / sqrt(squares / (double)rows + epsilon));
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
    int64_t block = martlet_columns_block(columns);
    for (int64_t b = begin; b < end; b++) {
        int64_t last = smaller(rows, (b + 1) * block);
        float *plain = partial + b * 2 * columns, *weighted = plain + columns;
        memset(plain, 0, (size_t)(2 * columns) * sizeof *plain);
        for (int64_t r = b * block; r < last; r++)
            for (int64_t c = 0; c < columns; c++) {
                float g = dy[r * columns + c];
                plain[c] += g;
                weighted[c] += g * ((x[r * columns + c] - mean[c]) * inverse[c]);
            }
    }
}

MARTLET_CLONES
void martlet_columns_sum(const float *partial, int64_t blocks, int64_t columns, float *shift_gradient, float *scale_gradient,
                         int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) {
        double plain = 0, weighted = 0;
        for (int64_t b = 0; b < blocks; b++) {
            plain += partial[b * 2 * columns + c];
            weighted += partial[(b * 2 + 1) * columns + c];
        }
        shift_gradient[c] = (float)plain;
        scale_gradient[c] = (float)weighted;
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

MARTLET_CLONES
void martlet_rows_norm(const float *x, int64_t groups, int64_t n, const float *scale, const float *shift, float epsilon, float *y,
                       float *mean, float *inverse, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        const float *in = x + r * n, *a = scale ? scale + r % groups * n : NULL, *b = shift ? shift + r % groups * n : NULL;
        float *out = y + r * n, m, squares;
        row_moments(in, n, &m, &squares);
        float factor = 1 / sqrtf(squares / (float)n + epsilon);
        mean[r] = m;
        inverse[r] = factor;
        for (int64_t i = 0; i < n; i++) {
            float value = (in[i] - m) * factor;
            value = a ? value * a[i] : value;
            out[i] = b ? value + b[i] : value;
        }
    }
}

MARTLET_CLONES
void martlet_rows_norm_gradient(const float *dy, const float *x, int64_t groups, int64_t n, const float *scale,
                                const float *mean, const float *inverse, float *dx, float *partial, int64_t begin, int64_t end) {
    float *restrict all_plain = partial, *restrict all_weighted = partial + groups * n;
    memset(partial, 0, (size_t)(2 * groups * n) * sizeof *partial);
    for (int64_t r = begin * groups; r < end * groups; r++) {
        int64_t at = r % groups * n;
        const float *in = x + r * n, *g = dy + r * n, *s = scale ? scale + at : NULL;
        float *restrict out = dx + r * n, *restrict plain = all_plain + at, *restrict weighted = all_weighted + at;
        float m = mean[r], factor = inverse[r], first, second;
        gradient_sums(g, in, s, n, m, factor, &first, &second);
        first /= (float)n;
        second /= (float)n;
        for (int64_t i = 0; i < n; i++) {
            float normal = (in[i] - m) * factor;
            plain[i] += g[i];
            weighted[i] += g[i] * normal;
            out[i] = ((s ? g[i] * s[i] : g[i]) - first - normal * second) * factor;
        }
    }
}
