// Normalisation down the columns of a matrix, and its gradient.
#include "Normalization.cl"

#define SOME(p, width) ((width) == VEC ? LOAD(p) : load_rest(p, width, 0.0f))

INLINE void store_some(const floatv v, global float *p, const size_t width) {
    if (width == VEC) STORE(v, p);
    else store_rest(v, p, width);
}

// At most eight rows joined to the moments of the `count` rows before.
#define ROWS_AT_ONCE 8
INLINE void join_rows(global const float *p, const size_t columns, const size_t width, const size_t rows,
                      const float count, floatv *mean, floatv *squares) {
    if (rows == ROWS_AT_ONCE) {
        floatv v[ROWS_AT_ONCE], sum = 0, own = 0;
        UNROLL for (int r = 0; r < ROWS_AT_ONCE; r++) {
            v[r] = SOME(p + r * columns, width);
            sum += v[r];
        }
        sum *= 1.0f / ROWS_AT_ONCE;
        UNROLL for (int r = 0; r < ROWS_AT_ONCE; r++) own += (v[r] - sum) * (v[r] - sum);
        JOIN(floatv, count, *mean, *squares, (float)ROWS_AT_ONCE, sum, own);
    } else {
        floatv sum = 0, own = 0;
        for (size_t r = 0; r < rows; r++) sum += SOME(p + r * columns, width);
        sum /= (float)rows;
        for (size_t r = 0; r < rows; r++) {
            const floatv d = SOME(p + r * columns, width) - sum;
            own += d * d;
        }
        JOIN(floatv, count, *mean, *squares, (float)rows, sum, own);
    }
}

// Moments of columns over one part of the rows, at [part, column] of three arrays of parts * columns.
kernel void column_moments(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, partial), const ulong n,
                           const ulong columns, const ulong rowsEach, const ulong columnsEach, const ulong parts) {
    TENSOR(const float, x);
    TENSOR(float, partial);
    const size_t begin = get_global_id(0) * columnsEach, end = min((ulong)(begin + columnsEach), columns);
    const size_t first = get_global_id(1) * rowsEach, last = min((ulong)(first + rowsEach), n);
    const size_t size = parts * columns;
    partial += get_global_id(1) * columns;
#if VEC == 1
    if (begin >= columns) return;
    float mean = 0, squares = 0;
    for (size_t row = first; row < last; row += ROWS_AT_ONCE)
        join_rows(x + row * columns + begin, columns, 1, min((ulong)(last - row), (ulong)ROWS_AT_ONCE), row - first,
                  &mean, &squares);
    partial[begin] = mean;
    partial[size + begin] = squares;
    partial[2 * size + begin] = last - first;
#else
    // Row by row, as memory lies; the sums stay in the first-level cache.
    for (size_t column = begin; column < end; column += VEC) {
        const size_t width = min((ulong)VEC, (ulong)(end - column));
        store_some(0, partial + column, width);
        store_some(0, partial + size + column, width);
        store_some(last - first, partial + 2 * size + column, width);
    }
    for (size_t row = first; row < last; row += ROWS_AT_ONCE) {
        const size_t rows = min((ulong)(last - row), (ulong)ROWS_AT_ONCE);
        for (size_t column = begin; column < end; column += VEC) {
            const size_t width = min((ulong)VEC, (ulong)(end - column));
            floatv mean = SOME(partial + column, width), squares = SOME(partial + size + column, width);
            join_rows(x + row * columns + column, columns, width, rows, row - first, &mean, &squares);
            store_some(mean, partial + column, width);
            store_some(squares, partial + size + column, width);
        }
    }
#endif
}

INLINE void add_rows(global const float *dy, global const float *x, global const float *mean,
                     global const float *inverse, const size_t columns, const size_t width, const size_t rows,
                     const size_t statisticStride, const int byRow, floatv *sum, floatv *products) {
    const floatv columnMean = byRow ? (floatv)(0.0f) : SOME(mean, width);
    for (size_t r = 0; r < rows; r++) {
        const floatv g = SOME(dy + r * columns, width), v = SOME(x + r * columns, width);
        *sum += g;
        *products += byRow ? g * ((v - mean[r * statisticStride]) * inverse[r * statisticStride])
                           : g * (v - columnMean);
    }
}

