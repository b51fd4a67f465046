// Reductions on GPU-like devices: work-items walk the axis side by side, four loads ahead, and their states are folded in local
// memory. A group is
//
// ACROSS  work-items beside each other, which read consecutive memory, by
// DOWN    work-items above each other.
// WIDE    4 where a load takes four aligned elements, else 1.
#include "Reduction.cl"

// Whether a state is one number.
#define SINGLE (ADDS || KIND == MAX || KIND == MIN)

#if WIDE == 4
typedef float4 floatw;
typedef int4 intw;
#define WIDE_LOAD(p) (*(global const float4 *)(p))
#define EACH_POSITION (int4)(0, 1, 2, 3)
#else
typedef float floatw;
typedef int intw;
#define WIDE_LOAD(p) (*(p))
#define EACH_POSITION 0
#endif

// WALK: what a work-item knows of the elements that it has passed, for each lane of its loads.
#if ADDS
typedef floatw WALK;
static WALK start(void) { return 0.0f; }
static WALK pass(WALK s, floatw v, intw at) { return s + TERM(v); }
static WALK pass_four(WALK s, floatw a, floatw b, floatw c, floatw d, intw at, int step) {
    return s + ((TERM(a) + TERM(b)) + (TERM(c) + TERM(d)));
}
#elif SINGLE
typedef floatw WALK;
// The better of two; NaN is better than all numbers.
#define BETTER(a, b) select(a, b, BEATS(b, a) | ((b) != (b)))
static WALK start(void) { return KIND == MAX ? -INFINITY : INFINITY; }
static WALK pass(WALK s, floatw v, intw at) { return BETTER(s, v); }
static WALK pass_four(WALK s, floatw a, floatw b, floatw c, floatw d, intw at, int step) {
    const floatw first = BETTER(a, b), second = BETTER(c, d), both = BETTER(first, second);
    return BETTER(s, both);
}
#elif ARG
typedef struct {
    floatw best;
    intw position;
} WALK;
static WALK start(void) {
    WALK s;
    s.best = 0.0f;
    s.position = -1;
    return s;
}
static WALK pass(WALK s, floatw v, intw at) {
    const intw wins = (s.position < 0) | BEATS(v, s.best) | ((v != v) & (s.best == s.best));
    s.best = select(s.best, v, wins);
    s.position = select(s.position, at, wins);
    return s;
}
static WALK pass_four(WALK s, floatw a, floatw b, floatw c, floatw d, intw at, int step) {
    return pass(pass(pass(pass(s, a, at), b, at + step), c, at + 2 * step), d, at + 3 * step);
}
#else
typedef struct {
    floatw mean, squares;
    float count;
} WALK;
static WALK start(void) {
    WALK s;
    s.mean = 0.0f;
    s.squares = 0.0f;
    s.count = 0.0f;
    return s;
}
// Joins the mean and the sum of squares around it of `more` elements.
static WALK join_moments(WALK s, floatw mean, floatw squares, float more) {
    const float all = s.count + more, share = more / all;
    const floatw distance = mean - s.mean;
    s.mean += distance * share;
    s.squares += squares + distance * distance * (s.count * share);
    s.count = all;
    return s;
}
static WALK pass(WALK s, floatw v, intw at) { return join_moments(s, v, 0.0f, 1.0f); }
static WALK pass_four(WALK s, floatw a, floatw b, floatw c, floatw d, intw at, int step) {
    const floatw mean = ((a + b) + (c + d)) * 0.25f;
    a -= mean, b -= mean, c -= mean, d -= mean;
    return join_moments(s, mean, (a * a + b * b) + (c * c + d * d), 4.0f);
}
#endif

