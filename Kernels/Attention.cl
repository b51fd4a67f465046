// Attention on CPU-like devices, as `CMartletCPU/Attention.c` has it: one work-item a work-group, no barriers. The scores of
// all pairs are never stored (Dao et al., "FlashAttention", 2022).
//
// MASK     0 none;  1 float32 that is added;  2 int32, a key hidden where it is 0
// MR, TV   rows and vectors of a register tile; TV divides NV
// DROPS    1: weights are multiplied by Philox's draw, 0 or 1 / kept
//
// Forward: a block of LANES queries lies in the lanes of vectors, a row of scores is a key. What a lane computes depends on
// no other lane and on the keys in their order. Backward: a block of keys lies in the lanes, the queries' rows pass by; a
// work-item owns a head of keys and its query heads, so that nothing is added by two.
#ifndef NV
#define NV 2
#endif
#ifndef MR
#define MR 8
#endif
#ifndef TV
#define TV NV
#endif
#ifndef MASK
#define MASK 0
#endif
#ifndef DROPS
#define DROPS 0
#endif
#define LANES (16 * NV)
// Rows of a block that are multiplied with the lanes before the next ones.
#define ROWS 64

#define ONE_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))
#define LANE ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

#if MASK == 2
typedef int Mask;
#else
typedef float Mask;
#endif

typedef global const float *Source;
typedef global float *Target;

// Rows of heads: row i of head h in batch element b begins at base + b * step0 + h * step1 + i * step2.
#define HEADS_ARGUMENT(name) \
    TENSOR_ARGUMENT(float, name), const ulong name##_step0, const ulong name##_step1, const ulong name##_step2
#define HEADS(name) TENSOR(float, name)
#define HEAD_ROWS(name, batch, head, row) (name + (batch) * name##_step0 + (head) * name##_step1 + (row) * name##_step2)

#define PROBLEM                                                                                                       \
    TENSOR_ARGUMENT(const Mask, mask), const ulong mask0, const ulong mask1, const ulong mask2, const ulong mask3,    \
    TENSOR_ARGUMENT(const int, lengths), const int hasLengths, const ulong batches, const ulong heads, const ulong keyHeads, \
    const ulong queries, const ulong keys, const ulong width, const float scale, const int causalOffset,              \
    const float kept, const uint key0, const uint key1, const uint stream0, const uint stream1

// Step u of a tile; `number` is an expression of i.
#define MULTIPLY_STEP(u, number)                                                                                      \
    {                                                                                                                 \
        float16 v[wide];                                                                                              \
        UNROLL for (uint j = 0; j < wide; j++) v[j] = vload16(j, row + (u) * rightStep);                              \
        UNROLL for (uint i = 0; i < MR; i++) {                                                                        \
            const float16 x = number;                                                                                 \
            UNROLL for (uint j = 0; j < wide; j++) sum[i][j] = fma(x, v[j], sum[i][j]);                               \
        }                                                                                                             \
    }
#define NEXT_ROW(steps) row += (steps) * rightStep;

// Number (i, p) of a row is left[i * step + p] where it is deep, else left[p * step + i]; fewer than MR rows are PART of a tile.
#define BEGIN_DEEP ROWS_BY_THREES(at, left, step);
#define STEP_DEEP(u) MULTIPLY_STEP(u, OF_ROWS(at, step, i, u))
#define ADVANCE_DEEP(steps) NEXT_OF_ROWS(at, steps) NEXT_ROW(steps)
#define BEGIN_FLAT Source at = left;
#define STEP_FLAT(u) MULTIPLY_STEP(u, at[i + (u) * step])
#define ADVANCE_FLAT(steps) at += (steps) * step; NEXT_ROW(steps)
#define BEGIN_PART Source at = left;
#define STEP_PART(u) MULTIPLY_STEP(u, at[min((size_t)i, end - 1) * across + (u) * along])
#define ADVANCE_PART(steps) at += (steps) * along; NEXT_ROW(steps)

