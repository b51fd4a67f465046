// Convolution's products on GPU-like devices, with the tiles of MatmulTile.cl, which comes before this file: patches are gathered
// into local memory and stored nowhere else.
//
// TM, TN, TK, WM, WN, FAR  as in MatmulTile.cl; THREADS is a multiple of TN
// CHANNELS  4 where channels of a group are a multiple of 4, else 1. The raster of Convolution.cl then holds 4 channels side by
//           side: [image][channel / 4][phase y][phase x][row][pitch][4], and taps are in the order [channel / 4][y][x][4], so
//           that one vector is four taps at a pixel
// POINTWISE 1 where there is one tap a channel and no padding: the raster is the image itself, channels apart, of which output
//           pixels read some, and the weights lie in place with their taps side by side
// A_VEC     4 where images of dy, or the taps of weights in place, are a multiple of 4 and aligned, else 1
// OUT_VEC   4 where pixels of the output lie side by side and are a multiple of 4 and aligned, else 1
// PHASED    1 for the input's gradient by strides: pixels that lie a stride apart are a phase, which has taps of its own
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, image, channel, y, x).
//
//                       TN pixels of all images     A pixel's place in the raster is found once, a tap's is read from a table,
//                      +---------------+            one tile ahead of its use. The weights are copied with their rows side by
//       TK taps        | patches       |            side and in the order of the taps. The weights' gradient is the same with
//      +--------+      +---------------+            taps along the columns and pixels of all images along the depths, whose
//   TM | weights|  ->  | outputs       |            places are read from a table too. Taps, and pixels, may be divided into
//      +--------+      +---------------+            splits, the sums of which are added up in order.
#ifndef CHANNELS
#define CHANNELS 1
#endif
#ifndef OUT_VEC
#define OUT_VEC 1
#endif
#ifndef PHASED
#define PHASED 0
#endif
// Numbers that tell of a phase.
#define PHASE 5

#ifdef KERNEL_convolutionTileRaster
// The raster of Convolution.cl with 4 channels side by side. global: x and y over all phases, rounded up to the local sizes,
// images * channels / 4.
__kernel void convolutionTileRaster(Source from, const ulong offset, __global float *to, const int height, const int width,
                                    const int top, const int left, const int strideY, const int strideX, const int phasesY,
                                    const int phasesX, const int rows, const int pitch) {
    const int x = get_global_id(0), line = get_global_id(1), y = line % rows, phase = line / rows;
    const size_t plane = get_global_id(2), image = (size_t)height * width;
    if (x >= pitch || phase >= phasesY * phasesX) return;
    const int row = y * strideY + phase / phasesX - top, column = x * strideX + phase % phasesX - left;
    float4 value = 0;
    if (row >= 0 && row < height && column >= 0 && column < width) {
        from += offset + plane * 4 * image + (size_t)row * width + column;
        value = (float4)(from[0], from[image], from[2 * image], from[3 * image]);
    }
    *(__global float4 *)(to + (((plane * phasesY * phasesX + phase) * rows + y) * pitch + x) * 4) = value;
}
#endif

#ifdef KERNEL_convolutionTileTable
// From the table of Convolution.cl, of `taps` weights then rasters of `window` taps a channel: the weights' places in the order
// of the taps here, and the bytes of each vector of taps in the raster here.
__kernel void convolutionTileTable(__global const int *table, __global int *weights, __global Offset *raster, const int taps,
                                   const int window, const int channelSize) {
    const int t = get_global_id(0);
    if (t >= taps) return;
    const int channel = t / (CHANNELS * window) * CHANNELS + t % CHANNELS, p = channel * window + t / CHANNELS % window;
    weights[t] = table[p];
    if (t % CHANNELS == 0) {
        const size_t place = table[taps + p] - channel * channelSize;
        raster[t / CHANNELS] = ((size_t)channel * channelSize + place * CHANNELS) * 4;
    }
}
#endif

#ifdef KERNEL_convolutionTilePhases
#define AXIS_ARGUMENTS(a)                                                                                          \
    const int kernel##a, const int image##a, const int stride##a, const int padding##a, const int dilation##a,      \
        const int step##a, const int margin##a
// The first of a kernel's taps, step apart, that lead to the pixels of a phase; `kernelSize` where none does.
INLINE int firstTap(const int index, const int kernelSize, const int stride, const int padding, const int dilation,
                    const int step) {
    for (int k = 0; k < min(kernelSize, step); k++)
        if ((index + padding - k * dilation) % stride == 0) return k;
    return kernelSize;
}

