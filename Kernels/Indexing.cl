// Reading and writing by index, and sorting.
//
// CPU_LIKE devices: a work-item owns a range of rows or columns of the result. Others: a work-item owns an element.
// Elements are moved as bits, so that float32 and int32 share the kernels.

// Where an index names nothing: beyond 0..<n.
#define INSIDE(index, n) ((ulong)(uint)(index) < (n) && (index) >= 0)

INLINE void copy_row(global const uint *from, global uint *to, const size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) vstore16(vload16(0, from + i), 0, to + i);
    for (; i < count; i++) to[i] = from[i];
}

INLINE void fill_row(global uint *to, const size_t count, const uint bits) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) vstore16(bits, 0, to + i);
    for (; i < count; i++) to[i] = bits;
}

// y [outer, m, inner] = x [outer, n, inner] at the indices [m]; `missing` is what an index outside reads as.
// CPU_LIKE: `each` rows of y for a work-item.
kernel void gather(TENSOR_ARGUMENT(const uint, x), TENSOR_ARGUMENT(const int, indices), TENSOR_ARGUMENT(uint, y),
                   const ulong outer, const ulong n, const ulong m, const ulong inner, const ulong each,
                   const int missing) {
    TENSOR(const uint, x);
    TENSOR(const int, indices);
    TENSOR(uint, y);
#ifdef CPU_LIKE
    const size_t first = get_global_id(0) * each, last = min((ulong)(first + each), outer * m);
    size_t o = first / m, j = first % m;
    for (size_t row = first; row < last; row++) {
        const int index = indices[j];
        if (INSIDE(index, n)) copy_row(x + (o * n + index) * inner, y + row * inner, inner);
        else fill_row(y + row * inner, inner, missing);
        if (++j == m) {
            j = 0;
            o++;
        }
    }
#else
    const size_t i = get_global_id(0);
    if (i >= outer * m * inner) return;
    const size_t row = i / inner;
    const int index = indices[row % m];
    y[i] = INSIDE(index, n) ? x[(row / m * n + index) * inner + i % inner] : (uint)missing;
#endif
}

// y [rows, m] = x [rows, n] at indices [rows, m]. CPU_LIKE: `each` elements of y for a work-item.
kernel void gather_elements(TENSOR_ARGUMENT(const uint, x), TENSOR_ARGUMENT(const int, indices),
                            TENSOR_ARGUMENT(uint, y), const ulong rows, const ulong n, const ulong m, const ulong each,
                            const int missing) {
    TENSOR(const uint, x);
    TENSOR(const int, indices);
    TENSOR(uint, y);
    const size_t first = get_global_id(0) * each, last = min((ulong)(first + each), rows * m);
    if (first >= last) return;
    size_t j = first % m;
    x += first / m * n;
    for (size_t i = first; i < last; i++) {
        const int index = indices[i];
        y[i] = INSIDE(index, n) ? x[index] : (uint)missing;
        if (++j == m) {
            j = 0;
            x += n;
        }
    }
}

#ifdef CPU_LIKE

INLINE void add_row(global const float *from, global float *to, const size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) vstore16(vload16(0, to + i) + vload16(0, from + i), 0, to + i);
    for (; i < count; i++) to[i] += from[i];
}

