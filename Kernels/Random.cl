// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
//
// Parameter: KIND (one of those below). Element i of a draw takes word i % 4 of block i / 4. A work-item takes blocks of
// LANES at a time, one a lane.
#define BITS 0
#define UNIFORM 1
#define NORMAL 2
#define BERNOULLI 3

#ifdef CPU_LIKE
#define LANES 16
typedef uint16 WORDS;
typedef float16 FLOATS;
#define TO_FLOATS(x) convert_float16(x)
#else
#define LANES 1
typedef uint WORDS;
typedef float FLOATS;
#define TO_FLOATS(x) ((float)(x))
#endif

#if KIND == BITS
typedef uint RESULT;
typedef WORDS RESULTS;
#else
typedef float RESULT;
typedef FLOATS RESULTS;
#endif

// Products and sums are rounded one by one, so that every device gives the same bits.
#pragma OPENCL FP_CONTRACT OFF

// [0, 1) in steps of 2^-24.
static FLOATS unit(WORDS w) { return TO_FLOATS(w >> 8) * 0x1p-24f; }

#if KIND == NORMAL
static FLOATS radius(WORDS w) { return sqrt(-2.0f * log(TO_FLOATS((w >> 8) + 1) * 0x1p-24f)); }
#endif

#ifdef CPU_LIKE
// The counters lie in words of 64 bits, whose lower halves a product takes and whose upper halves, the product's own, count
// for nothing until the end. Two vectors of eight are under way at once.
typedef struct { ulong8 c0, c1, c2, c3; } Counters;

