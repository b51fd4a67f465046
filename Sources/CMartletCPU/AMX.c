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
    enum { request_permission = 0x1023, tile_data = 18, tile_states = 3 << 17, saved_states = 1 << 27, bf16 = 1 << 22, tile = 1 << 24 };
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

// The upper half of each number, rounded.
TILES_INLINE __m512i rounded(__m512i x) {
    return _mm512_and_si512(_mm512_add_epi32(x, _mm512_set1_epi32(0x8000)), _mm512_set1_epi32((int)0xffff0000));
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
        __m512i a_part = rounded(a), b_part = rounded(b);
        store_pairs(a_part, b_part, to);
        a = rest_of(a, a_part);
        b = rest_of(b, b_part);
    }
    // What is left has so few bits that it is whole.
    store_pairs(a, b, to);
}

// 16 vectors of 16 lanes, of which so many are there: lane j of vector i lies at from[i * step + j * lane_step]; what is loaded
// soon lies `ahead` of them.
TILES_INLINE void load_block(const float *from, int64_t step, int64_t lane_step, int64_t vectors, int64_t count, int64_t ahead,
                             lane_vector *x) {
    int64_t inner = lane_step == 1 ? count : vectors, outer = lane_step == 1 ? vectors : count;
    int64_t outer_step = lane_step == 1 ? step : lane_step;
    if (inner >= lanes && outer >= lanes) {
        MARTLET_UNROLL for (int i = 0; i < lanes; i++) {
            look_ahead(from + i * outer_step, ahead);
            x[i] = LOAD(from + i * outer_step);
        }
    } else {
        __mmask16 mask = inner >= lanes ? 0xffff : inner > 0 ? (__mmask16)((1 << inner) - 1) : 0;
        for (int i = 0; i < lanes; i++)
            x[i] = i < outer ? (lane_vector)_mm512_maskz_loadu_ps(mask, from + i * outer_step) : (lane_vector){0};
    }
    if (lane_step != 1) transpose_lanes(x);
}

TILES void martlet_amx_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t rows, int64_t depth, float *panel) {
    int64_t ahead = martlet_amx_side * row_step;  // in the next panel
    for (int64_t p = 0; p < depth; p += martlet_amx_depth, panel += martlet_amx_step_floats)
        for (int64_t tile = 0; tile * lanes < rows; tile++) {
            lane_vector low[lanes], high[lanes];
            const float *first = from + tile * lanes * row_step + p * depth_step;
            load_block(first, row_step, depth_step, rows - tile * lanes, depth - p, ahead, low);
            load_block(first + lanes * depth_step, row_step, depth_step, rows - tile * lanes, depth - p - lanes, ahead, high);
            MARTLET_UNROLL for (int i = 0; i < lanes; i++) store_parts(low[i], high[i], panel + tile * tile_floats + i * lanes);
        }
}

// Two vectors of lanes behind another, of 16 depths each, in the order in which they lie in memory, so that it is read in one piece.
TILES_INLINE void pack_flat_lanes(const float *from, int64_t depth_step, int64_t count, int64_t depth, float *panels, int64_t floats) {
    for (int64_t p = 0; p < depth; p += martlet_amx_depth, panels += martlet_amx_step_floats)
        for (int64_t i = 0; i < lanes; i++) {
            const float *low = from + (p + i) * depth_step, *high = low + lanes * depth_step;
            float *to = panels + i * lanes;
            for (int64_t lane = 0; lane < count; lane += lanes) {
                __mmask16 mask = count - lane >= lanes ? 0xffff : (__mmask16)((1 << (count - lane)) - 1);
                look_ahead(low + lane, 2 * martlet_amx_depth * depth_step);
                look_ahead(high + lane, 2 * martlet_amx_depth * depth_step);
                store_parts((lane_vector)_mm512_maskz_loadu_ps(p + i < depth ? mask : 0, low + lane),
                            (lane_vector)_mm512_maskz_loadu_ps(p + i + lanes < depth ? mask : 0, high + lane),
                            to + lane / martlet_amx_side * floats + lane / lanes % 2 * tile_floats);
            }
        }
}

