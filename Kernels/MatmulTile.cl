// Matrix products on GPU-like devices: c = epilogue(a * b), tiles in local memory, tiles of those in registers.
//
// TM, TN   rows and columns of a work-group's tile
// TK       depths that a tile holds at a time, a multiple of 8
// WM, WN   rows and columns of a work-item's tile: 1, 4 or 8
// A_DEEP   1: k is contiguous in a; 0: m is           A_VEC  4 where all of a's vectors of 4 are aligned and whole, else 1
// B_DEEP   1: k is contiguous in b; 0: n is           B_VEC  likewise                          C_VEC  likewise
// FAR      1 where a tile of a or b spans 4 GiB or more
// PREFETCH, PAD, ADJACENT  1, 4 and 0; others are for comparison: PREFETCH 0 fetches a tile when it is needed, without
//          PAD or with ADJACENT lanes for a work-item local memory's banks are asked twice at a time
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, batch, row, column).
//
//                    TN
//              +-------------+         THREADS = TM / WM * TN / WN work-items. Each fetches its share of the next tiles
//           TK |    bTile    |         into registers before the products of these, and stores it into the other of two
//              +-------------+         buffers before those of the last depth: one barrier a tile, behind which there is
//   +----+     +-------------+         work that waits for nothing. The first tile is the one that may have fewer than TK
//   |    |     | WM x WN a   |         depths (zeros on both sides), so that the loop asks nothing.
//   | TM | aT  | work-item   |
//   |    |     |             |         A work-item's rows are groups of 4, TM / (WM / 4) apart, so that neighbours read
//   +----+     +-------------+         neighbouring vectors of 16 bytes: no bank is asked twice. So its columns. 32
//                                      neighbours are a block of 4 x 8, the lanes of which are so numbered that of two
//                                      neighbours, or of two that differ in the second bit, both read one vector: then
//                                      NVIDIA's local memory serves 16 lanes at a time, else 8.
//                                      Lanes (rows of a, columns of b) past the end repeat the last ones; their products
//                                      are not stored.
#ifndef TM
#define TM 128
#endif
#ifndef TN
#define TN 128
#endif
#ifndef TK
#define TK 8
#endif
#ifndef WM
#define WM 8
#endif
#ifndef WN
#define WN 8
#endif
#ifndef A_VEC
#define A_VEC 1
#endif
#ifndef B_VEC
#define B_VEC 1
#endif
#ifndef C_VEC
#define C_VEC 1
#endif
#ifndef PREFETCH
#define PREFETCH 1
#endif
#ifndef PAD
#define PAD 4
#endif
#define THREADS_M (TM / WM)
#define THREADS_N (TN / WN)
#define THREADS (THREADS_M * THREADS_N)
#define BUFFERS (1 + PREFETCH)
#define UNROLL _Pragma("unroll")

#ifndef EPILOGUE
#define EPILOGUE_PARAMETERS
#define EPILOGUE(value, batch, row, column) (value)
#endif

typedef __global const float *Source;

// Rows that lie side by side, and columns.
#define GM (WM < 4 ? 1 : 4)
#define GN (WN < 4 ? 1 : 4)
#if WN < 4
typedef float Columns;
#else
typedef float4 Columns;
#endif

// The row and column, in the work-group's tile, of row i and column group j of a work-item's.
#if ADJACENT
#define TILE_ROW(i, ty) ((ty) * WM + (i))
#define TILE_COLUMN(j, tx) ((tx) * WN + (j) * GN)
#else
#define TILE_ROW(i, ty) ((i) / GM * (TM / (WM / GM)) + (ty) * GM + (i) % GM)
#define TILE_COLUMN(j, tx) ((j) * (TN / (WN / GN)) + (tx) * GN)
#endif

// The place of a work-item's tile among those of the work-group.
#if !ADJACENT && THREADS_M % 4 == 0 && THREADS_N % 8 == 0
#define ITEM_ROW(item) ((item) / (THREADS_N * 4) * 4 + ((item) >> 1 & 1) + ((item) >> 3 & 2))
#define ITEM_COLUMN(item) ((item) / 32 % (THREADS_N / 8) * 8 + ((item) & 1) + ((item) >> 1 & 6))
#elif !ADJACENT && THREADS_M % 8 == 0 && THREADS_N % 4 == 0
#define ITEM_ROW(item) ((item) / (THREADS_N * 8) * 8 + ((item) >> 1 & 1) + ((item) >> 2 & 6))
#define ITEM_COLUMN(item) ((item) / 32 % (THREADS_N / 4) * 4 + ((item) & 1) + ((item) >> 1 & 2))
#else
#define ITEM_ROW(item) ((item) / THREADS_N)
#define ITEM_COLUMN(item) ((item) % THREADS_N)
#endif

