// Matrix products on GPU-like devices: c = epilogue(a * b), tiles in local memory, tiles of those in registers.
//
// TM, TN   rows and columns of a work-group's tile
// TK       depths that a tile holds at a time
// WM, WN   rows and columns of a work-item's tile: 4 or 8
// A_DEEP   1: k is contiguous in a; 0: m is           A_VEC  4 where all of a's vectors of 4 are aligned and whole, else 1
// B_DEEP   1: k is contiguous in b; 0: n is           B_VEC  likewise
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, batch, row, column).
//
//                    TN
//              +-------------+         THREADS = TM / WM * TN / WN work-items. Each fetches its share of the next tiles
//           TK |    bTile    |         into registers before the products of these, and stores it behind a barrier.
//              +-------------+         A work-item's rows are groups of 4, TM / (WM / 4) apart, so that neighbours read
//   +----+     +-------------+         neighbouring vectors of 16 bytes: no bank is asked twice. So its columns.
//   |    |     | WM x WN a   |
//   | TM | aT  | work-item   |         Lanes (rows of a, columns of b) past the end repeat the last ones; their products
//   |    |     |             |         are not stored. Depths past the end are zeros on both sides.
//   +----+     +-------------+
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
#define THREADS_M (TM / WM)
#define THREADS_N (TN / WN)
#define THREADS (THREADS_M * THREADS_N)
#define PAD 4
#define UNROLL _Pragma("unroll")
// More of the depths at a time would hold more numbers in registers than there are.
#if WM * WN >= 64
#define SHORT_UNROLL _Pragma("unroll 1")
#else
#define SHORT_UNROLL _Pragma("unroll 2")
#endif

#ifndef EPILOGUE
#define EPILOGUE_PARAMETERS
#define EPILOGUE(value, batch, row, column) (value)
#endif

#ifdef FP_FAST_FMAF
#define MULTIPLY_ADD(x, y, z) fma(x, y, z)
#else
#define MULTIPLY_ADD(x, y, z) mad(x, y, z)
#endif

typedef __global const float *Source;
typedef __local const float4 *Local4;

// The products of two tiles in local memory. Depth p of a tile of T lanes begins at p * (T + PAD).
inline void multiplyTiles(__local const float *aTile, __local const float *bTile, const uint ty, const uint tx,
                          float4 sum[WM][WN / 4]) {
    SHORT_UNROLL for (uint p = 0; p < TK; p++) {
        float4 x[WM / 4], y[WN / 4];
        UNROLL for (uint i = 0; i < WM / 4; i++) x[i] = *(Local4)(aTile + p * (TM + PAD) + i * (TM / (WM / 4)) + ty * 4);
        UNROLL for (uint j = 0; j < WN / 4; j++) y[j] = *(Local4)(bTile + p * (TN + PAD) + j * (TN / (WN / 4)) + tx * 4);
        UNROLL for (uint i = 0; i < WM / 4; i++) {
            UNROLL for (uint j = 0; j < WN / 4; j++) {
                sum[4 * i][j] = MULTIPLY_ADD((float4)(x[i].x), y[j], sum[4 * i][j]);
                sum[4 * i + 1][j] = MULTIPLY_ADD((float4)(x[i].y), y[j], sum[4 * i + 1][j]);
                sum[4 * i + 2][j] = MULTIPLY_ADD((float4)(x[i].z), y[j], sum[4 * i + 2][j]);
                sum[4 * i + 3][j] = MULTIPLY_ADD((float4)(x[i].w), y[j], sum[4 * i + 3][j]);
            }
        }
    }
}

// The row and column, in the work-group's tile, of element (i, 4 j + l) of a work-item's.
#define TILE_ROW(i, ty) ((i) / 4 * (TM / (WM / 4)) + (ty) * 4 + (i) % 4)
#define TILE_COLUMN(j, tx) ((j) * (TN / (WN / 4)) + (tx) * 4)

#ifdef KERNEL_matmulTiles
#define A_LOADS (TM * TK / A_VEC / THREADS)
#define B_LOADS (TN * TK / B_VEC / THREADS)