// Sums of columns over one part of the rows, at [part, column] of two arrays of parts * columns: of dy, and of
// dy (x - mean[column]), or with statistics of each row and group of columns dy (x - mean) inverse.
INLINE void sum_columns(global const float *dy, global const float *x, global const float *mean,
                        global const float *inverse, global float *partial, const size_t n, const size_t columns,
                        const size_t rowsEach, const size_t columnsEach, const size_t parts, const size_t groups,
                        const int byRow) {
    const size_t blocks = (columns / groups + columnsEach - 1) / columnsEach;
    const size_t group = get_global_id(0) / blocks, groupEnd = (group + 1) * (columns / groups);
    const size_t begin = group * (columns / groups) + get_global_id(0) % blocks * columnsEach;
    const size_t end = min((ulong)(begin + columnsEach), (ulong)groupEnd);
    const size_t first = get_global_id(1) * rowsEach, last = min((ulong)(first + rowsEach), (ulong)n);
    const size_t size = parts * columns;
    partial += get_global_id(1) * columns;
#if VEC == 1
    if (group >= groups) return;
    float sum = 0, products = 0;
    add_rows(dy + first * columns + begin, x + first * columns + begin, mean + (byRow ? first * groups + group : begin),
             inverse + (byRow ? first * groups + group : begin), columns, 1, last - first, groups, byRow, &sum,
             &products);
    partial[begin] = sum;
    partial[size + begin] = products;
#else
    for (size_t column = begin; column < end; column += VEC) {
        const size_t width = min((ulong)VEC, (ulong)(end - column));
        store_some(0, partial + column, width);
        store_some(0, partial + size + column, width);
    }
    for (size_t row = first; row < last; row += ROWS_AT_ONCE) {
        const size_t rows = min((ulong)(last - row), (ulong)ROWS_AT_ONCE);
        for (size_t column = begin; column < end; column += VEC) {
            const size_t width = min((ulong)VEC, (ulong)(end - column));
            const size_t statistic = byRow ? row * groups + group : column;
            floatv sum = SOME(partial + column, width), products = SOME(partial + size + column, width);
            add_rows(dy + row * columns + column, x + row * columns + column, mean + statistic, inverse + statistic,
                     columns, width, rows, groups, byRow, &sum, &products);
            store_some(sum, partial + column, width);
            store_some(products, partial + size + column, width);
        }
    }
#endif
}

// `mean` is spread over the columns.
kernel void column_sums(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                        TENSOR_ARGUMENT(const float, mean), TENSOR_ARGUMENT(float, partial), const ulong n,
                        const ulong columns, const ulong rowsEach, const ulong columnsEach, const ulong parts) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, mean);
    TENSOR(float, partial);
    sum_columns(dy, x, mean, mean, partial, n, columns, rowsEach, columnsEach, parts, 1, 0);
}

kernel void column_sums_by_row(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                               TENSOR_ARGUMENT(const float, mean), TENSOR_ARGUMENT(const float, inverse),
                               TENSOR_ARGUMENT(float, partial), const ulong n, const ulong columns,
                               const ulong rowsEach, const ulong columnsEach, const ulong parts, const ulong groups) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, partial);
    sum_columns(dy, x, mean, inverse, partial, n, columns, rowsEach, columnsEach, parts, groups, 1);
}

#define EACH_COLUMN(column, width)                                                                                   \
    for (size_t column = get_global_id(0) * columnsEach, end = min((ulong)(column + columnsEach), columns), width;   \
         column < end && (width = min((ulong)VEC, (ulong)(end - column)), 1); column += VEC)

// y = (x - mean) a + b, the three of `spread` being arrays of `columns`.
kernel void column_normalize(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, spread),
                             TENSOR_ARGUMENT(float, y), const ulong n, const ulong columns, const ulong rowsEach,
                             const ulong columnsEach) {
    TENSOR(const float, x);
    TENSOR(const float, spread);
    TENSOR(float, y);
    const size_t first = get_global_id(1) * rowsEach, last = min((ulong)(first + rowsEach), n);
    for (size_t row = first; row < last; row++) {
        global const float *from = x + row * columns;
        global float *to = y + row * columns;
        EACH_COLUMN(column, width) {
            const floatv m = SOME(spread + column, width), a = SOME(spread + columns + column, width);
            const floatv b = SOME(spread + 2 * columns + column, width);
            store_some((SOME(from + column, width) - m) * a + b, to + column, width);
        }
    }
}

// dx = dy a - b - (x - mean) k, the four (mean, a, b, k) of `spread` being arrays of `columns`.
kernel void column_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                            TENSOR_ARGUMENT(const float, spread), TENSOR_ARGUMENT(float, dx), const ulong n,
                            const ulong columns, const ulong rowsEach, const ulong columnsEach) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, spread);
    TENSOR(float, dx);
    const size_t first = get_global_id(1) * rowsEach, last = min((ulong)(first + rowsEach), n);
    for (size_t row = first; row < last; row++) {
        global const float *d = dy + row * columns;
        global const float *from = x + row * columns;
        global float *to = dx + row * columns;
        EACH_COLUMN(column, width) {
            const floatv m = SOME(spread + column, width), a = SOME(spread + columns + column, width);
            const floatv b = SOME(spread + 2 * columns + column, width), k = SOME(spread + 3 * columns + column, width);
            const floatv v = SOME(d + column, width) * a - b - (SOME(from + column, width) - m) * k;
            store_some(v, to + column, width);
        }
    }
}
