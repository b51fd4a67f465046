// Two-dimensional convolution as a product that never stores its patches. This file: what both kinds of device share, and
// the products on CPU-like devices, with the register tiles of Matmul.cl, which comes before it.
//
// The image is first copied with its padding, and divided into `stride` phases along each axis, so that the elements that a
// tap of the kernel multiplies lie side by side: [image][channel][phase y][phase x][rows][pitch]. Output pixel (y, x) is
// position y * pitch + x of this raster, and tap p reads position + table[p]: no bounds, divisions or strides are left.
//
//   weights              raster positions           Each vector of 16 neighbouring positions is one load a tap. Positions
//   +----------+         +-----+-----+              past a row's end are computed and not stored; pitch is the output's
//   | MR taps  |  times  | NR  | ... |  shifted by  width and the kernel's reach, so they are few.
//   +----------+         +-----+-----+  table[p]
//
// The input's gradient is the same product over dy: each phase of dx sees every stride-th tap, in reverse, and the weights
// are packed with input and output channels exchanged.
//
// MR, NV, A_FORM  as in Matmul.cl (A_FORM 0 or 1)
// PANELS, TAPS    row panels whose sums are kept at a time, and the taps whose pixels are copied for them; PANELS 1 reads them as
//                 they lie
// UNIT            1 where neighbouring outputs lie side by side (all but the input gradient of a strided convolution)
// DO, DT          output channels and taps of a register tile of convolutionWeightDot
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, image, channel, y, x), perhaps EPILOGUE16,
// and EPILOGUE_REPEATED where no operand changes along a row.

#ifdef KERNEL_convolutionTable
// Where tap p = (channel, jy, jx) of counts [.., ny, nx] lies: to[p] in the weights, to[count + p] in the raster. Along an
// axis tap j is the kernel's first + j * step, and it is start + j * slope pixels from an output's origin.
__kernel void convolutionTable(__global int *to, const int count, const int ny, const int nx, const int weightChannel,
                               const int kernelWidth, const int firstY, const int stepY, const int firstX,
                               const int stepX, const int rasterChannel, const int startY, const int slopeY,
                               const int strideY, const int startX, const int slopeX, const int strideX,
                               const int phasesX, const int phaseSize, const int pitch) {
    for (int p = get_global_id(0); p < count; p += get_global_size(0)) {
        const int channel = p / (ny * nx), jy = p / nx % ny, jx = p % nx;
        const int y = startY + jy * slopeY, x = startX + jx * slopeX;
        to[p] = channel * weightChannel + (firstY + jy * stepY) * kernelWidth + firstX + jx * stepX;
        to[count + p] = channel * rasterChannel + (y % strideY * phasesX + x % strideX) * phaseSize
            + y / strideY * pitch + x / strideX;
    }
}
#endif

#ifdef KERNEL_convolutionRaster
// The raster of `planes` images of one channel: element (y, x) of phase (py, px) is pixel (y * strideY + py - top,
// x * strideX + px - left), or 0. global: planes, or x, y over all phases, planes on GPU-like devices.
__kernel void convolutionRaster(__global const float *from, const ulong offset, __global float *to, const ulong planes,
                                const ulong planesEach, const int height, const int width, const int top, const int left,
                                const int strideY, const int strideX, const int phasesY, const int phasesX,
                                const int rows, const int pitch) {
#ifdef CPU_LIKE
    const size_t first = get_global_id(0) * planesEach, end = min((ulong)(first + planesEach), planes);
    const size_t planeSize = (size_t)phasesY * phasesX * rows * pitch;
    __global const float *fromEnd = from + offset + end * height * width;
    __global float *toEnd = to + end * planeSize;
    for (size_t plane = first; plane < end; plane++) {
        __global const float *image = from + offset + plane * height * width;
        __global float *out = to + plane * planeSize;
        for (int py = 0; py < phasesY; py++) for (int px = 0; px < phasesX; px++) for (int y = 0; y < rows; y++) {
            const int row = y * strideY + py - top;
            const int begin = row < 0 || row >= height ? pitch : clamp((left - px + strideX - 1) / strideX, 0, pitch);
            const int last = clamp((width - 1 + left - px + strideX) / strideX, begin, pitch);
            __global const float *pixels = image + (long)row * width + px - left;
            if (strideX == 1 && out + pitch + 16 <= toEnd && (begin == pitch || pixels + last + 16 <= fromEnd)) {
                // Vectors run over the end of a piece into what is written after it.
                for (int x = 0; x < begin; x += 16) vstore16(0, 0, out + x);
                for (int x = begin; x < last; x += 16) vstore16(vload16(0, pixels + x), 0, out + x);
                for (int x = last; x < pitch; x += 16) vstore16(0, 0, out + x);
            } else {
                int x = begin;
                for (int i = 0; i < begin; i++) out[i] = 0;
                if (strideX == 2) for (; x + 16 <= last && pixels + 2 * x + 32 <= fromEnd; x += 16)
                    vstore16((float16)(vload16(0, pixels + 2 * x).even, vload16(0, pixels + 2 * x + 16).even), 0, out + x);
                for (; x < last; x++) out[x] = pixels[x * strideX];
                for (; x < pitch; x++) out[x] = 0;
            }
            out += pitch;
        }
    }
#else
    const int x = get_global_id(0), line = get_global_id(1), y = line % rows, phase = line / rows;
    const size_t plane = get_global_id(2);
    if (x >= pitch || phase >= phasesY * phasesX) return;
    const int row = y * strideY + phase / phasesX - top, column = x * strideX + phase % phasesX - left;
    const int inside = row >= 0 && row < height && column >= 0 && column < width;
    to[((plane * phasesY * phasesX + phase) * rows + y) * pitch + x] =
        inside ? from[offset + (plane * height + row) * width + column] : 0.0f;
#endif
}
#endif

