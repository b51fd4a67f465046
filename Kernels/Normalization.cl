// Batch, group and layer normalisation of x [n, c, s], and their gradients.
//
// Where s is large, each of the n * c planes of s elements is read along its positions; planes are cut into pieces, so
// that few planes keep a device busy too. Where s is small, x is a matrix of n rows and c * s columns, read along
// the columns; what belongs to a channel is first spread over its s columns. Statistics over several work-groups
// leave partial results that a second kernel joins in a fixed order.
//
// GROUP  work-items that share a row or a tile of planes: a power of two. 1: no local memory and no barrier.
// VEC    width of a load: 16 on CPU-like devices; on GPU-like devices 4 along rows and planes, 1 over columns.

#define SOME(p, width) ((width) == VEC ? LOAD(p) : load_rest(p, width, 0.0f))

inline void store_some(const floatv v, global float *p, const size_t width) {
    if (width == VEC) STORE(v, p);
    else store_rest(v, p, width);
}

// A group reads rows `across` work-items wide, GROUP / across rows at a time.
#if GROUP > 1
#define SUBLANE (get_local_id(0) % across)
#define SUBROW (get_local_id(0) / across)
#define ACROSS across
#define LEADS (get_local_id(0) == 0)
#define EACH_ROW(row) const size_t row = get_group_id(0);
#define GROUP_SUM(v, i) group_sum(v, scratch + (i) * (GROUP + 16))

#else
#define SUBLANE 0
#define SUBROW 0
#define ACROSS 1
#define LEADS 1
#define EACH_ROW(row)                                                                     \
    for (size_t row = get_global_id(0) * rowsEach, end = min((ulong)(row + rowsEach), rows); row < end; row++)
#define SCRATCH(count)
#define GROUP_SUM(v, i) (v)
#endif

#define EACH_VECTOR(i, length) for (size_t i = SUBLANE * VEC; i + VEC <= (length); i += ACROSS * VEC)
#define HAS_REST(length) ((length) % VEC != 0 && SUBLANE == ACROSS - 1)
// Pieces of planes; `s`, `pieces` and `pieceLength` are in scope.
#define EACH_PIECE(u, first, last) for (size_t u = (first) + SUBROW; u < (last); u += GROUP / ACROSS)
#define PIECE_BEGIN(u) ((u) % pieces * pieceLength)
#define PIECE_LENGTH(u) (min((ulong)pieceLength, (ulong)(s - PIECE_BEGIN(u))))

// ---- Rows: layer and group normalisation where s is small -------------------------------------------------------

// Rows of n elements; row r uses part r % groups of scale and shift.
kernel void row_norm(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, scale),
                     TENSOR_ARGUMENT(const float, shift), TENSOR_ARGUMENT(float, y), TENSOR_ARGUMENT(float, mean),
                     TENSOR_ARGUMENT(float, inverse), const ulong rows, const ulong n, const ulong rowsEach,
                     const ulong groups, const int scaled, const int shifted, const float epsilon) {
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(float, y);
    TENSOR(float, mean);
    TENSOR(float, inverse);
    SCRATCH(2);
    const uint across = GROUP;
    EACH_ROW(row) {
        global const float *from = x + row * n;
        global const float *w = scale + row % groups * n;
        global const float *b = shift + row % groups * n;
        global float *to = y + row * n;
        const size_t last = n - n % VEC;
        floatv sum = 0, rest = 0, squares = 0;
        EACH_VECTOR(i, n) sum += LOAD(from + i);
        if (HAS_REST(n)) {
            rest = load_rest(from + last, n % VEC, 0.0f);
            sum += rest;
        }
        const float m = GROUP_SUM(sum_lanes(sum), 0) / n;
        EACH_VECTOR(i, n) {
            const floatv d = LOAD(from + i) - m;
            FETCH(from + n + i);
            squares += d * d;
        }
        if (HAS_REST(n)) {
            const floatv d = load_rest(from + last, n % VEC, m) - m;
            squares += d * d;
        }
        const float r = 1.0f / sqrt(GROUP_SUM(sum_lanes(squares), 1) / n + epsilon);
        EACH_VECTOR(i, n) {
            floatv v = (LOAD(from + i) - m) * r;
            if (scaled) v *= LOAD(w + i);
            if (shifted) v += LOAD(b + i);
            PUT(v, to + i);
        }
        if (HAS_REST(n)) {
            floatv v = (rest - m) * r;
            if (scaled) v *= load_rest(w + last, n % VEC, 0.0f);
            if (shifted) v += load_rest(b + last, n % VEC, 0.0f);
            store_rest(v, to + last, n % VEC);
        }
        if (LEADS) {
            mean[row] = m;
            inverse[row] = r;
        }
    }
}

