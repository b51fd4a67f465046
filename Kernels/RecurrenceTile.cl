// Recurrent layers on GPU-like devices: a step in one launch, the recurrent products and the cells. Arguments as in
// Recurrence.cl, but for the weights, which are read where they lie.
//
// ITEM     samples of a work-item: 1, 2 or 4
// FOUR     1 where all rows are whole vectors of 4 floats, aligned
//
//               4 LANES
//            +-----------+       A work-group owns 8 ITEM samples and as many units as LANES vectors of columns hold: forward
//       DEEP |  weights  |       a vector is the gates of a unit (of a GRU with a fourth that counts for nothing), backward
//            +-----------+       four units. The rows on the left are states, backward the gradients of all gates.
//   +----+   +-----------+
//   | 8  |   | ITEM x 4  |       Its 128 work-items are PARTS times 8 x LANES; each part takes every PARTS-th depth. The parts'
//   |ITEM|   | work-item |       sums are added in their order through local memory by the work-items that do the cells.
//   +----+   +-----------+       Nothing that another group writes in this launch is read.
#if defined(KERNEL_lstm_steps) || defined(KERNEL_lstm_back)
#define GATES 4
#else
#define GATES 3
#endif

#ifndef ITEM
#define ITEM 1
#endif
#ifndef FOUR
#define FOUR 0
#endif

#define THREADS 128
#define SAMPLES (8 * ITEM)
// Loads of single floats take a register and a comparison each: without FOUR half as many depths at a time.
#if defined(KERNEL_lstm_steps) || defined(KERNEL_gru_steps)
#define BACKWARD 0
#define LANES 4
#define LANE_UNITS 1
#define DEEP ((ITEM == 1 ? 128 : 64) / (FOUR ? 1 : 2))
#define WEIGHT_PITCH (4 * LANES + 4)
#else
#define BACKWARD 1
#define LANES 2
#define LANE_UNITS 4
#define DEEP ((ITEM == 4 ? 64 : 128) / (FOUR ? 1 : 2))
#define WEIGHT_PITCH (4 * LANES)
#endif
#define PART_ITEMS (8 * LANES)
#define PARTS (THREADS / PART_ITEMS)
// Pitches with which stores across find other banks.
#if FOUR && ITEM == 1
#define STATE_PITCH (SAMPLES + 2)
#else
#define STATE_PITCH (SAMPLES + 4)
#endif

#define GROUP_SIZE __attribute__((reqd_work_group_size(THREADS, 1, 1)))
#define TILES (DEEP * (STATE_PITCH + WEIGHT_PITCH))
// Where a part's sum number j of a lane is put: with one part more than there are, no bank is asked twice.
#define SUM(j, part, lane) (((j) * (PARTS + 1) + (part)) * PART_ITEMS + (lane))
#define SUMS SUM(4 * ITEM, 0, 0)
#define ROOM local float room[TILES > SUMS ? TILES : SUMS] __attribute__((aligned(16)))
#define SOME_UNROLL _Pragma("unroll 8")

typedef global const float *Source;

#if FOUR
#define PIECE 4
typedef float4 Piece;
#define KEEP_ACROSS(v, p, pitch) ((p)[0] = (v).x, (p)[pitch] = (v).y, (p)[2 * (pitch)] = (v).z, (p)[3 * (pitch)] = (v).w)
#else
#define PIECE 1
typedef float Piece;
#define KEEP_ACROSS(v, p, pitch) (*(p) = (v))
#endif
#define KEEP_ALONG(v, p) (*(local Piece *)(p) = (v))

#if ITEM == 4
typedef float4 Samples;
#elif ITEM == 2
typedef float2 Samples;
#else
typedef float Samples;
#endif

// The row and the first depth of a piece of rows whose depths are contiguous: 32 neighbours take whole sectors of 32 bytes of
// several rows.
#define NEAR_ROWS(rows) (!FOUR ? 4 : (rows) < 16 ? (rows) : 16)
#define NEAR_PIECES(rows) (32 / NEAR_ROWS(rows))
#define PIECE_ROW(rows, place) \
    ((place) % 32 / NEAR_PIECES(rows) + (place) / 32 % ((rows) / NEAR_ROWS(rows)) * NEAR_ROWS(rows))
#define PIECE_DEPTH(rows, place) \
    (((place) % NEAR_PIECES(rows) + (place) / 32 / ((rows) / NEAR_ROWS(rows)) * NEAR_PIECES(rows)) * PIECE)
#define LOADS(rows) ((rows) * DEEP / PIECE / THREADS)

