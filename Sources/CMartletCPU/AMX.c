#define _GNU_SOURCE
#include "AMX.h"

#include "Lanes.h"
#include "Transpose.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TILES __attribute__((target("arch=x86-64-v4,amx-tile,amx-bf16")))
#define TILES_INLINE static inline __attribute__((always_inline)) TILES

static int ask(void) {
    enum { request_permission = 0x1023, tile_data = 18, tile_states = 3 << 17 };
    enum { saved_states = 1 << 27, bf16 = 1 << 22, tile = 1 << 24 };
    unsigned a, b, c, d;
    if (!__builtin_cpu_supports("x86-64-v4") || !__get_cpuid(1, &a, &b, &c, &d) || !(c & saved_states)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (bf16 | tile)) != (bf16 | tile)) return 0;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return (low & tile_states) == tile_states && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

int martlet_amx_is_there(void) {
    static atomic_int answer = -1;
    int known = atomic_load_explicit(&answer, memory_order_relaxed);
    if (known >= 0) return known;
    known = ask();
    atomic_store_explicit(&answer, known, memory_order_relaxed);
    return known;
}

TILES void martlet_amx_begin(void) {
    _Alignas(64) struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) shape.bytes[i] = 64, shape.rows[i] = 16;
    _tile_loadconfig(&shape);
}

TILES void martlet_amx_end(void) { _tile_release(); }

// A panel: for each 32 depths the first parts of both tiles, then the second, then the third ones.
enum { tile_floats = martlet_amx_tile_floats, part_floats = 2 * tile_floats, tile_row_bytes = 64 };

// The upper half of each number; rounded, what it leaves over has either sign.
TILES_INLINE __m512i upper(__m512i x, int rounds) {
    if (rounds) x = _mm512_add_epi32(x, _mm512_set1_epi32(0x8000));
    return _mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000));
}

TILES_INLINE __m512i rest_of(__m512i x, __m512i part) {
    return _mm512_castps_si512(_mm512_sub_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(part)));
}

TILES_INLINE void store_pairs(__m512i a, __m512i b, float *to) {
    _mm512_store_si512(to, _mm512_or_si512(_mm512_srli_epi32(a, 16), b));
}

// The parts of two vectors whose lanes are multiplied as pairs: those of 16 depths, and of the 16 next ones.
TILES_INLINE void store_parts(lane_vector low, lane_vector high, float *to) {
    __m512i a = (__m512i)low, b = (__m512i)high;
    MARTLET_UNROLL for (int part = 0; part < martlet_amx_parts - 1; part++, to += part_floats) {
        __m512i a_part = upper(a, part == 0), b_part = upper(b, part == 0);
        store_pairs(a_part, b_part, to);
        a = rest_of(a, a_part);
        b = rest_of(b, b_part);
    }
    // What is left has so few bits that it is whole.
    store_pairs(a, b, to);
}

TILES_INLINE __mmask16 first_mask(int64_t count) {
    return count >= lanes ? 0xffff : count > 0 ? (__mmask16)((1 << count) - 1) : 0;
}
TILES_INLINE lane_vector first_lanes(const float *from, int64_t count) {
    return (lane_vector)_mm512_maskz_loadu_ps(first_mask(count), from);
}

// Lane j of 16 vectors is number i of row j, the first `rows` rows of `count` numbers being there; what is loaded soon lies
// `ahead` of them.
TILES_INLINE void load_transposed(const float *from, int64_t step, int64_t rows, int64_t count, int64_t ahead, lane_vector *x) {
    if (count >= lanes && rows >= lanes) {
        MARTLET_UNROLL for (int i = 0; i < lanes; i++) {
            look_ahead(from + i * step, ahead);
            x[i] = LOAD(from + i * step);
        }
    } else {
        for (int i = 0; i < lanes; i++) x[i] = i < rows ? first_lanes(from + i * step, count) : (lane_vector){0};
    }
    transpose_lanes(x);
}

// Rows whose depths lie in one piece, row by row.
TILES_INLINE void pack_deep_rows(const float *from, int64_t row_step, int64_t rows, int64_t depth, float *panel) {
    for (int64_t i = 0; i < rows; i++, from += row_step) {
        float *to = panel + i / lanes * tile_floats + i % lanes * lanes;
        int64_t p = 0;
        for (; p + martlet_amx_depth <= depth; p += martlet_amx_depth, to += martlet_amx_step_floats) {
            // In the next panel.
            look_ahead(from + p, martlet_amx_side * row_step);
            look_ahead(from + p + lanes, martlet_amx_side * row_step);
            store_parts(LOAD(from + p), LOAD(from + p + lanes), to);
        }
        if (p < depth) store_parts(first_lanes(from + p, depth - p), first_lanes(from + p + lanes, depth - p - lanes), to);
    }
    // Whole tiles are multiplied.
    for (int64_t i = rows; i % lanes != 0; i++)
        for (int64_t step = 0; step < martlet_amx_steps(depth); step++)
            store_parts((lane_vector){0}, (lane_vector){0},
                        panel + step * martlet_amx_step_floats + i / lanes * tile_floats + i % lanes * lanes);
}