// What AMD's compiler is told of registers. KEEP: a value stays in a register of its own, neither computed anew nor moved out of
// a loop; an address so kept takes one register and no instruction. ORDER: sums come before the reads that follow, which would
// else all be put first, with a register for each number that a tile holds. PAIR: two numbers side by side, from either of
// which an instruction for two products takes its factor.
#ifdef __AMDGCN__
#define KEEP(x) __asm__ volatile("" : "+v"(x))
#if __AMDGCN_WAVEFRONT_SIZE == 64
#define ORDER_DEPTHS 1
#define ORDER(sum)                                                              \
    {                                                                           \
        float2 lo = (sum).lo, hi = (sum).hi;                                    \
        __asm__ volatile("" : "+v"(lo), "+v"(hi) : : "memory");                 \
        sum = (float4)(lo, hi);                                                 \
    }
#define PAIR(x) __asm__("" : "+v"(x))
#else
#define ORDER_DEPTHS 4
#define ORDER(sum) __asm__ volatile("" : "+v"((sum).x), "+v"((sum).y), "+v"((sum).z), "+v"((sum).w) : : "memory")
#define PAIR(x)
#endif
#else
#define KEEP(x)
#define PAIR(x)
#endif

INLINE void readLanes(__local const float *aTile, __local const float *bTile, const uint p, const uint ty, const uint tx,
                      float x[WM], Columns y[WN / GN]) {
    UNROLL for (uint i = 0; i < WM; i += GM) {
        __local const float *from = aTile + p * (TM + PAD) + TILE_ROW(i, ty);
#if WM < 4
        x[i] = *from;
#else
        const float4 four = *(__local const float4 *)from;
        float2 last = four.hi;
        PAIR(last);
        x[i] = four.x, x[i + 1] = four.y, x[i + 2] = last.x, x[i + 3] = last.y;
#endif
    }
    UNROLL for (uint j = 0; j < WN / GN; j++)
        y[j] = *(__local const Columns *)(bTile + p * (TN + PAD) + TILE_COLUMN(j, tx));
}

// The products of depth p of a tile.
INLINE void multiplyLanes(const uint p, const float x[2][WM], const Columns y[2][WN / GN], Columns sum[WM][WN / GN]) {
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / GN; j++)
        sum[i][j] = MULTIPLY_ADD((Columns)(x[p % 2][i]), y[p % 2][j], sum[i][j]);
#if defined(ORDER_DEPTHS) && WN >= 4
    if (p % ORDER_DEPTHS == ORDER_DEPTHS - 1)
        UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / GN; j++) ORDER(sum[i][j]);
#endif
}

// The products of two tiles in local memory but for those of the last depth, whose lanes are left in x[1] and y[1]; those of the
// first are in x[0] and y[0]. Depth p of a tile of T lanes begins at p * (T + PAD).
INLINE void multiplyTiles(__local const float *aTile, __local const float *bTile, const uint ty, const uint tx, float x[2][WM],
                          Columns y[2][WN / GN], Columns sum[WM][WN / GN]) {
    UNROLL for (uint p = 0; p + 1 < TK; p++) {
        readLanes(aTile, bTile, p + 1, ty, tx, x[(p + 1) % 2], y[(p + 1) % 2]);
        multiplyLanes(p, x, y, sum);
    }
}

// Whether the products of a tile's last depth come behind the barrier, where they hide the read of the next tile's first lanes.
// AMD's compiler takes half as many registers again for it.
#if PREFETCH && !defined(__AMDGCN__)
#define CARRY 1
#else
#define CARRY 0
#endif

// Bytes from a tile's first element.
#if FAR
typedef ulong Offset;
#else
typedef uint Offset;
#endif
#define VECTOR1 float
#define VECTOR4 float4
#define STORE1(v, p) (*(p) = (v))
#define STORE4(v, p) (*(__local float4 *)(p) = (v))
#define STEPS1(v, p, step) (*(p) = (v))
#define STEPS4(v, p, step) ((p)[0] = (v).x, (p)[step] = (v).y, (p)[2 * (step)] = (v).z, (p)[3 * (step)] = (v).w)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// Which lane and depth, in a tile, a work-item's vector number l begins at. Depth contiguous: 32 neighbours take 8 depths of
// several lanes, whole sectors of 32 bytes, and store them across into 32 banks. Else they run along the lanes.
#define DEEP_LANES(VEC) (4 * VEC)
#define LANE(DEEP, TILE, VEC, item, l)                                                                       \
    (DEEP ? item / (8 / VEC) % DEEP_LANES(VEC) + DEEP_LANES(VEC) * (item / (4 * TK)) + (l) * (THREADS * VEC / TK) \
          : item % (TILE / VEC) * VEC)
