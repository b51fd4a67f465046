// Winograd's convolution on CPU-like devices, over the transforms of Winograd.cl and the tiles of registers of Matmul.cl, which
// come before it. Vectors hold 16 channels: the image is turned to [pixel][16 channels] as it is read, and what is transformed
// lies in panels, [frequency][panel of 16 channels][tile or channel][16], so tiles of all images and rows are pooled.
//
//     x --turn, transform--> v --+
//                                multiply, for each frequency --> p --transform, turn, epilogue--> y
//     w --transform-----> u -----+
//
// Of a tile whose last row or column of outputs lies outside, the last frequency along that axis is not needed: such products
// are left out, and the tiles that have a frequency lie side by side.
//
// A work-item owns a range of tiles and does all three steps for a block of them at a time, in a slab of global memory that
// stays in its caches. The weights' gradient has one launch for each step, over a part of the tiles at a time.
//
// TILE, TAPS  as in Winograd.cl
// MR, NV  as in Matmul.cl: rows are tiles, or input channels for the weights' gradient, where MR divides 16
// PATCH   winogradTransform: SPAN for the image, TILE for the output's gradient
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, image, channel, y, x), perhaps EPILOGUE16,
// and EPILOGUE_REPEATED where no operand changes along a row.

typedef float16 Value;
typedef __global float *Place;

#ifndef PATCH
#define PATCH SPAN
#endif
#if PATCH == TILE
#define TRANSFORM_PATCH TRANSFORM_OUT_GRADIENT
#else
#define TRANSFORM_PATCH TRANSFORM_IN
#endif

// Sixteen channels' pixels [y, y + rows) x [x, x + columns), zeros where there are none, to [row][column][16]; `from` is the
// first channel's plane and `end` the tensor's. What is turned next lies `ahead` behind. Writes up to 15 pixels more.
INLINE void turnIn(Source from, Source end, const size_t ahead, const size_t channels, const long height, const long width,
                   const long y, const long x, const long rows, const long columns, Place to) {
    const long first = clamp(-x, 0L, columns), last = clamp(width - x, first, columns), plane = height * width;
    for (long row = 0; row < rows; row++) {
        long filled = 0;
        if (y + row >= 0 && y + row < height) {
            for (; filled < first; filled++) vstore16(0, filled, to);
            Source pixels = from + (y + row) * width + x;
            for (long column = first; column < last; column += 16) {
                const size_t count = min(16L, last - column);
                float16 v[16];
                if (pixels + column + (channels - 1) * plane + 16 <= end) {
                    UNROLL for (uint i = 0; i < 16; i++) {
                        FETCH(pixels + column + i * plane + ahead);
                        v[i] = i < channels ? vload16(0, pixels + column + i * plane) : 0;
                    }
                } else {
                    float lines[256];
                    for (size_t i = 0; i < 256; i++)
                        lines[i] = i / 16 < channels && i % 16 < count ? pixels[column + i / 16 * plane + i % 16] : 0.0f;
                    UNROLL for (uint i = 0; i < 16; i++) v[i] = vload16(i, lines);
                }
                transpose16(v);
                UNROLL for (uint i = 0; i < 16; i++) vstore16(v[i], column + i, to);
            }
            filled = last;
        }
        for (; filled < columns; filled++) vstore16(0, filled, to);
        to += columns * 16;
    }
}

// Where tiles [start, end) begin: of image `image` the `count` next ones, in tile rows [row, row + rows) and columns
// [column, column + columns).
typedef struct {
    size_t image, count, row, rows, column, columns, skip;
} Part;

INLINE Part nextPart(const size_t start, const size_t end, const size_t tilesY, const size_t tilesX) {
    Part part;
    part.image = start / (tilesY * tilesX);
    const size_t first = start - part.image * tilesY * tilesX;
    part.count = min(end - start, tilesY * tilesX - first);
    part.row = first / tilesX;
    part.rows = (first + part.count - 1) / tilesX + 1 - part.row;
    const size_t column = first - part.row * tilesX;
    part.column = part.rows > 1 ? 0 : column;
    part.columns = part.rows > 1 ? tilesX : part.count;
    part.skip = column - part.column;
    return part;
}

// Tiles before `tile` of which those in the last row, if cutY, and in the last column, if cutX, are left out.
INLINE size_t tilesBefore(const size_t tile, const size_t tilesY, const size_t tilesX, const size_t cutY, const size_t cutX) {
    const size_t row = tile / tilesX % tilesY, column = tile % tilesX, rows = tilesY - cutY, columns = tilesX - cutX;
    return (tile / (tilesY * tilesX) * rows + min(row, rows)) * columns + (row < rows ? min(column, columns) : 0);
}

