// Recurrent layers on CPU-like devices: the recurrent products and the cells in one kernel. RecurrenceTile.cl is for GPU-like ones.
//
// GATES   4 for an LSTM, 3 for a GRU
// MR      rows of a register tile
// NV      vectors of 16 floats, side by side, of a register tile: NR = 16 NV units
// VEC     16, GROUP 1: see Prelude.cl
//
//          blocks of NR units          A work-item multiplies the states of its samples by the weights of a block, gate by
//        +------+------+------+        gate, and then does the block's cells. The weights were packed before,
//   rows |      |      |      |        [gate][block][unit before][unit] forward, [block][unit of a gate][unit before]
//        +------+------+------+        backward, blocks filled up with zeros.
//   rows |      |      |      |
//        +------+------+------+        global: 1, parts of rowsEach samples. No sample needs another's state, so that an item
//                                      goes through all blocks and steps by itself; or, where there are few samples:
//                                      blocks, parts. Then a launch does one step.
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

// Sixteen floats wherever they lie, in one store: some drivers' vstore16 makes four of it.
typedef float16 loose16 __attribute__((aligned(4)));
INLINE void store16(const float16 v, global float *p) { *(global loose16 *)p = v; }

// to[i][j] = the sum over p of from[i][p] * panel[p][j], or more by it, for `rows` samples and `columns` units.
INLINE void multiply(global const float *from, const size_t fromPitch, global const float *panel, const size_t depth,
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
            size_t p = 0;
#define STEP(u)                                                                         \
    {                                                                                   \
        float16 v[NV];                                                                  \
        UNROLL for (uint j = 0; j < NV; j++) v[j] = vload16((u) * NV + j, b);           \
        UNROLL for (uint i = 0; i < MR; i++) {                                          \
            const float16 x = a[i][p + (u)];                                            \
            UNROLL for (uint j = 0; j < NV; j++) sum[i][j] = fma(x, v[j], sum[i][j]);   \
        }                                                                               \
    }
#define ADVANCE(steps)                                                                  \
    p += steps;                                                                         \
    b += (steps) * NR;
            BY_FOURS(deep, STEP, ADVANCE)
            global float *out = to + row * toPitch;
            if (used == MR && columns == NR) {
                if (adds) {
                    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
                        store16(sum[i][j] + vload16(j, out + i * toPitch), out + i * toPitch + 16 * j);
                } else {
                    UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
                        store16(sum[i][j], out + i * toPitch + 16 * j);
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

// 1 / x within 1e-7 of it, for numbers from 1 up to 1e38, in less than half of a division's time: a guess from the exponent's
// bits, 12 % off, and three of Newton's steps, each of which squares its error. NaN for NaN.
INLINE float16 reciprocal(const float16 x) {
    float16 r = as_float16(0x7EF311C7 - as_int16(x));
    r = r * (2.0f - x * r);
    r = r * (2.0f - x * r);
    return r + r * (1.0f - x * r);
}

// As EXP in Prelude.cl, for exponents that one factor holds.
INLINE float16 sigmoid(const float16 x) {
    const float16 v = bounded(-x, 87.0f), shifted = v * 1.44269502f + 12583039.0f, n = shifted - 12583039.0f;
    const float16 f = v * 1.92596303e-8f + (v * 1.44269502f - n);
    float16 p = f * 1.326472498e-03f + 9.671512991e-03f;
    p = p * f + 5.550733581e-02f;
    p = p * f + 2.402224243e-01f;
    p = p * f + 6.931470037e-01f;
    p = p * f + 1.0f;
    return reciprocal(p * as_float16(as_int16(shifted) << 23) + 1.0f);
}

// As TANH in Prelude.cl.
INLINE float16 tangent(const float16 x) {
    const float16 v = bounded(x, 9.18f), s = v * v;
    float16 p = s * 1.3319342073714324e-08f + 2.058369864244014e-05f;
    p = p * s + 3.494048723950982e-03f;
    p = p * s + 1.337973028421402e-01f;
    p = p * s + 1.0f;
    float16 q = s * 7.762136533528974e-07f + 3.28311522025615e-04f;
    q = q * s + 2.587112784385681e-02f;
    q = q * s + 4.671304523944855e-01f;
    q = q * s + 1.0f;
    return bounded(v * p * reciprocal(q), 1.0f);
}

// Sixteen units, or the last of a block.
INLINE floatv take(global const float *p, const size_t count) { return count >= 16 ? LOAD(p) : load_rest(p, count, 0.0f); }
INLINE void put(const floatv v, global float *p, const size_t count) {
    if (count >= 16) store16(v, p);
    else store_rest(v, p, count);
}

#define ROWS const size_t first = get_global_id(1) * rowsEach, rows = min((size_t)rowsEach, (size_t)n - first);
// The blocks of this item.
#define EACH_BLOCK for (size_t block = get_global_id(0); block < blocks; block += get_global_size(0))
#define BLOCK const size_t unit = block * NR, columns = min((size_t)NR, (size_t)h - unit);
// All vectors of a block: the sample, and the first unit within the block.
#define EACH_CELL                                                                  \
    for (size_t sample = first; sample < first + rows; sample++)                   \
        for (size_t part = 0; part < columns; part += 16)
// How many units of a vector count, its place in the states and gates of a step.
#define CELL                                                                                                       \
    const size_t count = columns - part, at = sample * h + unit + part, gate = sample * GATES * h + unit + part;   \
    const int inside = !masked || step < lengths[sample];
// Of a step: the states before and after it, in floats from their beginning.
#define BEFORE ((size_t)(step + reversed) * n * h)
#define AFTER ((size_t)(step + 1 - reversed) * n * h)

#ifdef KERNEL_lstm_steps
// The steps that are numbers begin..<end in the order of computation, of t.
kernel ONE_ITEM void lstm_steps(TENSOR_ARGUMENT(float, gates), global const float *packed, TENSOR_ARGUMENT(float, hidden),
                                TENSOR_ARGUMENT(float, cell), TENSOR_ARGUMENT(const int, lengths), const int masked,
                                const int reversed, const int t, const int begin, const int end, const ulong n, const ulong h,
                                const ulong rowsEach, const ulong blocks) {
    TENSOR(float, gates);
    TENSOR(float, hidden);
    TENSOR(float, cell);
    TENSOR(const int, lengths);
    ROWS
    for (int number = begin; number < end; number++) {
        const int step = reversed ? t - 1 - number : number;
        global float *a = gates + (size_t)step * n * 4 * h;
        global const float *from = hidden + BEFORE, *old = cell + BEFORE;
        global float *to = hidden + AFTER, *new = cell + AFTER;
        EACH_BLOCK {
            BLOCK
            for (size_t k = 0; k < 4; k++)
                multiply(from + first * h, h, packed + (k * blocks + block) * h * NR, h, a + first * 4 * h + k * h + unit, 4 * h,
                         rows, columns, 1);
            EACH_CELL {
                CELL
                floatv c = take(old + at, count);
                if (!inside) {
                    put(c, new + at, count);
                    put(take(from + at, count), to + at, count);
                    continue;
                }
                const floatv i = sigmoid(take(a + gate, count)), f = sigmoid(take(a + gate + h, count));
                const floatv g = tangent(take(a + gate + 2 * h, count)), o = sigmoid(take(a + gate + 3 * h, count));
                c = f * c + i * g;
                put(i, a + gate, count);
                put(f, a + gate + h, count);
                put(g, a + gate + 2 * h, count);
                put(o, a + gate + 3 * h, count);
                put(c, new + at, count);
                put(o * tangent(c), to + at, count);
            }
        }
    }
}
#endif

#ifdef KERNEL_gru_steps
kernel ONE_ITEM void gru_steps(TENSOR_ARGUMENT(float, gates), global const float *packed, TENSOR_ARGUMENT(float, hidden),
                               TENSOR_ARGUMENT(float, candidate), TENSOR_ARGUMENT(const float, bias),
                               TENSOR_ARGUMENT(const int, lengths), const int biased, const int masked, const int reversed,
                               const int t, const int begin, const int end, const ulong n, const ulong h,
                               const ulong rowsEach, const ulong blocks) {
    TENSOR(float, gates);
    TENSOR(float, hidden);
    TENSOR(float, candidate);
    TENSOR(const float, bias);
    TENSOR(const int, lengths);
    ROWS
    for (int number = begin; number < end; number++) {
        const int step = reversed ? t - 1 - number : number;
        global float *a = gates + (size_t)step * n * 3 * h, *products = candidate + (size_t)step * n * h;
        global const float *from = hidden + BEFORE;
        global float *to = hidden + AFTER;
        EACH_BLOCK {
            BLOCK
            for (size_t k = 0; k < 2; k++)
                multiply(from + first * h, h, packed + (k * blocks + block) * h * NR, h, a + first * 3 * h + k * h + unit, 3 * h,
                         rows, columns, 1);
            multiply(from + first * h, h, packed + (2 * blocks + block) * h * NR, h, products + first * h + unit, h, rows,
                     columns, 0);
            EACH_CELL {
                CELL
                const floatv before = take(from + at, count);
                if (!inside) {
                    put(before, to + at, count);
                    continue;
                }
                const floatv r = sigmoid(take(a + gate, count)), z = sigmoid(take(a + gate + h, count));
                floatv q = take(products + at, count);
                if (biased) q += take(bias + unit + part, count);
                const floatv c = tangent(take(a + gate + 2 * h, count) + r * q);
                put(r, a + gate, count);
                put(z, a + gate + h, count);
                put(c, a + gate + 2 * h, count);
                put(q, products + at, count);
                put((1 - z) * c + z * before, to + at, count);
            }
        }
    }
}
#endif

// Backward, from number `begin` down to `end`: first the products of the step that was done before, then the cells of this one.
// Number -1 is the initial state, which has no cells but a gradient from above. dHidden and dCell [n, h] carry what comes from
// later steps.

#ifdef KERNEL_lstm_back
kernel ONE_ITEM void lstm_back(TENSOR_ARGUMENT(const float, aboveHidden), TENSOR_ARGUMENT(const float, aboveCell),
                               TENSOR_ARGUMENT(const float, gates), TENSOR_ARGUMENT(const float, cell),
                               TENSOR_ARGUMENT(float, dGates), TENSOR_ARGUMENT(float, dHidden), TENSOR_ARGUMENT(float, dCell),
                               global const float *packed, TENSOR_ARGUMENT(const int, lengths), const int masked,
                               const int hasCell, const int reversed, const int t, const int begin, const int end,
                               const ulong n, const ulong h, const ulong rowsEach, const ulong blocks) {
    TENSOR(const float, aboveHidden);
    TENSOR(const float, aboveCell);
    TENSOR(const float, gates);
    TENSOR(const float, cell);
    TENSOR(float, dGates);
    TENSOR(float, dHidden);
    TENSOR(float, dCell);
    TENSOR(const int, lengths);
    ROWS
    for (int number = begin; number >= end; number--) {
        const int step = reversed ? t - 1 - number : number;
        const size_t later = (size_t)(reversed ? step - 1 : step + 1) * n * 4 * h, now = (size_t)step * n * 4 * h;
        EACH_BLOCK {
            BLOCK
            if (number < t - 1)
                multiply(dGates + later + first * 4 * h, 4 * h, packed + block * 4 * h * NR, 4 * h, dHidden + first * h + unit, h,
                         rows, columns, 1);
            EACH_CELL {
                CELL
                floatv dh = take(aboveHidden + AFTER + at, count), dc = 0;
                if (number < t - 1) {
                    dh += take(dHidden + at, count);
                    dc = take(dCell + at, count);
                }
                if (hasCell) dc += take(aboveCell + AFTER + at, count);
                if (number < 0 || !inside) {
                    put(dh, dHidden + at, count);
                    put(dc, dCell + at, count);
                    if (number >= 0)
                        for (size_t k = 0; k < 4; k++) put((floatv)(0.0f), dGates + now + gate + k * h, count);
                    continue;
                }
                global const float *a = gates + now + gate;
                global float *da = dGates + now + gate;
                const floatv i = take(a, count), f = take(a + h, count), g = take(a + 2 * h, count), o = take(a + 3 * h, count);
                const floatv tanhCell = tangent(take(cell + AFTER + at, count)), before = take(cell + BEFORE + at, count);
                dc += dh * o * (1 - tanhCell * tanhCell);
                put(dc * g * (i * (1 - i)), da, count);
                put(dc * before * (f * (1 - f)), da + h, count);
                put(dc * i * (1 - g * g), da + 2 * h, count);
                put(dh * tanhCell * (o * (1 - o)), da + 3 * h, count);
                put(dc * f, dCell + at, count);
                put((floatv)(0.0f), dHidden + at, count);
            }
        }
    }
}
#endif

#ifdef KERNEL_gru_back
kernel ONE_ITEM void gru_back(TENSOR_ARGUMENT(const float, aboveHidden), TENSOR_ARGUMENT(const float, gates),
                              TENSOR_ARGUMENT(const float, hidden), TENSOR_ARGUMENT(const float, candidate),
                              TENSOR_ARGUMENT(float, dGates), TENSOR_ARGUMENT(float, dCandidate),
                              TENSOR_ARGUMENT(float, dHidden), global const float *packed, TENSOR_ARGUMENT(const int, lengths),
                              const int masked, const int reversed, const int t, const int begin, const int end,
                              const ulong n, const ulong h, const ulong rowsEach, const ulong blocks) {
    TENSOR(const float, aboveHidden);
    TENSOR(const float, gates);
    TENSOR(const float, hidden);
    TENSOR(const float, candidate);
    TENSOR(float, dGates);
    TENSOR(float, dCandidate);
    TENSOR(float, dHidden);
    TENSOR(const int, lengths);
    ROWS
    for (int number = begin; number >= end; number--) {
        const int step = reversed ? t - 1 - number : number;
        const size_t later = (size_t)(reversed ? step - 1 : step + 1) * n * h, now = (size_t)step * n * h;
        EACH_BLOCK {
            BLOCK
            if (number < t - 1) {
                global const float *panel = packed + block * 3 * h * NR;
                global float *to = dHidden + first * h + unit;
                multiply(dGates + 3 * later + first * 3 * h, 3 * h, panel, 2 * h, to, h, rows, columns, 1);
                multiply(dCandidate + later + first * h, h, panel + 2 * h * NR, h, to, h, rows, columns, 1);
            }
            EACH_CELL {
                CELL
                floatv dh = take(aboveHidden + AFTER + at, count);
                if (number < t - 1) dh += take(dHidden + at, count);
                if (number < 0 || !inside) {
                    put(dh, dHidden + at, count);
                    if (number >= 0) {
                        for (size_t k = 0; k < 3; k++) put((floatv)(0.0f), dGates + 3 * now + gate + k * h, count);
                        put((floatv)(0.0f), dCandidate + now + at, count);
                    }
                    continue;
                }
                global const float *a = gates + 3 * now + gate;
                global float *da = dGates + 3 * now + gate;
                const floatv r = take(a, count), z = take(a + h, count), c = take(a + 2 * h, count);
                const floatv q = take(candidate + now + at, count), before = take(hidden + BEFORE + at, count);
                const floatv dc = dh * (1 - z) * (1 - c * c);
                put(dc * q * (r * (1 - r)), da, count);
                put(dh * (before - c) * (z * (1 - z)), da + h, count);
                put(dc, da + 2 * h, count);
                put(dc * r, dCandidate + now + at, count);
                put(dh * z, dHidden + at, count);
            }
        }
    }
}
#endif
