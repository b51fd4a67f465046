// Winograd's convolution on GPU-like devices, by the transforms of Winograd.cl, which comes before it; the products between them
// are those of MatmulTile.cl, one for each of the SPAN^2 frequencies.
//
//     x --transform--> v [frequency][channel][tile] --+
//                                                     u^T v --> p [frequency][output][tile] --transform, epilogue--> y
//     w --transform--> u [frequency][channel][output] +
//
// A work-item transforms one tile of one channel in registers; neighbours have neighbouring tiles, so all that lies in
// frequencies is read and written side by side. Tiles are those of some images; `columns` are as many, a multiple of 4, and what
// lies past the last tile is zeros. So are rows of u past the last output.
//
// TILE, TAPS  as in Winograd.cl
// PATCH       winogradTileIn: SPAN for the image, TILE for the output's gradient
// OUT_VEC     TILE where rows of the output are whole and aligned vectors of as many, else 1
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, image, channel, y, x).
typedef float Value;
typedef __global const float *Source;
typedef __global float *Place;

#define UNROLL _Pragma("unroll")
#ifndef PATCH
#define PATCH SPAN
#endif
#if PATCH == TILE
#define TRANSFORM_PATCH TRANSFORM_OUT_GRADIENT
#else
#define TRANSFORM_PATCH TRANSFORM_IN
#endif
#ifndef OUT_VEC
#define OUT_VEC 1
#endif

#ifdef KERNEL_winogradTileIn
// global: columns rounded up to the local size, channels. Tile 0 is the first of image firstImage.
__kernel void winogradTileIn(Source x, const ulong offset, Place v, const ulong channels, const int height, const int width,
                             const int top, const int left, const int tilesY, const int tilesX, const ulong firstImage,
                             const int tiles, const int columns) {
    const int tile = get_global_id(0);
    const size_t channel = get_global_id(1), step = channels * columns;
    if (tile >= columns) return;
    const size_t image = firstImage + tile / (tilesY * tilesX);
    const int row = tile / tilesX % tilesY * TILE - top, column = tile % tilesX * TILE - left;
    x += offset + (image * channels + channel) * height * width;
    v += channel * columns + tile;
    float partly[SPAN][PATCH];
    UNROLL for (int j = 0; j < PATCH; j++) {
        float d[PATCH], t[SPAN];
        UNROLL for (int i = 0; i < PATCH; i++) {
            const int py = row + i, px = column + j;
            d[i] = 0;
            if (tile < tiles && py >= 0 && py < height && px >= 0 && px < width) d[i] = x[(long)py * width + px];
        }
        TRANSFORM_PATCH(d, t)
        UNROLL for (int i = 0; i < SPAN; i++) partly[i][j] = t[i];
    }
    UNROLL for (int i = 0; i < SPAN; i++) {
        float t[SPAN];
        TRANSFORM_PATCH(partly[i], t)
        UNROLL for (int j = 0; j < SPAN; j++) v[(i * SPAN + j) * step] = t[j];
    }
}
#endif

#ifdef KERNEL_winogradTileWeights
// u[frequency][row][lane] from taps at w[lane * laneStep + row * rowStep], in reverse if isReversed; lanes from `lanes` on are
// zeros. global: lanesEach, a multiple of 4, rounded up to the local size, rows.
__kernel void winogradTileWeights(Source w, const ulong offset, Place u, const ulong lanes, const ulong lanesEach,
                                  const ulong laneStep, const ulong rowStep, const int isReversed) {
    const size_t lane = get_global_id(0), row = get_global_id(1), step = get_global_size(1) * lanesEach;
    if (lane >= lanesEach) return;
    w += offset + lane * laneStep + row * rowStep;
    u += row * lanesEach + lane;
    float partly[SPAN][TAPS];
    UNROLL for (int j = 0; j < TAPS; j++) {
        float g[TAPS], t[SPAN];
        UNROLL for (int i = 0; i < TAPS; i++) {
            const int tap = i * TAPS + j;
            g[i] = 0;
            if (lane < lanes) g[i] = w[isReversed ? TAPS * TAPS - 1 - tap : tap];
        }
        TRANSFORM_WEIGHT(g, t)
        UNROLL for (int i = 0; i < SPAN; i++) partly[i][j] = t[i];
    }
    UNROLL for (int i = 0; i < SPAN; i++) {
        float t[SPAN];
        TRANSFORM_WEIGHT(partly[i], t)
        UNROLL for (int j = 0; j < SPAN; j++) u[(i * SPAN + j) * step] = t[j];
    }
}
#endif

#ifdef KERNEL_winogradTileOut
// One output by the definition, for where the transforms mixed in what is not finite.
INLINE float outputByDefinition(Source x, Source w, const ulong rowStep, const int isReversed, const ulong channels,
                                const int height, const int width, const int top, const int left) {
    float sum = 0;
    for (size_t channel = 0; channel < channels; channel++) for (int tap = 0; tap < TAPS * TAPS; tap++) {
        const int row = top + tap / TAPS, column = left + tap % TAPS;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        sum = fma(x[(channel * height + row) * width + column],
                  w[channel * rowStep + (isReversed ? TAPS * TAPS - 1 - tap : tap)], sum);
    }
    return sum;
}

