// Steps of recurrent layers on CPU-like devices: the recurrent product and the cells in one launch a step. Others do a product
// and a generated pointwise pass.
//
// GATES   4 for an LSTM, 3 for a GRU
// MR      rows of a register tile
// NV      vectors of 16 floats, side by side, of a register tile: NR = 16 NV units
// VEC     16, GROUP 1: see Prelude.cl
//
//          blocks of NR units          A work-item owns a block of units for some samples: it multiplies the whole state of
//        +------+------+------+        its samples by the weights of its block, gate by gate, and then does its cells. The
//   rows | item |      |      |        weights were packed before the first step, [gate][block][unit before][unit] forward,
//        +------+------+------+        [block][unit of a gate][unit before] backward, blocks filled up with zeros.
//   rows |      |      |      |
//        +------+------+------+        global: blocks, parts of rowsEach samples.
#ifndef GATES
#define GATES 4
#endif
#ifndef MR
#define MR 8
#endif
#ifndef NV
#define NV 2
#endif
#define NR (16 * NV)
// Depths of a panel of weights that stay in the first cache while the samples pass by.
#define DEPTH_BLOCK 256

#define ONE_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))
#define UNROLL _Pragma("unroll")

// to[i][j] = the sum over p of from[i][p] * panel[p][j], or more by it, for `rows` samples and `columns` units.
inline void multiply(global const float *from, const size_t fromPitch, global const float *panel, const size_t depth,
                     global float *to, const size_t toPitch, const size_t rows, const size_t columns, const int keeps) {
    for (size_t start = 0; start < depth; start += DEPTH_BLOCK) {
        const size_t deep = min((size_t)DEPTH_BLOCK, depth - start);
        const int adds = keeps || start > 0;
        for (size_t row = 0; row < rows; row += MR) {
            const size_t used = min((size_t)MR, rows - row);
            global const float *a[MR];
            UNROLL for (uint i = 0; i < MR; i++) a[i] = from + (row + min((size_t)i, used - 1)) * fromPitch + start;
            global const float *b = panel + start * NR;
            float16 sum[MR][NV];
            UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) sum[i][j] = 0;
            for (size_t p = 0; p < deep; p++) {
                float16 v[NV];
                UNROLL for (uint j = 0; j < NV; j++) v[j] = vload16(j, b);
                UNROLL for (uint i = 0; i < MR; i++) {
                    const float16 x = a[i][p];
                    UNROLL for (uint j = 0; j < NV; j++) sum[i][j] = fma(x, v[j], sum[i][j]);
                }
                b += NR;
            }
            global float *out = to + row * toPitch;
            if (used == MR && columns == NR) {
                if (adds) {
                    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
                        vstore16(sum[i][j] + vload16(j, out + i * toPitch), j, out + i * toPitch);
                } else {
                    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
                        vstore16(sum[i][j], j, out + i * toPitch);
                }
                continue;
            }
            float tile[MR * NR];
            UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) vstore16(sum[i][j], i * NV + j, tile);
            for (size_t i = 0; i < used; i++)
                for (size_t j = 0; j < columns; j++)
                    out[i * toPitch + j] = tile[i * NR + j] + (adds ? out[i * toPitch + j] : 0.0f);
        }
    }
}

#define SIGMOID(x) (1.0f / (1.0f + EXP(-(x))))

// Sixteen units, or the last of a block.
inline floatv take(global const float *p, const size_t count) { return count >= 16 ? LOAD(p) : load_rest(p, count, 0.0f); }
inline void put(const floatv v, global float *p, const size_t count) {
    if (count >= 16) STORE(v, p);
    else store_rest(v, p, count);
}

// This item's units and samples.
#define ITEM                                                                                            \
    const size_t block = get_global_id(0), unit = block * NR, columns = min((size_t)NR, (size_t)h - unit);     \
    const size_t first = get_global_id(1) * rowsEach, rows = min((size_t)rowsEach, (size_t)n - first);
// All vectors of them: `sample`, the first `unit` from the layer's first, and how many of it count.
#define EACH_CELL                                                                  \
    for (size_t sample = first; sample < first + rows; sample++)                   \
        for (size_t part = 0; part < columns; part += 16)
#define CELL                                                                                               \
    const size_t count = columns - part, at = sample * h + unit + part, gate = sample * GATES * h + unit + part; \
    const int inside = !masked || step < lengths[sample];

