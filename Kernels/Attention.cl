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
#define ROWS 128

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

#define STEP(u)                                                                                                       \
    {                                                                                                                 \
        float16 v[wide];                                                                                              \
        UNROLL for (uint j = 0; j < wide; j++) v[j] = vload16(j, row + (u) * rightStep);                              \
        UNROLL for (uint i = 0; i < MR; i++) {                                                                        \
            const float16 x = at[place[i] + (u) * along];                                                             \
            UNROLL for (uint j = 0; j < wide; j++) sum[i][j] = fma(x, v[j], sum[i][j]);                               \
        }                                                                                                             \
    }
#define ADVANCE(steps)                                                                                                \
    at += (steps) * along;                                                                                            \
    row += (steps) * rightStep;

// Rows i < rows of a product: to[i] = sum_p number(i, p) * right[p], or more by it. Number (i, p) is left[i * step + p] where
// DEEP, else left[p * step + i]: several steps of those at a time would need more addresses than there are registers for. Tiles of
// MR rows and WIDE vectors, a divisor of VECTORS.
#define MULTIPLY(name, DEEP, VECTORS, WIDE)                                                                           \
    INLINE void name(size_t rows, const size_t depth, Source left, const size_t step, Source right,                   \
                     const size_t rightStep, Target to, const size_t pitch, const int accumulates) {                  \
        enum { wide = WIDE };                                                                                         \
        const size_t across = DEEP ? step : 1, along = DEEP ? 1 : step;                                               \
        while (rows > 0) {                                                                                            \
            const size_t count = min(rows, (size_t)MR);                                                               \
            size_t place[MR];                                                                                         \
            UNROLL for (uint i = 0; i < MR; i++) place[i] = min((size_t)i, count - 1) * across;                       \
            for (size_t first = 0; first < VECTORS; first += wide) {                                                  \
                float16 sum[MR][wide];                                                                                \
                UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < wide; j++) sum[i][j] = 0;            \
                Source at = left, row = right + 16 * first;                                                           \
                if (DEEP) BY_FOURS(depth, STEP, ADVANCE)                                                              \
                else for (size_t p = 0; p < depth; p++) { STEP(0) ADVANCE(1) }                                        \
                UNROLL for (uint i = 0; i < MR; i++) {                                                                \
                    if (i >= count) break;                                                                            \
                    Target out = to + i * pitch + 16 * first;                                                         \
                    UNROLL for (uint j = 0; j < wide; j++) {                                                          \
                        const float16 before = accumulates ? vload16(j, out) : (float16)(0.0f);                       \
                        vstore16(before + sum[i][j], j, out);                                                         \
                    }                                                                                                 \
                }                                                                                                     \
            }                                                                                                         \
            left += MR * across;                                                                                      \
            to += MR * pitch;                                                                                         \
            rows -= count;                                                                                            \
        }                                                                                                             \
    }
MULTIPLY(multiplyDeep, 1, NV, TV)
MULTIPLY(multiplyFlat, 0, NV, TV)
#if NV > 1
MULTIPLY(multiplyDeepOne, 1, 1, 1)
#endif

#include "Transpose.cl"

// Column c of `count` rows to to[c * LANES ...], a row a lane; zeros in the lanes beyond.
INLINE void rowsToLanes(Source rows, const size_t step, const size_t count, const size_t width, Target to) {
    for (size_t group = 0; group < LANES; group += 16) {
        for (size_t c = 0; c < width; c += 16) {
            const size_t part = min((size_t)16, width - c);
            float16 v[16];
            if (group + 16 <= count && part == 16) {
                UNROLL for (uint i = 0; i < 16; i++) v[i] = vload16(0, rows + (group + i) * step + c);
            } else {
                float piece[16 * 16];
                for (size_t i = 0; i < 16; i++)
                    for (size_t n = 0; n < 16; n++)
                        piece[i * 16 + n] = group + i < count && n < part ? rows[(group + i) * step + c + n] : 0.0f;
                UNROLL for (uint i = 0; i < 16; i++) v[i] = vload16(i, piece);
            }
            transpose16(v);
            if (part == 16) {
                UNROLL for (uint n = 0; n < 16; n++) vstore16(v[n], 0, to + (c + n) * LANES + group);
            } else {
                UNROLL for (uint n = 0; n < 16; n++) if (n < part) vstore16(v[n], 0, to + (c + n) * LANES + group);
            }
        }
    }
}

