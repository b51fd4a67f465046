// Matrix products on CPU-like devices: c = epilogue(a * b), one work-item a work-group, no barriers.
//
// MR      rows of a register tile
// NV      vectors of 16 floats, side by side, of a register tile: NR = 16 NV columns
// A_FORM  0 packed: panels of MR rows, [panel][k][MR];  1 rows in place (k contiguous);  2 columns in place (m contiguous)
// B_FORM  0 packed: panels of NR columns, [panel][k][NR];  1 rows in place (n contiguous);  2 the same, copied, so that a work-item's
//         panels are HELD floats at most;  3 columns (k contiguous), copied likewise
// DEPTH   where B_FORM is 2: steps of k of a panel that are copied at a time, and taken by all of a work-item's row panels, at most
//         KEPT, before the next; 0 all of them
// DC      columns of a register tile where both operands have k contiguous (matmulDot)
// An epilogue is put before this file: EPILOGUE_PARAMETERS, EPILOGUE(value, batch, row, column) and, where its operands can be
// read as vectors along a row, EPILOGUE16.
//
//             NR                     A work-item owns rowPanels x columnPanels tiles. The panels of b stay in the caches
//          +------+  b               while those of a pass by; each step of k loads NV vectors of b and MR numbers of a,
//          | NV   |  k               and does MR x NV multiply-adds in registers.
//      k   +------+
//   +----+ +------+                  Operands in place: the last panel begins early enough to be full, and what it has
//   | MR | | tile |  c               in common with the one before it is not stored. Packed: it is filled up with zeros.
//   +----+ +------+
#ifndef MR
#define MR 8
#endif
#ifndef NV
#define NV 2
#endif
#ifndef A_FORM
#define A_FORM 0
#endif
#ifndef B_FORM
#define B_FORM 0
#endif
#ifndef KEPT
#define KEPT 1
#endif
#ifndef HELD
#define HELD 1
#endif
#ifndef DEPTH
#define DEPTH 0
#endif
#ifndef DC
#define DC 4
#endif
#define NR (16 * NV)

#ifndef EPILOGUE
#define EPILOGUE_PARAMETERS
#define EPILOGUE(value, batch, row, column) (value)
#define EPILOGUE16(value, batch, row, column) (value)
#define EPILOGUE_FETCH(batch, row, column)
#endif

#define ONE_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))
#define UNROLL _Pragma("unroll")

typedef __global const float *Source;

INLINE void clearTile(float16 sum[MR][NV]) {
    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) sum[i][j] = 0;
}

// One step of k: the vectors `b` times MR numbers; `number` is an expression of i.
#define MULTIPLY_ADD(sum, number, b)                                                    \
    UNROLL for (uint i = 0; i < MR; i++) {                                              \
        const float16 x = (number);                                                     \
        UNROLL for (uint j = 0; j < NV; j++) sum[i][j] = fma(x, b[j], sum[i][j]);       \
    }
#define LOAD_VECTORS(b, from) UNROLL for (uint j = 0; j < NV; j++) b[j] = vload16(j, from)

INLINE void spillTile(float16 sum[MR][NV], float tile[MR * NR]) {
    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) vstore16(sum[i][j], i * NV + j, tile);
}

#include "Transpose.cl"

// The first `count`, fewer than 16, lanes.
INLINE void storePart(const float16 v, __global float *to, const size_t count) {
    float8 rest8 = v.lo;
    if (count & 8) {
        vstore8(rest8, 0, to);
        rest8 = v.hi;
        to += 8;
    }
    float4 rest4 = rest8.lo;
    if (count & 4) {
        vstore4(rest4, 0, to);
        rest4 = rest8.hi;
        to += 4;
    }
    float2 rest2 = rest4.lo;
    if (count & 2) {
        vstore2(rest2, 0, to);
        rest2 = rest4.hi;
        to += 2;
    }
    if (count & 1) *to = rest2.x;
}