#ifdef KERNEL_lstm_step
// Pointers to the step's gates and to the states before and after it.
kernel ONE_ITEM void lstm_step(TENSOR_ARGUMENT(float, gates), global const float *packed, TENSOR_ARGUMENT(const float, hidden),
                               TENSOR_ARGUMENT(float, nextHidden), TENSOR_ARGUMENT(const float, cell),
                               TENSOR_ARGUMENT(float, nextCell), TENSOR_ARGUMENT(const int, lengths), const int masked,
                               const int step, const ulong n, const ulong h, const ulong rowsEach) {
    TENSOR(float, gates);
    TENSOR(const float, hidden);
    TENSOR(float, nextHidden);
    TENSOR(const float, cell);
    TENSOR(float, nextCell);
    TENSOR(const int, lengths);
    ITEM
    const size_t blocks = get_global_size(0);
    for (size_t k = 0; k < 4; k++)
        multiply(hidden + first * h, h, packed + (k * blocks + block) * h * NR, h, gates + first * 4 * h + k * h + unit, 4 * h,
                 rows, columns, 1);
    EACH_CELL {
        CELL
        floatv c = take(cell + at, count);
        if (!inside) {
            put(c, nextCell + at, count);
            put(take(hidden + at, count), nextHidden + at, count);
            continue;
        }
        const floatv i = SIGMOID(take(gates + gate, count)), f = SIGMOID(take(gates + gate + h, count));
        const floatv g = TANH(take(gates + gate + 2 * h, count)), o = SIGMOID(take(gates + gate + 3 * h, count));
        c = f * c + i * g;
        put(i, gates + gate, count);
        put(f, gates + gate + h, count);
        put(g, gates + gate + 2 * h, count);
        put(o, gates + gate + 3 * h, count);
        put(c, nextCell + at, count);
        put(o * TANH(c), nextHidden + at, count);
    }
}
#endif

#ifdef KERNEL_gru_step
kernel ONE_ITEM void gru_step(TENSOR_ARGUMENT(float, gates), global const float *packed, TENSOR_ARGUMENT(const float, hidden),
                              TENSOR_ARGUMENT(float, nextHidden), TENSOR_ARGUMENT(float, candidate),
                              TENSOR_ARGUMENT(const float, bias), TENSOR_ARGUMENT(const int, lengths), const int biased,
                              const int masked, const int step, const ulong n, const ulong h, const ulong rowsEach) {
    TENSOR(float, gates);
    TENSOR(const float, hidden);
    TENSOR(float, nextHidden);
    TENSOR(float, candidate);
    TENSOR(const float, bias);
    TENSOR(const int, lengths);
    ITEM
    const size_t blocks = get_global_size(0);
    for (size_t k = 0; k < 2; k++)
        multiply(hidden + first * h, h, packed + (k * blocks + block) * h * NR, h, gates + first * 3 * h + k * h + unit, 3 * h,
                 rows, columns, 1);
    multiply(hidden + first * h, h, packed + (2 * blocks + block) * h * NR, h, candidate + first * h + unit, h, rows, columns, 0);
    EACH_CELL {
        CELL
        const floatv before = take(hidden + at, count);
        if (!inside) {
            put(before, nextHidden + at, count);
            continue;
        }
        const floatv r = SIGMOID(take(gates + gate, count)), z = SIGMOID(take(gates + gate + h, count));
        floatv q = take(candidate + at, count);
        if (biased) q += take(bias + unit + part, count);
        const floatv c = TANH(take(gates + gate + 2 * h, count) + r * q);
        put(r, gates + gate, count);
        put(z, gates + gate + h, count);
        put(c, gates + gate + 2 * h, count);
        put(q, candidate + at, count);
        put((1 - z) * c + z * before, nextHidden + at, count);
    }
}
#endif

// Backward, a launch first takes the products of the step that the one before did the cells of (`multiplies`; dNextGates and
// dNextCandidate are its gradients), then does the cells of its own step; the last launch has no step (-1), and adds the gradient
// that the initial state has from above. dHidden and dCell [n, h] carry what comes from later steps.

