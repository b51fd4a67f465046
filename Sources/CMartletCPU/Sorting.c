#include <string.h>

#include "Indexing.h"
#include "Lanes.h"

// Of a row's keys `few` are wanted where its parts' smallest give a good limit to the others.
enum { parts = 64, few = 32 };

// A row is sorted as 64-bit words: a key that orders as the floats do, and the position. So equal values keep their order, and
// no two words are equal.

// Ascending order of the keys is the order wanted. Both zeros have one key, and so have all NaN.
MARTLET_INLINE uint32_t sort_key(float value, uint32_t flip) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t negative = (uint32_t)((int32_t)bits >> 31);
    uint32_t key = bits ^ (negative | 0x80000000u);
    key = value == 0 ? 0x80000000u : key;
    key = value != value ? 0xFFFFFFFFu : key;
    return key ^ flip;
}

// Words in ascending order, by bytes from the lowest that may differ. The result may lie in either array.
static uint64_t *sort_words(uint64_t *words, uint64_t *other, int64_t count, int first_byte) {
    if (count <= 48) {
        for (int64_t i = 1; i < count; i++) {
            uint64_t word = words[i];
            int64_t j = i;
            for (; j > 0 && words[j - 1] > word; j--) words[j] = words[j - 1];
            words[j] = word;
        }
        return words;
    }
    for (int byte = first_byte; byte < 8; byte++) {
        int64_t starts[256] = {0}, sum = 0;
        int shift = byte * 8;
        for (int64_t i = 0; i < count; i++) starts[words[i] >> shift & 255]++;
        if (starts[words[0] >> shift & 255] == count) continue;
        for (int i = 0; i < 256; i++) {
            int64_t size = starts[i];
            starts[i] = sum;
            sum += size;
        }
        for (int64_t i = 0; i < count; i++) other[starts[words[i] >> shift & 255]++] = words[i];
        uint64_t *swap = words;
        words = other;
        other = swap;
    }
    return words;
}

// Where few of many are wanted, candidates are collected and cut back to m whenever there are 2 m of them.
static int64_t candidates(int64_t n, int64_t m) {
    int64_t capacity = m < 1024 ? 2 * m + 256 : 2 * m;
    return capacity < n / 2 ? capacity : 0;
}

int64_t martlet_sort_scratch(int64_t n, int64_t m) {
    int64_t capacity = candidates(n, m);
    return 2 * (capacity ? capacity + lanes : n);
}

MARTLET_CLONES
static void make_words(const float *in, int64_t n, uint32_t flip, uint64_t *words) {
    for (int64_t i = 0; i < n; i++) words[i] = (uint64_t)sort_key(in[i], flip) << 32 | (uint64_t)i;
}

// Reads on from *position until `capacity` words are there or the row ends.
MARTLET_CLONES
static int64_t collect(const float *in, int64_t n, uint32_t flip, uint32_t limit, int64_t *position, uint64_t *words,
                       int64_t count, int64_t capacity) {
    int64_t i = *position;
    for (; i < n && count < capacity; ) {
        int64_t step = smaller(lanes, n - i);
        if (step == lanes) {
            uint32_t keys[lanes], any = 0;
            for (int j = 0; j < lanes; j++) keys[j] = sort_key(in[i + j], flip);
            for (int j = 0; j < lanes; j++) any |= keys[j] < limit;
            if (!any) { i += lanes; continue; }
        }
        for (int64_t j = i; j < i + step; j++) {
            uint32_t key = sort_key(in[j], flip);
            words[count] = (uint64_t)key << 32 | (uint64_t)j;
            count += key < limit;
        }
        i += step;
    }
    *position = i;
    return count;
}

// The m-th smallest of the smallest keys of 64 parts of a row: at least m keys of the row are no larger.
MARTLET_CLONES
static uint32_t few_limit(const float *in, int64_t n, int64_t m, uint32_t flip) {
    uint32_t least[parts];
    for (int j = 0; j < parts; j++) least[j] = sort_key(in[j], flip);
    for (int64_t i = parts; i + parts <= n; i += parts)
        for (int j = 0; j < parts; j++) {
            uint32_t key = sort_key(in[i + j], flip);
            least[j] = key < least[j] ? key : least[j];
        }
    for (int64_t found = 0;;) {
        uint32_t smallest = UINT32_MAX;
        for (int j = 0; j < parts; j++) smallest = least[j] < smallest ? least[j] : smallest;
        for (int j = 0; j < parts; j++) {
            found += least[j] == smallest;
            least[j] = least[j] == smallest ? UINT32_MAX : least[j];
        }
        if (found >= m || smallest == UINT32_MAX) return smallest;
    }
}

static const uint64_t *first_words(const float *in, int64_t n, int64_t m, uint32_t flip, uint64_t *scratch) {
    int64_t capacity = candidates(n, m);
    if (!capacity) {
        make_words(in, n, flip, scratch);
        return sort_words(scratch, scratch + n, n, 4);
    }
    uint64_t *words = scratch, *other = scratch + capacity + lanes;
    int64_t count = 0, position = 0;
    uint32_t limit = m <= few && n >= 4 * parts ? few_limit(in, n, m, flip) : UINT32_MAX;
    if (limit < UINT32_MAX) {
        // Unless too many are equal, all that can be among the first m fit.
        count = collect(in, n, flip, limit + 1, &position, words, 0, capacity);
        if (position >= n) return sort_words(words, other, count, 0);
        count = position = 0;
    }
    // The first m are taken whatever their key, the largest included.
    for (; position < m; position++) words[count++] = (uint64_t)sort_key(in[position], flip) << 32 | (uint64_t)position;
    for (;;) {
        uint64_t *sorted = sort_words(words, other, count, 0);
        if (sorted != words) { other = words; words = sorted; }
        if (count > m) count = m;
        if (position >= n) return words;
        count = collect(in, n, flip, (uint32_t)(words[m - 1] >> 32), &position, words, count, capacity);
    }
}

void martlet_sort(const float *x, float *values, int32_t *indices, int64_t n, int64_t m, int32_t descending, int64_t begin,
                  int64_t end, uint64_t *scratch) {
    for (int64_t row = begin; row < end; row++) {
        const float *in = x + row * n;
        const uint64_t *words = first_words(in, n, m, descending ? 0xFFFFFFFFu : 0, scratch);
        for (int64_t i = 0; i < m; i++) {
            int64_t at = (int64_t)(words[i] & 0xFFFFFFFFu);
            values[row * m + i] = in[at];
            indices[row * m + i] = (int32_t)at;
        }
    }
}