#ifdef KERNEL_matmulPanels
// global: column tiles, row tiles, batch * splits. Split s of k multiplies depths [s * splitDepth, (s + 1) * splitDepth)
// and writes to c + s * splitStep.
__kernel ONE_ITEM void matmulPanels(
    Source a, const ulong aOffset, const ulong aStep, const ulong aBatch,
    Source b, const ulong bOffset, const ulong bStep, const ulong bBatch,
    __global float *c, const ulong cOffset, const ulong m, const ulong n, const ulong k,
    const ulong rowPanels, const ulong columnPanels, const ulong batches, const ulong splitDepth, const ulong splitStep
    EPILOGUE_PARAMETERS) {
    const size_t split = get_global_id(2) / batches, batch = get_global_id(2) % batches;
    const size_t firstRow = get_global_id(1) * rowPanels, endRow = min((ulong)(firstRow + rowPanels), (m + MR - 1) / MR);
    const size_t firstColumn = get_global_id(0) * columnPanels;
    const size_t endColumn = min((ulong)(firstColumn + columnPanels), (n + NR - 1) / NR);
    const size_t start = split * splitDepth, depth = min((ulong)(start + splitDepth), k) - start;
    a += aOffset + batch * aBatch;
    b += bOffset + batch * bBatch;
    c += cOffset + split * splitStep + batch * m * n;
    // The panels of b that the row panels take, and sums.
    float held[HELD] __attribute__((aligned(64))), tiles[KEPT * MR * NR] __attribute__((aligned(64)));
    const size_t most = max(DEPTH ? (size_t)DEPTH : depth, (size_t)1);
    for (size_t first = 0; first == 0 || first < depth; first += most) {
        const size_t begin = start + first, count = min(most, depth - first);
#if B_FORM >= 2
        for (size_t columnPanel = firstColumn; columnPanel < endColumn; columnPanel++) {
            const size_t column = min((ulong)columnPanel * NR, n - NR);
            float *to = held + (columnPanel - firstColumn) * count * NR;
#if B_FORM == 2
            Source from = b + column + begin * bStep;
            for (size_t p = 0; p < count; p++) {
                float16 v[NV];
                UNROLL for (uint j = 0; j < NV; j++) FETCH(from + (p + 16) * bStep + j * 16);
                LOAD_VECTORS(v, from + p * bStep);
                UNROLL for (uint j = 0; j < NV; j++) vstore16(v[j], p * NV + j, to);
            }
#else
            for (size_t j = 0; j < NR; j += 16) {
                Source from = b + (column + j) * bStep + begin;
                size_t p = 0;
                for (; p + 16 <= count; p += 16) transposeIntoOwn(from + p, bStep, to + p * NR + j, NR);
                for (; p < count; p++)
                    for (size_t i = 0; i < 16; i++) to[p * NR + j + i] = from[i * bStep + p];
            }
#endif
        }
#endif
        for (size_t rowPanel = firstRow; rowPanel < endRow; rowPanel++) {
            const size_t row = rowPanel * MR, rows = min((ulong)MR, m - row);
#if A_FORM == 0
            const size_t rowSkip = 0, aNext = MR;
            Source aPanel = a + (rowPanel * k + begin) * MR;
#elif A_FORM == 1
            const size_t rowSkip = MR - rows;
            Source aPanel = a + (row - rowSkip) * aStep + begin;
#else
            const size_t rowSkip = MR - rows, aNext = aStep;
            Source aPanel = a + row - rowSkip + begin * aStep;
#endif
            for (size_t columnPanel = firstColumn; columnPanel < endColumn; columnPanel++) {
                const size_t column = columnPanel * NR, columns = min((ulong)NR, n - column);
                float16 sum[MR][NV];
                clearTile(sum);
                float *tile = tiles + (DEPTH ? (rowPanel - firstRow) * MR * NR : 0);
                if (DEPTH && first > 0)
                    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) sum[i][j] = vload16(i * NV + j, tile);
                const size_t columnSkip = B_FORM == 0 ? 0 : NR - columns, bNext = B_FORM == 1 ? bStep : NR;
#if B_FORM == 0
                Source bRow = b + (columnPanel * k + begin) * NR;
#elif B_FORM == 1
                Source bRow = b + column - columnSkip + begin * bStep;
#else
                const float *bRow = held + (columnPanel - firstColumn) * count * NR;
#endif
                // The result's place, and what is read beside it, which are far from those before them.
                UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) {
                    FETCH(c + (row + i) * n + column + j * 16);
                    EPILOGUE_FETCH(batch, row + i, column + j * 16)
                }
#if A_FORM == 1
                ROWS_BY_THREES(aRow, aPanel, aStep);
#define NUMBER(i, u) OF_ROWS(aRow, aStep, i, u)
#define NEXT_NUMBERS(steps) NEXT_OF_ROWS(aRow, steps)
#else
                Source aColumn = aPanel;
#define NUMBER(i, u) aColumn[i + (u) * aNext]
#define NEXT_NUMBERS(steps) aColumn += (steps) * aNext;
#endif
#define STEP(u)                                                                         \
    {                                                                                   \
        float16 v[NV];                                                                  \
        LOAD_VECTORS(v, bRow + (u) * bNext);                                            \
        MULTIPLY_ADD(sum, NUMBER(i, u), v)                                              \
    }
#define ADVANCE(steps)                                                                  \
    bRow += (steps) * bNext;                                                            \
    NEXT_NUMBERS(steps)
                BY_FOURS(count, STEP, ADVANCE)
                if (DEPTH && first + most < depth) {
                    spillTile(sum, tile);
                    continue;
                }
                __global float *to = c + row * n + column;
#ifdef EPILOGUE16
                if (rows == MR && columns == NR) {
                    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
                        vstore16(EPILOGUE16(sum[i][j], batch, row + i, column + 16 * j), j, to + i * n);
                    continue;
                }
#endif
                spillTile(sum, tile);
                for (size_t i = 0; i < rows; i++) {
                    const float *from = tile + (i + rowSkip) * NR + columnSkip;
                    for (size_t j = 0; j < columns; j++) to[i * n + j] = EPILOGUE(from[j], batch, row + i, column + j);
                }
            }
        }
    }
}
#endif