// Frequency (y, x)'s tiles before `tile` where cutY and cutX tell whether outputs of the last row and column lie outside.
#define HAS_LAST(f) ((f) == SPAN - 1)
#define TILES_BEFORE(y, x, tile) tilesBefore(tile, tilesY, tilesX, HAS_LAST(y) ? cutY : 0, HAS_LAST(x) ? cutX : 0)

// Tiles [start, stop) of sixteen channels, each frequency to to[frequency * step + (its tiles from `origin` on) * 16]; `turned`
// holds the pixels, PATCH x PATCH a tile.
INLINE void transformIn(Source from, Source end, const size_t channels, const size_t imageStep, const long height,
                        const long width, const long top, const long left, const size_t tilesY, const size_t tilesX,
                        const size_t cutY, const size_t cutX, const size_t start, const size_t stop, Place turned, Place to,
                        const size_t step, const size_t origin) {
    size_t all = start - origin;
    size_t lastY = TILES_BEFORE(SPAN - 1, 0, start) - TILES_BEFORE(SPAN - 1, 0, origin);
    size_t lastX = TILES_BEFORE(0, SPAN - 1, start) - TILES_BEFORE(0, SPAN - 1, origin);
    size_t lastBoth = TILES_BEFORE(SPAN - 1, SPAN - 1, start) - TILES_BEFORE(SPAN - 1, SPAN - 1, origin);
    for (size_t tile = start; tile < stop;) {
        const Part part = nextPart(tile, stop, tilesY, tilesX);
        const size_t columns = part.columns * TILE + PATCH - TILE;
        // The next image, or the next channels.
        const size_t ahead = tile + part.count < stop ? imageStep : 16 * height * width;
        turnIn(from + part.image * imageStep, end, ahead, channels, height, width, (long)(part.row * TILE) - top,
               (long)(part.column * TILE) - left, part.rows * TILE + PATCH - TILE, columns, turned);
        size_t row = 0, column = part.skip;
        for (size_t i = 0; i < part.count; i++) {
            Source pixels = turned + (row * columns + column) * TILE * 16;
            float16 partly[SPAN][PATCH];
            UNROLL for (uint x = 0; x < PATCH; x++) {
                float16 d[PATCH], v[SPAN];
                UNROLL for (uint y = 0; y < PATCH; y++) d[y] = vload16(y * columns + x, pixels);
                TRANSFORM_PATCH(d, v)
                UNROLL for (uint y = 0; y < SPAN; y++) partly[y][x] = v[y];
            }
            const int hasY = !cutY || part.row + row + 1 < tilesY, hasX = !cutX || part.column + column + 1 < tilesX;
            UNROLL for (uint y = 0; y < SPAN; y++) {
                if (HAS_LAST(y) && !hasY) continue;
                float16 v[SPAN];
                TRANSFORM_PATCH(partly[y], v)
                UNROLL for (uint x = 0; x < SPAN - 1; x++)
                    vstore16(v[x], HAS_LAST(y) ? lastY : all, to + (y * SPAN + x) * step);
                if (hasX) vstore16(v[SPAN - 1], HAS_LAST(y) ? lastBoth : lastX, to + (y * SPAN + SPAN - 1) * step);
            }
            all++;
            lastY += hasY;
            lastX += hasX;
            lastBoth += hasY && hasX;
            if (++column == part.columns) {
                column = 0;
                row++;
            }
        }
        tile += part.count;
    }
}

// The taps at w[lane * laneStep] to [tap][16 lanes]; those gathered next lie `ahead` behind.
INLINE void gatherTaps(Source w, const size_t laneStep, const size_t lanes, const size_t ahead, const int isReversed,
                       float *taps) {
    for (size_t lane = 0; lane < lanes; lane++) {
        Source from = w + lane * laneStep;
        FETCH(from + ahead);
        if (isReversed) UNROLL for (uint i = 0; i < TAPS * TAPS; i++) taps[i * 16 + lane] = from[TAPS * TAPS - 1 - i];
        else UNROLL for (uint i = 0; i < TAPS * TAPS; i++) taps[i * 16 + lane] = from[i];
    }
}

