#include "MatmulTile.h"

#include "Lanes.h"

int64_t martlet_tile_height(int64_t vectors) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) return vectors == 1 || vectors == 2 ? 14 : vectors == 4 ? 7 : 0;
    if (__builtin_cpu_supports("x86-64-v3")) return vectors == 1 ? 6 : vectors == 2 ? 3 : 0;
    return vectors == 1 ? 3 : 0;
#else
    return vectors == 1 ? 6 : vectors == 2 ? 3 : 0;
#endif
}

// Rows of a block in place: every address is one of two bases and a multiple of three steps, which an addressing mode makes.
enum { rows_a_base = 7 };
typedef struct {
    const char *base[2];
    int64_t one, three, five;  // rows apart, in bytes
} row_addresses;

MARTLET_INLINE row_addresses addresses_of(const float *left, int64_t step) {
    row_addresses a = {{(const char *)left, (const char *)(left + rows_a_base * step)}, step * 4, step * 12, step * 20};
    // Kept from being computed anew from one another.
    __asm__("" : "+r"(a.base[1]), "+r"(a.one), "+r"(a.three), "+r"(a.five));
    return a;
}

// The numbers some steps on of every row. Else compilers keep a pointer for each of them, more than there are registers.
MARTLET_INLINE void advance(row_addresses *a, const int rows, const int steps) {
    a->base[0] += steps * sizeof(float);
    __asm__("" : "+r"(a->base[0]));
    if (rows <= rows_a_base) return;
    a->base[1] += steps * sizeof(float);
    __asm__("" : "+r"(a->base[1]));
}

MARTLET_INLINE float number_at(const row_addresses *a, const int row, const int step) {
    const char *base = a->base[row / rows_a_base];
    const int i = row % rows_a_base;
    int64_t offset = i == 0 ? 0 : i == 3 ? a->three : i == 5 ? a->five : i == 6 ? 2 * a->three : i * a->one;
    return ((const float *)(base + offset))[step];
}

// Step u of four: `left` and `right` are there already, `deep_left` is at the first.
MARTLET_INLINE void multiply_step(const int rows, const int vectors, const int is_deep, const int u, const float *left,
                                  const row_addresses *deep_left, const float *right, const int streams,
                                  lane_vector sum[][martlet_tile_most_vectors]) {
    // Numbers loaded ahead of their step would take the registers of sums.
    __asm__ volatile("" ::: "memory");
    lane_vector v[martlet_tile_most_vectors];
    MARTLET_UNROLL for (int j = 0; j < vectors; j++) v[j] = LOAD(right + j * lanes);
    if (streams) MARTLET_UNROLL for (int j = 0; j < vectors; j++) __builtin_prefetch(right + (vectors + j) * lanes);
    MARTLET_UNROLL for (int i = 0; i < rows; i++) {
        float x = is_deep ? number_at(deep_left, i, u) : left[i];
        MARTLET_UNROLL for (int j = 0; j < vectors; j++) sum[i][j] += x * v[j];
    }
}

MARTLET_INLINE void multiply_tile(const int rows, const int vectors, const int is_deep, const int streams, int64_t depth,
                                  const float *left, int64_t left_step, const float *first, const float *second,
                                  int64_t ahead_step, const float *right, int64_t right_step, float *to, int64_t pitch,
                                  int32_t accumulates) {
    lane_vector sum[martlet_tile_most_rows][martlet_tile_most_vectors];
    MARTLET_UNROLL for (int i = 0; i < rows; i++)
        MARTLET_UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = (lane_vector){0};
    row_addresses deep_left = addresses_of(left, is_deep ? left_step : 0);
    MARTLET_UNROLL for (int i = 0; i < rows; i++)
        MARTLET_UNROLL for (int j = 0; j < vectors; j++) __builtin_prefetch(to + i * pitch + j * lanes, 0, 2);
    int64_t rest = depth;
    for (; rest >= 4; rest -= 4, first += ahead_step, second += ahead_step) {
        __builtin_prefetch(first);
        __builtin_prefetch(second);
        MARTLET_UNROLL for (int u = 0; u < 4; u++)
            multiply_step(rows, vectors, is_deep, u, left + u * left_step, &deep_left, right + u * right_step, streams, sum);
        right += 4 * right_step;
        if (is_deep) advance(&deep_left, rows, 4);
        else left += 4 * left_step;
    }
    for (; rest > 0; rest--, right += right_step) {
        multiply_step(rows, vectors, is_deep, 0, left, &deep_left, right, streams, sum);
        if (is_deep) advance(&deep_left, rows, 1);
        else left += left_step;
    }
    MARTLET_UNROLL for (int i = 0; i < rows; i++)
        MARTLET_UNROLL for (int j = 0; j < vectors; j++) {
            float *place = to + i * pitch + j * lanes;
            if (accumulates) sum[i][j] += LOAD(place);
            STORE(place, sum[i][j]);
        }
}