#ifdef KERNEL_convolutionSpread
// Pixel (y * strideY - top, x * strideX - left) of each of `planes` images of one channel is element (y, x) of `from`; pixels
// between are 0. global: planes, or x, y, planes on GPU-like devices.
__kernel void convolutionSpread(__global const float *from, __global float *to, const ulong offset, const ulong planes,
                                const ulong planesEach, const int height, const int width, const int rows,
                                const int columns, const int top, const int left, const int strideY, const int strideX) {
#ifdef CPU_LIKE
    const size_t first = get_global_id(0) * planesEach, end = min((ulong)(first + planesEach), planes);
    const size_t begin = (left + strideX - 1) / strideX, used = min((width - 1 + left) / strideX + 1, columns);
    for (size_t plane = first; plane < end; plane++) for (int y = 0; y < height; y++) {
        const int row = (y + top) / strideY;
        __global float *pixels = to + offset + (plane * height + y) * width;
        int x = 0;
        if ((y + top) % strideY == 0 && row < rows && begin < used) {
            __global const float *values = from + (plane * rows + row) * columns;
            for (; x < (int)(begin * strideX) - left; x++) pixels[x] = 0;
            size_t i = begin;
            if (strideX == 2) for (; i + 16 <= used && x + 32 <= width; i += 16, x += 32) {
                const float16 v = vload16(0, values + i);
                vstore16((float16)(v.s0, 0, v.s1, 0, v.s2, 0, v.s3, 0, v.s4, 0, v.s5, 0, v.s6, 0, v.s7, 0), 0, pixels + x);
                vstore16((float16)(v.s8, 0, v.s9, 0, v.sa, 0, v.sb, 0, v.sc, 0, v.sd, 0, v.se, 0, v.sf, 0), 0, pixels + x + 16);
            }
            for (; i < used; i++) {
                pixels[x++] = values[i];
                for (int gap = 1; gap < strideX && x < width; gap++) pixels[x++] = 0;
            }
        }
        for (; x + 16 <= width; x += 16) vstore16(0, 0, pixels + x);
        for (; x < width; x++) pixels[x] = 0;
    }
#else
    const int x = get_global_id(0), y = get_global_id(1);
    const size_t plane = get_global_id(2);
    if (x >= width || y >= height) return;
    const int row = (y + top) / strideY, column = (x + left) / strideX;
    const int inside = (y + top) % strideY == 0 && (x + left) % strideX == 0 && row < rows && column < columns;
    to[offset + (plane * height + y) * width + x] = inside ? from[(plane * rows + row) * columns + column] : 0.0f;
#endif
}
#endif