INLINE int tapCount(const int index, const int kernelSize, const int stride, const int padding, const int dilation,
                    const int step) {
    return (kernelSize - firstTap(index, kernelSize, stride, padding, dilation, step) + step - 1) / step;
}
#define AXIS(a) kernel##a, stride##a, padding##a, dilation##a, step##a

// What the phases of an input's gradient are: at PHASE * phase its taps, the first of them among those of all, where its pixels
// begin in an image, their rows and columns. Then the places of all taps, as convolutionTileTable leaves them. Pixel
// index + stride * u of an axis is the sum over taps k of dy at u + (index + padding - k * dilation) / stride. global: taps of a
// phase at most, rounded up, phases.
__kernel void convolutionTilePhases(__global int *phases, __global int *weights, __global Offset *raster, const int channels,
                                    const int weightChannel, const int channelSize, const int pitch, const int phasesX,
                                    AXIS_ARGUMENTS(Y), AXIS_ARGUMENTS(X)) {
    const int t = get_global_id(0), phase = get_global_id(1), indexY = phase / phasesX, indexX = phase % phasesX;
    const int countY = tapCount(indexY, AXIS(Y)), countX = tapCount(indexX, AXIS(X)), window = countY * countX;
    int before = 0;
    for (int i = 0; i < indexY; i++)
        for (int j = 0; j < phasesX; j++) before += tapCount(i, AXIS(Y)) * tapCount(j, AXIS(X));
    for (int j = 0; j < indexX; j++) before += countY * tapCount(j, AXIS(X));
    const int taps = channels * window, first = channels * before;
    if (t == 0) {
        phases += PHASE * phase;
        phases[0] = taps;
        phases[1] = first;
        phases[2] = indexY * imageX + indexX;
        phases[3] = (imageY - indexY + strideY - 1) / strideY;
        phases[4] = (imageX - indexX + strideX - 1) / strideX;
    }
    if (t >= taps) return;
    const int channel = t / (CHANNELS * window) * CHANNELS + t % CHANNELS, p = t / CHANNELS % window;
    const int ky = firstTap(indexY, AXIS(Y)) + p / countX * stepY, kx = firstTap(indexX, AXIS(X)) + p % countX * stepX;
    weights[first + t] = channel * weightChannel + ky * kernelX + kx;
    if (t % CHANNELS != 0) return;
    const int y = (indexY + paddingY - ky * dilationY) / strideY + marginY;
    const int x = (indexX + paddingX - kx * dilationX) / strideX + marginX;
    raster[(first + t) / CHANNELS] = ((size_t)channel * channelSize + ((size_t)y * pitch + x) * CHANNELS) * 4;
}
#endif

#ifdef KERNEL_convolutionTileWeights
// The weights as [group][tap][row], `rowsEach` rows, a multiple of 4; those past the last are zeros. global: rows, taps, groups.
__kernel void convolutionTileWeights(Source w, const ulong offset, __global const int *table, __global float *to,
                                     const ulong rows, const ulong rowsEach, const ulong rowStep, const ulong groupStep) {
    const size_t row = get_global_id(0), tap = get_global_id(1), group = get_global_id(2), taps = get_global_size(1);
    if (row >= rowsEach) return;
    to[(group * taps + tap) * rowsEach + row] =
        row < rows ? w[offset + group * groupStep + row * rowStep + table[tap]] : 0.0f;
}
#endif

#ifdef KERNEL_convolutionTilePixels
// Where each pixel of all images lies, in bytes: in the raster, then in dy.
__kernel void convolutionTilePixels(__global Offset *to, const ulong count, const ulong pixels, const ulong width,
                                    const ulong pitch, const ulong rasterImage, const ulong dyImage) {
    const size_t i = get_global_id(0);
    if (i >= count) return;
    const size_t image = i / pixels, pixel = i % pixels;
    to[i] = (image * rasterImage + (pixel / width * pitch + pixel % width) * CHANNELS) * 4;
    to[count + i] = (image * dyImage + pixel) * 4;
}
#endif

typedef __global const Offset *Places;