// The way back, each lane times its factor.
INLINE void lanesToRows(Source from, const float16 factors[NV], const size_t count, const size_t width, Target rows,
                        const size_t step) {
    for (size_t group = 0; group < count; group += 16) {
        for (size_t c = 0; c < width; c += 16) {
            const size_t part = min((size_t)16, width - c), used = min((size_t)16, count - group);
            float16 v[16];
            UNROLL for (uint n = 0; n < 16; n++)
                v[n] = n < part ? vload16(0, from + (c + n) * LANES + group) * factors[group / 16] : (float16)(0.0f);
            transpose16(v);
            if (part == 16 && used == 16) {
                UNROLL for (uint i = 0; i < 16; i++) vstore16(v[i], 0, rows + (group + i) * step + c);
            } else {
                float piece[16 * 16];
                UNROLL for (uint i = 0; i < 16; i++) vstore16(v[i], i, piece);
                for (size_t i = 0; i < used; i++)
                    for (size_t n = 0; n < part; n++) rows[(group + i) * step + c + n] = piece[i * 16 + n];
            }
        }
    }
}

// How many keys a query sees, the mask apart.
INLINE long keysSeen(const ulong keys, global const int *lengths, const int hasLengths, const size_t batch, const long query,
                     const int causalOffset) {
    const long seen = hasLengths ? clamp((long)lengths[batch], 0L, (long)keys) : (long)keys;
    return min(seen, max(query + causalOffset + 1, 0L));
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

// Scratch of a work-item: queries and result of `width` rows of LANES, scores of ROWS.
kernel ONE_ITEM void attention(HEADS_ARGUMENT(q), HEADS_ARGUMENT(k), HEADS_ARGUMENT(v), PROBLEM, HEADS_ARGUMENT(y),
                               TENSOR_ARGUMENT(float, logSum), Target scratch, const ulong tasks, const ulong items) {
    HEADS(q);
    HEADS(k);
    HEADS(v);
    HEADS(y);
    TENSOR(const Mask, mask);
    TENSOR(const int, lengths);
    TENSOR(float, logSum);
    const size_t blocks = (queries + LANES - 1) / LANES;
    scratch += get_global_id(0) * (2 * width + ROWS) * LANES;
    Target lanes = scratch, result = lanes + width * LANES, scores = result + width * LANES;
    for (size_t task = get_global_id(0); task < tasks; task += items) {
        const size_t batch = task / blocks / heads, head = task / blocks % heads, query = task % blocks * LANES;
        const size_t count = min((size_t)LANES, (size_t)queries - query), keyHead = head / (heads / keyHeads);
        rowsToLanes(HEAD_ROWS(q, batch, head, query), q_step2, count, width, lanes);
        for (size_t c = 0; c < width * NV; c++) vstore16((float16)(0.0f), c, result);
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
        int16 seen[NV];
        UNROLL for (uint g = 0; g < NV; g++) seen[g] = convert_int16(vload16(g, seenBy));
        for (size_t first = 0; first < (size_t)most; first += ROWS) {
            const size_t rows = min((size_t)ROWS, (size_t)most - first);
            multiplyDeep(rows, width, HEAD_ROWS(k, batch, keyHead, first), k_step2, lanes, LANES, scores, LANES, 0);
            float16 correction[NV];
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
                correction[g] = EXP_BELOW(largest[g] - base);
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
                total[g] = total[g] * correction[g] + sum;
            }
            if (first > 0)
                for (size_t c = 0; c < width; c++)
                    UNROLL for (uint g = 0; g < NV; g++)
                        vstore16(vload16(g, result + c * LANES) * correction[g], g, result + c * LANES);
            multiplyFlat(width, rows, HEAD_ROWS(v, batch, keyHead, first), v_step2, scores, LANES, result, LANES, 1);
        }
        float sums[LANES], tops[LANES];
        float16 factors[NV];
        UNROLL for (uint g = 0; g < NV; g++) {
            factors[g] = select(1.0f / total[g], (float16)(0.0f), total[g] == (float16)(0.0f));
            vstore16(total[g], g, sums);
            vstore16(largest[g], g, tops);
        }
        for (size_t i = 0; i < count; i++)
            logSum[(batch * heads + head) * queries + query + i] = sums[i] == 0 ? -INFINITY : tops[i] + log(sums[i]);
        lanesToRows(result, factors, count, width, HEAD_ROWS(y, batch, head, query), y_step2);
    }
}

INLINE size_t paddedWidth(const size_t width) { return (width + 15) / 16 * 16; }