#ifdef KERNEL_lstm_back
kernel ONE_ITEM void lstm_back(TENSOR_ARGUMENT(const float, aboveHidden), TENSOR_ARGUMENT(const float, aboveCell),
                               TENSOR_ARGUMENT(const float, gates), TENSOR_ARGUMENT(const float, cell),
                               TENSOR_ARGUMENT(const float, nextCell), TENSOR_ARGUMENT(const float, dNextGates),
                               TENSOR_ARGUMENT(float, dGates), TENSOR_ARGUMENT(float, dHidden), TENSOR_ARGUMENT(float, dCell),
                               global const float *packed, TENSOR_ARGUMENT(const int, lengths), const int masked,
                               const int hasCell, const int multiplies, const int step, const ulong n, const ulong h,
                               const ulong rowsEach) {
    TENSOR(const float, aboveHidden);
    TENSOR(const float, aboveCell);
    TENSOR(const float, gates);
    TENSOR(const float, cell);
    TENSOR(const float, nextCell);
    TENSOR(const float, dNextGates);
    TENSOR(float, dGates);
    TENSOR(float, dHidden);
    TENSOR(float, dCell);
    TENSOR(const int, lengths);
    ITEM
    if (multiplies)
        multiply(dNextGates + first * 4 * h, 4 * h, packed + block * 4 * h * NR, 4 * h, dHidden + first * h + unit, h, rows,
                 columns, 1);
    EACH_CELL {
        CELL
        const floatv dh = take(dHidden + at, count) + take(aboveHidden + at, count);
        floatv dc = take(dCell + at, count);
        if (hasCell) dc += take(aboveCell + at, count);
        if (step < 0 || !inside) {
            put(dh, dHidden + at, count);
            put(dc, dCell + at, count);
            if (step >= 0)
                for (size_t k = 0; k < 4; k++) put((floatv)(0.0f), dGates + gate + k * h, count);
            continue;
        }
        const floatv i = take(gates + gate, count), f = take(gates + gate + h, count);
        const floatv g = take(gates + gate + 2 * h, count), o = take(gates + gate + 3 * h, count);
        const floatv t = TANH(take(nextCell + at, count)), before = take(cell + at, count);
        dc += dh * o * (1 - t * t);
        put(dc * g * (i * (1 - i)), dGates + gate, count);
        put(dc * before * (f * (1 - f)), dGates + gate + h, count);
        put(dc * i * (1 - g * g), dGates + gate + 2 * h, count);
        put(dh * t * (o * (1 - o)), dGates + gate + 3 * h, count);
        put(dc * f, dCell + at, count);
        put((floatv)(0.0f), dHidden + at, count);
    }
}
#endif

#ifdef KERNEL_gru_back
kernel ONE_ITEM void gru_back(TENSOR_ARGUMENT(const float, aboveHidden), TENSOR_ARGUMENT(const float, gates),
                              TENSOR_ARGUMENT(const float, hidden), TENSOR_ARGUMENT(const float, candidate),
                              TENSOR_ARGUMENT(const float, dNextGates), TENSOR_ARGUMENT(const float, dNextCandidate),
                              TENSOR_ARGUMENT(float, dGates), TENSOR_ARGUMENT(float, dCandidate),
                              TENSOR_ARGUMENT(float, dHidden), global const float *packed, TENSOR_ARGUMENT(const int, lengths),
                              const int masked, const int multiplies, const int step, const ulong n, const ulong h,
                              const ulong rowsEach) {
    TENSOR(const float, aboveHidden);
    TENSOR(const float, gates);
    TENSOR(const float, hidden);
    TENSOR(const float, candidate);
    TENSOR(const float, dNextGates);
    TENSOR(const float, dNextCandidate);
    TENSOR(float, dGates);
    TENSOR(float, dCandidate);
    TENSOR(float, dHidden);
    TENSOR(const int, lengths);
    ITEM
    if (multiplies) {
        global const float *panel = packed + block * 3 * h * NR;
        multiply(dNextGates + first * 3 * h, 3 * h, panel, 2 * h, dHidden + first * h + unit, h, rows, columns, 1);
        multiply(dNextCandidate + first * h, h, panel + 2 * h * NR, h, dHidden + first * h + unit, h, rows, columns, 1);
    }
    EACH_CELL {
        CELL
        const floatv dh = take(dHidden + at, count) + take(aboveHidden + at, count);
        if (step < 0 || !inside) {
            put(dh, dHidden + at, count);
            if (step >= 0) {
                for (size_t k = 0; k < 3; k++) put((floatv)(0.0f), dGates + gate + k * h, count);
                put((floatv)(0.0f), dCandidate + at, count);
            }
            continue;
        }
        const floatv r = take(gates + gate, count), z = take(gates + gate + h, count), c = take(gates + gate + 2 * h, count);
        const floatv q = take(candidate + at, count), before = take(hidden + at, count);
        const floatv dc = dh * (1 - z) * (1 - c * c);
        put(dc * q * (r * (1 - r)), dGates + gate, count);
        put(dh * (before - c) * (z * (1 - z)), dGates + gate + h, count);
        put(dc, dGates + gate + 2 * h, count);
        put(dc * r, dCandidate + at, count);
        put(dh * z, dHidden + at, count);
    }
}
#endif