#ifdef KERNEL_winogradWeights
// u[frequency][panel of 16 lanes][row][16] from taps at w[lane * laneStep + row * rowStep], in reverse if isReversed.
// global: panels, groups of rowsEach rows.
__kernel ONE_ITEM void winogradWeights(Source w, const ulong offset, Place u, const ulong lanes, const ulong rows,
                                       const ulong laneStep, const ulong rowStep, const int isReversed,
                                       const ulong rowsEach) {
    const size_t panel = get_global_id(0), step = get_global_size(0) * rows * 16;
    const size_t first = get_global_id(1) * rowsEach, end = min((ulong)(first + rowsEach), rows);
    const size_t used = min((ulong)16, lanes - panel * 16);
    w += offset + panel * 16 * laneStep;
    float taps[TAPS * TAPS * 16];
    for (size_t i = 0; i < TAPS * TAPS * 16; i++) taps[i] = 0;
    for (size_t row = first; row < end; row++) {
        gatherTaps(w + row * rowStep, laneStep, used, 4 * rowStep, isReversed, taps);
        float16 partly[SPAN][TAPS];
        UNROLL for (uint x = 0; x < TAPS; x++) {
            float16 g[TAPS], t[SPAN];
            UNROLL for (uint y = 0; y < TAPS; y++) g[y] = vload16(y * TAPS + x, taps);
            TRANSFORM_WEIGHT(g, t)
            UNROLL for (uint y = 0; y < SPAN; y++) partly[y][x] = t[y];
        }
        Place to = u + (panel * rows + row) * 16;
        UNROLL for (uint y = 0; y < SPAN; y++) {
            float16 t[SPAN];
            TRANSFORM_WEIGHT(partly[y], t)
            UNROLL for (uint x = 0; x < SPAN; x++) vstore16(t[x], 0, to + (y * SPAN + x) * step);
        }
    }
}
#endif

#ifdef KERNEL_winogradConvolution
// One frequency: tiles times channels of v, [panel][blockTiles][16], by u, [panel][channels][16], to p, [panel][blockTiles][16].
INLINE void multiplyFrequency(Source v, Source u, Place p, const size_t tiles, const size_t blockTiles, const size_t channels,
                              const size_t panels) {
    for (size_t panel = 0; panel < panels; panel += NV) for (size_t tile = 0; tile < tiles; tile += MR) {
        float16 sum[MR][NV];
        clearTile(sum);
        Source a = v + tile * 16, b = u + panel * channels * 16;
        for (size_t first = 0; first < channels; first += 16) {
            const size_t depth = min((size_t)16, channels - first);
            Source number = a;
#define STEP(c)                                                                         \
    {                                                                                   \
        float16 lanes[NV];                                                              \
        UNROLL for (uint j = 0; j < NV; j++) lanes[j] = vload16(c, b + j * channels * 16); \
        MULTIPLY_ADD(sum, number[i * 16 + (c)], lanes)                                  \
    }
#define ADVANCE(steps)                                                                  \
    number += steps;                                                                    \
    b += (steps) * 16;
            BY_FOURS(depth, STEP, ADVANCE)
            a += blockTiles * 16;
        }
        UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
            vstore16(sum[i][j], 0, p + ((panel + j) * blockTiles + tile + i) * 16);
    }
}

// One tile of sixteen outputs by the definition, for where the transforms mixed in what is not finite; to[y * step + x][16].
INLINE void tileByDefinition(Source x, Source w, const size_t lanes, const size_t laneStep, const size_t rowStep,
                             const int isReversed, const size_t channels, const long height, const long width, const long top,
                             const long left, Place to, const size_t step) {
    float16 sum[TILE * TILE];
    UNROLL for (uint i = 0; i < TILE * TILE; i++) sum[i] = 0;
    float taps[TAPS * TAPS * 16];
    for (size_t i = 0; i < TAPS * TAPS * 16; i++) taps[i] = 0;
    for (size_t channel = 0; channel < channels; channel++) {
        gatherTaps(w + channel * rowStep, laneStep, lanes, rowStep, isReversed, taps);
        for (long i = 0; i < TAPS * TAPS * TILE * TILE; i++) {
            const long pixel = i / (TAPS * TAPS), tap = i % (TAPS * TAPS);
            const long row = top + pixel / TILE + tap / TAPS, column = left + pixel % TILE + tap % TAPS;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            sum[pixel] = fma(x[(channel * height + row) * width + column], vload16(tap, taps), sum[pixel]);
        }
    }
    for (size_t i = 0; i < TILE * TILE; i++) vstore16(sum[i], i / TILE * step + i % TILE, to);
}