// Of the work-items of a part, the samples and the vector of columns: of two that differ in the first bit, or in the second, both
// read one vector from local memory.
#define ITEM_SAMPLES(lane) (((lane) & 1) + ((lane) >> 1 & 6))
#define ITEM_COLUMN(lane) (((lane) >> 1 & 1) + ((lane) >> 3 & 2))

// Pieces of the states; rows beyond the last repeat it, depths beyond are zeros.
INLINE void fetchStates(Source states, Source content, const uint n, const uint h, const uint begin, const uint depths,
                        Piece held[LOADS(SAMPLES)]) {
    UNROLL for (uint l = 0; l < LOADS(SAMPLES); l++) {
        const uint place = get_local_id(0) + l * THREADS, depth = begin + PIECE_DEPTH(SAMPLES, place);
        const uint sample = min((uint)get_group_id(1) * SAMPLES + PIECE_ROW(SAMPLES, place), n - 1);
        held[l] = 0;
        if (depth >= depths) continue;
#ifdef KERNEL_gru_back
        Source from = depth < 2 * h ? states + sample * 3 * h + depth : content + sample * h + (depth - 2 * h);
#else
        Source from = states + sample * (BACKWARD ? GATES : 1) * h + depth;
#endif
        held[l] = *(global const Piece *)from;
    }
}

INLINE void fetchWeights(Source weight, const uint h, const uint begin, const uint depths, Piece held[LOADS(4 * LANES)]) {
    UNROLL for (uint l = 0; l < LOADS(4 * LANES); l++) {
        const uint place = get_local_id(0) + l * THREADS, first = get_group_id(0) * LANES * LANE_UNITS;
        held[l] = 0;
#if BACKWARD
        const uint depth = begin + place / (8 / PIECE), unit = min(first + place % (8 / PIECE) * PIECE, h - PIECE);
        if (depth < depths) held[l] = *(global const Piece *)(weight + depth * h + unit);
#else
        const uint depth = begin + PIECE_DEPTH(16, place), row = PIECE_ROW(16, place), gate = row % 4;
        if (depth < depths && gate < GATES)
            held[l] = *(global const Piece *)(weight + (gate * h + min(first + row / 4, h - 1)) * h + depth);
#endif
    }
}

INLINE void keepStates(const Piece held[LOADS(SAMPLES)], local float *tile) {
    UNROLL for (uint l = 0; l < LOADS(SAMPLES); l++) {
        const uint place = get_local_id(0) + l * THREADS;
        KEEP_ACROSS(held[l], tile + PIECE_DEPTH(SAMPLES, place) * STATE_PITCH + PIECE_ROW(SAMPLES, place), STATE_PITCH);
    }
}

INLINE void keepWeights(const Piece held[LOADS(4 * LANES)], local float *tile) {
    UNROLL for (uint l = 0; l < LOADS(4 * LANES); l++) {
        const uint place = get_local_id(0) + l * THREADS;
#if BACKWARD
        KEEP_ALONG(held[l], tile + place * PIECE);
#else
        KEEP_ACROSS(held[l], tile + PIECE_DEPTH(16, place) * WEIGHT_PITCH + PIECE_ROW(16, place), WEIGHT_PITCH);
#endif
    }
}

