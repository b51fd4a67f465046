// Attention on GPU-like devices: tiles in local memory, tiles of those in registers. See Attention.cl for MASK and
// DROPS.
//
// FOUR     1 where all rows are whole vectors of 4 floats, aligned
// KERNEL_attention_own_queries, KERNEL_attention_own_keys: the two backward passes; no two work-groups add to one place
//
//                 32 others
//              +-------------+        A work-group owns 64 rows (queries; keys in the pass for their gradients) and COLUMNS of
//        DEEP  |   others    |        the result, and goes through the other rows 32 at a time. Its 128 work-items lie in
//              +-------------+        16 x 8: four own rows by four others, 8 apart, so that neither rows of tiles nor their
//   +----+     +-------------+        transposes ask a bank of local memory twice.
//   | 64 |     |   scores    |
//   +----+     +-------------+        Weights, others by own rows, are then the left side of a product with the values' rows.
#ifndef MASK
#define MASK 0
#endif
#ifndef DROPS
#define DROPS 0
#endif
#ifndef FOUR
#define FOUR 0
#endif

#define OWN 64
#define OTHERS 32
#define COLUMNS 64
#define THREADS 128
// With four floats more than a row has, a transposed store finds other banks.
#define OWN_PITCH (OWN + 4)
#define OTHER_PITCH (OTHERS + 4)
#define COLUMN_PITCH (COLUMNS + 4)
#define SOME_UNROLL _Pragma("unroll 4")
#define GROUP_SIZE __attribute__((reqd_work_group_size(THREADS, 1, 1)))
#define PER_LN 1.44269504f
#define LN 0.693147181f

#if MASK == 2
typedef int Mask;
#define MASK_VALUE(at) (mask[at] ? 0.0f : -INFINITY)
#else
typedef float Mask;
#define MASK_VALUE(at) (mask[at] * PER_LN)
#endif

typedef global const float *Source;
typedef global float *Target;
typedef local float *Tile;

#define HEADS_ARGUMENT(name) \
    TENSOR_ARGUMENT(float, name), const ulong name##_step0, const ulong name##_step1, const ulong name##_step2
#define HEADS(name) TENSOR(float, name)
#define HEAD_ROWS(name, batch, head) (name + (batch) * name##_step0 + (head) * name##_step1)

#define PROBLEM                                                                                                       \
    TENSOR_ARGUMENT(const Mask, mask), const ulong mask0, const ulong mask1, const ulong mask2, const ulong mask3,    \
    TENSOR_ARGUMENT(const int, lengths), const int hasLengths, const ulong batches, const ulong heads, const ulong keyHeads, \
    const ulong queries, const ulong keys, const ulong width, const float scale, const int causalOffset,              \
    const float kept, const uint key0, const uint key1, const uint stream0, const uint stream1

// Four numbers of a row; zeros beyond its end and where there is no such row.
INLINE float4 fetch(Source rows, const size_t step, const uint row, const uint count, const uint column, const uint width) {
    float4 v = (float4)(0.0f);
    if (row < count) {
        Source from = rows + row * step + column;
#if FOUR
        if (column < width) v = *(global const float4 *)from;
#else
        if (column < width) v.x = from[0];
        if (column + 1 < width) v.y = from[1];
        if (column + 2 < width) v.z = from[2];
        if (column + 3 < width) v.w = from[3];
#endif
    }
    return v;
}

INLINE void give(Target to, const float4 v, const uint column, const uint width) {
#if FOUR
    if (column < width) *(global float4 *)to = v;
#else
    if (column < width) to[0] = v.x;
    if (column + 1 < width) to[1] = v.y;
    if (column + 2 < width) to[2] = v.z;
    if (column + 3 < width) to[3] = v.w;
#endif
}

// DEEP columns of own rows, or of others, each a row of the tile. Others lie so that those of a work-item, 8 apart, are
// neighbours.
#define TAKE_OWN(rows, step, count, column, deep, tile)                                                               \
    UNROLL for (uint e = 0; e < OWN * deep / 4 / THREADS; e++) {                                                      \
        const uint place = lane + e * THREADS, row = place % OWN, piece = place / OWN * 4;                            \
        const float4 v = fetch(rows, step, row, count, column + piece, width);                                        \
        tile[(piece + 0) * OWN_PITCH + row] = v.x;                                                                    \
        tile[(piece + 1) * OWN_PITCH + row] = v.y;                                                                    \
        tile[(piece + 2) * OWN_PITCH + row] = v.z;                                                                    \
        tile[(piece + 3) * OWN_PITCH + row] = v.w;                                                                    \
    }