#define MULTIPLY_TILE(name, DEEP, WIDE, FORM)                                                                         \
    INLINE void name(const size_t begin, const size_t end, const size_t depth, Source left, const size_t step,        \
                     Source right, const size_t rightStep, Target to, const size_t pitch, const int accumulates) {    \
        enum { wide = WIDE };                                                                                         \
        const size_t across = DEEP ? step : 1, along = DEEP ? 1 : step;                                               \
        float16 sum[MR][wide];                                                                                        \
        UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < wide; j++) sum[i][j] = 0;                    \
        Source row = right;                                                                                           \
        BEGIN_##FORM                                                                                                  \
        BY_FOURS(depth, STEP_##FORM, ADVANCE_##FORM)                                                                  \
        UNROLL for (uint i = 0; i < MR; i++) {                                                                        \
            if (i < begin || i >= end) continue;                                                                      \
            UNROLL for (uint j = 0; j < wide; j++) {                                                                  \
                const float16 before = accumulates ? vload16(j, to + i * pitch) : (float16)(0.0f);                    \
                vstore16(before + sum[i][j], j, to + i * pitch);                                                      \
            }                                                                                                         \
        }                                                                                                             \
    }

// Rows i < rows of a product, its columns a multiple of 16 * WIDE: to[i] = sum_p number(i, p) * right[p], or more by it. Tiles of
// MR rows and WIDE vectors; the last one begins early enough to be full, and does not store what it has in common with the one
// before it.
#define MULTIPLY(name, DEEP, WIDE, FORM)                                                                              \
    MULTIPLY_TILE(name##Tile, DEEP, WIDE, FORM)                                                                       \
    MULTIPLY_TILE(name##Part, DEEP, WIDE, PART)                                                                       \
    INLINE void name(const size_t rows, const size_t columns, const size_t depth, Source left, const size_t step,     \
                     Source right, const size_t rightStep, Target to, const size_t pitch, const int accumulates) {    \
        for (size_t row = 0; row < rows; row += MR) {                                                                 \
            const size_t first = min(row, rows - min(rows, (size_t)MR));                                              \
            Source from = left + first * (DEEP ? step : 1);                                                           \
            for (size_t c = 0; c < columns; c += 16 * WIDE) {                                                         \
                Target place = to + first * pitch + c;                                                                \
                if (rows < MR) name##Part(0, rows, depth, from, step, right + c, rightStep, place, pitch, accumulates); \
                else name##Tile(row - first, MR, depth, from, step, right + c, rightStep, place, pitch, accumulates); \
            }                                                                                                         \
        }                                                                                                             \
    }
MULTIPLY(multiplyDeep, 1, TV, DEEP)
MULTIPLY(multiplyFlat, 0, TV, FLAT)
#if TV > 1
MULTIPLY(multiplyDeepOne, 1, 1, DEEP)
MULTIPLY(multiplyFlatOne, 0, 1, FLAT)
#else
#define multiplyDeepOne multiplyDeep
#define multiplyFlatOne multiplyFlat
#endif

// The products of rows whose columns are any multiple of 16.
#define MULTIPLY_ROWS(name)                                                                                           \
    INLINE void name##Rows(const size_t rows, const size_t columns, const size_t depth, Source left, const size_t step, \
                           Source right, const size_t rightStep, Target to, const size_t pitch, const int accumulates) { \
        const size_t whole = columns / (16 * TV) * (16 * TV);                                                         \
        name(rows, whole, depth, left, step, right, rightStep, to, pitch, accumulates);                               \
        if (whole < columns)                                                                                          \
            name##One(rows, 16, depth, left, step, right + whole, rightStep, to + whole, pitch, accumulates);         \
    }
MULTIPLY_ROWS(multiplyDeep)
MULTIPLY_ROWS(multiplyFlat)

#include "Transpose.cl"

// Column c of `count` rows to to[c * LANES ...], a row a lane; zeros in the lanes beyond.
INLINE void rowsToLanes(Source rows, const size_t step, const size_t count, const size_t width, Target to) {
    for (size_t group = 0; group < LANES; group += 16) {
        for (size_t c = 0; c < width; c += 16) {
            Source from = rows + group * step + c;
            Target out = to + c * LANES + group;
            if (group + 16 <= count && c + 16 <= width) {
                transposeBlock(from, step, out, LANES);
                continue;
            }
            for (size_t n = 0; n < min((size_t)16, width - c); n++)
                for (size_t i = 0; i < 16; i++) out[n * LANES + i] = group + i < count ? from[i * step + n] : 0.0f;
        }
    }
}

INLINE size_t paddedWidth(const size_t width) { return (width + 15) / 16 * 16; }

// Rows as vectors read them: as they are where their width is a multiple of 16, else filled up in `to`.
INLINE Source wholeRows(Source rows, const size_t step, const size_t count, const size_t width, Target to) {
    const size_t padded = paddedWidth(width);
    if (padded == width) return rows;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < padded; c++) to[i * padded + c] = c < width ? rows[i * step + c] : 0.0f;
    return to;
}