#ifdef KERNEL_convolutionWeights
// Weights in panels of MR rows, [group][panel][tap][row], row r of group g being at g * groupStep + r * rowStep + table[tap].
__kernel ONE_ITEM void convolutionWeights(Source w, const ulong offset, __global float *to, __global const int *table,
                                          const ulong rows, const ulong taps, const ulong rowStep,
                                          const ulong groupStep) {
    const size_t panel = get_global_id(0), group = get_global_id(1), panels = get_global_size(0);
    w += offset + group * groupStep;
    to += (group * panels + panel) * taps * MR;
    for (size_t p = 0; p < taps; p++) for (size_t i = 0; i < MR; i++) {
        const size_t row = panel * MR + i;
        to[p * MR + i] = row < rows ? w[row * rowStep + table[p]] : 0.0f;
    }
}
#endif

#ifdef KERNEL_convolutionPanels
// global: groups of raster tiles, groups of row panels, images * groups. The output's pixel (image, row, y, x) lies at
// image * outImage + (group * rows + row) * outRow + y * outY + x * outX. Positions: (height - 1) * pitch + width.
__kernel ONE_ITEM void convolutionPanels(
    Source w, const ulong wOffset, Source raster, const ulong rasterOffset, __global const int *table,
    __global float *y, const ulong yOffset, const ulong rows, const ulong taps, const ulong groups,
    const ulong rasterImage, const ulong rasterGroup, const ulong height, const ulong width, const ulong pitch,
    const ulong outImage, const ulong outRow, const ulong outY, const ulong outX,
    const ulong tilesEach, const ulong panelsEach EPILOGUE_PARAMETERS) {
    const size_t image = get_global_id(2) / groups, group = get_global_id(2) % groups;
    const size_t positions = (height - 1) * pitch + width, panels = (rows + MR - 1) / MR;
    const size_t firstPanel = get_global_id(1) * panelsEach, endPanel = min((ulong)(firstPanel + panelsEach), (ulong)panels);
    const size_t start = get_global_id(0) * tilesEach * NR, end = min((ulong)(start + tilesEach * NR), (ulong)positions);
    raster += rasterOffset + image * rasterImage + group * rasterGroup;
    table += taps;
    y += yOffset + image * outImage + group * rows * outRow;
#if A_FORM == 0
    w += wOffset + group * panels * taps * MR;
#else
    w += wOffset + group * rows * taps;
#endif
    // Sums of some panels, whose last vector of a row may begin in its last lane.
    float tiles[PANELS * MR * NR + 16] __attribute__((aligned(64)));
    for (size_t position = start; position < end; position += NR) {
        // The last tile begins early enough to be full, where there is enough before it.
        const size_t skip = position + NR > positions && positions >= NR ? position + NR - positions : 0;
        const size_t lanes = min((ulong)NR, (ulong)(positions - position + skip));
        Source pixels = raster + position - skip;
        const size_t firstY = position / pitch, firstX = position % pitch;
        for (size_t chunk = firstPanel; chunk < endPanel; chunk += PANELS) {
            const size_t chunkEnd = min((ulong)(chunk + PANELS), (ulong)endPanel);
#if PANELS > 1
            // The pixels of a block of taps, copied once for all panels and read from the first-level cache.
            for (size_t first = 0; first == 0 || first < taps; first += TAPS) {
                const size_t count = min((ulong)TAPS, taps - first);
                float patch[TAPS * NR] __attribute__((aligned(64)));
                for (size_t p = 0; p < count; p++) {
                    float16 v[NV];
                    LOAD_VECTORS(v, pixels + table[first + p]);
                    UNROLL for (uint j = 0; j < NV; j++) FETCH(pixels + table[first + p] + NR + j * 16);
                    UNROLL for (uint j = 0; j < NV; j++) vstore16(v[j], p * NV + j, patch);
                }
#else
            {
                const size_t first = 0, count = taps;
#endif
                for (size_t panel = chunk; panel < chunkEnd; panel++) {
                    const size_t row = panel * MR;
                    float *tile = tiles + (panel - chunk) * MR * NR;
                    float16 sum[MR][NV];
                    clearTile(sum);
                    if (first > 0)
                        UNROLL for (uint i = 0; i < MR; i++) UNROLL for (uint j = 0; j < NV; j++)
                            sum[i][j] = vload16(i * NV + j, tile);
#if A_FORM == 0
                    Source column = w + row * taps + first * MR;
#define WEIGHT(i, u) column[i + (u) * MR]
#define NEXT_WEIGHTS(steps) column += (steps) * MR;
#else
                    ROWS_BY_THREES(wRow, w + (row - (MR - min((ulong)MR, rows - row))) * taps + first, taps);
#define WEIGHT(i, u) OF_ROWS(wRow, taps, i, u)
#define NEXT_WEIGHTS(steps) NEXT_OF_ROWS(wRow, steps)
#endif
#if PANELS > 1
                    const float *place = patch;
#define PIXELS(u) place + (u) * NR
#define NEXT_PIXELS(steps) place += (steps) * NR;
#else
                    __global const int *place = table;
#define PIXELS(u) pixels + place[u]
#define NEXT_PIXELS(steps) place += steps;
#endif
#define STEP(u)                                                                         \
    {                                                                                   \
        float16 v[NV];                                                                  \
        LOAD_VECTORS(v, PIXELS(u));                                                     \
        MULTIPLY_ADD(sum, WEIGHT(i, u), v)                                              \
    }
#define ADVANCE(steps) NEXT_PIXELS(steps) NEXT_WEIGHTS(steps)
                    BY_FOURS(count, STEP, ADVANCE)
                    spillTile(sum, tile);
                }
            }
            for (size_t panel = chunk; panel < chunkEnd; panel++) {
                const size_t row = panel * MR, used = min((ulong)MR, rows - row), rowSkip = A_FORM == 0 ? 0 : MR - used;
                const float *tile = tiles + (panel - chunk) * MR * NR;
                size_t lane = skip, py = firstY, px = firstX;
                while (lane < lanes) {
                    const size_t count = px < width ? min((ulong)(width - px), (ulong)(lanes - lane)) : 0;
                    for (size_t i = 0; i < used && count > 0; i++) {
                        const float *from = tile + (i + rowSkip) * NR + lane;
                        __global float *to = y + (row + i) * outRow + py * outY;
                        const size_t channel = group * rows + row + i;
                        size_t j = 0;
#if UNIT
#ifdef EPILOGUE16
                        for (; j + 16 <= count; j += 16)
                            vstore16(EPILOGUE16(vload16(0, from + j), image, channel, py, px + j), 0, to + px + j);
#endif
#ifdef EPILOGUE_REPEATED
                        if (j < count) {
                            storePart(EPILOGUE16(vload16(0, from + j), image, channel, py, px + j), to + px + j, count - j);
                            continue;
                        }
#endif
                        for (; j < count; j++) to[px + j] = EPILOGUE(from[j], image, channel, py, px + j);
#else
                        for (; j < count; j++) to[(px + j) * outX] = EPILOGUE(from[j], image, channel, py, px + j);
#endif
                    }
                    lane += pitch - px;
                    px = 0;
                    py++;
                }
            }
        }
    }
}
#endif

#ifdef KERNEL_convolutionWeightPanels
// The weights' gradient: MR taps times NR output channels. dy comes packed, [image][group][panel of NR channels][pixel][NR].
// global: channel panels, tap panels, splits * groups; a split takes imagesEach images and writes to out + split * splitStep.
__kernel ONE_ITEM void convolutionWeightPanels(
    Source raster, const ulong rasterOffset, __global const int *table, Source dy, __global float *out,
    const ulong outOffset, const ulong channels, const ulong taps, const ulong groups, const ulong rasterImage,
    const ulong rasterGroup, const ulong height, const ulong width, const ulong pitch, const ulong images,
    const ulong imagesEach, const ulong splitStep) {
    const size_t split = get_global_id(2) / groups, group = get_global_id(2) % groups;
    const size_t panel = get_global_id(0), panels = get_global_size(0), tap = get_global_id(1) * MR;
    const size_t used = min((ulong)MR, taps - tap), skip = MR - used;
    const size_t end = min((ulong)((split + 1) * imagesEach), images);
    float16 sum[MR][NV];
    clearTile(sum);
    for (size_t image = split * imagesEach; image < end; image++) {
        Source pixels = raster + rasterOffset + image * rasterImage + group * rasterGroup;
        Source v = dy + ((image * groups + group) * panels + panel) * height * width * NR;
        Source place[MR];
        UNROLL for (uint i = 0; i < MR; i++) place[i] = pixels + table[taps + tap - skip + i];
        for (size_t row = 0; row < height; row++) {
            size_t position = row * pitch;
#define STEP(u)                                                                         \
    {                                                                                   \
        float16 b[NV];                                                                  \
        UNROLL for (uint j = 0; j < NV; j++) LOOK_AHEAD(v + (u) * NR + j * 16);         \
        LOAD_VECTORS(b, v + (u) * NR);                                                  \
        MULTIPLY_ADD(sum, place[i][position + (u)], b)                                  \
    }
#define ADVANCE(steps)                                                                  \
    position += steps;                                                                  \
    v += (steps) * NR;
            BY_FOURS(width, STEP, ADVANCE)
        }
    }
    float tile[MR * NR];
    spillTile(sum, tile);
    const size_t first = panel * NR, count = min((ulong)NR, channels - first);
    out += outOffset + split * splitStep + (group * channels + first) * taps + tap;
    for (size_t j = 0; j < count; j++) for (size_t i = 0; i < used; i++) out[j * taps + i] = tile[(i + skip) * NR + j];
}
#endif

#ifdef KERNEL_convolutionWeightDot
INLINE float sumOfLanes(const float16 v) {
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

// The same for few output channels: vectors along an output's row, DO channels times DT taps, lanes added up at the end.
// dy comes as a raster of its own, its rows filled up with zeros to dyPitch, a multiple of 16.
__kernel ONE_ITEM void convolutionWeightDot(
    Source raster, const ulong rasterOffset, __global const int *table, Source dy,
    const ulong dyOffset, __global float *out,
    const ulong outOffset, const ulong channels, const ulong taps, const ulong groups, const ulong rasterImage,
    const ulong rasterGroup, const ulong height, const ulong width, const ulong pitch, const ulong images,
    const ulong imagesEach, const ulong splitStep, const ulong dyPitch) {
    const size_t split = get_global_id(2) / groups, group = get_global_id(2) % groups;
    const size_t channel = get_global_id(0) * DO, tap = get_global_id(1) * DT;
    const size_t usedChannels = min((ulong)DO, channels - channel), channelSkip = DO - usedChannels;
    const size_t usedTaps = min((ulong)DT, taps - tap), tapSkip = DT - usedTaps;
    const size_t end = min((ulong)((split + 1) * imagesEach), images), whole = width / 16 * 16;
    // A row's last lanes may hold the next row's pixels, which must not meet even a zero.
    const int16 unused = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) >= (int)(width - whole);
    float16 sum[DO][DT];
    UNROLL for (uint o = 0; o < DO; o++) UNROLL for (uint t = 0; t < DT; t++) sum[o][t] = 0;
    for (size_t image = split * imagesEach; image < end; image++) {
        Source pixels = raster + rasterOffset + image * rasterImage + group * rasterGroup;
        Source x[DT];
        UNROLL for (uint t = 0; t < DT; t++) x[t] = pixels + table[taps + tap - tapSkip + t];
        Source v = dy + dyOffset + ((image * groups + group) * channels + channel - channelSkip) * height * dyPitch;
        for (size_t row = 0; row < height; row++) {
            for (size_t i = 0; i < whole; i += 16) {
                float16 g[DO];
                UNROLL for (uint o = 0; o < DO; o++) g[o] = vload16(0, v + (o * height + row) * dyPitch + i);
                UNROLL for (uint t = 0; t < DT; t++) {
                    const float16 u = vload16(0, x[t] + row * pitch + i);
                    UNROLL for (uint o = 0; o < DO; o++) sum[o][t] = fma(g[o], u, sum[o][t]);
                }
            }
            if (whole < width) {
                float16 g[DO];
                UNROLL for (uint o = 0; o < DO; o++) g[o] = vload16(0, v + (o * height + row) * dyPitch + whole);
                UNROLL for (uint t = 0; t < DT; t++) {
                    const float16 u = select(vload16(0, x[t] + row * pitch + whole), (float16)(0), unused);
                    UNROLL for (uint o = 0; o < DO; o++) sum[o][t] = fma(g[o], u, sum[o][t]);
                }
            }
        }
    }
    float tile[DO * DT];
    UNROLL for (uint o = 0; o < DO; o++) UNROLL for (uint t = 0; t < DT; t++) tile[o * DT + t] = sumOfLanes(sum[o][t]);
    out += outOffset + split * splitStep + (group * channels + channel) * taps + tap;
    for (size_t o = 0; o < usedChannels; o++) for (size_t t = 0; t < usedTaps; t++)
        out[o * taps + t] = tile[(o + channelSkip) * DT + t + tapSkip];
}
#endif