#define TAKE_OTHERS(rows, step, count, column, deep, tile)                                                            \
    UNROLL for (uint e = 0; e < OTHERS * deep / 4 / THREADS; e++) {                                                   \
        const uint place = lane + e * THREADS, row = place % OTHERS, piece = place / OTHERS * 4;                      \
        const uint at = row % 8 * 4 + row / 8;                                                                        \
        const float4 v = fetch(rows, step, row, count, column + piece, width);                                        \
        tile[(piece + 0) * OTHER_PITCH + at] = v.x;                                                                   \
        tile[(piece + 1) * OTHER_PITCH + at] = v.y;                                                                   \
        tile[(piece + 2) * OTHER_PITCH + at] = v.z;                                                                   \
        tile[(piece + 3) * OTHER_PITCH + at] = v.w;                                                                   \
    }
// COLUMNS of the others' rows as they are.
#define TAKE_ROWS(rows, step, count, column, tile)                                                                    \
    UNROLL for (uint e = 0; e < OTHERS * COLUMNS / 4 / THREADS; e++) {                                                \
        const uint place = lane + e * THREADS, row = place / (COLUMNS / 4), piece = place % (COLUMNS / 4) * 4;        \
        vstore4(fetch(rows, step, row, count, column + piece, width), 0, tile + row * COLUMN_PITCH + piece);          \
    }

// products[i] += own rows 4 y + i times the others x, x + 8, x + 16, x + 24.
#define MULTIPLY_TILES(products, own, others, deep)                                                                   \
    SOME_UNROLL for (uint c = 0; c < deep; c++) {                                                                     \
        const float4 a = *(local const float4 *)(own + c * OWN_PITCH + 4 * y);                                        \
        const float4 b = *(local const float4 *)(others + c * OTHER_PITCH + 4 * x);                                   \
        products[0] = MULTIPLY_ADD((float4)(a.x), b, products[0]);                                                    \
        products[1] = MULTIPLY_ADD((float4)(a.y), b, products[1]);                                                    \
        products[2] = MULTIPLY_ADD((float4)(a.z), b, products[2]);                                                    \
        products[3] = MULTIPLY_ADD((float4)(a.w), b, products[3]);                                                    \
    }
// sums[i] += the weights of own rows 4 y + i times the rows' columns 4 x ... and 4 x + 32 ...
#define MULTIPLY_ROWS(sums, weights, rows)                                                                            \
    SOME_UNROLL for (uint j = 0; j < OTHERS; j++) {                                                                   \
        const float4 a = *(local const float4 *)(weights + j * OWN_PITCH + 4 * y);                                    \
        const float4 b0 = *(local const float4 *)(rows + j * COLUMN_PITCH + 4 * x);                                   \
        const float4 b1 = *(local const float4 *)(rows + j * COLUMN_PITCH + 4 * x + 32);                              \
        sums[0][0] = MULTIPLY_ADD((float4)(a.x), b0, sums[0][0]);                                                     \
        sums[0][1] = MULTIPLY_ADD((float4)(a.x), b1, sums[0][1]);                                                     \
        sums[1][0] = MULTIPLY_ADD((float4)(a.y), b0, sums[1][0]);                                                     \
        sums[1][1] = MULTIPLY_ADD((float4)(a.y), b1, sums[1][1]);                                                     \
        sums[2][0] = MULTIPLY_ADD((float4)(a.z), b0, sums[2][0]);                                                     \
        sums[2][1] = MULTIPLY_ADD((float4)(a.z), b1, sums[2][1]);                                                     \
        sums[3][0] = MULTIPLY_ADD((float4)(a.w), b0, sums[3][0]);                                                     \
        sums[3][1] = MULTIPLY_ADD((float4)(a.w), b1, sums[3][1]);                                                     \
    }

// How many keys a query sees, the mask apart.
INLINE long keysSeen(const ulong keys, global const int *lengths, const int hasLengths, const size_t batch, const long query,
                     const int causalOffset) {
    const long seen = hasLengths ? clamp((long)lengths[batch], 0L, (long)keys) : (long)keys;
    return min(seen, max(query + causalOffset + 1, 0L));
}