// From element i of the axis, every `step`-th one before `end`; elements lie `stride` apart, their lanes at `positions` from i.
static WALK walk(global const float *p, size_t i, const size_t end, const size_t step, const size_t stride, const intw positions) {
    WALK s = start();
    for (; i + 3 * step < end; i += 4 * step) {
        const floatw a = WIDE_LOAD(p + i * stride), b = WIDE_LOAD(p + (i + step) * stride);
        const floatw c = WIDE_LOAD(p + (i + 2 * step) * stride), d = WIDE_LOAD(p + (i + 3 * step) * stride);
        s = pass_four(s, a, b, c, d, (int)i + positions, (int)step);
    }
    for (; i < end; i += step) s = pass(s, WIDE_LOAD(p + i * stride), (int)i + positions);
    return s;
}

// FOLDED: what is folded in local memory: a number, numbers beside each other or a packed state.
#if SINGLE && defined(KERNEL_reduce_columns)
typedef floatw FOLDED;
#define FOLDED_OF(s) (s)
#elif SINGLE
typedef float FOLDED;
#if WIDE == 4
#define FOLDED_OF(s) join(join((s).x, (s).y), join((s).z, (s).w))
#else
#define FOLDED_OF(s) (s)
#endif
#else
typedef float4 FOLDED;
#if ARG
#define LANE_STATE(s, lane) (float4)((s).best lane, 0.0f, 0.0f, as_float((s).position lane))
#else
#define LANE_STATE(s, lane) (float4)((s).mean lane, (s).squares lane, (s).count, 0.0f)
#endif
#if WIDE == 4
#define FOLDED_OF(s) join(join(LANE_STATE(s, .x), LANE_STATE(s, .y)), join(LANE_STATE(s, .z), LANE_STATE(s, .w)))
#else
#define FOLDED_OF(s) LANE_STATE(s, )
#endif
#endif

static FOLDED join(FOLDED a, FOLDED b) {
#if ADDS
    return a + b;
#elif SINGLE
    return BETTER(a, b);
#else
    return packed(merge(unpacked(a), unpacked(b)));
#endif
}

// Folds the states of `lanes` work-items, each at states[lane * stride], in two steps of a fixed order; the first has the result.
#define FOLDS 16
static FOLDED fold(FOLDED s, local FOLDED *states, const uint stride, const uint lane, const uint lanes) {
    states[lane * stride] = s;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < FOLDS) {
        for (uint other = lane + FOLDS; other < lanes; other += FOLDS) s = join(s, states[other * stride]);
        states[lane * stride] = s;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane == 0)
        for (uint other = 1; other < FOLDS && other < lanes; other++) s = join(s, states[other * stride]);
    return s;
}

#if SINGLE
typedef float PART;
#define RESULT_OF(s) single_result(s, divisor)
static FOLDED single_result(FOLDED s, float divisor) {
    return KIND == MEAN ? s / divisor : KIND == NORM ? sqrt(s) : s;
}
#else
typedef float4 PART;
#define RESULT_OF(s) finish(unpacked(s), divisor)
#endif

#if PARTIAL
#define OUTPUT global PART *partials
#define OPEN_OUTPUT
#define DESTINATION(o, part, c) (partials + ((o) * parts + (part)) * inner + (c))
#define OUTCOME(s) (s)
#else
#define OUTPUT TENSOR_ARGUMENT(RESULT, y)
#define OPEN_OUTPUT TENSOR(RESULT, y)
#define DESTINATION(o, part, c) (y + (o) * inner + (c))
#define OUTCOME(s) RESULT_OF(s)
#endif

#define GROUP_SIZE __attribute__((reqd_work_group_size(ACROSS, DOWN, 1)))