// dx = inverse (g - mean(g) - xhat mean(g xhat)), with g = dy scale and xhat = (x - mean) inverse.
kernel void row_norm_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                              TENSOR_ARGUMENT(const float, scale), TENSOR_ARGUMENT(const float, mean),
                              TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, dx), const ulong rows,
                              const ulong n, const ulong rowsEach, const ulong groups, const int scaled) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, dx);
    SCRATCH(2);
    const uint across = GROUP;
    EACH_ROW(row) {
        global const float *d = dy + row * n;
        global const float *from = x + row * n;
        global const float *w = scale + row % groups * n;
        global float *to = dx + row * n;
        const float m = mean[row], r = inverse[row];
        const size_t last = n - n % VEC;
        floatv sum = 0, products = 0, gRest = 0, xRest = 0;
        EACH_VECTOR(i, n) {
            floatv g = LOAD(d + i);
            if (scaled) g *= LOAD(w + i);
            sum += g;
            products += g * (LOAD(from + i) - m);
        }
        if (HAS_REST(n)) {
            gRest = load_rest(d + last, n % VEC, 0.0f);
            if (scaled) gRest *= load_rest(w + last, n % VEC, 0.0f);
            xRest = load_rest(from + last, n % VEC, m) - m;
            sum += gRest;
            products += gRest * xRest;
        }
        const float b = GROUP_SUM(sum_lanes(sum), 0) / n;
        const float k = GROUP_SUM(sum_lanes(products), 1) / n * r * r;
        EACH_VECTOR(i, n) {
            floatv g = LOAD(d + i);
            if (scaled) g *= LOAD(w + i);
            PUT(r * (g - b - (LOAD(from + i) - m) * k), to + i);
        }
        if (HAS_REST(n)) store_rest(r * (gRest - b - xRest * k), to + last, n % VEC);
    }
}

// ---- Planes: where s is large ------------------------------------------------------------------------------------

// Mean, sum of squares around it and count of one part of a channel: `unitsEach` of the channel's n * pieces pieces.
// Two passes, the second in cache. Partial results lie at [channel, part] of three arrays of c * parts.
kernel void plane_moments(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, partial), const ulong n,
                          const ulong c, const ulong s, const ulong pieces, const ulong pieceLength,
                          const ulong unitsEach, const ulong parts, const uint across) {
    TENSOR(const float, x);
    TENSOR(float, partial);
    SCRATCH(2);
    const size_t channel = get_group_id(0) / parts, part = get_group_id(0) % parts;
    const size_t first = part * unitsEach, last = min((ulong)(first + unitsEach), (ulong)(n * pieces));
    x += channel * s;
    floatv sum = 0, squares = 0;
    EACH_PIECE(u, first, last) {
        global const float *from = x + u / pieces * c * s + PIECE_BEGIN(u);
        const size_t length = PIECE_LENGTH(u);
        EACH_VECTOR(i, length) sum += LOAD(from + i);
        if (HAS_REST(length)) sum += load_rest(from + length - length % VEC, length % VEC, 0.0f);
    }
    const size_t whole = (last / pieces) * s + last % pieces * pieceLength;
    const float count = whole - ((first / pieces) * s + first % pieces * pieceLength);
    const float m = GROUP_SUM(sum_lanes(sum), 0) / count;
    EACH_PIECE(u, first, last) {
        global const float *from = x + u / pieces * c * s + PIECE_BEGIN(u);
        const size_t length = PIECE_LENGTH(u);
        EACH_VECTOR(i, length) {
            const floatv d = LOAD(from + i) - m;
            squares += d * d;
        }
        if (HAS_REST(length)) {
            const floatv d = load_rest(from + length - length % VEC, length % VEC, m) - m;
            squares += d * d;
        }
    }
    const float total = GROUP_SUM(sum_lanes(squares), 1);
    if (LEADS) {
        partial += get_group_id(0);
        partial[0] = m;
        partial[c * parts] = total;
        partial[2 * c * parts] = count;
    }
}