#define DEPTH(DEEP, TILE, VEC, item, l) \
    (DEEP ? item % (8 / VEC) * VEC + item / 32 % (TK / 8) * 8 : item / (TILE / VEC) + (l) * (THREADS * VEC / TILE))

// A work-item's share of the tiles of an operand: `at` is where its vectors lie from the tile's beginning, in bytes. Depths from
// `depths` on are zeros.
#define DEFINE_LOADER(NAME, TILE, DEEP, VEC, LOADS)                                                           \
    INLINE void place##NAME(const ulong step, const ulong lanes, const uint item, Offset at[LOADS]) {         \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                             \
            const Offset lane = min((ulong)LANE(DEEP, TILE, VEC, item, l), lanes - (DEEP ? 1 : VEC));         \
            const Offset depth = DEPTH(DEEP, TILE, VEC, item, l);                                             \
            at[l] = (DEEP ? lane * (Offset)step + depth : depth * (Offset)step + lane) * 4;                   \
        }                                                                                                     \
    }                                                                                                         \
    INLINE void fetch##NAME(Source from, Offset at[LOADS], JOIN(VECTOR, VEC) held[LOADS]) {                   \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                             \
            KEEP(at[l]);                                                                                      \
            held[l] = *(__global const JOIN(VECTOR, VEC) *)((__global const char *)from + at[l]);             \
        }                                                                                                     \
    }                                                                                                         \
    INLINE void fetchPart##NAME(Source from, const Offset at[LOADS], const uint item, const uint depths,             \
                                JOIN(VECTOR, VEC) held[LOADS]) {                                              \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                             \
            held[l] = 0;                                                                                      \
            if (DEPTH(DEEP, TILE, VEC, item, l) < depths)                                                     \
                held[l] = *(__global const JOIN(VECTOR, VEC) *)((__global const char *)from + at[l]);         \
        }                                                                                                     \
    }                                                                                                         \
    INLINE void keep##NAME(const JOIN(VECTOR, VEC) held[LOADS], const uint item, __local float *tile) {              \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                             \
            const uint lane = LANE(DEEP, TILE, VEC, item, l), depth = DEPTH(DEEP, TILE, VEC, item, l);        \
            if (DEEP) JOIN(STEPS, VEC)(held[l], tile + depth * (TILE + PAD) + lane, TILE + PAD);              \
            else JOIN(STORE, VEC)(held[l], tile + depth * (TILE + PAD) + lane);                               \
        }                                                                                                     \
    }

#ifdef KERNEL_matmulTiles
#define A_LOADS (TM * TK / A_VEC / THREADS)
#define B_LOADS (TN * TK / B_VEC / THREADS)
#if TM * TK % (A_VEC * THREADS) || TN * TK % (B_VEC * THREADS) || THREADS % (4 * TK)
#error "the work-items cannot share these tiles evenly"
#endif
DEFINE_LOADER(A, TM, A_DEEP, A_VEC, A_LOADS)
DEFINE_LOADER(B, TN, B_DEEP, B_VEC, B_LOADS)