INLINE void copyRows(Source from, const size_t pitch, const size_t count, const size_t width, Target to, const size_t step) {
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < width; c++) to[i * step + c] = from[i * pitch + c];
}

INLINE void clearRows(Target rows, const size_t step, const size_t count, const size_t padded) {
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < padded; c += 16) vstore16((float16)(0.0f), 0, rows + i * step + c);
}

INLINE void scaleRows(Target rows, const size_t step, const size_t count, const size_t padded, const float *factors) {
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < padded; c += 16) vstore16(vload16(0, rows + i * step + c) * factors[i], 0, rows + i * step + c);
}

// How many keys a query sees, the mask apart.
INLINE long keysSeen(const ulong keys, global const int *lengths, const int hasLengths, const size_t batch, const long query,
                     const int causalOffset) {
    const long seen = hasLengths ? clamp((long)lengths[batch], 0L, (long)keys) : (long)keys;
    return min(seen, max(query + causalOffset + 1, 0L));
}

// Queries before this one see none of the keys from `key` on.
INLINE size_t firstQuery(const size_t key, const int causalOffset, const ulong queries) {
    return (size_t)clamp((long)key - causalOffset, 0L, (long)queries);
}

#if MASK == 2
#define MASK_VALUE(at) (mask[at] ? 0.0f : -INFINITY)
#else
#define MASK_VALUE(at) mask[at]
#endif

#if DROPS
// 0 or 1 / kept for the elements at these places of a draw; see Random.cl.
INLINE float16 keptWeights(const ulong16 at, const float kept, const uint key0, const uint key1, const uint stream0,
                           const uint stream1) {
    const ulong16 block = at >> 2;
    uint16 c0 = convert_uint16(block), c1 = convert_uint16(block >> 32), c2 = stream0, c3 = stream1;
    uint k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
        const uint16 high0 = mul_hi(c0, (uint16)(0xD2511F53u)), low0 = c0 * 0xD2511F53u;
        const uint16 high1 = mul_hi(c2, (uint16)(0xCD9E8D57u)), low1 = c2 * 0xCD9E8D57u;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const uint16 word = convert_uint16(at & 3);
    const uint16 low = select(c0, c1, word == 1u), high = select(c2, c3, word == 3u);
    const float16 unit = convert_float16(select(low, high, word > 1u) >> 8) * 0x1p-24f;
    return select((float16)(0.0f), (float16)(1.0f / kept), unit < kept);
}
#endif