// Of the rows that are wanted next each tile asks for two, or for strips across them over its share of the depth.
MARTLET_INLINE void multiply_tiles(const int rows, const int vectors, const int is_deep, const int streams, int64_t depth,
                                   const martlet_tile_rows *left, const float *right, int64_t right_step, int64_t tiles,
                                   int64_t panel, float *to, int64_t pitch, int32_t accumulates) {
    const float *base = left->base, *next = left->next ? left->next : base;
    const int64_t step = left->step, share = is_deep ? 0 : depth / tiles * step;
    for (int64_t t = 0; t < tiles; t++, right += panel, to += vectors * lanes) {
        const float *first = next + (is_deep ? smaller(2 * t, rows - 1) * step : t * share);
        const float *second = is_deep ? next + smaller(2 * t + 1, rows - 1) * step : first + rows - 1;
        multiply_tile(rows, vectors, is_deep, streams, depth, base, step, first, second, is_deep ? 4 : step, right, right_step, to,
                      pitch, accumulates);
    }
}

#define TILE(rows)                                                                                                           \
    case rows:                                                                                                               \
        multiply_tiles(rows, vectors, is_deep, streams, depth, left, right, right_step, tiles, panel, to, pitch, accumulates); \
        break;

#define FAMILY(name, most, vector_count, deep, stream)                                                                       \
    MARTLET_CLONES                                                                                                           \
    static void name(int64_t rows, int64_t depth, const martlet_tile_rows *left, const float *right, int64_t right_step,     \
                     int64_t tiles, int64_t panel, float *to, int64_t pitch, int32_t accumulates) {                          \
        enum { vectors = vector_count, is_deep = deep, streams = stream };                                                   \
        switch (rows) { MARTLET_ROWS_##most(TILE) default: break; }                                                          \
    }

FAMILY(deep_one, 14, 1, 1, 0)
FAMILY(deep_two, 14, 2, 1, 0)
FAMILY(deep_four, 7, 4, 1, 0)
FAMILY(deep_two_streams, 14, 2, 1, 1)
FAMILY(deep_four_streams, 7, 4, 1, 1)
FAMILY(flat_one, 14, 1, 0, 0)
FAMILY(flat_two, 14, 2, 0, 0)
FAMILY(flat_four, 7, 4, 0, 0)
FAMILY(flat_two_streams, 14, 2, 0, 1)
FAMILY(flat_four_streams, 7, 4, 0, 1)

typedef void tile_family(int64_t, int64_t, const martlet_tile_rows *, const float *, int64_t, int64_t, int64_t, float *, int64_t,
                         int32_t);

void martlet_tiles_multiply(int64_t rows, int64_t vectors, int64_t depth, const martlet_tile_rows *left,
                            const martlet_tile_lanes *right, int64_t tiles, int64_t panel, float *to, int64_t pitch,
                            int32_t accumulates) {
    if (tiles == 0) return;
    tile_family *family;
    if (vectors == 1) family = left->is_deep ? deep_one : flat_one;
    else if (vectors == 2 && right->streams) family = left->is_deep ? deep_two_streams : flat_two_streams;
    else if (vectors == 2) family = left->is_deep ? deep_two : flat_two;
    else if (right->streams) family = left->is_deep ? deep_four_streams : flat_four_streams;
    else family = left->is_deep ? deep_four : flat_four;
    family(rows, depth, left, right->base, right->step, tiles, panel, to, pitch, accumulates);
}