// y = (x - mean) inverse scale + shift. Plane p takes the statistics p % statistics (batch normalisation, where
// planesEach is 1) or p / planesEach (group normalisation, planesEach channels to a group), modulo `statistics`.
kernel void plane_normalize(TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(const float, scale),
                            TENSOR_ARGUMENT(const float, shift), TENSOR_ARGUMENT(const float, mean),
                            TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, y), const ulong planes,
                            const ulong c, const ulong s, const ulong pieces, const ulong pieceLength,
                            const ulong unitsEach, const ulong planesEach, const ulong statistics, const int scaled,
                            const int shifted, const uint across) {
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, y);
    const size_t first = get_group_id(0) * unitsEach, last = min((ulong)(first + unitsEach), (ulong)(planes * pieces));
    EACH_PIECE(u, first, last) {
        const size_t plane = u / pieces, channel = plane % c, statistic = plane / planesEach % statistics;
        const size_t begin = plane * s + PIECE_BEGIN(u), length = PIECE_LENGTH(u);
        global const float *from = x + begin;
        global float *to = y + begin;
        const float m = mean[statistic], r = inverse[statistic];
        const float a = scaled ? r * scale[channel] : r;
        const float b = shifted ? shift[channel] : 0.0f;
        EACH_VECTOR(i, length) PUT((LOAD(from + i) - m) * a + b, to + i);
        if (HAS_REST(length)) {
            const size_t end = length - length % VEC;
            store_rest((load_rest(from + end, length % VEC, 0.0f) - m) * a + b, to + end, length % VEC);
        }
    }
}

// Sums of dy and of dy (x - mean) over one part of a channel, as plane_moments; two arrays of c * parts.
// Channel k takes the mean k / channelsEach.
kernel void plane_sums(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                       TENSOR_ARGUMENT(const float, mean), TENSOR_ARGUMENT(float, partial), const ulong n,
                       const ulong c, const ulong s, const ulong pieces, const ulong pieceLength, const ulong unitsEach,
                       const ulong parts, const ulong channelsEach, const uint across) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, mean);
    TENSOR(float, partial);
    SCRATCH(2);
    const size_t channel = get_group_id(0) / parts, part = get_group_id(0) % parts;
    const size_t first = part * unitsEach, last = min((ulong)(first + unitsEach), (ulong)(n * pieces));
    const float m = mean[channel / channelsEach];
    floatv sum = 0, products = 0;
    EACH_PIECE(u, first, last) {
        const size_t begin = (u / pieces * c + channel) * s + PIECE_BEGIN(u), length = PIECE_LENGTH(u);
        global const float *d = dy + begin;
        global const float *from = x + begin;
        EACH_VECTOR(i, length) {
            const floatv g = LOAD(d + i);
            sum += g;
            products += g * (LOAD(from + i) - m);
        }
        if (HAS_REST(length)) {
            const size_t end = length - length % VEC;
            const floatv g = load_rest(d + end, length % VEC, 0.0f);
            sum += g;
            products += g * (load_rest(from + end, length % VEC, m) - m);
        }
    }
    const float total = GROUP_SUM(sum_lanes(sum), 0), productTotal = GROUP_SUM(sum_lanes(products), 1);
    if (LEADS) {
        partial += get_group_id(0);
        partial[0] = total;
        partial[c * parts] = productTotal;
    }
}

// dx = dy scale inverse - b - (x - mean) k, with b and k at [statistic] of the two arrays of `coefficients`.
kernel void plane_gradient(TENSOR_ARGUMENT(const float, dy), TENSOR_ARGUMENT(const float, x),
                           TENSOR_ARGUMENT(const float, scale), TENSOR_ARGUMENT(const float, mean),
                           TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(const float, coefficients),
                           TENSOR_ARGUMENT(float, dx), const ulong planes, const ulong c, const ulong s,
                           const ulong pieces, const ulong pieceLength, const ulong unitsEach, const ulong planesEach,
                           const ulong statistics, const int scaled, const uint across) {
    TENSOR(const float, dy);
    TENSOR(const float, x);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(const float, coefficients);
    TENSOR(float, dx);
    const size_t first = get_group_id(0) * unitsEach, last = min((ulong)(first + unitsEach), (ulong)(planes * pieces));
    EACH_PIECE(u, first, last) {
        const size_t plane = u / pieces, statistic = plane / planesEach % statistics;
        const size_t begin = plane * s + PIECE_BEGIN(u), length = PIECE_LENGTH(u);
        global const float *d = dy + begin;
        global const float *from = x + begin;
        global float *to = dx + begin;
        const float m = mean[statistic], r = inverse[statistic];
        const float a = scaled ? r * scale[plane % c] : r;
        const float b = coefficients[statistic];
        const float k = coefficients[statistics + statistic];
        EACH_VECTOR(i, length) PUT(LOAD(d + i) * a - b - (LOAD(from + i) - m) * k, to + i);
        if (HAS_REST(length)) {
            const size_t end = length - length % VEC, count = length % VEC;
            const floatv v = load_rest(from + end, count, 0.0f) - m;
            store_rest(load_rest(d + end, count, 0.0f) * a - b - v * k, to + end, count);
        }
    }
}