// Scratch of a work-item: queries as lanes and scores of ROWS; filled up rows of values and results.
kernel ONE_ITEM void attention(HEADS_ARGUMENT(q), HEADS_ARGUMENT(k), HEADS_ARGUMENT(v), PROBLEM, HEADS_ARGUMENT(y),
                               TENSOR_ARGUMENT(float, logSum), Target scratch, const ulong scratchStep, const ulong tasks,
                               const ulong items) {
    HEADS(q);
    HEADS(k);
    HEADS(v);
    HEADS(y);
    TENSOR(const Mask, mask);
    TENSOR(const int, lengths);
    TENSOR(float, logSum);
    const size_t blocks = (queries + LANES - 1) / LANES, padded = paddedWidth(width);
    const int isWhole = padded == width;
    scratch += get_global_id(0) * scratchStep;
    Target lanes = scratch, scores = lanes + width * LANES, filled = scores + ROWS * LANES, results = filled + ROWS * padded;
    const size_t vStep = isWhole ? v_step2 : padded, pitch = isWhole ? y_step2 : padded;
    for (size_t task = get_global_id(0); task < tasks; task += items) {
        const size_t batch = task / blocks / heads, head = task / blocks % heads, query = task % blocks * LANES;
        const size_t count = min((size_t)LANES, (size_t)queries - query), keyHead = head / (heads / keyHeads);
        Target result = isWhole ? HEAD_ROWS(y, batch, head, query) : results;
        rowsToLanes(HEAD_ROWS(q, batch, head, query), q_step2, count, width, lanes);
        float16 largest[NV], total[NV];
        UNROLL for (uint g = 0; g < NV; g++) {
            largest[g] = -INFINITY;
            total[g] = 0;
        }
        long seenBy[LANES], most = 0;
        for (size_t i = 0; i < LANES; i++) {
            seenBy[i] = i < count ? keysSeen(keys, lengths, hasLengths, batch, (long)(query + i), causalOffset) : 0;
            most = max(most, seenBy[i]);
        }
        if (most == 0) clearRows(result, pitch, count, padded);
        int16 seen[NV];
        UNROLL for (uint g = 0; g < NV; g++) seen[g] = convert_int16(vload16(g, seenBy));
        for (size_t first = 0; first < (size_t)most; first += ROWS) {
            const size_t rows = min((size_t)ROWS, (size_t)most - first);
            multiplyDeep(rows, LANES, width, HEAD_ROWS(k, batch, keyHead, first), k_step2, lanes, LANES, scores, LANES, 0);
            float corrections[LANES];
            UNROLL for (uint g = 0; g < NV; g++) {
                float16 top = largest[g];
                for (size_t i = 0; i < rows; i++) {
                    Target place = scores + i * LANES + 16 * g;
                    float16 s = vload16(0, place) * scale;
#if MASK
                    float added[16];
                    const size_t at = batch * mask0 + head * mask1 + (first + i) * mask3;
                    for (size_t l = 0; l < 16; l++)
                        added[l] = MASK_VALUE(at + min(query + 16 * g + l, (size_t)queries - 1) * mask2);
                    s += vload16(0, added);
#endif
                    s = select(s, (float16)(-INFINITY), (int16)((int)(first + i)) >= seen[g]);
                    vstore16(s, 0, place);
                    top = select(top, s, s > top);
                }
                // A lane that has seen nothing subtracts 0 instead of minus infinity.
                const float16 base = select(top, (float16)(0.0f), top == (float16)(-INFINITY));
                const float16 correction = EXP_BELOW(largest[g] - base);
                vstore16(correction, g, corrections);
                float16 sum = 0;
                for (size_t i = 0; i < rows; i++) {
                    Target place = scores + i * LANES + 16 * g;
                    float16 weight = EXP_BELOW(vload16(0, place) - base);
                    sum += weight;
#if DROPS
                    const ulong16 row = ((batch * heads + head) * queries + query + 16 * g + convert_ulong16(LANE)) * keys;
                    weight *= keptWeights(row + (first + i), kept, key0, key1, stream0, stream1);
#endif
                    vstore16(weight, 0, place);
                }
                largest[g] = top;
                total[g] = total[g] * correction + sum;
            }
            if (first > 0) scaleRows(result, pitch, count, padded, corrections);
            Source values = wholeRows(HEAD_ROWS(v, batch, keyHead, first), v_step2, rows, width, filled);
            multiplyFlatRows(count, padded, rows, scores, LANES, values, vStep, result, pitch, first > 0);
        }
        float sums[LANES], tops[LANES], factors[LANES];
        UNROLL for (uint g = 0; g < NV; g++) {
            vstore16(select(1.0f / total[g], (float16)(0.0f), total[g] == (float16)(0.0f)), g, factors);
            vstore16(total[g], g, sums);
            vstore16(largest[g], g, tops);
        }
        for (size_t i = 0; i < count; i++)
            logSum[(batch * heads + head) * queries + query + i] = sums[i] == 0 ? -INFINITY : tops[i] + log(sums[i]);
        scaleRows(result, pitch, count, padded, factors);
        if (!isWhole) copyRows(result, padded, count, width, HEAD_ROWS(y, batch, head, query), y_step2);
    }
}