// global: tiles rounded up to the local size, outputs. p has rowsEach rows a frequency.
__kernel void winogradTileOut(
    Source p, Place y, const ulong offset, const ulong rowsEach, const int outHeight, const int outWidth, const int tilesY,
    const int tilesX, const ulong firstImage, const int tiles, const int columns, Source x, const ulong xOffset, Source w,
    const ulong wOffset, const ulong channels, const int height, const int width, const int top, const int left,
    const ulong laneStep, const ulong rowStep, const int isReversed EPILOGUE_PARAMETERS) {
    const int tile = get_global_id(0);
    const size_t channel = get_global_id(1), step = rowsEach * columns;
    if (tile >= tiles) return;
    const size_t image = firstImage + tile / (tilesY * tilesX);
    const int row = tile / tilesX % tilesY * TILE, column = tile % tilesX * TILE;
    p += channel * columns + tile;
    float partly[TILE][SPAN], out[TILE][TILE], zero = 0;
    UNROLL for (int j = 0; j < SPAN; j++) {
        float t[SPAN], o[TILE];
        UNROLL for (int i = 0; i < SPAN; i++) t[i] = p[(i * SPAN + j) * step];
        TRANSFORM_OUT(t, o)
        UNROLL for (int i = 0; i < TILE; i++) partly[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < TILE; i++) {
        TRANSFORM_OUT(partly[i], out[i])
        UNROLL for (int j = 0; j < TILE; j++) zero = fma(out[i][j], 0.0f, zero);
    }
    if (isnan(zero)) {
        x += xOffset + image * channels * height * width;
        w += wOffset + channel * laneStep;
        UNROLL for (int i = 0; i < TILE; i++) UNROLL for (int j = 0; j < TILE; j++)
            out[i][j] = outputByDefinition(x, w, rowStep, isReversed, channels, height, width, row + i - top, column + j - left);
    }
    y += offset + (image * get_global_size(1) + channel) * outHeight * outWidth;
    UNROLL for (int i = 0; i < TILE; i++) {
        const int py = row + i;
        if (py >= outHeight) continue;
        Place to = y + (long)py * outWidth + column;
#if OUT_VEC == 2
        *(__global float2 *)to = (float2)(
            EPILOGUE(out[i][0], image, channel, py, column), EPILOGUE(out[i][1], image, channel, py, column + 1));
#elif OUT_VEC == 4
        *(__global float4 *)to = (float4)(
            EPILOGUE(out[i][0], image, channel, py, column), EPILOGUE(out[i][1], image, channel, py, column + 1),
            EPILOGUE(out[i][2], image, channel, py, column + 2), EPILOGUE(out[i][3], image, channel, py, column + 3));
#else
        UNROLL for (int j = 0; j < TILE; j++)
            if (column + j < outWidth) to[j] = EPILOGUE(out[i][j], image, channel, py, column + j);
#endif
    }
}
#endif

#ifdef KERNEL_winogradTileWeightGradient
// One tap's gradient by the definition; x and dy are the first image's planes.
INLINE float tapByDefinition(Source x, Source dy, const ulong images, const ulong xImage, const ulong dyImage, const int height,
                             const int width, const int outHeight, const int outWidth, const int top, const int left) {
    float sum = 0;
    for (size_t image = 0; image < images; image++)
        for (int py = max(0, -top); py < outHeight && py + top < height; py++)
            for (int px = max(0, -left); px < outWidth && px + left < width; px++)
                sum = fma(x[image * xImage + (long)(py + top) * width + px + left],
                          dy[image * dyImage + (long)py * outWidth + px], sum);
    return sum;
}

// dw [outputs, channels, TAPS, TAPS] from sums [part][frequency][output][channel], the parts added up in order; x and dy for
// where those are not finite. global: channels rounded up to the local size, outputs.
__kernel void winogradTileWeightGradient(
    Source sums, const ulong parts, Place dw, const ulong offset, const ulong channels, Source x, const ulong xOffset, Source dy,
    const ulong dyOffset, const ulong images, const int height, const int width, const int outHeight, const int outWidth,
    const int top, const int left) {
    const size_t channel = get_global_id(0), output = get_global_id(1), outputs = get_global_size(1);
    if (channel >= channels) return;
    const size_t step = outputs * channels;
    sums += output * channels + channel;
    float partly[TAPS][SPAN], taps[TAPS][TAPS], zero = 0;
    float all[SPAN * SPAN];
    UNROLL for (int f = 0; f < SPAN * SPAN; f++) all[f] = sums[f * step];
    for (size_t part = 1; part < parts; part++) {
        sums += SPAN * SPAN * step;
        UNROLL for (int f = 0; f < SPAN * SPAN; f++) all[f] += sums[f * step];
    }
    UNROLL for (int j = 0; j < SPAN; j++) {
        float u[SPAN], g[TAPS];
        UNROLL for (int i = 0; i < SPAN; i++) u[i] = all[i * SPAN + j];
        TRANSFORM_WEIGHT_GRADIENT(u, g)
        UNROLL for (int i = 0; i < TAPS; i++) partly[i][j] = g[i];
    }
    UNROLL for (int i = 0; i < TAPS; i++) {
        TRANSFORM_WEIGHT_GRADIENT(partly[i], taps[i])
        UNROLL for (int j = 0; j < TAPS; j++) zero = fma(taps[i][j], 0.0f, zero);
    }
    if (isnan(zero)) {
        const size_t xPlane = (size_t)height * width, dyPlane = (size_t)outHeight * outWidth;
        x += xOffset + channel * xPlane;
        dy += dyOffset + output * dyPlane;
        UNROLL for (int i = 0; i < TAPS; i++) UNROLL for (int j = 0; j < TAPS; j++)
            taps[i][j] = tapByDefinition(x, dy, images, channels * xPlane, outputs * dyPlane, height, width, outHeight, outWidth,
                                         i - top, j - left);
    }
    dw += offset + (output * channels + channel) * TAPS * TAPS;
    UNROLL for (int i = 0; i < TAPS * TAPS; i++) dw[i] = taps[i / TAPS][i % TAPS];
}
#endif
