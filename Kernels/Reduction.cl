// What is known of the elements that a reduction has seen so far, and how that of two sets is joined, for
// ReductionVectors.cl (CPU-like devices) and ReductionGroups.cl (GPU-like ones), which reduce the middle axis of
// x [outer, n, inner].
//
// KIND     what is computed: one of those below.
// FEW      inner where that is 2 to 15, else 0.
// PARTIAL  1 where the axis is cut into parts: their states go to scratch memory [outer, parts, inner], and reduce_merge joins
//          them in order.
#define SUM 0
#define MEAN 1
#define NORM 2
#define MAX 3
#define MIN 4
#define ARGMAX 5
#define ARGMIN 6
#define VARIANCE 7

#if KIND == ARGMAX || KIND == ARGMIN
#define ARG 1
typedef int RESULT;
#else
#define ARG 0
typedef float RESULT;
#endif
#define ADDS (KIND == SUM || KIND == MEAN || KIND == NORM)

#if KIND == MAX || KIND == ARGMAX
#define BEATS(x, a) ((x) > (a))
#else
#define BEATS(x, a) ((x) < (a))
#endif
#if KIND == NORM
#define TERM(x) ((x) * (x))
#else
#define TERM(x) (x)
#endif

// What is known of some elements: their sum (or that of their squares); the best of them and its position; or their mean,
// the sum of their squared distances from it (in `second`) and their count.
typedef struct {
    float first, second;
    float count;
    int position;
} STATE;

static STATE nothing(void) {
    STATE s;
    s.first = 0.0f;
    s.second = 0.0f;
    s.count = 0.0f;
    s.position = -1;
    return s;
}

// Joins what is known of two sets of elements; for equal bests the lower position stays, and the first NaN beats all.
static STATE merge(STATE a, STATE b) {
#if ADDS
    a.first += b.first;
#elif KIND == VARIANCE
    // Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    const float count = a.count + b.count;
    if (a.count == 0.0f) return b;
    if (b.count == 0.0f) return a;
    const float distance = b.first - a.first, share = b.count / count;
    a.first += distance * share;
    a.second += b.second + distance * distance * a.count * share;
    a.count = count;
#else
    const int bothNaN = b.first != b.first && a.first != a.first;
    const int isLater = b.position > a.position;
    const int beats = (b.first != b.first && a.first == a.first) || BEATS(b.first, a.first)
        || ((b.first == a.first || bothNaN) && !isLater);
    const int wins = b.position >= 0 && (a.position < 0 || beats);
    a.first = wins ? b.first : a.first;
    a.position = wins ? b.position : a.position;
#endif
    return a;
}

// Takes in one more element.
static STATE include(STATE s, float x, size_t position) {
#if ADDS
    s.first += TERM(x);
#elif KIND == VARIANCE
    s.count += 1.0f;
    const float distance = x - s.first;
    s.first += distance / s.count;
    s.second += distance * (x - s.first);
#else
    const int wins = s.position < 0 || BEATS(x, s.first) || (x != x && s.first == s.first);
    s.first = wins ? x : s.first;
    s.position = wins ? (int)position : s.position;
#endif
    return s;
}

// The result; `divisor` is the count, or for the variance the count less the correction.
static RESULT finish(STATE s, float divisor) {
#if ARG
    return s.position;
#elif KIND == MEAN
    return s.first / divisor;
#elif KIND == VARIANCE
    return s.second / divisor;
#elif KIND == NORM
    return sqrt(s.first);
#else
    return s.first;
#endif
}

// A state as one vector, which moves at once.
static float4 packed(STATE s) { return (float4)(s.first, s.second, s.count, as_float(s.position)); }

static STATE unpacked(float4 v) {
    STATE s;
    s.first = v.x;
    s.second = v.y;
    s.count = v.z;
    s.position = as_int(v.w);
    return s;
}