#define VECTOR1 float
#define VECTOR4 float4
#define LOAD1(p) (*(p))
#define LOAD4(p) (*(__global const float4 *)(p))
#define STORE1(v, p) (*(p) = (v))
#define STORE4(v, p) (*(__local float4 *)(p) = (v))
#define STEPS1(v, p, step) (*(p) = (v))
#define STEPS4(v, p, step) ((p)[0] = (v).x, (p)[step] = (v).y, (p)[2 * (step)] = (v).z, (p)[3 * (step)] = (v).w)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// A work-item's share of a tile: `load` loads, number l of vector `item + l * THREADS`.
// Depth contiguous: vectors run along k, and are stored across; else along the lanes.
#define DEFINE_LOADER(NAME, TILE, DEEP, VEC, LOADS)                                                              \
    inline void fetch##NAME(Source from, const ulong step, const ulong first, const ulong lanes,                 \
                            const ulong start, const ulong end, const uint item, JOIN(VECTOR, VEC) held[LOADS]) { \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                                \
            const uint v = item + l * THREADS;                                                                   \
            const uint lane = DEEP ? v / (TK / VEC) : v % (TILE / VEC) * VEC;                                    \
            const size_t depth = start + (DEEP ? v % (TK / VEC) * VEC : v / (TILE / VEC));                       \
            const size_t at = min(first + lane, lanes - (DEEP ? 1 : VEC));                                       \
            held[l] = depth < end ? JOIN(LOAD, VEC)(from + (DEEP ? at * step + depth : depth * step + at)) : 0;  \
        }                                                                                                        \
    }                                                                                                            \
    inline void keep##NAME(const JOIN(VECTOR, VEC) held[LOADS], const uint item, __local float *tile) {          \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                                \
            const uint v = item + l * THREADS;                                                                   \
            const uint lane = DEEP ? v / (TK / VEC) : v % (TILE / VEC) * VEC;                                    \
            const uint depth = DEEP ? v % (TK / VEC) * VEC : v / (TILE / VEC);                                   \
            if (DEEP) JOIN(STEPS, VEC)(held[l], tile + depth * (TILE + PAD) + lane, TILE + PAD);                 \
            else JOIN(STORE, VEC)(held[l], tile + depth * (TILE + PAD) + lane);                                  \
        }                                                                                                        \
    }
DEFINE_LOADER(A, TM, A_DEEP, A_VEC, A_LOADS)
DEFINE_LOADER(B, TN, B_DEEP, B_VEC, B_LOADS)

// global: THREADS x column tiles, row tiles, batch * splits. Split s of k multiplies depths
// [s * splitDepth, (s + 1) * splitDepth) and writes to c + s * splitStep.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void matmulTiles(
    Source a, const ulong aOffset, const ulong aStep, const ulong aBatch,
    Source b, const ulong bOffset, const ulong bStep, const ulong bBatch,
    __global float *c, const ulong cOffset, const ulong m, const ulong n, const ulong k,
    const ulong batches, const ulong splitDepth, const ulong splitStep EPILOGUE_PARAMETERS) {
    __local float aTile[TK * (TM + PAD)] __attribute__((aligned(16)));
    __local float bTile[TK * (TN + PAD)] __attribute__((aligned(16)));
    const uint item = get_local_id(0), ty = item / THREADS_N, tx = item % THREADS_N;
    const size_t split = get_group_id(2) / batches, batch = get_group_id(2) % batches;
    const size_t firstRow = get_group_id(1) * TM, firstColumn = get_group_id(0) * TN;
    const size_t start = split * splitDepth, end = min((ulong)(start + splitDepth), k);
    a += aOffset + batch * aBatch;
    b += bOffset + batch * bBatch;
    c += cOffset + split * splitStep + batch * m * n;

    float4 sum[WM][WN / 4];
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / 4; j++) sum[i][j] = 0;
    JOIN(VECTOR, A_VEC) aHeld[A_LOADS];
    JOIN(VECTOR, B_VEC) bHeld[B_LOADS];
    fetchA(a, aStep, firstRow, m, start, end, item, aHeld);
    fetchB(b, bStep, firstColumn, n, start, end, item, bHeld);
    for (size_t p = start; p < end; p += TK) {
        keepA(aHeld, item, aTile);
        keepB(bHeld, item, bTile);
        barrier(CLK_LOCAL_MEM_FENCE);
        fetchA(a, aStep, firstRow, m, p + TK, end, item, aHeld);
        fetchB(b, bStep, firstColumn, n, p + TK, end, item, bHeld);
        multiplyTiles(aTile, bTile, ty, tx, sum);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL for (uint i = 0; i < WM; i++) {
        const size_t row = firstRow + TILE_ROW(i, ty);
        if (row >= m) continue;
        UNROLL for (uint j = 0; j < WN / 4; j++) {
            const size_t column = firstColumn + TILE_COLUMN(j, tx);
            __global float *to = c + row * n + column;
            if (column < n) to[0] = EPILOGUE(sum[i][j].x, batch, row, column);
            if (column + 1 < n) to[1] = EPILOGUE(sum[i][j].y, batch, row, column + 1);
            if (column + 2 < n) to[2] = EPILOGUE(sum[i][j].z, batch, row, column + 2);
            if (column + 3 < n) to[3] = EPILOGUE(sum[i][j].w, batch, row, column + 3);
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
