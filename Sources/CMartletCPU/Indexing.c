#include "Indexing.h"

#include <string.h>

#include "Lanes.h"
#include "Stream.h"

MARTLET_CLONES
void martlet_gather_rows(const uint32_t *x, const int32_t *indices, uint32_t *y, int64_t n, int64_t m, int64_t inner,
                         uint32_t absent, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        int64_t index = indices[row % m];
        uint32_t *to = y + row * inner;
        int inside = index >= 0 && index < n;
        if (inside && inner == 1) *to = x[row / m * n + index];
        else if (inside) memcpy(to, x + (row / m * n + index) * inner, (size_t)inner * sizeof *to);
        else for (int64_t i = 0; i < inner; i++) to[i] = absent;
    }
}

void martlet_group_indices(const int32_t *indices, int64_t m, int64_t n, int32_t *starts, int32_t *order) {
    memset(starts, 0, (size_t)(n + 1) * sizeof *starts);
    for (int64_t p = 0; p < m; p++)
        if (indices[p] >= 0 && indices[p] < n) starts[indices[p]]++;
    int32_t sum = 0;
    for (int64_t i = 0; i <= n; i++) {
        sum += starts[i];
        starts[i] = sum;
    }
    // Each start is now its group's end; filling from the back leaves it at the beginning.
    for (int64_t p = m - 1; p >= 0; p--)
        if (indices[p] >= 0 && indices[p] < n) order[--starts[indices[p]]] = (int32_t)p;
}

MARTLET_CLONES
void martlet_scatter_rows(const float *y, const int32_t *starts, const int32_t *order, float *x, int64_t n, int64_t m,
                          int64_t inner, int32_t streamed, int64_t begin, int64_t end) {
    static const float zeros[lanes] = {0};
    for (int64_t row = begin; row < end; row++) {
        int64_t index = row % n, first = starts[index], last = starts[index + 1];
        const float *from = y + row / n * m * inner;
        float *to = x + row * inner;
        if (first == last && streamed) {
#define VALUE(AT) AT(zeros - i)
            EACH_STREAMED(to, inner, VALUE);
#undef VALUE
            continue;
        }
        if (first == last) {
            memset(to, 0, (size_t)inner * sizeof *to);
            continue;
        }
        memcpy(to, from + order[first] * inner, (size_t)inner * sizeof *to);
        for (int64_t p = first + 1; p < last; p++) {
            const float *add = from + order[p] * inner;
            for (int64_t i = 0; i < inner; i++) to[i] += add[i];
        }
    }
    if (streamed) stream_end();
}

MARTLET_CLONES
void martlet_gather_elements(const uint32_t *x, const int32_t *indices, uint32_t *y, int64_t n, int64_t m, uint32_t absent,
                             int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        const int32_t *at = indices + row * m;
        for (int64_t i = 0; i < m; i++) y[row * m + i] = at[i] >= 0 && at[i] < n ? x[row * n + at[i]] : absent;
    }
}

void martlet_scatter_elements(const float *y, const int32_t *indices, float *x, int64_t n, int64_t m, int64_t begin,
                              int64_t end) {
    memset(x + begin * n, 0, (size_t)((end - begin) * n) * sizeof *x);
    for (int64_t row = begin; row < end; row++)
        for (int64_t i = row * m; i < (row + 1) * m; i++)
            if (indices[i] >= 0 && indices[i] < n) x[row * n + indices[i]] += y[i];
}