// ---- Columns: where s is small -----------------------------------------------------------------------------------

// Joins the moments of a part B to those of the parts before (Chan et al., "Updating formulae", 1979).
#define JOIN(count, mean, squares, countB, meanB, squaresB)                                     \
    do {                                                                                        \
        const float share = (countB) / ((count) + (countB));                                    \
        const floatv delta = (meanB) - (mean);                                                  \
        mean += delta * share;                                                                  \
        squares += (squaresB) + delta * delta * ((count) * share);                              \
    } while (0)

// At most eight rows joined to the moments of the `count` rows before.
// Loops of constant length: not every compiler unrolls them unasked.
#define UNROLL _Pragma("unroll")
#define ROWS_AT_ONCE 8
inline void join_rows(global const float *p, const size_t columns, const size_t width, const size_t rows,
                      const float count, floatv *mean, floatv *squares) {
    if (rows == ROWS_AT_ONCE) {
        floatv v[ROWS_AT_ONCE], sum = 0, own = 0;
        UNROLL for (int r = 0; r < ROWS_AT_ONCE; r++) {
            v[r] = SOME(p + r * columns, width);
            sum += v[r];
        }
        sum *= 1.0f / ROWS_AT_ONCE;
        UNROLL for (int r = 0; r < ROWS_AT_ONCE; r++) own += (v[r] - sum) * (v[r] - sum);
        JOIN(count, *mean, *squares, (float)ROWS_AT_ONCE, sum, own);
    } else {
        floatv sum = 0, own = 0;
        for (size_t r = 0; r < rows; r++) sum += SOME(p + r * columns, width);
        sum /= (float)rows;
        for (size_t r = 0; r < rows; r++) {
            const floatv d = SOME(p + r * columns, width) - sum;
            own += d * d;
        }
        JOIN(count, *mean, *squares, (float)rows, sum, own);
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

inline void add_rows(global const float *dy, global const float *x, global const float *mean,
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
inline void sum_columns(global const float *dy, global const float *x, global const float *mean,
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

// ---- Channels: a work-item joins what belongs to one -------------------------------------------------------------

// Element j of a channel's part p lies at p * partStride + channel * channelStride + j, for j in 0..<inner.
#define EACH_PARTIAL(at)                                                                  \
    for (size_t part = 0; part < parts; part++)                                           \
        for (size_t at = part * partStride + channel * channelStride, stop = at + inner; at < stop; at++)

// The mean and 1 / deviation of each channel from partial moments in three arrays of `size`. Where `spreads`, also mean,
// inverse * scale and shift for each of the channel's `inner` columns.
kernel void join_moments(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, scale),
                         TENSOR_ARGUMENT(const float, shift), TENSOR_ARGUMENT(float, mean),
                         TENSOR_ARGUMENT(float, inverse), TENSOR_ARGUMENT(float, spread), const ulong c,
                         const ulong parts, const ulong partStride, const ulong channelStride, const ulong inner,
                         const ulong size, const int spreads, const int scaled, const int shifted,
                         const float epsilon) {
    TENSOR(const float, partial);
    TENSOR(const float, scale);
    TENSOR(const float, shift);
    TENSOR(float, mean);
    TENSOR(float, inverse);
    TENSOR(float, spread);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    float count = 0, m = 0, squares = 0;
    EACH_PARTIAL(at) {
        const float own = partial[2 * size + at];
        const float share = own / (count + own), delta = partial[at] - m;
        m += delta * share;
        squares += partial[size + at] + delta * delta * (count * share);
        count += own;
    }
    const float r = 1.0f / sqrt(squares / count + epsilon);
    mean[channel] = m;
    inverse[channel] = r;
    if (spreads) {
        spread += channel * inner;
        for (size_t j = 0; j < inner; j++) {
            spread[j] = m;
            spread[c * inner + j] = scaled ? r * scale[channel] : r;
            spread[2 * c * inner + j] = shifted ? shift[channel] : 0.0f;
        }
    }
}

// Batch normalisation: dShift = sum(dy), dScale = inverse sum(dy (x - mean)) from partial sums in two arrays of `size`
// and the coefficients of dx (see plane_gradient); where `spreads`, those of column_gradient.
kernel void join_channel_sums(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, scale),
                              TENSOR_ARGUMENT(const float, mean), TENSOR_ARGUMENT(const float, inverse),
                              TENSOR_ARGUMENT(float, dScale), TENSOR_ARGUMENT(float, dShift),
                              TENSOR_ARGUMENT(float, coefficients), const ulong c, const ulong parts,
                              const ulong partStride, const ulong channelStride, const ulong inner, const ulong size,
                              const int spreads, const int scaled, const float count) {
    TENSOR(const float, partial);
    TENSOR(const float, scale);
    TENSOR(const float, mean);
    TENSOR(const float, inverse);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    TENSOR(float, coefficients);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    float sum = 0, products = 0;
    EACH_PARTIAL(at) {
        sum += partial[at];
        products += partial[size + at];
    }
    const float r = inverse[channel];
    dScale[channel] = products * r;
    dShift[channel] = sum;
    const float a = scaled ? r * scale[channel] : r;
    const float b = a * (sum / count), k = a * r * r * (products / count);
    if (spreads) {
        coefficients += channel * inner;
        for (size_t j = 0; j < inner; j++) {
            coefficients[j] = mean[channel];
            coefficients[c * inner + j] = a;
            coefficients[2 * c * inner + j] = b;
            coefficients[3 * c * inner + j] = k;
        }
    } else {
        coefficients[channel] = b;
        coefficients[c + channel] = k;
    }
}

// Group normalisation where s is small: dShift and dScale from column_sums_by_row.
kernel void join_column_sums(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(float, dScale),
                             TENSOR_ARGUMENT(float, dShift), const ulong c, const ulong parts, const ulong partStride,
                             const ulong channelStride, const ulong inner, const ulong size) {
    TENSOR(const float, partial);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    float sum = 0, products = 0;
    EACH_PARTIAL(at) {
        sum += partial[at];
        products += partial[size + at];
    }
    dScale[channel] = products;
    dShift[channel] = sum;
}

// Group normalisation where s is large: from the planes' sums [n * c, parts] the coefficients of dx (see plane_gradient)
// of each of n * groups statistics.
kernel void group_coefficients(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, scale),
                               TENSOR_ARGUMENT(const float, inverse), TENSOR_ARGUMENT(float, coefficients),
                               const ulong n, const ulong c, const ulong parts, const ulong groups, const int scaled,
                               const float count) {
    TENSOR(const float, partial);
    TENSOR(const float, scale);
    TENSOR(const float, inverse);
    TENSOR(float, coefficients);
    const size_t statistic = get_global_id(0), each = c / groups;
    if (statistic >= n * groups) return;
    float sum = 0, products = 0;
    for (size_t plane = statistic * each; plane < (statistic + 1) * each; plane++) {
        const float w = scaled ? scale[plane % c] : 1.0f;
        for (size_t at = plane * parts; at < (plane + 1) * parts; at++) {
            sum += w * partial[at];
            products += w * partial[n * c * parts + at];
        }
    }
    const float r = inverse[statistic];
    coefficients += statistic;
    coefficients[0] = r * (sum / count);
    coefficients[n * groups] = r * r * r * (products / count);
}

// dShift and dScale of group normalisation from the planes' sums.
kernel void join_group_sums(TENSOR_ARGUMENT(const float, partial), TENSOR_ARGUMENT(const float, inverse),
                            TENSOR_ARGUMENT(float, dScale), TENSOR_ARGUMENT(float, dShift), const ulong n,
                            const ulong c, const ulong parts, const ulong groups) {
    TENSOR(const float, partial);
    TENSOR(const float, inverse);
    TENSOR(float, dScale);
    TENSOR(float, dShift);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    float sum = 0, products = 0;
    for (size_t sample = 0; sample < n; sample++) {
        const float r = inverse[sample * groups + channel / (c / groups)];
        for (size_t part = 0; part < parts; part++) {
            const size_t at = (sample * c + channel) * parts + part;
            sum += partial[at];
            products += r * partial[n * c * parts + at];
        }
    }
    dScale[channel] = products;
    dShift[channel] = sum;
}

// What belongs to a channel, for each of its s columns.
kernel void spread_channels(TENSOR_ARGUMENT(const float, from), TENSOR_ARGUMENT(float, to), const ulong c,
                            const ulong s) {
    TENSOR(const float, from);
    TENSOR(float, to);
    const size_t channel = get_global_id(0);
    if (channel >= c) return;
    for (size_t j = 0; j < s; j++) to[channel * s + j] = from[channel];
}