// x [outer, n, inner] = the sums of the rows of y [outer, m, inner] that the indices [m] name. A work-item owns, of one
// `outer`, a range of rows and of columns of x: it clears them and goes through all indices in order.
kernel void scatter_add(TENSOR_ARGUMENT(const float, y), TENSOR_ARGUMENT(const int, indices),
                        TENSOR_ARGUMENT(float, x), const ulong outer, const ulong n, const ulong m, const ulong inner,
                        const ulong rowRanges, const ulong columnRanges) {
    TENSOR(const float, y);
    TENSOR(const int, indices);
    TENSOR(float, x);
    const size_t o = get_global_id(0) / (rowRanges * columnRanges), range = get_global_id(0) % (rowRanges * columnRanges);
    const size_t firstRow = range / columnRanges * n / rowRanges, endRow = (range / columnRanges + 1) * n / rowRanges;
    const size_t first = range % columnRanges * inner / columnRanges;
    const size_t count = (range % columnRanges + 1) * inner / columnRanges - first;
    x += o * n * inner + first;
    y += o * m * inner + first;
    if (columnRanges == 1) fill_row((global uint *)(x + firstRow * inner), (endRow - firstRow) * inner, 0);
    else for (size_t row = firstRow; row < endRow; row++) fill_row((global uint *)(x + row * inner), count, 0);
    for (size_t j = 0; j < m; j++) {
        const int index = indices[j];
        if (index < 0 || (size_t)index < firstRow || (size_t)index >= endRow) continue;
        if (inner == 1) x[index] += y[j];
        else add_row(y + j * inner, x + index * inner, count);
    }
}

// x [rows, n] = the sums of y [rows, m] where indices [rows, m] name it; a work-item owns `each` rows of x, or one of
// `ranges` parts of a row.
kernel void scatter_add_elements(TENSOR_ARGUMENT(const float, y), TENSOR_ARGUMENT(const int, indices),
                                 TENSOR_ARGUMENT(float, x), const ulong rows, const ulong n, const ulong m,
                                 const ulong each, const ulong ranges) {
    TENSOR(const float, y);
    TENSOR(const int, indices);
    TENSOR(float, x);
    const size_t firstRow = get_global_id(0) / ranges * each, range = get_global_id(0) % ranges;
    const size_t first = range * n / ranges, end = (range + 1) * n / ranges;
    for (size_t row = firstRow; row < min((ulong)(firstRow + each), rows); row++) {
        global float *to = x + row * n;
        fill_row((global uint *)(to + first), end - first, 0);
        for (size_t i = row * m; i < (row + 1) * m; i++) {
            const int index = indices[i];
            if (index >= 0 && (size_t)index >= first && (size_t)index < end) to[index] += y[i];
        }
    }
}

#else  // GPU_LIKE

kernel void clear(TENSOR_ARGUMENT(float, x), const ulong count) {
    TENSOR(float, x);
    if (get_global_id(0) < count) x[get_global_id(0)] = 0;
}

// Segment sums after a stable sort of the indices: `sorted` [keyRows, m] holds index and position as `index_keys` made
// them. The work-item of a segment's first key walks the segment, which is in the order of the indices. One work-item
// for each of rows * m * inner; keys of row r % keyRows.
kernel void add_segments(global const ulong *sorted, TENSOR_ARGUMENT(const float, y), TENSOR_ARGUMENT(float, x),
                         const ulong rows, const ulong keyRows, const ulong n, const ulong m, const ulong inner) {
    TENSOR(const float, y);
    TENSOR(float, x);
    const size_t i = get_global_id(0);
    if (i >= rows * m * inner) return;
    const size_t column = i % inner, j = i / inner % m, row = i / inner / m;
    sorted += row % keyRows * m;
    const ulong index = sorted[j] >> 32;
    if (index >= n || (j > 0 && sorted[j - 1] >> 32 == index)) return;
    y += row * m * inner + column;
    float sum = 0;
    for (size_t k = j; k < m && sorted[k] >> 32 == index; k++) sum += y[(sorted[k] & 0xffffffffUL) * inner];
    x[(row * n + index) * inner + column] = sum;
}

// Few indices: a work-item owns an element of x and goes through all of them.
kernel void scatter_add_elements(TENSOR_ARGUMENT(const float, y), TENSOR_ARGUMENT(const int, indices),
                                 TENSOR_ARGUMENT(float, x), const ulong rows, const ulong n, const ulong m) {
    TENSOR(const float, y);
    TENSOR(const int, indices);
    TENSOR(float, x);
    const size_t i = get_global_id(0);
    if (i >= rows * n) return;
    const size_t row = i / n, column = i % n;
    float sum = 0;
    for (size_t j = row * m; j < (row + 1) * m; j++)
        if (indices[j] >= 0 && (size_t)indices[j] == column) sum += y[j];
    x[i] = sum;
}
#endif