#ifdef KERNEL_matmulDot
INLINE float sumOfLanes(const float16 v) {
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

#if MR * DC == 16
// Lane i of the result is the sum of the lanes of vector i: each level adds halves of two vectors into one.
#define FOLD(x, y, low, d) (shuffle2(x, y, low) + shuffle2(x, y, low + d))
INLINE float16 sumsOfLanes(float16 v[16]) {
    const uint16 low1 = (uint16)(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    const uint16 low2 = (uint16)(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    const uint16 low4 = (uint16)(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    const uint16 low8 = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    float16 a[8], b[4], c[2];
    UNROLL for (uint i = 0; i < 8; i++) a[i] = FOLD(v[2 * i], v[2 * i + 1], low1, 1u);
    UNROLL for (uint i = 0; i < 4; i++) b[i] = FOLD(a[2 * i], a[2 * i + 1], low2, 2u);
    UNROLL for (uint i = 0; i < 2; i++) c[i] = FOLD(b[2 * i], b[2 * i + 1], low4, 4u);
    return FOLD(c[0], c[1], low8, 8u);
}
#endif

// Both operands have k contiguous: vectors along k, their lanes added up at the end, nothing to transpose.
// b's element (p, j) lies at j * bStep + p; tiles of MR x DC; every part of k is at least 16 deep.
__kernel ONE_ITEM void matmulDot(
    Source a, const ulong aOffset, const ulong aStep, const ulong aBatch,
    Source b, const ulong bOffset, const ulong bStep, const ulong bBatch,
    __global float *c, const ulong cOffset, const ulong m, const ulong n, const ulong k,
    const ulong rowPanels, const ulong columnPanels, const ulong batches, const ulong splitDepth, const ulong splitStep
    EPILOGUE_PARAMETERS) {
    const size_t split = get_global_id(2) / batches, batch = get_global_id(2) % batches;
    const size_t firstRow = get_global_id(1) * rowPanels, endRow = min((ulong)(firstRow + rowPanels), (m + MR - 1) / MR);
    const size_t firstColumn = get_global_id(0) * columnPanels;
    const size_t endColumn = min((ulong)(firstColumn + columnPanels), (n + DC - 1) / DC);
    const size_t start = split * splitDepth, depth = min((ulong)(start + splitDepth), k) - start;
    const size_t whole = depth / 16 * 16, last = depth - 16;
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), seen = lane < (int)(whole - last);
    a += aOffset + batch * aBatch + start;
    b += bOffset + batch * bBatch + start;
    c += cOffset + split * splitStep + batch * m * n;
    for (size_t columnPanel = firstColumn; columnPanel < endColumn; columnPanel++) {
        const size_t column = columnPanel * DC, columns = min((ulong)DC, n - column);
        Source bRow[DC];
        UNROLL for (uint j = 0; j < DC; j++) bRow[j] = b + min(column + j, n - 1) * bStep;
        for (size_t rowPanel = firstRow; rowPanel < endRow; rowPanel++) {
            const size_t row = rowPanel * MR, rows = min((ulong)MR, m - row);
            Source aRow[MR];
            UNROLL for (uint i = 0; i < MR; i++) aRow[i] = a + min(row + i, m - 1) * aStep;
            float16 sum[MR][DC];
            UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < DC; j++) sum[i][j] = 0;
            for (size_t p = 0; p < whole; p += 16) {
                float16 v[DC];
                UNROLL for (uint j = 0; j < DC; j++) v[j] = vload16(0, bRow[j] + p);
                UNROLL for (uint i = 0; i < MR; i++) {
                    const float16 x = vload16(0, aRow[i] + p);
                    UNROLL for (uint j = 0; j < DC; j++) sum[i][j] = fma(x, v[j], sum[i][j]);
                }
            }
            if (whole < depth) {
                // The last vector begins early enough to be full; lanes that were multiplied before are 0 on both sides.
                float16 v[DC];
                UNROLL for (uint j = 0; j < DC; j++) v[j] = select(vload16(0, bRow[j] + last), (float16)(0), seen);
                UNROLL for (uint i = 0; i < MR; i++) {
                    const float16 x = select(vload16(0, aRow[i] + last), (float16)(0), seen);
                    UNROLL for (uint j = 0; j < DC; j++) sum[i][j] = fma(x, v[j], sum[i][j]);
                }
            }
            float tile[MR * DC];
#if MR * DC == 16
            float16 sums[16];
            UNROLL for (uint i = 0; i < 16; i++) sums[i] = sum[i / DC][i % DC];
            vstore16(sumsOfLanes(sums), 0, tile);
#else
            UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < DC; j++)
                tile[i * DC + j] = sumOfLanes(sum[i][j]);
#endif
            for (size_t i = 0; i < rows; i++) {
                __global float *to = c + (row + i) * n + column;
                for (size_t j = 0; j < columns; j++) to[j] = EPILOGUE(tile[i * DC + j], batch, row + i, column + j);
            }
        }
    }
}
#endif

#ifdef KERNEL_matmulPack
// Copies PANEL lanes, and those that make them a vector of WIDE.
#if PANEL <= 4
#define WIDE 4
#define COPY_WIDE(from, to) vstore4(vload4(0, from), 0, to)
#elif PANEL <= 8
#define WIDE 8
#define COPY_WIDE(from, to) vstore8(vload8(0, from), 0, to)
#elif PANEL <= 16
#define WIDE 16
#define COPY_WIDE(from, to) vstore16(vload16(0, from), 0, to)
#else
#define WIDE PANEL
#define COPY_WIDE(from, to) UNROLL for (uint i = 0; i < PANEL; i++) (to)[i] = (from)[i]
#endif
// Panels of PANEL lanes from an operand whose lanes are contiguous: to[panel][p][lane] = from[p * step + lane].
// global: chunks of chunkDepth of k, groups of panelGroup panels, batch.
__kernel ONE_ITEM void matmulPack(Source from, const ulong offset, const ulong step, const ulong batchStep,
                                  __global float *to, const ulong lanes, const ulong k, const ulong chunkDepth,
                                  const ulong panelGroup) {
    const size_t batch = get_global_id(2), panels = (lanes + PANEL - 1) / PANEL;
    const size_t firstPanel = get_global_id(1) * panelGroup, endPanel = min((ulong)(firstPanel + panelGroup), (ulong)panels);
    const size_t start = get_global_id(0) * chunkDepth, end = min((ulong)(start + chunkDepth), k);
    from += offset + batch * batchStep;
    to += batch * panels * k * PANEL;
    // Panels whose lanes, and what makes them a vector, lie in the operand; what a vector has too many of is overwritten by the
    // next depth's. The depths are outermost: rows of the operand may lie so far apart that many fall into one set of a cache.
    const size_t whole = max(firstPanel, min(endPanel, lanes < WIDE ? 0 : (size_t)(lanes - WIDE) / PANEL + 1));
    const size_t last = whole > firstPanel ? end - 1 : start;
    for (size_t p = start; p < last; p++) {
        Source row = from + p * step + firstPanel * PANEL;
        for (size_t i = 0; i < (endPanel - firstPanel) * PANEL; i += 16) FETCH(row + 8 * step + i);
        __global float *out = to + (firstPanel * k + p) * PANEL;
        for (size_t panel = firstPanel; panel < whole; panel++, row += PANEL, out += k * PANEL) {
            FETCH(out + 64);
            COPY_WIDE(row, out);
        }
    }
    for (size_t panel = firstPanel; panel < endPanel; panel++) {
        const size_t first = panel * PANEL, used = min((ulong)PANEL, lanes - first);
        for (size_t p = panel < whole ? last : start; p < end; p++) {
            for (size_t i = 0; i < PANEL; i++) to[(panel * k + p) * PANEL + i] = i < used ? from[p * step + first + i] : 0.0f;
        }
    }
}
#endif

#ifdef KERNEL_matmulPackTransposed
// Panels of PANEL lanes, a multiple of 16, from an operand whose depths are contiguous:
// to[panel][p][lane] = from[lane * step + p]. global: chunks of chunkDepth (a multiple of 16) of k, groups of 16 lanes, batch.
__kernel ONE_ITEM void matmulPackTransposed(Source from, const ulong offset, const ulong step, const ulong batchStep,
                                            __global float *to, const ulong lanes, const ulong k, const ulong chunkDepth) {
    const size_t batch = get_global_id(2), first = get_global_id(1) * 16;
    const size_t used = first < lanes ? min((ulong)16, lanes - first) : 0;
    const size_t start = get_global_id(0) * chunkDepth, end = min((ulong)(start + chunkDepth), k);
    from += offset + batch * batchStep;
    to += batch * ((lanes + PANEL - 1) / PANEL) * k * PANEL + first / PANEL * k * PANEL + first % PANEL;
    size_t p = start;
    if (used == 16) {
        for (; p + 16 <= end; p += 16) transposeBlock(from + first * step + p, step, to + p * PANEL, PANEL);
    }
    for (; p < end; p++) {
        for (size_t i = 0; i < 16; i++) to[p * PANEL + i] = i < used ? from[(first + i) * step + p] : 0.0f;
    }
}
#endif

#ifdef KERNEL_matmulSumSplits
// c = epilogue(the sum of the splits' products, in order). global: row blocks of each batch's m * n.
__kernel ONE_ITEM void matmulSumSplits(Source parts, const ulong splits, __global float *c, const ulong cOffset,
                                       const ulong rows, const ulong m, const ulong n, const ulong rowsEach
                                       EPILOGUE_PARAMETERS) {
    const size_t first = get_global_id(0) * rowsEach, end = min((ulong)(first + rowsEach), rows);
    c += cOffset;
    for (size_t r = first; r < end; r++) {
        const size_t batch = r / m, row = r % m;
        for (size_t j = 0; j < n; j++) {
            float sum = parts[r * n + j];
            for (size_t s = 1; s < splits; s++) sum += parts[(s * rows + r) * n + j];
            c[r * n + j] = EPILOGUE(sum, batch, row, j);
        }
    }
}
#endif