INLINE Counters philox(Counters c, uint key0, uint key1) {
    const ulong8 low = 0xFFFFFFFFul;
    for (int round = 0; round < 10; round++) {
        const ulong8 first = (c.c0 & low) * 0xD2511F53ul, second = (c.c2 & low) * 0xCD9E8D57ul;
        c.c0 = (second >> 32) ^ c.c1 ^ (ulong)key0;
        c.c1 = second;
        c.c2 = (first >> 32) ^ c.c3 ^ (ulong)key1;
        c.c3 = first;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

INLINE Counters counters(WORDS c0, WORDS c1, uint stream0, uint stream1, int upper) {
    Counters c = {convert_ulong8(upper ? c0.hi : c0.lo), convert_ulong8(upper ? c1.hi : c1.lo), stream0, stream1};
    return c;
}

#define ROUNDS                                                                                     \
    const Counters a = philox(counters(c0, c1, stream0, stream1, 0), key0, key1);                  \
    const Counters b = philox(counters(c0, c1, stream0, stream1, 1), key0, key1);                  \
    c0 = (uint16)(convert_uint8(a.c0), convert_uint8(b.c0));                                       \
    c1 = (uint16)(convert_uint8(a.c1), convert_uint8(b.c1));                                       \
    c2 = (uint16)(convert_uint8(a.c2), convert_uint8(b.c2));                                       \
    c3 = (uint16)(convert_uint8(a.c3), convert_uint8(b.c3));
#else
#define ROUNDS                                                                                     \
    for (int round = 0; round < 10; round++) {                                                     \
        const WORDS high0 = mul_hi(c0, (WORDS)(0xD2511F53u)), low0 = c0 * 0xD2511F53u;             \
        const WORDS high1 = mul_hi(c2, (WORDS)(0xCD9E8D57u)), low1 = c2 * 0xCD9E8D57u;             \
        c0 = high1 ^ c1 ^ key0;                                                                    \
        c1 = low1;                                                                                 \
        c2 = high0 ^ c3 ^ key1;                                                                    \
        c3 = low0;                                                                                 \
        key0 += 0x9E3779B9u;                                                                       \
        key1 += 0xBB67AE85u;                                                                       \
    }
#endif

// The four results of each lane's block, from the counter's low and high words and the key.
static void draw(WORDS c0, WORDS c1, uint stream0, uint stream1, uint key0, uint key1, float first, float second,
                 RESULTS *results) {
    WORDS c2 = stream0, c3 = stream1;
    ROUNDS
#if KIND == BITS
    results[0] = c0;
    results[1] = c1;
    results[2] = c2;
    results[3] = c3;
#elif KIND == UNIFORM
    const float range = second - first;
    results[0] = unit(c0) * range + first;
    results[1] = unit(c1) * range + first;
    results[2] = unit(c2) * range + first;
    results[3] = unit(c3) * range + first;
#elif KIND == NORMAL
    const FLOATS r = radius(c0), s = radius(c2), v = unit(c1) * 2.0f, w = unit(c3) * 2.0f;
    results[0] = first + second * (r * cospi(v));
    results[1] = first + second * (r * sinpi(v));
    results[2] = first + second * (s * cospi(w));
    results[3] = first + second * (s * sinpi(w));
#else
    const RESULTS zero = 0.0f, scale = second;
    results[0] = select(zero, scale, unit(c0) < first);
    results[1] = select(zero, scale, unit(c1) < first);
    results[2] = select(zero, scale, unit(c2) < first);
    results[3] = select(zero, scale, unit(c3) < first);
#endif
}

// The elements of two vectors of eight, in turns.
#define PAIRS(a, b) \
    (a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3, (a).s4, (b).s4, (a).s5, (b).s5, (a).s6, (b).s6, (a).s7, (b).s7

static void block(ulong number, uint stream0, uint stream1, uint key0, uint key1, float first, float second, RESULT *values) {
    RESULTS results[4];
#if LANES == 16
    const ulong16 counter = number + (ulong16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    draw(convert_uint16(counter), convert_uint16(counter >> 32), stream0, stream1, key0, key1, first, second, results);
    // From lanes side by side to blocks one after the other: words 0 and 2, 1 and 3 are interleaved, then those.
    const RESULTS even0 = (RESULTS)(PAIRS(results[0].lo, results[2].lo)), even1 = (RESULTS)(PAIRS(results[0].hi, results[2].hi));
    const RESULTS odd0 = (RESULTS)(PAIRS(results[1].lo, results[3].lo)), odd1 = (RESULTS)(PAIRS(results[1].hi, results[3].hi));
    vstore16((RESULTS)(PAIRS(even0.lo, odd0.lo)), 0, values);
    vstore16((RESULTS)(PAIRS(even0.hi, odd0.hi)), 1, values);
    vstore16((RESULTS)(PAIRS(even1.lo, odd1.lo)), 2, values);
    vstore16((RESULTS)(PAIRS(even1.hi, odd1.hi)), 3, values);
#else
    draw((uint)number, (uint)(number >> 32), stream0, stream1, key0, key1, first, second, results);
    for (int word = 0; word < 4; word++) values[word] = results[word];
#endif
}

// Global: groups of `groupsPerItem` groups of LANES blocks. `first` and `second` are low and high, mean and deviation, or
// probability and scale.
kernel void random_fill(TENSOR_ARGUMENT(RESULT, y), ulong count, ulong groups, ulong groupsPerItem, uint stream0, uint stream1,
                        uint key0, uint key1, float first, float second) {
    TENSOR(RESULT, y);
    const size_t begin = get_global_id(0) * groupsPerItem, end = min((size_t)(begin + groupsPerItem), (size_t)groups);
    for (size_t group = begin; group < end; group++) {
        RESULT values[LANES * 4];
        block(group * LANES, stream0, stream1, key0, key1, first, second, values);
        const size_t base = group * LANES * 4;
        if (base + LANES * 4 <= count) {
#if LANES == 16
            for (int i = 0; i < 4; i++) vstore16(vload16(i, values), i, y + base);
#else
            vstore4(vload4(0, values), 0, y + base);
#endif
        } else {
            for (size_t i = base; i < count; i++) y[i] = values[i - base];
        }
    }
}