TILES void martlet_amx_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t rows, int64_t depth,
                                 float *panel) {
    if (depth_step == 1) return pack_deep_rows(from, row_step, rows, depth, panel);
    int64_t ahead = martlet_amx_side * row_step;
    for (int64_t p = 0; p < depth; p += martlet_amx_depth, panel += martlet_amx_step_floats)
        for (int64_t tile = 0; tile * lanes < rows; tile++) {
            lane_vector low[lanes], high[lanes];
            const float *first = from + tile * lanes * row_step + p * depth_step;
            load_transposed(first, depth_step, depth - p, rows - tile * lanes, ahead, low);
            load_transposed(first + lanes * depth_step, depth_step, depth - p - lanes, rows - tile * lanes, ahead, high);
            MARTLET_UNROLL for (int i = 0; i < lanes; i++) store_parts(low[i], high[i], panel + tile * tile_floats + i * lanes);
        }
}

// Lanes that lie in one piece: two depths, 16 apart, at a time.
TILES_INLINE void pack_flat_lanes(const float *from, int64_t depth_step, int64_t count, int64_t depth, float *panels,
                                  int64_t floats) {
    int64_t ahead = 2 * martlet_amx_depth * depth_step;
    for (int64_t p = 0; p < depth; p += martlet_amx_depth, panels += martlet_amx_step_floats)
        for (int64_t i = 0; i < lanes; i++) {
            const float *low = from + (p + i) * depth_step, *high = low + lanes * depth_step;
            float *to = panels + i * lanes;
            int has_low = p + i < depth, has_high = p + i + lanes < depth;
            int64_t lane = 0;
            for (; has_high && lane + lanes <= count; lane += lanes, to += lane / lanes % 2 ? tile_floats : floats - tile_floats) {
                look_ahead(low + lane, ahead);
                look_ahead(high + lane, ahead);
                store_parts(LOAD(low + lane), LOAD(high + lane), to);
            }
            for (; lane < count; lane += lanes, to += lane / lanes % 2 ? tile_floats : floats - tile_floats)
                store_parts(first_lanes(low + lane, has_low ? count - lane : 0),
                            first_lanes(high + lane, has_high ? count - lane : 0), to);
        }
}

TILES void martlet_amx_pack_lanes(const float *from, int64_t lane_step, int64_t depth_step, int64_t count, int64_t depth,
                                  float *panels) {
    int64_t floats = martlet_amx_panel_floats(depth), ahead = martlet_amx_side * lane_step;
    if (lane_step == 1) return pack_flat_lanes(from, depth_step, count, depth, panels, floats);
    for (int64_t lane = 0; lane < count; lane += lanes) {
        float *to = panels + lane / martlet_amx_side * floats + lane / lanes % 2 * tile_floats;
        for (int64_t p = 0; p < depth; p += martlet_amx_depth, to += martlet_amx_step_floats) {
            lane_vector low[lanes], high[lanes];
            const float *first = from + lane * lane_step + p * depth_step;
            load_transposed(first, lane_step, count - lane, depth - p, ahead, low);
            load_transposed(first + lanes, lane_step, count - lane, depth - p - lanes, ahead, high);
            MARTLET_UNROLL for (int i = 0; i < lanes; i++) store_parts(low[i], high[i], to + i * lanes);
        }
    }
}

// Where the core's other thread is at work, tile instructions close behind one another take twice the time, as measured; some
// instructions between them prevent that, and cost nothing where it is idle.
#define PAUSE __asm__ volatile(".rept 8\n\tnop\n\t.endr");
#define LOAD_TILE(tile, from) _tile_loadd(tile, from, tile_row_bytes); PAUSE

// Asked for meanwhile: the lanes of the next step or the next panel, what the caller wants next, and a row of the sums' place.
#define MULTIPLY_TILES(sum, row, lane)                                                             \
    _tile_dpbf16ps(sum, row, lane);                                                                \
    MARTLET_UNROLL for (int line = 0; line < 4; line++) __builtin_prefetch(next + line * lanes);   \
    __builtin_prefetch(ahead);                                                                     \
    __builtin_prefetch(place, 1);                                                                  \
    __builtin_prefetch(place + lanes, 1);                                                          \
    next += 4 * lanes, ahead += lanes, place = place == last ? last : place + pitch;