// ---- Sorting -----------------------------------------------------------------------------------------------------
// A row becomes 64-bit keys, all different: the value's order in the upper half, its position in the lower, so that any
// sort of them is stable. The rows are cut into blocks; sorted blocks give runs of which only the first m keys are
// kept; pairs of runs are merged until one is left. Positions without a value have the largest key.
#define NOTHING 0xffffffffffffffffUL

// Ascending order of bits; zeros of both signs are equal, NaN is the largest.
INLINE uint order_of(const float v) {
    const uint bits = as_uint(v == 0 ? 0.0f : v);
    return v != v ? 0xffffffffu : bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

INLINE ulong sort_key(const float v, const uint position, const int descending) {
    const uint order = order_of(v);
    return (ulong)(descending ? ~order : order) << 32 | position;
}

INLINE ulong index_key(const int index, const uint position) {
    return (ulong)(index < 0 ? 0xfffffffeu : (uint)index) << 32 | position;
}

#ifdef INDEX_KEYS
#define VALUE int
#define KEY(i) index_key(row[i], i)
#else
#define VALUE float
#define KEY(i) sort_key(row[i], i, descending)
#endif

#ifdef CPU_LIKE

// Sorts small arrays by insertion.
INLINE void insertion_sort(global ulong *keys, const size_t count) {
    for (size_t i = 1; i < count; i++) {
        const ulong key = keys[i];
        size_t j = i;
        for (; j > 0 && keys[j - 1] > key; j--) keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

// Sorts by the upper halves, eight bits at a time from the lowest, each pass stable; the keys come in the order of
// their positions and the result lies in `keys`.
INLINE void radix_sort(global ulong *keys, global ulong *other, const size_t count) {
    uint starts[4 * 256];
    for (int i = 0; i < 4 * 256; i++) starts[i] = 0;
    for (size_t i = 0; i < count; i++) {
        const uint order = keys[i] >> 32;
        starts[order & 255]++;
        starts[256 + (order >> 8 & 255)]++;
        starts[512 + (order >> 16 & 255)]++;
        starts[768 + (order >> 24)]++;
    }
    for (int pass = 0; pass < 4; pass++) {
        uint sum = 0;
        for (int digit = 0; digit < 256; digit++) {
            const uint own = starts[256 * pass + digit];
            starts[256 * pass + digit] = sum;
            sum += own;
        }
    }
    for (int pass = 0; pass < 4; pass++) {
        uint *start = starts + 256 * pass;
        for (size_t i = 0; i < count; i++) other[start[keys[i] >> (32 + 8 * pass) & 255]++] = keys[i];
        global ulong *swap = keys;
        keys = other;
        other = swap;
    }
}

// The smallest m keys of a block, kept in order in `run` while the block is read once.
INLINE void select_first(global const VALUE *row, const size_t first, const size_t last, global ulong *run,
                         const size_t m, const int descending) {
    for (size_t i = 0; i < m; i++) run[i] = NOTHING;
    for (size_t i = first; i < last; i++) {
        const ulong key = KEY(i);
        if (key >= run[m - 1]) continue;
        size_t j = m - 1;
        for (; j > 0 && run[j - 1] > key; j--) run[j] = run[j - 1];
        run[j] = key;
    }
}

// A work-item takes a block of `block` elements and leaves its first `kept` keys in run [row, number] of `runs`;
// `space` has 2 * block keys for each work-item where kept is above 64.
kernel void sort_blocks(TENSOR_ARGUMENT(const VALUE, x), global ulong *runs, global ulong *space, const ulong rows,
                        const ulong n, const ulong block, const ulong kept, const ulong blocks, const ulong each,
                        const int descending) {
    TENSOR(const VALUE, x);
    space += get_global_id(0) * 2 * block;
    for (size_t b = get_global_id(0) * each; b < min((ulong)((get_global_id(0) + 1) * each), rows * blocks); b++) {
        global const VALUE *row = x + b / blocks * n;
        global ulong *run = runs + b * kept;
        const size_t first = b % blocks * block, last = min((ulong)(first + block), n), count = last - first;
        if (kept <= 16 || (kept <= 64 && kept * 8 <= count)) {
            select_first(row, first, last, run, kept, descending);
            continue;
        }
        for (size_t i = 0; i < count; i++) space[i] = KEY(first + i);
        if (count <= 64) insertion_sort(space, count);
        else radix_sort(space, space + block, count);
        for (size_t i = 0; i < kept; i++) run[i] = i < count ? space[i] : NOTHING;
    }
}

#else  // GPU_LIKE

// A work-group sorts BLOCK keys, a power of two, in local memory (bitonic) and leaves the first `kept`.
#ifndef BLOCK
#define BLOCK 512
#endif
kernel void sort_blocks(TENSOR_ARGUMENT(const VALUE, x), global ulong *runs, const ulong n, const ulong kept,
                        const ulong blocks, const int descending) {
    local ulong keys[BLOCK];
    TENSOR(const VALUE, x);
    const size_t lane = get_local_id(0), group = get_group_id(0);
    global const VALUE *row = x + group / blocks * n;
    const size_t first = group % blocks * BLOCK;
    for (size_t i = lane; i < BLOCK; i += BLOCK / 2) keys[i] = first + i < n ? KEY(first + i) : NOTHING;
    for (uint size = 2; size <= BLOCK; size *= 2)
        for (uint step = size / 2; step > 0; step /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            const uint low = 2 * (lane - lane % step) + lane % step, high = low + step;
            const ulong a = keys[low], b = keys[high];
            const int rising = (low & size) == 0 || size == BLOCK;
            if ((a > b) == rising) {
                keys[low] = b;
                keys[high] = a;
            }
        }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (size_t i = lane; i < kept; i += BLOCK / 2) runs[group * kept + i] = keys[i];
}
#endif

// Merges runs 2 r and 2 r + 1 of each row, `length` keys each, into run r of `kept` keys. A work-item finds where its
// `each` keys begin in both by halving, then takes them one by one.
kernel void merge_runs(global const ulong *from, global ulong *to, const ulong rows, const ulong runs,
                       const ulong length, const ulong kept, const ulong each) {
    const size_t pieces = (kept + each - 1) / each, pairs = (runs + 1) / 2;
    const size_t item = get_global_id(0);
    if (item >= rows * pairs * pieces) return;
    const size_t piece = item % pieces, pair = item / pieces % pairs, row = item / pieces / pairs;
    global const ulong *a = from + (row * runs + 2 * pair) * length;
    global const ulong *b = a + length;
    const size_t countB = 2 * pair + 1 < runs ? length : 0;
    const size_t begin = piece * each, end = min((ulong)(begin + each), kept);
    size_t low = begin > countB ? begin - countB : 0, high = min((ulong)begin, length);
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (a[middle] < b[begin - 1 - middle]) low = middle + 1;
        else high = middle;
    }
    size_t i = low, j = begin - low;
    to += (row * pairs + pair) * kept;
    for (size_t k = begin; k < end; k++) {
        const ulong keyA = i < length ? a[i] : NOTHING, keyB = j < countB ? b[j] : NOTHING;
        const int takesA = keyA <= keyB;
        to[k] = takesA ? keyA : keyB;
        i += takesA;
        j += !takesA;
    }
}

// values [rows, m] and their positions from sorted keys.
kernel void take_sorted(global const ulong *sorted, TENSOR_ARGUMENT(const float, x), TENSOR_ARGUMENT(float, values),
                        TENSOR_ARGUMENT(int, indices), const ulong rows, const ulong n, const ulong m,
                        const ulong each) {
    TENSOR(const float, x);
    TENSOR(float, values);
    TENSOR(int, indices);
    const size_t first = get_global_id(0) * each;
    for (size_t i = first; i < min((ulong)(first + each), rows * m); i++) {
        const uint position = (uint)sorted[i];
        values[i] = x[i / m * n + position];
        indices[i] = position;
    }
}