// global: THREADS x column tiles, row tiles, batch * splits. Split s of k multiplies depths
// [s * splitDepth, (s + 1) * splitDepth) and writes to c + s * splitStep.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void matmulTiles(
    Source a, const ulong aOffset, const ulong aStep, const ulong aBatch,
    Source b, const ulong bOffset, const ulong bStep, const ulong bBatch,
    __global float *c, const ulong cOffset, const ulong m, const ulong n, const ulong k,
    const ulong batches, const ulong splitDepth, const ulong splitStep EPILOGUE_PARAMETERS) {
    __local float aTiles[BUFFERS * TK * (TM + PAD)] __attribute__((aligned(16)));
    __local float bTiles[BUFFERS * TK * (TN + PAD)] __attribute__((aligned(16)));
    const uint item = get_local_id(0), ty = ITEM_ROW(item), tx = ITEM_COLUMN(item);
    const size_t split = get_group_id(2) / batches, batch = get_group_id(2) % batches;
    const size_t firstRow = get_group_id(1) * TM, firstColumn = get_group_id(0) * TN;
    const size_t start = split * splitDepth, end = min((ulong)(start + splitDepth), k);
    a += aOffset + batch * aBatch + (A_DEEP ? firstRow * aStep + start : start * aStep + firstRow);
    b += bOffset + batch * bBatch + (B_DEEP ? firstColumn * bStep + start : start * bStep + firstColumn);
    c += cOffset + split * splitStep + batch * m * n;

    Columns sum[WM][WN / GN];
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / GN; j++) sum[i][j] = 0;
    Offset aAt[A_LOADS], bAt[B_LOADS];
    placeA(aStep, m - firstRow, item, aAt);
    placeB(bStep, n - firstColumn, item, bAt);
    JOIN(VECTOR, A_VEC) aHeld[A_LOADS];
    JOIN(VECTOR, B_VEC) bHeld[B_LOADS];
    const uint part = end > start ? (uint)(end - start - 1) % TK + 1 : 0;
    fetchPartA(a, aAt, item, part, aHeld);
    fetchPartB(b, bAt, item, part, bHeld);
    a += A_DEEP ? part : part * aStep;
    b += B_DEEP ? part : part * bStep;
    keepA(aHeld, item, aTiles);
    keepB(bHeld, item, bTiles);
    barrier(CLK_LOCAL_MEM_FENCE);
    __local float *aTile = aTiles, *bTile = bTiles;
    float x[2][WM];
    Columns y[2][WN / GN];
    if (CARRY) readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
    for (size_t tiles = (end - start + TK - 1) / TK; tiles > 0; tiles--) {
#if PREFETCH
        __local float *aNext = aTiles + (TK * (TM + PAD) - (aTile - aTiles));
        __local float *bNext = bTiles + (TK * (TN + PAD) - (bTile - bTiles));
        if (tiles > 1) {
            fetchA(a, aAt, aHeld);
            fetchB(b, bAt, bHeld);
            a += A_DEEP ? TK : TK * aStep;
            b += B_DEEP ? TK : TK * bStep;
        }
        if (!CARRY) readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
        multiplyTiles(aTile, bTile, ty, tx, x, y, sum);
        if (!CARRY) multiplyLanes(TK - 1, x, y, sum);
        if (tiles > 1) {
            keepA(aHeld, item, aNext);
            keepB(bHeld, item, bNext);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (CARRY) {
            readLanes(aNext, bNext, 0, ty, tx, x[0], y[0]);
            multiplyLanes(TK - 1, x, y, sum);
        }
        aTile = aNext;
        bTile = bNext;
#else
        readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
        multiplyTiles(aTile, bTile, ty, tx, x, y, sum);
        multiplyLanes(TK - 1, x, y, sum);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (tiles > 1) {
            fetchA(a, aAt, aHeld);
            fetchB(b, bAt, bHeld);
            a += A_DEEP ? TK : TK * aStep;
            b += B_DEEP ? TK : TK * bStep;
            keepA(aHeld, item, aTile);
            keepB(bHeld, item, bTile);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
    }
    UNROLL for (uint i = 0; i < WM; i++) {
        const size_t row = firstRow + TILE_ROW(i, ty);
        if (row >= m) continue;
        UNROLL for (uint j = 0; j < WN / GN; j++) {
            const size_t column = firstColumn + TILE_COLUMN(j, tx);
            __global float *to = c + row * n + column;
#if WN < 4
            if (column < n) to[0] = EPILOGUE(sum[i][j], batch, row, column);
#elif C_VEC == 4
            if (column < n)
                *(__global float4 *)to = (float4)(
                    EPILOGUE(sum[i][j].x, batch, row, column), EPILOGUE(sum[i][j].y, batch, row, column + 1),
                    EPILOGUE(sum[i][j].z, batch, row, column + 2), EPILOGUE(sum[i][j].w, batch, row, column + 3));
#else
            if (column < n) to[0] = EPILOGUE(sum[i][j].x, batch, row, column);
            if (column + 1 < n) to[1] = EPILOGUE(sum[i][j].y, batch, row, column + 1);
            if (column + 2 < n) to[2] = EPILOGUE(sum[i][j].z, batch, row, column + 2);
            if (column + 3 < n) to[3] = EPILOGUE(sum[i][j].w, batch, row, column + 3);
#endif
        }
    }
}
#endif

#ifdef KERNEL_matmulSumSplits
// c = epilogue(the sum of the splits' products, in order). global: n rounded up to the local size, rows of all batches.
__kernel void matmulSumSplits(Source parts, const ulong splits, __global float *c, const ulong cOffset,
                              const ulong rows, const ulong m, const ulong n EPILOGUE_PARAMETERS) {
    const size_t column = get_global_id(0), r = get_global_id(1), batch = r / m, row = r % m;
    if (column >= n) return;
    float sum = parts[r * n + column];
    for (size_t s = 1; s < splits; s++) sum += parts[(s * rows + r) * n + column];
    c[cOffset + r * n + column] = EPILOGUE(sum, batch, row, column);
}
#endif