// global: work-items; each takes tilesEach tiles, blockTiles at a time, a multiple of MR, and slabStep floats of the slab:
// v (vStep floats a frequency), p (pStep), then pixels. x is [n, channels, height, width], y [n, outputs, outHeight, outWidth].
__kernel ONE_ITEM void winogradConvolution(
    Source x, const ulong xOffset, Source u, Place slab, Place y, const ulong yOffset, const ulong images,
    const ulong channels, const ulong outputs, const ulong height, const ulong width, const ulong outHeight,
    const ulong outWidth, const int top, const int left, const ulong tilesY, const ulong tilesX, const ulong tilesEach,
    const ulong blockTiles, const ulong vStep, const ulong pStep, const ulong slabStep, Source w, const ulong wOffset,
    const ulong laneStep, const ulong rowStep, const int isReversed EPILOGUE_PARAMETERS) {
    const size_t tiles = images * tilesY * tilesX, panels = (outputs + 15) / 16, imageStep = channels * height * width;
    const size_t cutY = outHeight < tilesY * TILE, cutX = outWidth < tilesX * TILE;
    const size_t first = get_global_id(0) * tilesEach, last = min((ulong)(first + tilesEach), (ulong)tiles);
    Place v = slab + get_global_id(0) * slabStep, p = v + SPAN * SPAN * vStep, pixels = p + SPAN * SPAN * pStep;
    x += xOffset;
    y += yOffset;
    w += wOffset;
    for (size_t start = first; start < last; start += blockTiles) {
        const size_t end = min((ulong)(start + blockTiles), (ulong)last);
        for (size_t channel = 0; channel < channels; channel += 16)
            transformIn(x + channel * height * width, x + images * imageStep, min((ulong)16, channels - channel), imageStep,
                        height, width, top, left, tilesY, tilesX, cutY, cutX, start, end, pixels, v + channel * blockTiles,
                        vStep, start);
        for (size_t f = 0; f < SPAN * SPAN; f++) {
            const size_t count = TILES_BEFORE(f / SPAN, f % SPAN, end) - TILES_BEFORE(f / SPAN, f % SPAN, start);
            multiplyFrequency(v + f * vStep, u + f * panels * channels * 16, p + f * pStep, count, blockTiles, channels, panels);
        }
        for (size_t panel = 0; panel < panels; panel++) {
            Source products = p + panel * blockTiles * 16;
            size_t all = 0, lastY = 0, lastX = 0, lastBoth = 0;
            for (size_t tile = start; tile < end;) {
                const size_t image = tile / (tilesY * tilesX), row = tile / tilesX % tilesY, column = tile % tilesX;
                const size_t count = min(end - tile, tilesX - column);
                const int hasY = !cutY || row + 1 < tilesY;
                for (size_t i = 0; i < count; i++) {
                    const int hasX = !cutX || column + i + 1 < tilesX;
                    float16 partly[TILE][SPAN];
                    UNROLL for (uint fx = 0; fx < SPAN; fx++) {
                        float16 t[SPAN], out[TILE];
                        UNROLL for (uint fy = 0; fy < SPAN; fy++) {
                            const size_t place = HAS_LAST(fy) ? HAS_LAST(fx) ? lastBoth : lastY : HAS_LAST(fx) ? lastX : all;
                            const int has = (!HAS_LAST(fy) || hasY) && (!HAS_LAST(fx) || hasX);
                            t[fy] = has ? vload16(place, products + (fy * SPAN + fx) * pStep) : 0;
                        }
                        TRANSFORM_OUT(t, out)
                        UNROLL for (uint i = 0; i < TILE; i++) partly[i][fx] = out[i];
                    }
                    float16 zero = 0;
                    UNROLL for (uint py = 0; py < TILE; py++) {
                        float16 out[TILE];
                        TRANSFORM_OUT(partly[py], out)
                        UNROLL for (uint px = 0; px < TILE; px++) {
                            zero = fma(out[px], 0.0f, zero);
                            vstore16(out[px], (py * count + i) * TILE + px, pixels);
                        }
                    }
                    if (any(isnan(zero)))
                        tileByDefinition(
                            x + image * imageStep, w + panel * 16 * laneStep, min((ulong)16, outputs - panel * 16), laneStep,
                            rowStep, isReversed, channels, height, width, (long)(row * TILE) - top,
                            (long)((column + i) * TILE) - left, pixels + i * TILE * 16, count * TILE);
                    all++;
                    lastY += hasY;
                    lastX += hasX;
                    lastBoth += hasY && hasX;
                }
                const size_t columns = min((ulong)(count * TILE), outWidth - column * TILE);
                const size_t rows = min((ulong)TILE, outHeight - row * TILE), used = min((ulong)16, outputs - panel * 16);
                for (size_t r = 0; r < rows; r++) for (size_t c = 0; c < columns; c += 16) {
                    float16 t[16];
                    UNROLL for (uint i = 0; i < 16; i++) t[i] = vload16(r * count * TILE + c + i, pixels);
                    transpose16(t);
                    float turned[256];
                    UNROLL for (uint i = 0; i < 16; i++) vstore16(t[i], i, turned);
                    const size_t lanes = min((size_t)16, columns - c), py = row * TILE + r, px = column * TILE + c;
                    for (size_t i = 0; i < used; i++) {
                        const size_t channel = panel * 16 + i;
                        Place to = y + ((image * outputs + channel) * outHeight + py) * outWidth + px;
                        const float *from = turned + i * 16;
#ifdef EPILOGUE16
                        if (lanes == 16) {
                            vstore16(EPILOGUE16(vload16(0, from), image, channel, py, px), 0, to);
                            continue;
                        }
#endif
#ifdef EPILOGUE_REPEATED
                        storePart(EPILOGUE16(vload16(0, from), image, channel, py, px), to, lanes);
#else
                        for (size_t j = 0; j < lanes; j++) to[j] = EPILOGUE(from[j], image, channel, py, px + j);
#endif
                    }
                }
                tile += count;
            }
        }
    }
}
#endif