// Scratch of a work-item: keys and values as lanes, weights and slopes of ROWS queries, and what y and dy have in common;
// filled up rows of queries, of their y's gradients and of keys, and of the gradients of keys, values and queries.
kernel ONE_ITEM void attention_gradient(HEADS_ARGUMENT(dy), HEADS_ARGUMENT(q), HEADS_ARGUMENT(k), HEADS_ARGUMENT(v), PROBLEM,
                                        HEADS_ARGUMENT(y), TENSOR_ARGUMENT(const float, logSum), HEADS_ARGUMENT(dq),
                                        HEADS_ARGUMENT(dk), HEADS_ARGUMENT(dv), Target scratch, const ulong scratchStep,
                                        const ulong items) {
    HEADS(dy);
    HEADS(q);
    HEADS(k);
    HEADS(v);
    HEADS(y);
    HEADS(dq);
    HEADS(dk);
    HEADS(dv);
    TENSOR(const Mask, mask);
    TENSOR(const int, lengths);
    TENSOR(const float, logSum);
    const size_t padded = paddedWidth(width), share = heads / keyHeads;
    const int isWhole = padded == width;
    scratch += get_global_id(0) * scratchStep;
    Target keyLanes = scratch, valueLanes = keyLanes + width * LANES, weights = valueLanes + width * LANES;
    Target slopes = weights + ROWS * LANES, common = slopes + ROWS * LANES, filledQueries = common + share * queries;
    Target filledSlopes = filledQueries + ROWS * padded, filledKeys = filledSlopes + ROWS * padded;
    Target keyGradients = filledKeys + LANES * padded, valueGradients = keyGradients + LANES * padded;
    Target queryGradients = valueGradients + LANES * padded;
    const size_t qStep = isWhole ? q_step2 : padded, dyStep = isWhole ? dy_step2 : padded, kStep = isWhole ? k_step2 : padded;
    const size_t dqStep = isWhole ? dq_step2 : padded, dkStep = isWhole ? dk_step2 : padded, dvStep = isWhole ? dv_step2 : padded;
    for (size_t task = get_global_id(0); task < batches * keyHeads; task += items) {
        const size_t batch = task / keyHeads, keyHead = task % keyHeads;
        for (size_t shared = 0; shared < share; shared++) {
            const size_t head = keyHead * share + shared;
            for (size_t i = 0; i < queries; i++) {
                Source a = HEAD_ROWS(dy, batch, head, i), b = HEAD_ROWS(y, batch, head, i);
                float16 sum = 0;
                size_t c = 0;
                for (; c + 16 <= width; c += 16) sum += vload16(0, a + c) * vload16(0, b + c);
                const float8 eight = sum.lo + sum.hi;
                const float4 four = eight.lo + eight.hi;
                float all = (four.x + four.z) + (four.y + four.w);
                for (; c < width; c++) all += a[c] * b[c];
                common[shared * queries + i] = all;
            }
            // The queries that see no key at all; the others' gradients begin with the first block of keys.
            clearRows(isWhole ? HEAD_ROWS(dq, batch, head, 0) : queryGradients + shared * queries * padded, dqStep,
                      keys > 0 ? firstQuery(0, causalOffset, queries) : queries, padded);
        }
        for (size_t first = 0; first < keys; first += LANES) {
            const size_t count = min((size_t)LANES, (size_t)keys - first);
            Source keyRows = HEAD_ROWS(k, batch, keyHead, first);
            rowsToLanes(keyRows, k_step2, count, width, keyLanes);
            rowsToLanes(HEAD_ROWS(v, batch, keyHead, first), v_step2, count, width, valueLanes);
            keyRows = wholeRows(keyRows, k_step2, count, width, filledKeys);
            Target keyGradient = isWhole ? HEAD_ROWS(dk, batch, keyHead, first) : keyGradients;
            Target valueGradient = isWhole ? HEAD_ROWS(dv, batch, keyHead, first) : valueGradients;
            const size_t begin = firstQuery(first, causalOffset, queries);
            if (begin == queries) {
                clearRows(keyGradient, dkStep, count, padded);
                clearRows(valueGradient, dvStep, count, padded);
            }
            for (size_t shared = 0; shared < share; shared++) {
                const size_t head = keyHead * share + shared;
                Source sums = logSum + (batch * heads + head) * queries;
                for (size_t query = begin; query < queries; query += ROWS) {
                    const int more = shared > 0 || query > begin;
                    const size_t rows = min((size_t)ROWS, (size_t)queries - query);
                    Source qRows = HEAD_ROWS(q, batch, head, query), dyRows = HEAD_ROWS(dy, batch, head, query);
                    multiplyDeep(rows, LANES, width, qRows, q_step2, keyLanes, LANES, weights, LANES, 0);
                    multiplyDeep(rows, LANES, width, dyRows, dy_step2, valueLanes, LANES, slopes, LANES, 0);
                    for (size_t i = 0; i < rows; i++) {
                        // A query that sees nothing has no weights.
                        const float rest = sums[query + i] == -INFINITY ? INFINITY : sums[query + i];
                        const float both = common[shared * queries + query + i];
                        const long all = keysSeen(keys, lengths, hasLengths, batch, (long)(query + i), causalOffset);
                        const int seen = (int)clamp(all - (long)first, 0L, (long)LANES);
                        UNROLL for (uint g = 0; g < NV; g++) {
                            Target place = weights + i * LANES + 16 * g, slope = slopes + i * LANES + 16 * g;
                            float16 x = vload16(0, place) * scale, product = vload16(0, slope);
#if MASK
                            float added[16];
                            const size_t at = batch * mask0 + head * mask1 + (query + i) * mask2;
                            for (size_t l = 0; l < 16; l++)
                                added[l] = MASK_VALUE(at + min(first + 16 * g + l, (size_t)keys - 1) * mask3);
                            x += vload16(0, added);
#endif
                            float16 weight = EXP_BELOW(x - rest);
                            weight = select((float16)(0.0f), weight, LANE + (int)(16 * g) < seen);
                            float16 given = weight;
#if DROPS
                            const size_t row = ((batch * heads + head) * queries + query + i) * keys + first + 16 * g;
                            const float16 stays = keptWeights(row + convert_ulong16(LANE), kept, key0, key1, stream0, stream1);
                            product *= stays;
                            given *= stays;
#endif
                            vstore16(given, 0, place);
                            vstore16(weight * (product - both) * scale, 0, slope);
                        }
                    }
                    dyRows = wholeRows(dyRows, dy_step2, rows, width, filledSlopes);
                    qRows = wholeRows(qRows, q_step2, rows, width, filledQueries);
                    multiplyFlatRows(count, padded, rows, weights, LANES, dyRows, dyStep, valueGradient, dvStep, more);
                    multiplyFlatRows(count, padded, rows, slopes, LANES, qRows, qStep, keyGradient, dkStep, more);
                    Target to = isWhole ? HEAD_ROWS(dq, batch, head, query) : queryGradients + (shared * queries + query) * padded;
                    multiplyDeepRows(rows, padded, count, slopes, LANES, keyRows, kStep, to, dqStep, first > 0);
                }
            }
            if (isWhole) continue;
            copyRows(keyGradient, padded, count, width, HEAD_ROWS(dk, batch, keyHead, first), dk_step2);
            copyRows(valueGradient, padded, count, width, HEAD_ROWS(dv, batch, keyHead, first), dv_step2);
        }
        if (isWhole) continue;
        for (size_t shared = 0; shared < share; shared++)
            copyRows(queryGradients + shared * queries * padded, padded, queries, width,
                     HEAD_ROWS(dq, batch, keyHead * share + shared, 0), dq_step2);
    }
}