// A work-item's share of the tiles of an operand that is gathered: vector l lies `at[l]` bytes from the lanes' beginning and
// `next[l]` from the depths', read from `places`, which has an entry for STEP depths.
#define DEFINE_GATHERER(NAME, TILE, DEEP, VEC, LOADS, STEP)                                                       \
    INLINE void findNext##NAME(Places places, const uint item, Offset next[LOADS]) {                              \
        UNROLL for (uint l = 0; l < LOADS; l++) next[l] = places[DEPTH(DEEP, TILE, VEC, item, l) / STEP];         \
    }                                                                                                             \
    INLINE void gather##NAME(Source from, const Offset at[LOADS], const Offset next[LOADS],                       \
                             JOIN(VECTOR, VEC) held[LOADS]) {                                                     \
        UNROLL for (uint l = 0; l < LOADS; l++)                                                                   \
            held[l] = *(__global const JOIN(VECTOR, VEC) *)((__global const char *)from + (Offset)(at[l] + next[l])); \
    }                                                                                                             \
    INLINE void gatherPart##NAME(Source from, const Offset at[LOADS], Places places, const uint item,             \
                                 const uint depths, JOIN(VECTOR, VEC) held[LOADS]) {                              \
        UNROLL for (uint l = 0; l < LOADS; l++) {                                                                 \
            const uint depth = DEPTH(DEEP, TILE, VEC, item, l);                                                   \
            held[l] = 0;                                                                                          \
            if (depth < depths)                                                                                   \
                held[l] = *(__global const JOIN(VECTOR, VEC) *)(                                                  \
                    (__global const char *)from + (Offset)(at[l] + places[depth / STEP]));                        \
        }                                                                                                         \
    }

#ifdef KERNEL_convolutionTiles
// AMD's compiler would else keep the reciprocals for divisions by a number in registers throughout the loop.
#ifdef __AMDGCN__
#define DIVIDE_ANEW(x) __asm__ volatile("" : "+s"(x))
#else
#define DIVIDE_ANEW(x)
#endif
#if POINTWISE
#define W_DEEP 1
// `places` is the bytes of a channel.
#define PLACES const ulong
#define PLACE(depth) ((Offset)(depth) * (Offset)places)
#define PASS_DEPTHS(count) (raster = (Source)((__global const char *)raster + (count) * places))
#else
#define W_DEEP 0
#define PLACES Places
#define PLACE(depth) places[(depth) / CHANNELS]
#define PASS_DEPTHS(count) (places += (count) / CHANNELS)
#endif
#define A_LOADS (TM * TK / A_VEC / THREADS)
#define B_LOADS (TN * TK / CHANNELS / THREADS)
#if TM * TK % (A_VEC * THREADS) || TN * TK % (CHANNELS * THREADS) || THREADS % TN || (W_DEEP && THREADS % (4 * TK))
#error "the work-items cannot share these tiles evenly"
#endif
DEFINE_LOADER(A, TM, W_DEEP, A_VEC, A_LOADS)
// A work-item's vectors of patches are all at one pixel.
#define B_DEPTH(item, l) ((item / TN + (l) * (THREADS / TN)) * CHANNELS)

INLINE void findNextB(PLACES places, const uint item, Offset next[B_LOADS]) {
    UNROLL for (uint l = 0; l < B_LOADS; l++) next[l] = PLACE(B_DEPTH(item, l));
}

INLINE void keepB(const JOIN(VECTOR, CHANNELS) held[B_LOADS], const uint item, __local float *tile) {
    UNROLL for (uint l = 0; l < B_LOADS; l++)
        JOIN(STEPS, CHANNELS)(held[l], tile + B_DEPTH(item, l) * (TN + PAD) + item % TN, TN + PAD);
}

// What a launch of one phase is told, and of several, which convolutionTilePhases describes.
#if PHASED
#define PHASES __global const int *phases, const ulong allTaps, const ulong splits
#else
#define PHASES const ulong taps, const ulong height, const ulong width, const ulong splitDepth
#endif

