// Reductions on CPU-like devices: a work-item owns whole rows, or rows of columns beside each other, and reads them in
// vectors of sixteen.
#include "Reduction.cl"

#if PARTIAL
#define OUTPUT global float4 *partials
#define OPEN_OUTPUT
#define WRITE(o, part, c, s) partials[((o) * parts + (part)) * inner + (c)] = packed(s)
#else
#define OUTPUT TENSOR_ARGUMENT(RESULT, y)
#define OPEN_OUTPUT TENSOR(RESULT, y)
#define WRITE(o, part, c, s) y[(o) * inner + (c)] = finish(s, divisor)
#endif

// Joins the parts of each result. Global: outer * inner.
kernel void reduce_merge(global const float4 *partials, TENSOR_ARGUMENT(RESULT, y), ulong count, ulong parts, ulong inner,
                         float divisor) {
    const size_t g = get_global_id(0);
    if (g >= count) return;
    TENSOR(RESULT, y);
    const size_t o = g / inner, c = g % inner;
    STATE s = nothing();
    for (size_t part = 0; part < parts; part++) s = merge(s, unpacked(partials[(o * parts + part) * inner + c]));
    y[g] = finish(s, divisor);
}

static float sum_lanes(float16 v) {
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

// The sum of TERM(x), or of the squared distances from `center`, over a short range.
static float sum_range(global const float *p, const size_t begin, const size_t end, const float center, const int squares) {
#define PART(x) (squares ? ((x) - center) * ((x) - center) : TERM(x))
    float16 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
    size_t i = begin;
    const int asks = ASKS_FOR_READS(end - begin);
    for (; i + 64 <= end; i += 64) {
        if (asks) UNROLL for (int k = 0; k < 4; k++) LOOK_AHEAD(p + i + 16 * k);
        const float16 x = vload16(0, p + i), y = vload16(0, p + i + 16), z = vload16(0, p + i + 32), w = vload16(0, p + i + 48);
        a += PART(x);
        b += PART(y);
        c += PART(z);
        d += PART(w);
    }
    for (; i + 16 <= end; i += 16) {
        const float16 x = vload16(0, p + i);
        a += PART(x);
    }
    float tail = 0.0f;
    for (; i < end; i++) {
        const float x = p[i];
        tail += PART(x);
    }
    return sum_lanes((a + b) + (c + d)) + tail;
}

// The state of one row's elements from `begin` to before `end`.
static STATE reduce_range(global const float *p, const size_t begin, const size_t end) {
    STATE s = nothing();
#if ADDS || KIND == VARIANCE
    // In short ranges, so that errors grow with their number and a second pass finds them in the cache.
    for (size_t i = begin; i < end; i += 4096) {
        const size_t last = min(i + 4096, end);
        STATE t = nothing();
        t.first = sum_range(p, i, last, 0.0f, 0);
#if KIND == VARIANCE
        t.count = (float)(last - i);
        t.first /= t.count;
        t.second = sum_range(p, i, last, t.first, 1);
#endif
        s = merge(s, t);
    }
#else
    size_t i = begin;
    if (i + 16 <= end) {
        const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        float16 best = vload16(0, p + i);
#if ARG
        int16 position = lanes + (int)i;
        for (i += 16; i + 16 <= end; i += 16) {
            const float16 x = vload16(0, p + i);
            const int16 wins = BEATS(x, best) | ((x != x) & (best == best));
            best = select(best, x, wins);
            position = select(position, lanes + (int)i, wins);
        }
        float values[16];
        int positions[16];
        vstore16(best, 0, values);
        vstore16(position, 0, positions);
#else
        // NaN before all: one is looked for beside the extremes of the others, which no comparison lets it among.
        float16 other = best;
        int16 odd = best != best;
        const int asks = ASKS_FOR_READS(end - begin);
        for (i += 16; i + 32 <= end; i += 32) {
            if (asks) {
                LOOK_AHEAD(p + i);
                LOOK_AHEAD(p + i + 16);
            }
            const float16 x = vload16(0, p + i), y = vload16(0, p + i + 16);
            best = select(best, x, BEATS(x, best));
            other = select(other, y, BEATS(y, other));
            odd |= (x != x) | (y != y);
        }
        best = select(best, other, BEATS(other, best));
        for (; i + 16 <= end; i += 16) {
            const float16 x = vload16(0, p + i);
            best = select(best, x, BEATS(x, best));
            odd |= x != x;
        }
        float values[16];
        vstore16(select(best, (float16)(NAN), odd), 0, values);
#endif
        for (int lane = 0; lane < 16; lane++) {
            STATE t = nothing();
            t.first = values[lane];
#if ARG
            t.position = positions[lane];
#else
            t.position = lane;
#endif
            s = merge(s, t);
        }
    }
    for (; i < end; i++) s = include(s, p[i], i);
#endif
    return s;
}

// For inner of 1. Global: parts, groups of `rowsPerItem` of the outer rows.
kernel void reduce_rows(TENSOR_ARGUMENT(const float, x), OUTPUT, ulong rows, ulong n, ulong parts, ulong rowsPerPart,
                        ulong rowsPerItem, float divisor) {
    TENSOR(const float, x);
    OPEN_OUTPUT;
    const size_t inner = 1;
    const size_t part = get_global_id(0);
    const size_t begin = part * rowsPerPart, end = min((size_t)(begin + rowsPerPart), (size_t)n);
    const size_t first = get_global_id(1) * rowsPerItem, last = min((size_t)(first + rowsPerItem), (size_t)rows);
    for (size_t row = first; row < last; row++) {
        const STATE s = reduce_range(x + row * n, begin, end);
        WRITE(row, part, 0, s);
    }
}

// Columns beside each other: vectors of 16 of them, at most MOST, walked down together with their states in the first-level
// cache, so that memory is read in its order.
#if KIND == VARIANCE
#define MOST 64
#define ROWS_AT_ONCE 64
#else
#define MOST 128
#define ROWS_AT_ONCE 256
#endif

typedef struct {
    float16 first[MOST];
#if KIND == VARIANCE
    float16 second[MOST];
#endif
#if !ADDS && KIND != VARIANCE
    int16 position[MOST];
#endif
} COLUMNS;

// Where the vector `j` begins: the last one may begin early, at `tail`, so as not to end outside.
#define VECTOR(j) vload16(0, p + r * inner + min((size_t)(j) * 16, tail))

static void walk(global const float *p, const size_t begin, const size_t end, const size_t inner, const size_t vectors,
                 const size_t tail, COLUMNS *c) {
#if ADDS
    for (size_t j = 0; j < vectors; j++) c->first[j] = 0.0f;
    float16 sum[MOST];
    for (size_t k = begin; k < end; k += ROWS_AT_ONCE) {
        const size_t last = min(k + ROWS_AT_ONCE, end);
        for (size_t j = 0; j < vectors; j++) sum[j] = 0.0f;
        size_t r = k;
        for (; r + 4 <= last; r += 4) {
            for (size_t j = 0; j < vectors; j++) {
                global const float *from = p + r * inner + min((size_t)(j) * 16, tail);
                float16 x[4];
                UNROLL for (int i = 0; i < 4; i++) {
                    FETCH(from + (4 + i) * inner);
                    x[i] = vload16(0, from + i * inner);
                }
                sum[j] += (TERM(x[0]) + TERM(x[1])) + (TERM(x[2]) + TERM(x[3]));
            }
        }
        for (; r < last; r++) {
            for (size_t j = 0; j < vectors; j++) {
                const float16 x = VECTOR(j);
                sum[j] += TERM(x);
            }
        }
        for (size_t j = 0; j < vectors; j++) c->first[j] += sum[j];
    }
#elif KIND == VARIANCE
    for (size_t j = 0; j < vectors; j++) {
        c->first[j] = 0.0f;
        c->second[j] = 0.0f;
    }
    float16 mean[MOST], square[MOST];
    float known = 0.0f;
    for (size_t k = begin; k < end; k += ROWS_AT_ONCE) {
        const size_t last = min(k + ROWS_AT_ONCE, end);
        const float more = (float)(last - k), all = known + more, share = more / all;
        for (size_t j = 0; j < vectors; j++) {
            mean[j] = 0.0f;
            square[j] = 0.0f;
        }
        for (size_t r = k; r < last; r++) {
            for (size_t j = 0; j < vectors; j++) mean[j] += VECTOR(j);
        }
        for (size_t j = 0; j < vectors; j++) mean[j] /= more;
        for (size_t r = k; r < last; r++) {
            for (size_t j = 0; j < vectors; j++) {
                const float16 distance = VECTOR(j) - mean[j];
                square[j] += distance * distance;
            }
        }
        for (size_t j = 0; j < vectors; j++) {
            const float16 distance = mean[j] - c->first[j];
            c->first[j] += distance * share;
            c->second[j] += square[j] + distance * distance * (known * share);
        }
        known = all;
    }
#else
    for (size_t j = 0, r = begin; j < vectors; j++) {
        c->first[j] = VECTOR(j);
        c->position[j] = (int)begin;
    }
    for (size_t r = begin + 1; r < end; r++) {
        for (size_t j = 0; j < vectors; j++) {
            const float16 x = VECTOR(j), best = c->first[j];
            const int16 wins = BEATS(x, best) | ((x != x) & (best == best));
            c->first[j] = select(best, x, wins);
            c->position[j] = select(c->position[j], (int16)((int)r), wins);
        }
    }
#endif
}

// The state of column `lane` of the vector `j`, of `rows` elements.
static STATE column(COLUMNS *c, const size_t j, const int lane, const size_t rows) {
    STATE s = nothing();
    s.count = (float)rows;
    s.first = ((float *)&c->first[j])[lane];
#if KIND == VARIANCE
    s.second = ((float *)&c->second[j])[lane];
#elif !ADDS
    s.position = ((int *)&c->position[j])[lane];
#endif
    return s;
}

#if FEW
// For inner of 2 to 15, which is FEW: 16 elements of the axis are FEW vectors that lie one after the other, so that the axis
// is walked as one of n / 16 elements with 16 * FEW columns, which are then joined. Global: parts, groups of `outerPerItem`.
kernel void reduce_few_columns(TENSOR_ARGUMENT(const float, x), OUTPUT, ulong outer, ulong n, ulong parts, ulong rowsPerPart,
                               ulong outerPerItem, float divisor) {
    TENSOR(const float, x);
    OPEN_OUTPUT;
    const size_t inner = FEW, part = get_global_id(0);
    const size_t begin = part * rowsPerPart, end = min((size_t)(begin + rowsPerPart), (size_t)n);
    const size_t whole = (end - begin) / 16, rest = begin + whole * 16;
    const size_t first = get_global_id(1) * outerPerItem, last = min((size_t)(first + outerPerItem), (size_t)outer);
    COLUMNS state;
    for (size_t o = first; o < last; o++) {
        global const float *p = x + o * n * FEW;
        STATE columns[FEW];
        for (int c = 0; c < FEW; c++) columns[c] = nothing();
        if (whole > 0) {
            walk(p + begin * FEW, 0, whole, 16 * FEW, FEW, (FEW - 1) * 16, &state);
            for (int v = 0; v < 16 * FEW; v++) {
                STATE s = column(&state, v / 16, v % 16, whole);
                s.position = (int)begin + s.position * 16 + v / FEW;
                columns[v % FEW] = merge(columns[v % FEW], s);
            }
        }
        for (size_t i = rest; i < end; i++) {
            for (int c = 0; c < FEW; c++) columns[c] = include(columns[c], p[i * FEW + c], i);
        }
        for (int c = 0; c < FEW; c++) WRITE(o, part, c, columns[c]);
    }
}
#endif

// For inner of 16 and more. Global: groups of `blocksPerItem` blocks of 16 columns, less than MOST; parts; groups of
// `outerPerItem`.
kernel void reduce_columns(TENSOR_ARGUMENT(const float, x), OUTPUT, ulong outer, ulong n, ulong inner, ulong parts,
                           ulong rowsPerPart, ulong blocksPerItem, ulong outerPerItem, float divisor) {
    TENSOR(const float, x);
    OPEN_OUTPUT;
    const size_t part = get_global_id(1), blocks = inner / 16;
    const size_t begin = part * rowsPerPart, end = min((size_t)(begin + rowsPerPart), (size_t)n);
    const size_t block = get_global_id(0) * blocksPerItem, after = min((size_t)(block + blocksPerItem), blocks);
    // The last few columns come together with some that are written once more with the same bits.
    const int isCut = after == blocks && inner % 16 != 0;
    const size_t vectors = after - block + isCut, tail = (isCut ? inner : after * 16) - 16 - block * 16;
    const size_t first = get_global_id(2) * outerPerItem, last = min((size_t)(first + outerPerItem), (size_t)outer);
    COLUMNS state;
    for (size_t o = first; o < last; o++) {
        walk(x + o * n * inner + block * 16, begin, end, inner, vectors, tail, &state);
        for (size_t j = 0; j < vectors; j++) {
            const size_t c = block * 16 + min(j * 16, tail);
            for (int lane = 0; lane < 16; lane++) WRITE(o, part, c + lane, column(&state, j, lane, end - begin));
        }
    }
}