#ifdef KERNEL_reduce_rows
// For inner of 1, or FEW. ACROSS work-items take a part of a row, DOWN rows a group. Global: row groups * parts * ACROSS, DOWN.
kernel GROUP_SIZE void reduce_rows(TENSOR_ARGUMENT(const float, x), OUTPUT, ulong rows, ulong n, ulong parts, ulong length,
                                   float divisor) {
    TENSOR(const float, x);
    OPEN_OUTPUT;
    local FOLDED states[ACROSS * DOWN];
#if PARTIAL
    const uint group = (uint)get_group_id(0) / (uint)parts, part = (uint)get_group_id(0) % (uint)parts;
#else
    const size_t group = get_group_id(0), part = 0;
#endif
    const uint lane = get_local_id(0);
    const size_t row = (size_t)group * DOWN + get_local_id(1);
    const size_t begin = part * length, end = row < rows ? min((size_t)(begin + length), (size_t)n) : 0;
#if FEW
    const size_t inner = FEW, o = row / FEW, c = row % FEW;
#else
    const size_t inner = 1, o = row, c = 0;
#endif
    const WALK walked = walk(x + o * n * inner + c, begin + lane * WIDE, end, ACROSS * WIDE, inner, EACH_POSITION);
    const FOLDED s = fold(FOLDED_OF(walked), states + get_local_id(1) * ACROSS, 1, lane, ACROSS);
    if (lane == 0 && row < rows) *DESTINATION(o, part, c) = OUTCOME(s);
}
#endif

#ifdef KERNEL_reduce_columns
// For inner of 16 and more. ACROSS work-items take WIDE columns each, DOWN of them every DOWN-th element of a part. WIDE is 4 only
// where a state is one number. Global: outer * parts * column groups * ACROSS, DOWN.
kernel GROUP_SIZE void reduce_columns(TENSOR_ARGUMENT(const float, x), OUTPUT, ulong n, ulong inner, ulong parts, ulong length,
                                      ulong columnGroups, float divisor) {
    TENSOR(const float, x);
    OPEN_OUTPUT;
    local FOLDED states[ACROSS * DOWN];
    const uint group = get_group_id(0), above = group / (uint)columnGroups;
    const size_t part = above % (uint)parts, o = above / (uint)parts;
    const size_t c = ((size_t)(group % (uint)columnGroups) * ACROSS + get_local_id(0)) * WIDE;
    const uint lane = get_local_id(1);
    const size_t begin = part * length, end = c < inner ? min((size_t)(begin + length), (size_t)n) : 0;
    const WALK walked = walk(x + o * n * inner + c, begin + lane, end, DOWN, inner, 0);
    const FOLDED s = fold(FOLDED_OF(walked), states + get_local_id(0), ACROSS, lane, DOWN);
    if (lane == 0 && c < inner) {
#if WIDE == 4 && PARTIAL
        *(global float4 *)DESTINATION(o, part, c) = s;
#elif WIDE == 4
        vstore4(OUTCOME(s), 0, DESTINATION(o, part, c));
#else
        *DESTINATION(o, part, c) = OUTCOME(s);
#endif
    }
}
#endif

#ifdef KERNEL_reduce_merge
// Joins the parts of each of `count` results: ACROSS a group, by DOWN work-items each. Global: result groups * ACROSS, DOWN.
kernel GROUP_SIZE void reduce_merge(global const PART *partials, TENSOR_ARGUMENT(RESULT, y), ulong count, ulong parts, ulong inner,
                                    float divisor) {
    TENSOR(RESULT, y);
    local FOLDED states[ACROSS * DOWN];
    const uint g = get_global_id(0), lane = get_local_id(1);
    global const PART *p = partials + ((size_t)(g / (uint)inner) * parts * inner + g % (uint)inner);
    const size_t end = g < count ? parts : 0;
#if SINGLE
    FOLDED s = start();
#else
    FOLDED s = packed(nothing());
#endif
    size_t part = lane;
    for (; part + 3 * DOWN < end; part += 4 * DOWN) {
        const FOLDED a = p[part * inner], b = p[(part + DOWN) * inner];
        const FOLDED c = p[(part + 2 * DOWN) * inner], d = p[(part + 3 * DOWN) * inner];
        s = join(s, join(join(a, b), join(c, d)));
    }
    for (; part < end; part += DOWN) s = join(s, p[part * inner]);
    s = fold(s, states + get_local_id(0), ACROSS, lane, DOWN);
    if (lane == 0 && g < count) y[g] = RESULT_OF(s);
}
#endif
