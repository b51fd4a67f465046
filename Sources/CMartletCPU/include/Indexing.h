#ifndef MARTLET_INDEXING_H
#define MARTLET_INDEXING_H

#include <stdint.h>

// Elements are four bytes; `absent` is what an index outside its axis reads.

// y [outer, m, inner] = x [outer, n, inner] at indices [m], for the rows (outer * m + position) in [begin, end).
void martlet_gather_rows(const uint32_t *x, const int32_t *indices, uint32_t *y, int64_t n, int64_t m, int64_t inner,
                         uint32_t absent, int64_t begin, int64_t end);

// The positions of [0, m) grouped by the index they hold, in order: those of index i are order[starts[i]] up to
// order[starts[i + 1]]. `starts` has n + 1 elements, `order` m; indices outside 0..<n are left out.
void martlet_group_indices(const int32_t *indices, int64_t m, int64_t n, int32_t *starts, int32_t *order);

// x [outer, n, inner] = the sums of the rows of y [outer, m, inner], for the rows (outer * n + index) in [begin, end).
void martlet_scatter_rows(const float *y, const int32_t *starts, const int32_t *order, float *x, int64_t n, int64_t m,
                          int64_t inner, int32_t streamed, int64_t begin, int64_t end);

// Row by row, for the rows in [begin, end).
void martlet_gather_elements(const uint32_t *x, const int32_t *indices, uint32_t *y, int64_t n, int64_t m, uint32_t absent,
                             int64_t begin, int64_t end);
void martlet_scatter_elements(const float *y, const int32_t *indices, float *x, int64_t n, int64_t m, int64_t begin,
                              int64_t end);

// The first m of each row of x [rows, n] in order, stable, NaN the largest; for the rows in [begin, end).
int64_t martlet_sort_scratch(int64_t n, int64_t m);   // in 8-byte words
void martlet_sort(const float *x, float *values, int32_t *indices, int64_t n, int64_t m, int32_t descending, int64_t begin,
                  int64_t end, uint64_t *scratch);

#endif