// global: THREADS x pixel tiles, row tiles, phases * splits * groups. `w` is as convolutionTileWeights leaves it, wStep elements
// from a tap to the next, or from a row to the next in place. Output pixel (y, x) begins rasterY * y + rasterX * x elements from
// its image's beginning; see convolutionPanels for its own place. Split s multiplies taps [s * splitDepth, (s + 1) * splitDepth),
// splitDepth a multiple of CHANNELS, and writes to out + s * splitStep.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void convolutionTiles(
    Source w, const ulong wOffset, const ulong wStep, Source raster, const ulong rasterOffset, PLACES places, __global float *out,
    const ulong outOffset, const ulong rows, const ulong groups, const ulong images, const ulong rasterImage,
    const ulong rasterGroup, const ulong rasterY, const ulong rasterX, const ulong outImage, const ulong outRow, const ulong outY,
    const ulong outX, const ulong splitStep, PHASES EPILOGUE_PARAMETERS) {
    __local float aTiles[2 * TK * (TM + PAD)] __attribute__((aligned(16)));
    __local float bTiles[2 * TK * (TN + PAD)] __attribute__((aligned(16)));
    const uint item = get_local_id(0), ty = ITEM_ROW(item), tx = ITEM_COLUMN(item), z = (uint)get_group_id(2) / (uint)groups;
    const size_t group = (uint)get_group_id(2) % (uint)groups, firstRow = get_group_id(1) * TM;
#if PHASED
    const size_t split = z % (uint)splits, phase = z / (uint)splits;
    phases += PHASE * phase;
    const size_t taps = phases[0], height = phases[3], width = phases[4];
    const size_t splitDepth = ((taps + splits - 1) / splits + 15) / 16 * 16;
    w += (phases[1] + group * (allTaps - taps)) * wStep;
    places += phases[1] / CHANNELS;
    out += phases[2];
#else
    const size_t split = z;
#endif
    const size_t start = min((ulong)(split * splitDepth), (ulong)taps), end = min((ulong)(start + splitDepth), (ulong)taps);
    const Offset pixels = height * width, columns = (Offset)images * pixels, firstColumn = get_group_id(0) * TN;
#if PHASED
    if (firstColumn >= columns) return;
#endif

    const Offset column = min(firstColumn + item % TN, columns - 1), image = column / pixels, pixel = column % pixels;
    const Offset at = (image * (Offset)rasterImage + pixel / (Offset)width * (Offset)rasterY
                       + pixel % (Offset)width * (Offset)rasterX) * 4;
    raster += rasterOffset + group * rasterGroup;
    w += wOffset + (W_DEEP ? (group * rows + firstRow) * wStep + start : (group * taps + start) * wStep + firstRow);
    out += outOffset + split * splitStep + group * rows * outRow;
    if (end > start) PASS_DEPTHS(start);

    Columns sum[WM][WN / GN];
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / GN; j++) sum[i][j] = 0;
    Offset aAt[A_LOADS], next[B_LOADS];
    JOIN(VECTOR, A_VEC) aHeld[A_LOADS];
    JOIN(VECTOR, CHANNELS) bHeld[B_LOADS];
    placeA(wStep, (W_DEEP ? rows : wStep) - firstRow, item, aAt);
    const uint part = end > start ? (uint)(end - start - 1) % TK + 1 : 0;
    fetchPartA(w, aAt, item, part, aHeld);
    UNROLL for (uint l = 0; l < B_LOADS; l++) {
        bHeld[l] = 0;
        if (B_DEPTH(item, l) < part)
            bHeld[l] = *(__global const JOIN(VECTOR, CHANNELS) *)(
                (__global const char *)raster + (Offset)(at + PLACE(B_DEPTH(item, l))));
    }
    w += W_DEEP ? part : part * wStep;
    PASS_DEPTHS(part);
    const size_t tileCount = end > start ? (end - start + TK - 1) / TK : 0;
    UNROLL for (uint l = 0; l < B_LOADS; l++) next[l] = 0;
    if (tileCount > 1) findNextB(places, item, next);
    keepA(aHeld, item, aTiles);
    keepB(bHeld, item, bTiles);
    barrier(CLK_LOCAL_MEM_FENCE);
    __local float *aTile = aTiles, *bTile = bTiles;
    float x[2][WM];
    Columns y[2][WN / GN];
    if (CARRY) readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
    for (size_t tiles = tileCount; tiles > 0; tiles--) {
        __local float *aNext = aTiles + (TK * (TM + PAD) - (aTile - aTiles));
        __local float *bNext = bTiles + (TK * (TN + PAD) - (bTile - bTiles));
        if (tiles > 1) {
            fetchA(w, aAt, aHeld);
            UNROLL for (uint l = 0; l < B_LOADS; l++)
                bHeld[l] = *(__global const JOIN(VECTOR, CHANNELS) *)((__global const char *)raster + (Offset)(at + next[l]));
            w += W_DEEP ? TK : TK * wStep;
            PASS_DEPTHS(TK);
        }
        if (tiles > 2) findNextB(places, item, next);
        if (!CARRY) readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
        multiplyTiles(aTile, bTile, ty, tx, x, y, sum);
        if (!CARRY) multiplyLanes(TK - 1, x, y, sum);
        if (tiles > 1) {
            keepA(aHeld, item, aNext);
            keepB(bHeld, item, bNext);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (CARRY) {
            readLanes(aNext, bNext, 0, ty, tx, x[0], y[0]);
            multiplyLanes(TK - 1, x, y, sum);
        }
        aTile = aNext;
        bTile = bNext;
    }
    Offset outPixels = pixels, outWidth = width;
    DIVIDE_ANEW(outPixels);
    DIVIDE_ANEW(outWidth);
    UNROLL for (uint j = 0; j < WN / GN; j++) {
        UNROLL for (uint l = 0; l < 4; l += OUT_VEC) {
            const Offset outColumn = firstColumn + TILE_COLUMN(j, tx) + l;
            if (outColumn >= columns) continue;
            const Offset outIn = outColumn / outPixels, outPixel = outColumn % outPixels;
            const Offset py = outPixel / outWidth, px = outPixel % outWidth;
            __global float *to = out + outIn * outImage + py * outY + px * outX;
            UNROLL for (uint i = 0; i < WM; i++) {
                const size_t row = firstRow + TILE_ROW(i, ty), channel = group * rows + row;
                if (row >= rows) continue;
#if OUT_VEC == 4
                // Pixels that follow may lie in the next row.
#define NEXT_Y(l) (py + (px + (l)) / outWidth)
#define NEXT_X(l) ((px + (l)) % outWidth)
                *(__global float4 *)(to + row * outRow) = (float4)(
                    EPILOGUE(sum[i][j].x, outIn, channel, py, px), EPILOGUE(sum[i][j].y, outIn, channel, NEXT_Y(1), NEXT_X(1)),
                    EPILOGUE(sum[i][j].z, outIn, channel, NEXT_Y(2), NEXT_X(2)),
                    EPILOGUE(sum[i][j].w, outIn, channel, NEXT_Y(3), NEXT_X(3)));
#else
                const float value = l == 0 ? sum[i][j].x : l == 1 ? sum[i][j].y : l == 2 ? sum[i][j].z : sum[i][j].w;
                to[row * outRow] = EPILOGUE(value, outIn, channel, py, px);
#endif
            }
        }
    }
}
#endif