// The group's products, left in `room` for `total`. `content` are the gradients of a GRU's candidates.
INLINE __attribute__((always_inline)) void multiply(Source states, Source content, Source weight, const uint n, const uint h,
                                                    const uint depths, local float *room) {
    const uint lane = get_local_id(0) % PART_ITEMS, part = get_local_id(0) / PART_ITEMS;
    local float *stateTile = room, *weightTile = room + DEEP * STATE_PITCH;
    local const float *left = stateTile + part * STATE_PITCH + ITEM_SAMPLES(lane) * ITEM;
    local const float *right = weightTile + part * WEIGHT_PITCH + ITEM_COLUMN(lane) * 4;
    float sums[ITEM][4];
    float4 sum[ITEM];
    UNROLL for (uint i = 0; i < ITEM; i++) sum[i] = 0;
    Piece stateHeld[LOADS(SAMPLES)], weightHeld[LOADS(4 * LANES)];
    fetchStates(states, content, n, h, 0, depths, stateHeld);
    fetchWeights(weight, h, 0, depths, weightHeld);
    for (uint begin = 0; begin < depths; begin += DEEP) {
        barrier(CLK_LOCAL_MEM_FENCE);
        keepStates(stateHeld, stateTile);
        keepWeights(weightHeld, weightTile);
        barrier(CLK_LOCAL_MEM_FENCE);
        fetchStates(states, content, n, h, begin + DEEP, depths, stateHeld);
        fetchWeights(weight, h, begin + DEEP, depths, weightHeld);
        SOME_UNROLL for (uint p = 0; p < DEEP; p += PARTS) {
            const Samples x = *(local const Samples *)(left + p * STATE_PITCH);
            const float4 y = *(local const float4 *)(right + p * WEIGHT_PITCH);
#if ITEM == 1
            sum[0] = MULTIPLY_ADD((float4)(x), y, sum[0]);
#else
            sum[0] = MULTIPLY_ADD((float4)(x.x), y, sum[0]);
            sum[1] = MULTIPLY_ADD((float4)(x.y), y, sum[1]);
#endif
#if ITEM == 4
            sum[2] = MULTIPLY_ADD((float4)(x.z), y, sum[2]);
            sum[3] = MULTIPLY_ADD((float4)(x.w), y, sum[3]);
#endif
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL for (uint i = 0; i < ITEM; i++) {
        vstore4(sum[i], 0, sums[i]);
        UNROLL for (uint j = 0; j < (BACKWARD ? 4 : GATES); j++) room[SUM(4 * i + j, part, lane)] = sums[i][j];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

// Sum number j of this work-item's lane.
INLINE float total(local const float *room, const uint j) {
    const uint lane = get_local_id(0) % PART_ITEMS;
    float sum = room[SUM(j, 0, lane)];
    UNROLL for (uint part = 1; part < PARTS; part++) sum += room[SUM(j, part, lane)];
    return sum;
}

// A cell that a work-item finishes: its number among its lane's, and whether there is such a sample and unit; its place in the
// states and gates of a step.
typedef struct {
    int exists;
    uint number, sample, at, gate;
} Cell;
#define LANE_CELLS (ITEM * LANE_UNITS)
#define ITEM_CELLS ((LANE_CELLS + PARTS - 1) / PARTS)

INLINE Cell cellNumber(const uint c, const uint n, const uint h) {
    const uint lane = get_local_id(0) % PART_ITEMS, number = get_local_id(0) / PART_ITEMS + c * PARTS;
    const uint sample = get_group_id(1) * SAMPLES + ITEM_SAMPLES(lane) * ITEM + number / LANE_UNITS;
    const uint unit = (get_group_id(0) * LANES + ITEM_COLUMN(lane)) * LANE_UNITS + number % LANE_UNITS;
    const Cell cell = {number < LANE_CELLS && sample < n && unit < h, number, sample, sample * h + unit,
                       sample * GATES * h + unit};
    return cell;
}

INLINE float sigmoid(const float x) { return 1.0f / (1.0f + EXP(-x)); }
// Some drivers stop one step short of 1, which 1 - tanh(x)^2 makes a slope that is not there.
INLINE float tangent(const float x) { return fabs(x) > 9.02f ? copysign(1.0f, x) : TANH(x); }

#define LAYER const int reversed, const int t, const int number, const uint n, const uint h
#define STEP (reversed ? t - 1 - number : number)
// Of a step: the states before and after it, in floats from their beginning, and the one that was done before it backward.
#define BEFORE ((size_t)(step + reversed) * n * h)
#define AFTER ((size_t)(step + 1 - reversed) * n * h)
#define LATER ((size_t)(reversed ? step - 1 : step + 1) * n * h)

// Groups: vectors of units, samples.
#ifdef KERNEL_lstm_steps
kernel GROUP_SIZE void lstm_steps(TENSOR_ARGUMENT(float, gates), TENSOR_ARGUMENT(const float, weight),
                                  TENSOR_ARGUMENT(float, hidden), TENSOR_ARGUMENT(float, cell),
                                  TENSOR_ARGUMENT(const int, lengths), const int masked, LAYER) {
    TENSOR(float, gates);
    TENSOR(const float, weight);
    TENSOR(float, hidden);
    TENSOR(float, cell);
    TENSOR(const int, lengths);
    ROOM;
    const int step = STEP;
    const Cell own = cellNumber(0, n, h);
    global float *a = gates + (size_t)step * n * 4 * h + own.gate;
    Source from = hidden + BEFORE;
    float4 inputs = 0;
    float c = 0;
    int inside = 1;
    if (own.exists) {
        inputs = (float4)(a[0], a[h], a[2 * h], a[3 * h]);
        c = cell[BEFORE + own.at];
        if (masked) inside = step < lengths[own.sample];
    }
    multiply(from, from, weight, n, h, h, room);
    if (!own.exists) return;
    float state;
    if (inside) {
        const float i = sigmoid(inputs.x + total(room, 4 * own.number)), f = sigmoid(inputs.y + total(room, 4 * own.number + 1));
        const float g = tangent(inputs.z + total(room, 4 * own.number + 2));
        const float o = sigmoid(inputs.w + total(room, 4 * own.number + 3));
        c = f * c + i * g;
        state = o * tangent(c);
        a[0] = i;
        a[h] = f;
        a[2 * h] = g;
        a[3 * h] = o;
    } else {
        state = from[own.at];
    }
    cell[AFTER + own.at] = c;
    hidden[AFTER + own.at] = state;
}
#endif

#ifdef KERNEL_gru_steps
kernel GROUP_SIZE void gru_steps(TENSOR_ARGUMENT(float, gates), TENSOR_ARGUMENT(const float, weight),
                                 TENSOR_ARGUMENT(float, hidden), TENSOR_ARGUMENT(float, candidate),
                                 TENSOR_ARGUMENT(const float, bias), TENSOR_ARGUMENT(const int, lengths), const int biased,
                                 const int masked, LAYER) {
    TENSOR(float, gates);
    TENSOR(const float, weight);
    TENSOR(float, hidden);
    TENSOR(float, candidate);
    TENSOR(const float, bias);
    TENSOR(const int, lengths);
    ROOM;
    const int step = STEP;
    const Cell own = cellNumber(0, n, h);
    global float *a = gates + (size_t)step * n * 3 * h + own.gate;
    Source from = hidden + BEFORE;
    float3 inputs = 0;
    float state = 0, q = 0;
    int inside = 1;
    if (own.exists) {
        inputs = (float3)(a[0], a[h], a[2 * h]);
        state = from[own.at];
        if (biased) q = bias[own.at - own.sample * h];
        if (masked) inside = step < lengths[own.sample];
    }
    multiply(from, from, weight, n, h, h, room);
    if (!own.exists) return;
    if (inside) {
        const float r = sigmoid(inputs.x + total(room, 4 * own.number)), z = sigmoid(inputs.y + total(room, 4 * own.number + 1));
        q += total(room, 4 * own.number + 2);
        const float c = tangent(inputs.z + r * q);
        state = (1 - z) * c + z * state;
        a[0] = r;
        a[h] = z;
        a[2 * h] = c;
        candidate[(size_t)step * n * h + own.at] = q;
    }
    hidden[AFTER + own.at] = state;
}
#endif

// Backward the gradients that come from later steps begin with the last step computed; number -1 is the initial state. The gates'
// may be the places of their gradients.

#ifdef KERNEL_lstm_back
kernel GROUP_SIZE void lstm_back(TENSOR_ARGUMENT(const float, aboveHidden), TENSOR_ARGUMENT(const float, aboveCell),
                                 TENSOR_ARGUMENT(const float, gates), TENSOR_ARGUMENT(const float, cell),
                                 TENSOR_ARGUMENT(float, dGates), TENSOR_ARGUMENT(float, dHidden), TENSOR_ARGUMENT(float, dCell),
                                 TENSOR_ARGUMENT(const float, weight), TENSOR_ARGUMENT(const int, lengths), const int masked,
                                 const int hasCell, LAYER) {
    TENSOR(const float, aboveHidden);
    TENSOR(const float, aboveCell);
    TENSOR(const float, gates);
    TENSOR(const float, cell);
    TENSOR(float, dGates);
    TENSOR(float, dHidden);
    TENSOR(float, dCell);
    TENSOR(const float, weight);
    TENSOR(const int, lengths);
    ROOM;
    const int step = STEP, isFirst = number == t - 1;
    const size_t now = (size_t)step * n * 4 * h;
    Cell own[ITEM_CELLS];
    float4 saved[ITEM_CELLS];
    float dh[ITEM_CELLS], dc[ITEM_CELLS], tanhCell[ITEM_CELLS], before[ITEM_CELLS];
    int inside[ITEM_CELLS];
    UNROLL for (uint c = 0; c < ITEM_CELLS; c++) {
        own[c] = cellNumber(c, n, h);
        if (!own[c].exists) continue;
        const uint at = own[c].at;
        dh[c] = aboveHidden[AFTER + at] + (isFirst ? 0.0f : dHidden[at]);
        dc[c] = (hasCell ? aboveCell[AFTER + at] : 0.0f) + (isFirst ? 0.0f : dCell[at]);
        inside[c] = number >= 0 && (!masked || step < lengths[own[c].sample]);
        if (!inside[c]) continue;
        Source a = gates + now + own[c].gate;
        saved[c] = (float4)(a[0], a[h], a[2 * h], a[3 * h]);
        tanhCell[c] = tangent(cell[AFTER + at]);
        before[c] = cell[BEFORE + at];
    }
    multiply(dGates + 4 * LATER, dGates, weight, n, h, isFirst ? 0 : 4 * h, room);
    UNROLL for (uint c = 0; c < ITEM_CELLS; c++) {
        if (!own[c].exists) continue;
        if (!isFirst) dh[c] += total(room, own[c].number);
        float di = 0, df = 0, dg = 0, dOut = 0;
        if (inside[c]) {
            const float i = saved[c].x, f = saved[c].y, g = saved[c].z, o = saved[c].w;
            dc[c] += dh[c] * o * (1 - tanhCell[c] * tanhCell[c]);
            di = dc[c] * g * (i * (1 - i));
            df = dc[c] * before[c] * (f * (1 - f));
            dg = dc[c] * i * (1 - g * g);
            dOut = dh[c] * tanhCell[c] * (o * (1 - o));
            dc[c] *= f;
            dh[c] = 0;
        }
        dHidden[own[c].at] = dh[c];
        dCell[own[c].at] = dc[c];
        if (number < 0) continue;
        global float *da = dGates + now + own[c].gate;
        da[0] = di;
        da[h] = df;
        da[2 * h] = dg;
        da[3 * h] = dOut;
    }
}
#endif

#ifdef KERNEL_gru_back
kernel GROUP_SIZE void gru_back(TENSOR_ARGUMENT(const float, aboveHidden), TENSOR_ARGUMENT(const float, gates),
                                TENSOR_ARGUMENT(const float, hidden), TENSOR_ARGUMENT(const float, candidate),
                                TENSOR_ARGUMENT(float, dGates), TENSOR_ARGUMENT(float, dCandidate),
                                TENSOR_ARGUMENT(float, dHidden), TENSOR_ARGUMENT(const float, weight),
                                TENSOR_ARGUMENT(const int, lengths), const int masked, LAYER) {
    TENSOR(const float, aboveHidden);
    TENSOR(const float, gates);
    TENSOR(const float, hidden);
    TENSOR(const float, candidate);
    TENSOR(float, dGates);
    TENSOR(float, dCandidate);
    TENSOR(float, dHidden);
    TENSOR(const float, weight);
    TENSOR(const int, lengths);
    ROOM;
    const int step = STEP, isFirst = number == t - 1;
    const size_t now = (size_t)step * n * h;
    Cell own[ITEM_CELLS];
    float4 saved[ITEM_CELLS];
    float dh[ITEM_CELLS], before[ITEM_CELLS];
    int inside[ITEM_CELLS];
    UNROLL for (uint c = 0; c < ITEM_CELLS; c++) {
        own[c] = cellNumber(c, n, h);
        if (!own[c].exists) continue;
        const uint at = own[c].at;
        dh[c] = aboveHidden[AFTER + at] + (isFirst ? 0.0f : dHidden[at]);
        inside[c] = number >= 0 && (!masked || step < lengths[own[c].sample]);
        if (!inside[c]) continue;
        Source a = gates + 3 * now + own[c].gate;
        saved[c] = (float4)(a[0], a[h], a[2 * h], candidate[now + at]);
        before[c] = hidden[BEFORE + at];
    }
    multiply(dGates + 3 * LATER, dCandidate + LATER, weight, n, h, isFirst ? 0 : 3 * h, room);
    UNROLL for (uint c = 0; c < ITEM_CELLS; c++) {
        if (!own[c].exists) continue;
        if (!isFirst) dh[c] += total(room, own[c].number);
        float dr = 0, dz = 0, dContent = 0, dq = 0;
        if (inside[c]) {
            const float r = saved[c].x, z = saved[c].y, content = saved[c].z, q = saved[c].w;
            dContent = dh[c] * (1 - z) * (1 - content * content);
            dr = dContent * q * (r * (1 - r));
            dz = dh[c] * (before[c] - content) * (z * (1 - z));
            dq = dContent * r;
            dh[c] *= z;
        }
        dHidden[own[c].at] = dh[c];
        if (number < 0) continue;
        global float *da = dGates + 3 * now + own[c].gate;
        da[0] = dr;
        da[h] = dz;
        da[2 * h] = dContent;
        dCandidate[now + own[c].at] = dq;
    }
}
#endif
