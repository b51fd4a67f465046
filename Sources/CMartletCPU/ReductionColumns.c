#include <math.h>
#include <string.h>

#include "Lanes.h"
#include "ReductionKernels.h"

// Columns are reduced side by side. Few columns are widened: `group` rows are taken as one, and the groups folded at the end.
// Sums run in float over a few rows and from there on in double.
enum { narrow = 64, rows_in_float = 64 };

typedef struct {
    const float *x;
    int64_t columns, width, group, stride, rows;  // rows of `width` elements, then a rest
    int64_t rest;                                 // elements of a last row that is not full
} layout;

MARTLET_INLINE layout layout_of(const float *x, int64_t columns, int64_t row_stride, int64_t n) {
    int64_t group = 1;
    if (columns < narrow && row_stride == columns) group = smaller((narrow + columns - 1) / columns, larger(n, 1));
    return (layout){x, columns, columns * group, group, row_stride * group, n / group, n % group * columns};
}

MARTLET_INLINE int64_t width_of(const layout *l, int64_t row) { return row < l->rows ? l->width : l->rest; }
MARTLET_INLINE int64_t rows_of(const layout *l) { return l->rows + (l->rest > 0 ? 1 : 0); }

// What is summed over the rows: the values, their squares, or their distances from `center` (and the squares of those).
typedef enum { sum_values, sum_squares, sum_distances } column_sum;

MARTLET_INLINE void sum_row(column_sum kind, const float *x, const float *center, float *sums, float *squares, int64_t width) {
    if (kind == sum_values) {
        for (int64_t j = 0; j < width; j++) sums[j] += x[j];
    } else if (kind == sum_squares) {
        for (int64_t j = 0; j < width; j++) sums[j] += x[j] * x[j];
    } else {
        for (int64_t j = 0; j < width; j++) {
            float distance = x[j] - center[j];
            sums[j] += distance;
            squares[j] += distance * distance;
        }
    }
}

// Four rows, `gap` elements apart: see ReductionRows.c. Ahead lies the next of each, `stride` on.
MARTLET_INLINE void four_rows(column_sum kind, const float *x, int64_t gap, int64_t stride, float *sums, int64_t width) {
    const int asks = martlet_asks_for_reads;
    int64_t j = 0;
    for (; j + lanes <= width; j += lanes) {
        lane_vector v[4];
        MARTLET_UNROLL for (int k = 0; k < 4; k++) {
            if (asks) look_ahead(x + k * gap + j, stride);
            v[k] = LOAD(x + k * gap + j);
            if (kind == sum_squares) v[k] *= v[k];
        }
        STORE(sums + j, LOAD(sums + j) + ((v[0] + v[1]) + (v[2] + v[3])));
    }
    for (; j < width; j++) {
        float v[4];
        for (int k = 0; k < 4; k++) {
            float value = x[k * gap + j];
            v[k] = kind == sum_squares ? value * value : value;
        }
        sums[j] += (v[0] + v[1]) + (v[2] + v[3]);
    }
}

MARTLET_INLINE void column_sums(column_sum kind, const layout *l, const float *center, double *sums, double *squares) {
    float part[2][widest_strip];
    memset(sums, 0, (size_t)l->width * sizeof *sums);
    if (squares) memset(squares, 0, (size_t)l->width * sizeof *squares);
    int64_t rows = rows_of(l);
    for (int64_t first = 0; first < rows; first += rows_in_float) {
        int64_t end = smaller(first + rows_in_float, rows), row = first;
        memset(part[0], 0, (size_t)l->width * sizeof(float));
        memset(part[1], 0, (size_t)l->width * sizeof(float));
        if (kind != sum_distances) {
            int64_t apart = (smaller(end, l->rows) - first) / 4;
            for (; row < first + apart; row++)
                four_rows(kind, l->x + row * l->stride, apart * l->stride, l->stride, part[0], l->width);
            row += 3 * apart;
        }
        for (; row < end; row++) sum_row(kind, l->x + row * l->stride, center, part[0], part[1], width_of(l, row));
        for (int64_t j = 0; j < l->width; j++) sums[j] += (double)part[0][j];
        if (squares)
            for (int64_t j = 0; j < l->width; j++) squares[j] += (double)part[1][j];
    }
}