#if DROPS
// 0 or 1 / kept for the element at this place of a draw; see Random.cl.
INLINE float keptWeight(const ulong at, const float kept, const uint key0, const uint key1, const uint stream0,
                        const uint stream1) {
    const ulong block = at >> 2;
    uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = stream0, c3 = stream1, k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
        const uint high0 = mul_hi(c0, 0xD2511F53u), low0 = c0 * 0xD2511F53u;
        const uint high1 = mul_hi(c2, 0xCD9E8D57u), low1 = c2 * 0xCD9E8D57u;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const uint word = at & 3, picked = word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
    return (float)(picked >> 8) * 0x1p-24f < kept ? 1.0f / kept : 0.0f;
}
#endif

#ifdef KERNEL_attention_tiles
#define DEEP 32
// Groups: blocks of queries, blocks of columns, batches * heads.
kernel GROUP_SIZE void attention_tiles(HEADS_ARGUMENT(q), HEADS_ARGUMENT(k), HEADS_ARGUMENT(v), PROBLEM,
                                       HEADS_ARGUMENT(result), TENSOR_ARGUMENT(float, logSum)) {
    HEADS(q);
    HEADS(k);
    HEADS(v);
    HEADS(result);
    TENSOR(const Mask, mask);
    TENSOR(const int, lengths);
    TENSOR(float, logSum);
    local float shared[DEEP * (OWN_PITCH + OTHER_PITCH)] __attribute__((aligned(16)));
    local float weights[OTHERS * OWN_PITCH] __attribute__((aligned(16)));
    local float parts[8 * OWN_PITCH] __attribute__((aligned(16)));
    Tile own = shared, others = shared + DEEP * OWN_PITCH, rows = shared;
    const uint lane = get_local_id(0), x = lane % 8, y = lane / 8;
    const size_t first = get_group_id(0) * OWN, batch = get_group_id(2) / heads, head = get_group_id(2) % heads;
    const uint column = get_group_id(1) * COLUMNS, count = min((size_t)OWN, (size_t)queries - first);
    const size_t keyHead = head / (heads / keyHeads);
    Source qRows = HEAD_ROWS(q, batch, head) + first * q_step2;
    Source kRows = HEAD_ROWS(k, batch, keyHead), vRows = HEAD_ROWS(v, batch, keyHead);
    float4 sums[4][2];
    float largest[4], total[4];
    int seen[4];
    UNROLL for (uint i = 0; i < 4; i++) {
        sums[i][0] = sums[i][1] = (float4)(0.0f);
        largest[i] = -INFINITY;
        total[i] = 0;
        seen[i] = (int)keysSeen(keys, lengths, hasLengths, batch, (long)(first + 4 * y + i), causalOffset);
    }
    const size_t end = (size_t)keysSeen(keys, lengths, hasLengths, batch, (long)(first + count - 1), causalOffset);
    for (size_t key = 0; key < end; key += OTHERS) {
        const uint keyCount = min((size_t)OTHERS, (size_t)keys - key);
        float4 scores[4];
        UNROLL for (uint i = 0; i < 4; i++) scores[i] = (float4)(0.0f);
        for (uint c = 0; c < width; c += DEEP) {
            barrier(CLK_LOCAL_MEM_FENCE);
            TAKE_OWN(qRows, q_step2, count, c, DEEP, own)
            TAKE_OTHERS(kRows + key * k_step2, k_step2, keyCount, c, DEEP, others)
            barrier(CLK_LOCAL_MEM_FENCE);
            MULTIPLY_TILES(scores, own, others, DEEP)
        }
        float tops[4];
        UNROLL for (uint i = 0; i < 4; i++) {
            float s[4];
            vstore4(scores[i] * (scale * PER_LN), 0, s);
            UNROLL for (uint j = 0; j < 4; j++) {
                const size_t at = key + x + 8 * j;
#if MASK
                const size_t query = min(first + 4 * y + i, (size_t)queries - 1);
                if (at < keys) s[j] += MASK_VALUE(batch * mask0 + head * mask1 + query * mask2 + at * mask3);
#endif
                if ((int)at >= seen[i]) s[j] = -INFINITY;
            }
            scores[i] = vload4(0, s);
            // Comparisons, so that NaN is passed by here and spoils the sum.
            float top = -INFINITY;
            UNROLL for (uint j = 0; j < 4; j++) top = s[j] > top ? s[j] : top;
            tops[i] = top;
        }
        *(local float4 *)(parts + x * OWN_PITCH + 4 * y) = vload4(0, tops);
        barrier(CLK_LOCAL_MEM_FENCE);
        float top[4] = {largest[0], largest[1], largest[2], largest[3]};
        UNROLL for (uint p = 0; p < 8; p++)
            UNROLL for (uint i = 0; i < 4; i++) {
                const float part = parts[p * OWN_PITCH + 4 * y + i];
                top[i] = part > top[i] ? part : top[i];
            }
        float4 taken[4];
        UNROLL for (uint i = 0; i < 4; i++) {
            // A row that has seen nothing subtracts 0 instead of minus infinity.
            const float base = top[i] == -INFINITY ? 0.0f : top[i], correction = native_exp2(largest[i] - base);
            float4 weight = native_exp2(scores[i] - base);
            largest[i] = top[i];
            total[i] = total[i] * correction + ((weight.x + weight.y) + (weight.z + weight.w));
            sums[i][0] *= correction;
            sums[i][1] *= correction;
#if DROPS
            const ulong at = ((batch * heads + head) * queries + first + 4 * y + i) * keys + key + x;
            weight.x *= keptWeight(at, kept, key0, key1, stream0, stream1);
            weight.y *= keptWeight(at + 8, kept, key0, key1, stream0, stream1);
            weight.z *= keptWeight(at + 16, kept, key0, key1, stream0, stream1);
            weight.w *= keptWeight(at + 24, kept, key0, key1, stream0, stream1);
#endif
            taken[i] = weight;
        }
        vstore4((float4)(taken[0].x, taken[1].x, taken[2].x, taken[3].x), 0, weights + (x + 0) * OWN_PITCH + 4 * y);
        vstore4((float4)(taken[0].y, taken[1].y, taken[2].y, taken[3].y), 0, weights + (x + 8) * OWN_PITCH + 4 * y);
        vstore4((float4)(taken[0].z, taken[1].z, taken[2].z, taken[3].z), 0, weights + (x + 16) * OWN_PITCH + 4 * y);
        vstore4((float4)(taken[0].w, taken[1].w, taken[2].w, taken[3].w), 0, weights + (x + 24) * OWN_PITCH + 4 * y);
        TAKE_ROWS(vRows + key * v_step2, v_step2, keyCount, column, rows)
        barrier(CLK_LOCAL_MEM_FENCE);
        MULTIPLY_ROWS(sums, weights, rows)
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    *(local float4 *)(parts + x * OWN_PITCH + 4 * y) = vload4(0, total);
    barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL for (uint i = 0; i < 4; i++) {
        float all = 0;
        UNROLL for (uint p = 0; p < 8; p++) all += parts[p * OWN_PITCH + 4 * y + i];
        const uint row = 4 * y + i;
        if (row < count) {
            const float factor = all == 0 ? 0.0f : 1.0f / all;
            Target to = HEAD_ROWS(result, batch, head) + (first + row) * result_step2 + column;
            give(to + 4 * x, sums[i][0] * factor, column + 4 * x, width);
            give(to + 4 * x + 32, sums[i][1] * factor, column + 4 * x + 32, width);
            if (x == 0 && column == 0)
                logSum[get_group_id(2) * queries + first + row] = all == 0 ? -INFINITY : (largest[i] + log2(all)) * LN;
        }
    }
}
#endif

#ifdef KERNEL_attention_common
// What y and dy have in common, row by row. Groups of work-items: rows of all heads.
kernel void attention_common(HEADS_ARGUMENT(dy), HEADS_ARGUMENT(y), Target common, const ulong heads, const ulong queries,
                             const ulong width, const ulong rows) {
    HEADS(dy);
    HEADS(y);
    const size_t row = get_global_id(0);
    if (row >= rows) return;
    const size_t batch = row / queries / heads, head = row / queries % heads;
    Source a = HEAD_ROWS(dy, batch, head) + row % queries * dy_step2, b = HEAD_ROWS(y, batch, head) + row % queries * y_step2;
    float4 sum = (float4)(0.0f);
    for (uint c = 0; c < width; c += 4) sum += fetch(a, 0, 0, 1, c, width) * fetch(b, 0, 0, 1, c, width);
    common[row] = (sum.x + sum.z) + (sum.y + sum.w);
}
#endif

#if defined(KERNEL_attention_own_queries) || defined(KERNEL_attention_own_keys)
#define DEEP 16
#ifdef KERNEL_attention_own_queries
#define NAME attention_own_queries
#define RESULTS HEADS_ARGUMENT(dq)
#else
#define NAME attention_own_keys
#define RESULTS HEADS_ARGUMENT(dk), HEADS_ARGUMENT(dv)
#endif
// Groups: blocks of own rows, blocks of columns, batches * heads (of keys, where keys are owned).
kernel GROUP_SIZE void NAME(HEADS_ARGUMENT(dy), HEADS_ARGUMENT(q), HEADS_ARGUMENT(k), HEADS_ARGUMENT(v), PROBLEM,
                            TENSOR_ARGUMENT(const float, logSum), Source common, RESULTS) {
    HEADS(dy);
    HEADS(q);
    HEADS(k);
    HEADS(v);
    TENSOR(const Mask, mask);
    TENSOR(const int, lengths);
    TENSOR(const float, logSum);
    local float shared[DEEP * 2 * (OWN_PITCH + OTHER_PITCH)] __attribute__((aligned(16)));
    local float slopes[OTHERS * OWN_PITCH] __attribute__((aligned(16)));
    Tile own = shared, own2 = own + DEEP * OWN_PITCH, others = own2 + DEEP * OWN_PITCH, others2 = others + DEEP * OTHER_PITCH;
    Tile rows = shared;
    const uint lane = get_local_id(0), x = lane % 8, y = lane / 8, column = get_group_id(1) * COLUMNS;
    const size_t first = get_group_id(0) * OWN, share = heads / keyHeads;
    float4 sums[4][2];
    UNROLL for (uint i = 0; i < 4; i++) sums[i][0] = sums[i][1] = (float4)(0.0f);
#ifdef KERNEL_attention_own_queries
    HEADS(dq);
    const size_t batch = get_group_id(2) / heads, head = get_group_id(2) % heads, keyHead = head / share;
    const uint count = min((size_t)OWN, (size_t)queries - first);
    Source ownRows = HEAD_ROWS(q, batch, head) + first * q_step2, ownRows2 = HEAD_ROWS(dy, batch, head) + first * dy_step2;
    const size_t begin = 0, end = (size_t)keysSeen(keys, lengths, hasLengths, batch, (long)(first + count - 1), causalOffset);
    const size_t ownStep = q_step2, ownStep2 = dy_step2, otherStep = k_step2, otherStep2 = v_step2, all = keys;
    {
#else
    HEADS(dk);
    HEADS(dv);
    local float weights[OTHERS * OWN_PITCH] __attribute__((aligned(16)));
    float4 sums2[4][2];
    UNROLL for (uint i = 0; i < 4; i++) sums2[i][0] = sums2[i][1] = (float4)(0.0f);
    const size_t batch = get_group_id(2) / keyHeads, keyHead = get_group_id(2) % keyHeads;
    const uint count = min((size_t)OWN, (size_t)keys - first);
    Source ownRows = HEAD_ROWS(k, batch, keyHead) + first * k_step2, ownRows2 = HEAD_ROWS(v, batch, keyHead) + first * v_step2;
    // Queries before these see none of the keys.
    const size_t begin = (size_t)min(max((long)first - causalOffset, 0L), (long)queries) / OTHERS * OTHERS;
    const size_t end = queries;
    const size_t ownStep = k_step2, ownStep2 = v_step2, otherStep = q_step2, otherStep2 = dy_step2, all = queries;
    for (size_t head = keyHead * share; head < (keyHead + 1) * share; head++) {
#endif
        for (size_t other = begin; other < end; other += OTHERS) {
            const uint otherCount = min((size_t)OTHERS, all - other);
#ifdef KERNEL_attention_own_queries
            Source otherRows = HEAD_ROWS(k, batch, keyHead) + other * otherStep;
            Source otherRows2 = HEAD_ROWS(v, batch, keyHead) + other * otherStep2;
#else
            Source otherRows = HEAD_ROWS(q, batch, head) + other * otherStep;
            Source otherRows2 = HEAD_ROWS(dy, batch, head) + other * otherStep2;
#endif
            float4 scores[4], products[4];
            UNROLL for (uint i = 0; i < 4; i++) scores[i] = products[i] = (float4)(0.0f);
            for (uint c = 0; c < width; c += DEEP) {
                barrier(CLK_LOCAL_MEM_FENCE);
                TAKE_OWN(ownRows, ownStep, count, c, DEEP, own)
                TAKE_OWN(ownRows2, ownStep2, count, c, DEEP, own2)
                TAKE_OTHERS(otherRows, otherStep, otherCount, c, DEEP, others)
                TAKE_OTHERS(otherRows2, otherStep2, otherCount, c, DEEP, others2)
                barrier(CLK_LOCAL_MEM_FENCE);
                MULTIPLY_TILES(scores, own, others, DEEP)
                MULTIPLY_TILES(products, own2, others2, DEEP)
            }
            float slope[4][4], weight[4][4];
            UNROLL for (uint i = 0; i < 4; i++) {
                float s[4], p[4];
                vstore4(scores[i] * (scale * PER_LN), 0, s);
                vstore4(products[i], 0, p);
                UNROLL for (uint j = 0; j < 4; j++) {
#ifdef KERNEL_attention_own_queries
                    const size_t query = first + 4 * y + i, key = other + x + 8 * j;
#else
                    const size_t query = other + x + 8 * j, key = first + 4 * y + i;
#endif
                    const size_t row = (batch * heads + head) * queries + min(query, (size_t)queries - 1);
                    const long seen = keysSeen(keys, lengths, hasLengths, batch, (long)query, causalOffset);
                    const int isSeen = query < queries && (long)key < seen;
                    const float rest = logSum[row] * PER_LN;
#if MASK
                    if (isSeen) s[j] += MASK_VALUE(batch * mask0 + head * mask1 + query * mask2 + key * mask3);
#endif
                    // A query that sees nothing has no weights.
                    weight[i][j] = isSeen && rest != -INFINITY ? native_exp2(s[j] - rest) : 0.0f;
                    float product = p[j];
#if DROPS
                    const float stays = keptWeight(row * keys + key, kept, key0, key1, stream0, stream1);
                    product *= stays;
                    slope[i][j] = weight[i][j] * (product - common[row]);
                    weight[i][j] *= stays;
#else
                    slope[i][j] = weight[i][j] * (product - common[row]);
#endif
                }
            }
            UNROLL for (uint j = 0; j < 4; j++)
                vstore4((float4)(slope[0][j], slope[1][j], slope[2][j], slope[3][j]), 0,
                        slopes + (x + 8 * j) * OWN_PITCH + 4 * y);
#ifdef KERNEL_attention_own_keys
            UNROLL for (uint j = 0; j < 4; j++)
                vstore4((float4)(weight[0][j], weight[1][j], weight[2][j], weight[3][j]), 0,
                        weights + (x + 8 * j) * OWN_PITCH + 4 * y);
#endif
            barrier(CLK_LOCAL_MEM_FENCE);
            TAKE_ROWS(otherRows, otherStep, otherCount, column, rows)
            barrier(CLK_LOCAL_MEM_FENCE);
            MULTIPLY_ROWS(sums, slopes, rows)
#ifdef KERNEL_attention_own_keys
            barrier(CLK_LOCAL_MEM_FENCE);
            TAKE_ROWS(otherRows2, otherStep2, otherCount, column, rows)
            barrier(CLK_LOCAL_MEM_FENCE);
            MULTIPLY_ROWS(sums2, weights, rows)
#endif
        }
    }
    UNROLL for (uint i = 0; i < 4; i++) {
        const uint row = 4 * y + i;
        if (row >= count) continue;
#ifdef KERNEL_attention_own_queries
        Target to = HEAD_ROWS(dq, batch, head) + (first + row) * dq_step2 + column;
#else
        Target to = HEAD_ROWS(dk, batch, keyHead) + (first + row) * dk_step2 + column;
        Target to2 = HEAD_ROWS(dv, batch, keyHead) + (first + row) * dv_step2 + column;
        give(to2 + 4 * x, sums2[i][0], column + 4 * x, width);
        give(to2 + 4 * x + 32, sums2[i][1], column + 4 * x + 32, width);
#endif
        give(to + 4 * x, sums[i][0] * scale, column + 4 * x, width);
        give(to + 4 * x + 32, sums[i][1] * scale, column + 4 * x + 32, width);
    }
}
#endif