#define LOAD_ROWS(part)                                                                             \
    LOAD_TILE(4, rows + part * part_floats)                                                         \
    if (row_tiles == 2) { LOAD_TILE(5, rows + part * part_floats + tile_floats) }
#define LOAD_LANES(part)                                                                            \
    LOAD_TILE(6, columns + part * part_floats)                                                      \
    if (lane_tiles == 2) { LOAD_TILE(7, columns + part * part_floats + tile_floats) }
#define MULTIPLY                                                                                    \
    MULTIPLY_TILES(0, 4, 6)                                                                         \
    if (lane_tiles == 2) { MULTIPLY_TILES(1, 4, 7) }                                                \
    if (row_tiles == 2) { MULTIPLY_TILES(2, 5, 6) }                                                 \
    if (row_tiles == 2 && lane_tiles == 2) { MULTIPLY_TILES(3, 5, 7) }

TILES_INLINE void multiply(const int row_tiles, const int lane_tiles, int64_t steps, const float *rows, const float *columns,
                           const float *ahead, float *sums, int64_t pitch) {
    const int64_t below = lanes * pitch, bytes = pitch * (int64_t)sizeof *sums;
    const float *place = sums, *last = sums + (row_tiles * lanes - 1) * pitch;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t step = 0; step < steps; step++, rows += martlet_amx_step_floats, columns += martlet_amx_step_floats) {
        const float *next = columns + martlet_amx_step_floats;
        // In this order only one operand changes from product to product.
        LOAD_ROWS(0) LOAD_LANES(2) MULTIPLY
        LOAD_LANES(1) MULTIPLY
        LOAD_LANES(0) MULTIPLY
        LOAD_ROWS(2) MULTIPLY
        LOAD_ROWS(1) MULTIPLY
        LOAD_LANES(1) MULTIPLY
    }
    _tile_stored(0, sums, bytes);
    if (lane_tiles == 2) _tile_stored(1, sums + lanes, bytes);
    if (row_tiles == 2) _tile_stored(2, sums + below, bytes);
    if (row_tiles == 2 && lane_tiles == 2) _tile_stored(3, sums + below + lanes, bytes);
}

TILES int32_t martlet_amx_multiply(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lane_count,
                                   int64_t depth, const float *ahead, float *sums, int64_t pitch) {
    int64_t steps = martlet_amx_steps(depth);
    int tall = rows > lanes, wide = lane_count > lanes;
    if (tall && wide) multiply(2, 2, steps, rows_panel, lanes_panel, ahead, sums, pitch);
    else if (tall) multiply(2, 1, steps, rows_panel, lanes_panel, ahead, sums, pitch);
    else if (wide) multiply(1, 2, steps, rows_panel, lanes_panel, ahead, sums, pitch);
    else multiply(1, 1, steps, rows_panel, lanes_panel, ahead, sums, pitch);
    lane_vector left[2] = {{0}, {0}};
    for (int64_t i = 0; i < (tall ? 2 * lanes : lanes); i++)
        for (int half = 0; half <= wide; half++) left[half] += 0 * LOAD(sums + i * pitch + half * lanes);
    lane_vector both = left[0] + left[1];
    return lane_sum(&both) == 0;
}

TILES int32_t martlet_amx_multiply_into(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lane_count,
                                        int64_t depth, float *to, int64_t pitch, int32_t adds) {
    enum { side = martlet_amx_side };
    if (!adds && rows == side && lane_count == side)
        return martlet_amx_multiply(rows_panel, lanes_panel, rows, lane_count, depth, rows_panel, to, pitch);
    _Alignas(64) float sums[side * side];
    if (!martlet_amx_multiply(rows_panel, lanes_panel, rows, lane_count, depth, rows_panel, sums, side)) return 0;
    for (int64_t i = 0; i < rows; i++, to += pitch)
        for (int64_t first = 0; first < lane_count; first += lanes) {
            __mmask16 mask = first_mask(lane_count - first);
            __m512 sum = _mm512_load_ps(sums + i * side + first);
            if (adds) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, to + first));
            _mm512_mask_storeu_ps(to + first, mask, sum);
        }
    return 1;
}

#else

int martlet_amx_is_there(void) { return 0; }
void martlet_amx_begin(void) {}
void martlet_amx_end(void) {}
void martlet_amx_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t rows, int64_t depth, float *panel) {}
void martlet_amx_pack_lanes(const float *from, int64_t lane_step, int64_t depth_step, int64_t count, int64_t depth, float *panel) {}
int32_t martlet_amx_multiply(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lane_count, int64_t depth,
                             const float *ahead, float *sums, int64_t pitch) {
    return 0;
}
int32_t martlet_amx_multiply_into(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lane_count,
                                  int64_t depth, float *to, int64_t pitch, int32_t adds) {
    return 0;
}

#endif