TILES void martlet_amx_pack_lanes(const float *from, int64_t lane_step, int64_t depth_step, int64_t count, int64_t depth,
                                  float *panels) {
    int64_t floats = martlet_amx_steps(depth) * martlet_amx_step_floats, ahead = martlet_amx_side * lane_step;
    if (lane_step == 1) return pack_flat_lanes(from, depth_step, count, depth, panels, floats);
    for (int64_t lane = 0; lane < count; lane += lanes) {
        float *to = panels + lane / martlet_amx_side * floats + lane / lanes % 2 * tile_floats;
        for (int64_t p = 0; p < depth; p += martlet_amx_depth, to += martlet_amx_step_floats) {
            lane_vector low[lanes], high[lanes];
            const float *first = from + lane * lane_step + p * depth_step;
            load_block(first, depth_step, lane_step, depth - p, count - lane, ahead, low);
            load_block(first + lanes * depth_step, depth_step, lane_step, depth - p - lanes, count - lane, ahead, high);
            MARTLET_UNROLL for (int i = 0; i < lanes; i++) store_parts(low[i], high[i], to + i * lanes);
        }
    }
}

// Where the core's other thread is at work, tile instructions close behind one another take twice the time, as measured; some
// instructions between them prevent that, and cost nothing where it is idle.
#define PAUSE __asm__ volatile(".rept 8\n\tnop\n\t.endr");
#define LOAD_TILE(tile, from) _tile_loadd(tile, from, tile_row_bytes); PAUSE

// The lanes of the next step, or of the next panel, are asked for meanwhile.
#define ASK(line) __builtin_prefetch(next + line * lanes); __asm__ volatile("nop\n\tnop");
#define MULTIPLY_TILES(sum, row, lane) _tile_dpbf16ps(sum, row, lane); ASK(0) ASK(1) ASK(2) ASK(3) next += 4 * lanes;

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
                           float *sums, int64_t pitch) {
    const int64_t below = lanes * pitch, bytes = pitch * (int64_t)sizeof *sums;
    for (int i = 0; i < row_tiles * lanes; i++)
        for (int j = 0; j < lane_tiles; j++) __builtin_prefetch(sums + i * pitch + j * lanes, 1);
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

TILES int32_t martlet_amx_multiply(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lane_count, int64_t depth,
                                   float *sums, int64_t pitch) {
    int64_t steps = martlet_amx_steps(depth);
    int tall = rows > lanes, wide = lane_count > lanes;
    if (tall && wide) multiply(2, 2, steps, rows_panel, lanes_panel, sums, pitch);
    else if (tall) multiply(2, 1, steps, rows_panel, lanes_panel, sums, pitch);
    else if (wide) multiply(1, 2, steps, rows_panel, lanes_panel, sums, pitch);
    else multiply(1, 1, steps, rows_panel, lanes_panel, sums, pitch);
    lane_vector left[2] = {{0}, {0}};
    for (int64_t i = 0; i < (tall ? 2 * lanes : lanes); i++)
        for (int half = 0; half <= wide; half++) left[half] += 0 * LOAD(sums + i * pitch + half * lanes);
    lane_vector both = left[0] + left[1];
    return lane_sum(&both) == 0;
}

#else

int martlet_amx_is_there(void) { return 0; }
void martlet_amx_begin(void) {}
void martlet_amx_end(void) {}
void martlet_amx_pack_rows(const float *from, int64_t row_step, int64_t depth_step, int64_t rows, int64_t depth, float *panel) {}
void martlet_amx_pack_lanes(const float *from, int64_t lane_step, int64_t depth_step, int64_t count, int64_t depth, float *panel) {}
int32_t martlet_amx_multiply(const float *rows_panel, const float *lanes_panel, int64_t rows, int64_t lane_count, int64_t depth,
                             float *sums, int64_t pitch) {
    return 0;
}

#endif