MARTLET_INLINE double fold(const layout *l, const double *sums, int64_t column) {
    double total = 0;
    for (int64_t j = column; j < l->width; j += l->columns) total += sums[j];
    return total;
}

MARTLET_INLINE void variance(const layout *l, int64_t n, martlet_partial *partials) {
    double sums[widest_strip], squares[widest_strip];
    float center[widest_strip];
    column_sums(sum_values, l, 0, sums, 0);
    for (int64_t c = 0; c < l->columns; c++) {
        float mean = (float)(fold(l, sums, c) / (double)n);
        for (int64_t j = c; j < l->width; j += l->columns) center[j] = mean;
    }
    column_sums(sum_distances, l, center, sums, squares);
    for (int64_t c = 0; c < l->columns; c++) {
        double shift = fold(l, sums, c);
        partials[c].first = (double)center[c] + shift / (double)n;
        partials[c].second = fold(l, squares, c) - shift * shift / (double)n;
    }
}

MARTLET_INLINE void squares_of(const layout *l, martlet_partial *partials) {
    double sums[widest_strip];
    column_sums(sum_squares, l, 0, sums, 0);
    for (int64_t c = 0; c < l->columns; c++) {
        double total = fold(l, sums, c);
        if (!(total > 1e-30 && total < INFINITY)) {
            // Squares may have left the range of float.
            total = 0;
            for (int64_t row = 0; row < rows_of(l); row++)
                for (int64_t j = c; j < width_of(l, row); j += l->columns) {
                    double value = l->x[row * l->stride + j];
                    total += value * value;
                }
        }
        partials[c] = (martlet_partial){total, 0};
    }
}

MARTLET_INLINE void take_values(bool largest, const float *x, float *best, int64_t width) {
    for (int64_t j = 0; j < width; j++) {
        float v = x[j], b = best[j];
        best[j] = ((largest ? v > b : v < b) | (v != v)) ? v : b;
    }
}

MARTLET_INLINE void take_positions(bool largest, const float *x, float *best, int32_t *at, int32_t row, int64_t width) {
    for (int64_t j = 0; j < width; j++) {
        float v = x[j], b = best[j];
        int32_t take = (largest ? v > b : v < b) | ((v != v) & (b == b));
        best[j] = take ? v : b;
        at[j] = take ? row : at[j];
    }
}

MARTLET_INLINE void extremes(bool positions, bool largest, const layout *l, int64_t base, martlet_partial *partials) {
    float best[widest_strip];
    int32_t at[widest_strip];
    memcpy(best, l->x, (size_t)l->width * sizeof(float));
    memset(at, 0, (size_t)l->width * sizeof *at);
    for (int64_t row = 1; row < rows_of(l); row++) {
        const float *x = l->x + row * l->stride;
        if (positions) take_positions(largest, x, best, at, (int32_t)row, width_of(l, row));
        else take_values(largest, x, best, width_of(l, row));
    }
    for (int64_t c = 0; c < l->columns; c++) {
        double value = best[c], position = (double)((int64_t)at[c] * l->group);
        for (int64_t q = 1; q < l->group; q++) {
            int64_t j = q * l->columns + c;
            double other = (double)((int64_t)at[j] * l->group + q);
            if (!martlet_precedes(largest, best[j], other, value, position)) continue;
            value = best[j];
            position = other;
        }
        partials[c] = (martlet_partial){value, position + (double)base};
    }
}

MARTLET_CLONES
void martlet_reduce_columns(int32_t kind, const float *x, int64_t columns, int64_t row_stride, int64_t n, int64_t base,
                            martlet_partial *partials) {
    layout l = layout_of(x, columns, row_stride, n);
    switch (kind) {
    case martlet_reduce_sum:
    case martlet_reduce_mean: {
        double sums[widest_strip];
        column_sums(sum_values, &l, 0, sums, 0);
        for (int64_t c = 0; c < columns; c++) partials[c] = (martlet_partial){fold(&l, sums, c), 0};
        break;
    }
    case martlet_reduce_norm: squares_of(&l, partials); break;
    case martlet_reduce_variance: variance(&l, n, partials); break;
    case martlet_reduce_max: extremes(false, true, &l, base, partials); break;
    case martlet_reduce_min: extremes(false, false, &l, base, partials); break;
    default: extremes(true, kind == martlet_reduce_arg_max, &l, base, partials); break;
    }
}