#ifdef KERNEL_winogradTransform
// Tiles [start, start + count) of all images to [frequency][panel][count][16], frequencies `step` floats apart. PATCH x PATCH
// pixels a tile. global: work-items; the panels' ranges of rangeTiles tiles are divided among them; slabStep floats for each.
__kernel ONE_ITEM void winogradTransform(
    Source x, const ulong offset, Place slab, Place to, const ulong images, const ulong channels, const ulong height,
    const ulong width, const int top, const int left, const ulong tilesY, const ulong tilesX, const int cutY, const int cutX,
    const ulong start, const ulong count, const ulong rangeTiles, const ulong step, const ulong slabStep, const ulong items) {
    const size_t panels = (channels + 15) / 16, ranges = (count + rangeTiles - 1) / rangeTiles, jobs = panels * ranges;
    const size_t item = get_global_id(0);
    x += offset;
    for (size_t job = item * jobs / items; job < (item + 1) * jobs / items; job++) {
        const size_t panel = job / ranges, first = start + job % ranges * rangeTiles;
        transformIn(x + panel * 16 * height * width, x + images * channels * height * width,
                    min((ulong)16, channels - panel * 16), channels * height * width, height, width, top, left, tilesY, tilesX,
                    cutY, cutX, first, min((ulong)(first + rangeTiles), start + count), slab + item * slabStep,
                    to + panel * count * 16, step, start);
    }
}
#endif

#ifdef KERNEL_winogradWeightProducts
// The sum over `count` tiles of v's channels times dy's, [frequency][panel of dy][channels filled up to 16s][16], put to or
// added to `sums`. global: groups of NV panels of dy, frequencies, groups of panelsEach panels of v.
__kernel ONE_ITEM void winogradWeightProducts(
    Source v, Source dy, Place sums, const ulong tilesY, const ulong tilesX, const int cutY, const int cutX, const ulong start,
    const ulong count, const ulong vPanels, const ulong dyPanels, const ulong vStep, const ulong dyStep,
    const ulong panelsEach, const int isFirst) {
    const size_t panel = get_global_id(0) * NV, f = get_global_id(1), first = get_global_id(2) * panelsEach;
    const size_t depth = TILES_BEFORE(f / SPAN, f % SPAN, start + count) - TILES_BEFORE(f / SPAN, f % SPAN, start);
    v += f * vStep;
    dy += f * dyStep + panel * count * 16;
    sums += (f * dyPanels + panel) * vPanels * 256;
    for (size_t row = first * 16, end = min((ulong)(first + panelsEach), vPanels) * 16; row < end; row += MR) {
        float16 sum[MR][NV];
        Place to = sums + row * 16;
        clearTile(sum);
        Source a = v + row / 16 * count * 16 + row % 16, b = dy;
#define STEP(tile)                                                                      \
    {                                                                                   \
        float16 lanes[NV];                                                              \
        UNROLL for (uint j = 0; j < NV; j++) lanes[j] = vload16(tile, b + j * count * 16); \
        MULTIPLY_ADD(sum, a[(tile) * 16 + i], lanes)                                    \
    }
#define ADVANCE(steps)                                                                  \
    a += (steps) * 16;                                                                  \
    b += (steps) * 16;
        BY_FOURS(depth, STEP, ADVANCE)
        // A part is summed up by itself, so that rounding errors grow with a part's tiles only.
        UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++) {
            Place element = to + (j * vPanels * 16 + i) * 16;
            vstore16(isFirst ? sum[i][j] : vload16(0, element) + sum[i][j], 0, element);
        }
    }
}
#endif