#ifdef KERNEL_convolutionTileSumSplits
// y = epilogue(the sum of the splits' products, in order). global: pixels rounded up to the local size, channels, images.
__kernel void convolutionTileSumSplits(Source parts, const ulong splits, __global float *y, const ulong yOffset,
                                       const ulong pixels, const ulong width EPILOGUE_PARAMETERS) {
    const size_t pixel = get_global_id(0), channel = get_global_id(1), channels = get_global_size(1);
    const size_t image = get_global_id(2), step = get_global_size(2) * channels * pixels;
    if (pixel >= pixels) return;
    const size_t at = (image * channels + channel) * pixels + pixel;
    float sum = parts[at];
    for (size_t s = 1; s < splits; s++) sum += parts[s * step + at];
    y[yOffset + at] = EPILOGUE(sum, image, channel, pixel / width, pixel % width);
}
#endif

#ifdef KERNEL_convolutionWeightTiles
#define A_LOADS (TM * TK / A_VEC / THREADS)
#define B_LOADS (TN * TK / CHANNELS / THREADS)
#if TM * TK % (A_VEC * THREADS) || TN * TK % (CHANNELS * THREADS) || THREADS % (4 * TK)
#error "the work-items cannot share these tiles evenly"
#endif
DEFINE_LOADER(A, TM, 1, A_VEC, A_LOADS)
DEFINE_LOADER(B, TN, 0, CHANNELS, B_LOADS)
DEFINE_GATHERER(A, TM, 1, A_VEC, A_LOADS, 1)
DEFINE_GATHERER(B, TN, 0, CHANNELS, B_LOADS, 1)