// Scratch of a work-item: keys, values and their gradients as lanes, keys as rows filled up to whole vectors, weights and
// slopes of ROWS queries; then gradients of all queries of the heads that share keys, and what y and dy have in common.
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
    scratch += get_global_id(0) * scratchStep;
    Target keyLanes = scratch, valueLanes = keyLanes + width * LANES, keyGradient = valueLanes + width * LANES;
    Target valueGradient = keyGradient + width * LANES, keyRows = valueGradient + width * LANES;
    Target weights = keyRows + padded * LANES, slopes = weights + ROWS * LANES, queryGradient = slopes + ROWS * LANES;
    Target common = queryGradient + share * queries * padded;
    for (size_t task = get_global_id(0); task < batches * keyHeads; task += items) {
        const size_t batch = task / keyHeads, keyHead = task % keyHeads;
        for (size_t i = 0; i < share * queries * padded / 16; i++) vstore16((float16)(0.0f), i, queryGradient);
        for (size_t i = 0; i < share * queries; i++) {
            Source a = HEAD_ROWS(dy, batch, keyHead * share + i / queries, i % queries);
            Source b = HEAD_ROWS(y, batch, keyHead * share + i / queries, i % queries);
            float16 sum = 0;
            size_t c = 0;
            for (; c + 16 <= width; c += 16) sum += vload16(0, a + c) * vload16(0, b + c);
            const float8 eight = sum.lo + sum.hi;
            const float4 four = eight.lo + eight.hi;
            float all = (four.x + four.z) + (four.y + four.w);
            for (; c < width; c++) all += a[c] * b[c];
            common[i] = all;
        }
        for (size_t first = 0; first < keys; first += LANES) {
            const size_t count = min((size_t)LANES, (size_t)keys - first);
            Source keyRow = HEAD_ROWS(k, batch, keyHead, first);
            rowsToLanes(keyRow, k_step2, count, width, keyLanes);
            rowsToLanes(HEAD_ROWS(v, batch, keyHead, first), v_step2, count, width, valueLanes);
            for (size_t i = 0; i < 2 * width * NV; i++) vstore16((float16)(0.0f), i, keyGradient);
            for (size_t i = 0; i < count; i++)
                for (size_t c = 0; c < padded; c++) keyRows[i * padded + c] = c < width ? keyRow[i * k_step2 + c] : 0.0f;
            for (size_t shared = 0; shared < share; shared++) {
                const size_t head = keyHead * share + shared;
                Source sums = logSum + (batch * heads + head) * queries;
                // Queries before these see none of the keys.
                const size_t begin = (size_t)min(max((long)first - causalOffset, 0L), (long)queries) / ROWS * ROWS;
                for (size_t query = begin; query < queries; query += ROWS) {
                    const size_t rows = min((size_t)ROWS, (size_t)queries - query);
                    Source qRows = HEAD_ROWS(q, batch, head, query), dyRows = HEAD_ROWS(dy, batch, head, query);
                    multiplyDeep(rows, width, qRows, q_step2, keyLanes, LANES, weights, LANES, 0);
                    multiplyDeep(rows, width, dyRows, dy_step2, valueLanes, LANES, slopes, LANES, 0);
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
                            vstore16(weight * (product - both), 0, slope);
                        }
                    }
                    multiplyFlat(width, rows, dyRows, dy_step2, weights, LANES, valueGradient, LANES, 1);
                    multiplyFlat(width, rows, qRows, q_step2, slopes, LANES, keyGradient, LANES, 1);
                    Target to = queryGradient + (shared * queries + query) * padded;
                    size_t c = 0;
                    for (; c + LANES <= padded; c += LANES)
                        multiplyDeep(rows, count, slopes, LANES, keyRows + c, padded, to + c, padded, 1);
#if NV > 1
                    for (; c < padded; c += 16)
                        multiplyDeepOne(rows, count, slopes, LANES, keyRows + c, padded, to + c, padded, 1);
#endif
                }
            }
            float16 factors[NV], ones[NV];
            UNROLL for (uint g = 0; g < NV; g++) {
                factors[g] = scale;
                ones[g] = 1;
            }
            lanesToRows(keyGradient, factors, count, width, HEAD_ROWS(dk, batch, keyHead, first), dk_step2);
            lanesToRows(valueGradient, ones, count, width, HEAD_ROWS(dv, batch, keyHead, first), dv_step2);
        }
        for (size_t i = 0; i < share * queries; i++) {
            Target to = HEAD_ROWS(dq, batch, keyHead * share + i / queries, i % queries);
            for (size_t c = 0; c < width; c++) to[c] = queryGradient[i * padded + c] * scale;
        }
    }
}