#ifdef KERNEL_winogradWeightGradient
// One channel's taps, [tap][16 outputs], by the definition.
INLINE void tapsByDefinition(Source x, Source dy, const size_t images, const size_t channels, const size_t outputs,
                             const size_t lanes, const long height, const long width, const long outHeight,
                             const long outWidth, const long top, const long left, float *taps) {
    const size_t plane = outHeight * outWidth;
    for (long tap = 0; tap < TAPS * TAPS; tap++) {
        float16 sum = 0;
        for (size_t image = 0; image < images; image++) for (long pixel = 0; pixel < plane; pixel++) {
            const long row = pixel / outWidth + tap / TAPS - top, column = pixel % outWidth + tap % TAPS - left;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            float g[16];
            for (size_t lane = 0; lane < 16; lane++)
                g[lane] = lane < lanes ? dy[(image * outputs + lane) * plane + pixel] : 0.0f;
            sum = fma(x[image * channels * height * width + row * width + column], vload16(0, g), sum);
        }
        vstore16(sum, tap, taps);
    }
}

// dw [outputs, channels, TAPS, TAPS] from the sums of winogradWeightProducts; x and dy for where those are not finite.
// global: panels of outputs, groups of channelsEach.
__kernel ONE_ITEM void winogradWeightGradient(
    Source sums, Place dw, const ulong offset, const ulong outputs, const ulong channels, const ulong channelsEach,
    Source x, const ulong xOffset, Source dy, const ulong dyOffset, const ulong images, const ulong height,
    const ulong width, const ulong outHeight, const ulong outWidth, const int top, const int left) {
    const size_t panel = get_global_id(0), panels = get_global_size(0), rows = (channels + 15) / 16 * 16;
    const size_t first = get_global_id(1) * channelsEach, end = min((ulong)(first + channelsEach), channels);
    const size_t used = min((ulong)16, outputs - panel * 16), step = panels * rows * 16;
    dw += offset + panel * 16 * channels * TAPS * TAPS;
    for (size_t channel = first; channel < end; channel++) {
        Source from = sums + (panel * rows + channel) * 16;
        float16 partly[TAPS][SPAN], zero = 0;
        UNROLL for (uint x = 0; x < SPAN; x++) {
            float16 u[SPAN], g[TAPS];
            UNROLL for (uint y = 0; y < SPAN; y++) u[y] = vload16(0, from + (y * SPAN + x) * step);
            TRANSFORM_WEIGHT_GRADIENT(u, g)
            UNROLL for (uint y = 0; y < TAPS; y++) partly[y][x] = g[y];
        }
        float taps[TAPS * TAPS * 16];
        UNROLL for (uint y = 0; y < TAPS; y++) {
            float16 g[TAPS];
            TRANSFORM_WEIGHT_GRADIENT(partly[y], g)
            UNROLL for (uint x = 0; x < TAPS; x++) {
                zero = fma(g[x], 0.0f, zero);
                vstore16(g[x], y * TAPS + x, taps);
            }
        }
        if (any(isnan(zero)))
            tapsByDefinition(x + xOffset + channel * height * width, dy + dyOffset + panel * 16 * outHeight * outWidth, images,
                             channels, outputs, used, height, width, outHeight, outWidth, top, left, taps);
        for (size_t lane = 0; lane < used; lane++) {
            Place to = dw + (lane * channels + channel) * TAPS * TAPS;
            UNROLL for (uint i = 0; i < TAPS * TAPS; i++) to[i] = taps[i * 16 + lane];
        }
    }
}
#endif