// The weights' gradient: output channels times taps, over the `depths` pixels of all images, `splitDepth` of them in a split.
// global: THREADS x tap tiles, channel tiles, splits * groups.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void convolutionWeightTiles(
    Source dy, const ulong dyOffset, Source raster, const ulong rasterOffset, __global const int *weightPlaces, Places tapPlaces,
    Places pixelPlaces, __global float *out, const ulong outOffset, const ulong channels, const ulong taps, const ulong groups,
    const ulong rasterGroup, const ulong pixels, const ulong depths, const ulong splitDepth, const ulong splitStep) {
    __local float aTiles[2 * TK * (TM + PAD)] __attribute__((aligned(16)));
    __local float bTiles[2 * TK * (TN + PAD)] __attribute__((aligned(16)));
    const uint item = get_local_id(0), ty = ITEM_ROW(item), tx = ITEM_COLUMN(item);
    const size_t split = get_group_id(2) / groups, group = get_group_id(2) % groups;
    const size_t firstRow = get_group_id(1) * TM, firstColumn = get_group_id(0) * TN;
    const size_t start = split * splitDepth, end = min((ulong)(start + splitDepth), depths);
    dy += dyOffset + (group * channels + firstRow) * pixels;
    raster += rasterOffset + group * rasterGroup;
    out += outOffset + split * splitStep + group * channels * taps;
    Places bPlaces = pixelPlaces + start, aPlaces = pixelPlaces + depths + start;

    Columns sum[WM][WN / GN];
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / GN; j++) sum[i][j] = 0;
    Offset aAt[A_LOADS], bAt[B_LOADS], aNextPlace[A_LOADS], bNextPlace[B_LOADS];
    UNROLL for (uint l = 0; l < A_LOADS; l++) {
        aAt[l] = (Offset)min((ulong)LANE(1, TM, A_VEC, item, l), channels - firstRow - 1) * (Offset)pixels * 4;
        aNextPlace[l] = 0;
    }
    UNROLL for (uint l = 0; l < B_LOADS; l++) {
        bAt[l] = tapPlaces[min((ulong)(firstColumn + LANE(0, TN, CHANNELS, item, l)), taps - CHANNELS) / CHANNELS];
        bNextPlace[l] = 0;
    }
    JOIN(VECTOR, A_VEC) aHeld[A_LOADS];
    JOIN(VECTOR, CHANNELS) bHeld[B_LOADS];
    const uint part = end > start ? (uint)(end - start - 1) % TK + 1 : 0;
    gatherPartA(dy, aAt, aPlaces, item, part, aHeld);
    gatherPartB(raster, bAt, bPlaces, item, part, bHeld);
    aPlaces += part;
    bPlaces += part;
    const size_t tileCount = end > start ? (end - start + TK - 1) / TK : 0;
    if (tileCount > 1) {
        findNextA(aPlaces, item, aNextPlace);
        findNextB(bPlaces, item, bNextPlace);
    }
    keepA(aHeld, item, aTiles);
    keepB(bHeld, item, bTiles);
    barrier(CLK_LOCAL_MEM_FENCE);
    __local float *aTile = aTiles, *bTile = bTiles;
    float x[2][WM];
    Columns y[2][WN / GN];
    if (CARRY) readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
    for (size_t tiles = tileCount; tiles > 0; tiles--) {
        __local float *aNext = aTiles + (TK * (TM + PAD) - (aTile - aTiles));
        __local float *bNext = bTiles + (TK * (TN + PAD) - (bTile - bTiles));
        if (tiles > 1) {
            gatherA(dy, aAt, aNextPlace, aHeld);
            gatherB(raster, bAt, bNextPlace, bHeld);
            aPlaces += TK;
            bPlaces += TK;
        }
        if (tiles > 2) {
            findNextA(aPlaces, item, aNextPlace);
            findNextB(bPlaces, item, bNextPlace);
        }
        if (!CARRY) readLanes(aTile, bTile, 0, ty, tx, x[0], y[0]);
        multiplyTiles(aTile, bTile, ty, tx, x, y, sum);
        if (!CARRY) multiplyLanes(TK - 1, x, y, sum);
        if (tiles > 1) {
            keepA(aHeld, item, aNext);
            keepB(bHeld, item, bNext);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (CARRY) {
            readLanes(aNext, bNext, 0, ty, tx, x[0], y[0]);
            multiplyLanes(TK - 1, x, y, sum);
        }
        aTile = aNext;
        bTile = bNext;
    }
    UNROLL for (uint j = 0; j < WN / GN; j++) UNROLL for (uint l = 0; l < 4; l++) {
        const size_t column = firstColumn + TILE_COLUMN(j, tx) + l;
        if (column >= taps) continue;
        __global float *to = out + weightPlaces[column];
        UNROLL for (uint i = 0; i < WM; i++) {
            const size_t row = firstRow + TILE_ROW(i, ty);
            if (row < channels)
                to[row * taps] = l == 0 ? sum[i][j].x : l == 1 ? sum[i][j].y : l == 2 ? sum[i][j].z : sum[i][j].w;
        }
    }
}
#endif
