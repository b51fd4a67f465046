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

// Rows are read at four places far apart: memory then has more reads under way than from one.
#define PLACES 4

// The sum of TERM(x), or of the squared distances from `center`, of `count` elements, a multiple of 16, at each of four places.
static float sum_places(global const float *p, const size_t gap, const size_t count, const float center, const int squares) {
#define PART(x) (squares ? ((x) - center) * ((x) - center) : TERM(x))
    float16 sum[PLACES];
    UNROLL for (int k = 0; k < PLACES; k++) sum[k] = 0.0f;
    for (size_t i = 0; i < count; i += 16) {
        UNROLL for (int k = 0; k < PLACES; k++) {
            if (ASKS_FOR_READS) LOOK_AHEAD(p + k * gap + i);
            const float16 x = vload16(0, p + k * gap + i);
            sum[k] += PART(x);
        }
    }
    return sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// The same over a range of at most 4096 elements.
static float sum_range(global const float *p, const size_t begin, const size_t end, const float center, const int squares) {
    const size_t quarter = (end - begin) / 64 * 16;
    float sum = sum_places(p + begin, quarter, quarter, center, squares), rest = 0.0f;
    for (size_t i = begin + 4 * quarter; i < end; i++) {
        const float x = p[i];
        rest += PART(x);
    }
    return sum + rest;
}

#if !ARG
// Lanes' extremes, of equal ones the first.
#define KEEP(best, x) best = select(best, x, BEATS(x, best))

static float extreme_lane(const float16 v) {
    const float8 a = select(v.lo, v.hi, BEATS(v.hi, v.lo));
    const float4 b = select(a.lo, a.hi, BEATS(a.hi, a.lo));
    const float2 c = select(b.lo, b.hi, BEATS(b.hi, b.lo));
    return BEATS(c.y, c.x) ? c.y : c.x;
}
#endif

// The state of one row's elements from `begin` to before `end`.
static STATE reduce_range(global const float *p, const size_t begin, const size_t end) {
    STATE s = nothing();
#if ADDS || KIND == VARIANCE
    // In short ranges, so that errors grow with their number and a second pass finds them in the cache.
    size_t i = begin;
#if ADDS
    for (; i + 4 * 4096 <= end; i += 4 * 4096) {
        for (size_t j = 0; j < 4096; j += 1024) s.first += sum_places(p + i + j, 4096, 1024, 0.0f, 0);
    }
#endif
    for (; i < end; i += 4096) {
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
        int16 odd = best != best;
        const size_t quarter = (end - begin) / 64 * 16;
        float16 bests[PLACES];
        UNROLL for (int k = 0; k < PLACES; k++) bests[k] = best;
        for (i = begin; i < begin + quarter; i += 16) {
            UNROLL for (int k = 0; k < PLACES; k++) {
                if (ASKS_FOR_READS) LOOK_AHEAD(p + k * quarter + i);
                const float16 x = vload16(0, p + k * quarter + i);
                KEEP(bests[k], x);
                odd |= x != x;
            }
        }
        UNROLL for (int k = 0; k < PLACES; k++) KEEP(best, bests[k]);
        for (i = begin + 4 * quarter; i + 16 <= end; i += 16) {
            const float16 x = vload16(0, p + i);
            KEEP(best, x);
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

#define READS_FOUR_ROWS (!PARTIAL && !ARG && KIND != VARIANCE)

#if READS_FOUR_ROWS
// The states of `count` rows of n elements, `gap` apart, of which each is the same however many there are; of extremes, only where
// none is NaN or there is one row. Returns whether one is.
INLINE int reduce_short(const int count, global const float *p, const size_t gap, const size_t n, STATE s[PLACES]) {
    UNROLL for (int k = 0; k < count; k++) s[k] = nothing();
#if !ADDS
    float16 best[PLACES];
    int16 odd = 0;
    if (n >= 16) UNROLL for (int k = 0; k < count; k++) best[k] = vload16(0, p + k * gap);
#endif
    size_t i = 0;
    for (size_t last = min(n, (size_t)1024); i + 16 <= n; last = min(n, last + 1024)) {
        float16 sum[PLACES];
        UNROLL for (int k = 0; k < count; k++) sum[k] = 0.0f;
        for (; i + 16 <= last; i += 16) {
            UNROLL for (int k = 0; k < count; k++) {
                if (ASKS_FOR_READS) LOOK_AHEAD(p + k * gap + i);
                const float16 x = vload16(0, p + k * gap + i);
#if ADDS
                sum[k] += TERM(x);
#else
                KEEP(best[k], x);
                odd |= x != x;
#endif
            }
        }
#if ADDS
        UNROLL for (int k = 0; k < count; k++) s[k].first += sum_lanes(sum[k]);
#endif
    }
    int isOdd = 0;
#if !ADDS
    isOdd = any(odd);
    if (n >= 16) UNROLL for (int k = 0; k < count; k++) s[k] = include(s[k], isOdd ? NAN : extreme_lane(best[k]), 0);
#endif
    for (; i < n; i++) {
        UNROLL for (int k = 0; k < count; k++) s[k] = include(s[k], p[k * gap + i], i);
    }
    return isOdd;
}
#endif

// For inner of 1. Global: parts, groups of `rowsPerItem` of the outer rows.
kernel void reduce_rows(TENSOR_ARGUMENT(const float, x), OUTPUT, ulong rows, ulong n, ulong parts, ulong rowsPerPart,
                        ulong rowsPerItem, float divisor) {
    TENSOR(const float, x);
    OPEN_OUTPUT;
    const size_t inner = 1;
    const size_t part = get_global_id(0);
    const size_t begin = part * rowsPerPart, end = min((size_t)(begin + rowsPerPart), (size_t)n);
    const size_t first = get_global_id(1) * rowsPerItem, last = min((size_t)(first + rowsPerItem), (size_t)rows);
#if READS_FOUR_ROWS
    if (n < 4 * 4096) {
        const size_t apart = (last - first) / PLACES;
        STATE s[PLACES];
        for (size_t row = first; row < first + apart; row++) {
            const int isOdd = reduce_short(PLACES, x + row * n, apart * n, n, s);
            for (int k = 0; k < PLACES; k++) {
                if (isOdd) reduce_short(1, x + (row + k * apart) * n, 0, n, s + k);
                WRITE(row + k * apart, part, 0, s[k]);
            }
        }
        for (size_t row = first + PLACES * apart; row < last; row++) {
            reduce_short(1, x + row * n, 0, n, s);
            WRITE(row, part, 0, s[0]);
        }
        return;
    }
#endif
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
        const size_t apart = (last - k) / PLACES;
        size_t r = k;
        for (; r < k + apart; r++) {
            for (size_t j = 0; j < vectors; j++) {
                global const float *from = p + r * inner + min((size_t)(j) * 16, tail);
                float16 x[PLACES];
                UNROLL for (int i = 0; i < PLACES; i++) {
                    if (ASKS_FOR_READS) FETCH(from + (i * apart + 1) * inner);
                    x[i] = vload16(0, from + i * apart * inner);
                }
                sum[j] += (TERM(x[0]) + TERM(x[1])) + (TERM(x[2]) + TERM(x[3]));
            }
        }
        r += (PLACES - 1) * apart;
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
