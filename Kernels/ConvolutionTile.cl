// Convolution's products on GPU-like devices, over the raster and the table of Convolution.cl and with the tiles of
// MatmulTile.cl, which comes before this file: patches are gathered into local memory and stored nowhere else.
//
// TM, TN, TK, WM, WN  as in MatmulTile.cl; THREADS is a multiple of TN and of TK
// An epilogue is put before this file: EPILOGUE_PARAMETERS and EPILOGUE(value, image, channel, y, x).
//
//                       TN pixels of all images     Neighbouring work-items fetch neighbouring taps of a weight row, and
//                      +---------------+            neighbouring pixels; the pixel's place is found once, the tap's is
//       TK taps        | patches       |            read from the table.
//      +--------+      +---------------+
//   TM | weights|  ->  | outputs       |
//      +--------+      +---------------+

// Where a work-item's share of a tile lies: along the lanes first, or along the depths first.
#define DEPTH_STEP(TILE) (THREADS / (TILE))
#define LANE_STEP (THREADS / TK)

#ifdef KERNEL_convolutionTiles
// global: THREADS x pixel tiles, row tiles, groups. See convolutionPanels for the output's place.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void convolutionTiles(
    Source w, const ulong wOffset, Source raster, const ulong rasterOffset, __global const int *table,
    __global float *y, const ulong yOffset, const ulong rows, const ulong taps, const ulong images,
    const ulong weightRow, const ulong weightGroup, const ulong rasterImage, const ulong rasterGroup,
    const ulong height, const ulong width, const ulong pitch,
    const ulong outImage, const ulong outRow, const ulong outY, const ulong outX EPILOGUE_PARAMETERS) {
    __local float aTile[TK * (TM + PAD)] __attribute__((aligned(16)));
    __local float bTile[TK * (TN + PAD)] __attribute__((aligned(16)));
    const uint item = get_local_id(0), ty = item / THREADS_N, tx = item % THREADS_N;
    const size_t group = get_group_id(2), pixels = height * width, columns = images * pixels;
    const size_t firstRow = get_group_id(1) * TM, firstColumn = get_group_id(0) * TN;

    const uint bLane = item % TN, bDepth = item / TN, aDepth = item % TK, aLane = item / TK;
    const size_t column = min((ulong)(firstColumn + bLane), (ulong)(columns - 1)), pixel = column % pixels;
    raster += rasterOffset + column / pixels * rasterImage + group * rasterGroup + pixel / width * pitch + pixel % width;
    w += wOffset + group * weightGroup;
    y += yOffset + group * rows * outRow;
    __global const int *rasterTable = table + taps;

    float4 sum[WM][WN / 4];
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / 4; j++) sum[i][j] = 0;
    float aHeld[TM / LANE_STEP], bHeld[TK / DEPTH_STEP(TN)];
#define FETCH(start)                                                                                       \
    UNROLL for (uint l = 0; l < TM / LANE_STEP; l++) {                                                     \
        const size_t row = min((ulong)(firstRow + aLane + l * LANE_STEP), rows - 1), tap = (start) + aDepth; \
        aHeld[l] = tap < taps ? w[row * weightRow + table[tap]] : 0.0f;                                    \
    }                                                                                                      \
    UNROLL for (uint l = 0; l < TK / DEPTH_STEP(TN); l++) {                                                \
        const size_t tap = (start) + bDepth + l * DEPTH_STEP(TN);                                          \
        bHeld[l] = tap < taps ? raster[rasterTable[tap]] : 0.0f;                                           \
    }
    FETCH(0)
    for (size_t start = 0; start < taps; start += TK) {
        UNROLL for (uint l = 0; l < TM / LANE_STEP; l++) aTile[aDepth * (TM + PAD) + aLane + l * LANE_STEP] = aHeld[l];
        UNROLL for (uint l = 0; l < TK / DEPTH_STEP(TN); l++)
            bTile[(bDepth + l * DEPTH_STEP(TN)) * (TN + PAD) + bLane] = bHeld[l];
        barrier(CLK_LOCAL_MEM_FENCE);
        FETCH(start + TK)
        multiplyTiles(aTile, bTile, ty, tx, sum);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL for (uint j = 0; j < WN / 4; j++) UNROLL for (uint l = 0; l < 4; l++) {
        const size_t outColumn = firstColumn + TILE_COLUMN(j, tx) + l;
        if (outColumn >= columns) continue;
        const size_t image = outColumn / pixels, outPixel = outColumn % pixels, py = outPixel / width, px = outPixel % width;
        __global float *to = y + image * outImage + py * outY + px * outX;
        UNROLL for (uint i = 0; i < WM; i++) {
            const size_t row = firstRow + TILE_ROW(i, ty);
            const float value = l == 0 ? sum[i][j].x : l == 1 ? sum[i][j].y : l == 2 ? sum[i][j].z : sum[i][j].w;
            if (row < rows) to[row * outRow] = EPILOGUE(value, image, group * rows + row, py, px);
        }
    }
}
#endif

#ifdef KERNEL_convolutionWeightTiles
// The weights' gradient: output channels times taps, over the pixels of a split's images, one image after the other.
// global: THREADS x tap tiles, channel tiles, splits * groups; `places` holds each pixel's position in the raster.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void convolutionWeightTiles(
    Source dy, const ulong dyOffset, Source raster, const ulong rasterOffset, __global const int *table,
    __global const int *places, __global float *out, const ulong outOffset, const ulong channels, const ulong taps,
    const ulong groups, const ulong rasterImage, const ulong rasterGroup, const ulong pixels, const ulong images,
    const ulong imagesEach, const ulong splitStep) {
    __local float aTile[TK * (TM + PAD)] __attribute__((aligned(16)));
    __local float bTile[TK * (TN + PAD)] __attribute__((aligned(16)));
    const uint item = get_local_id(0), ty = item / THREADS_N, tx = item % THREADS_N;
    const size_t split = get_group_id(2) / groups, group = get_group_id(2) % groups;
    const size_t firstRow = get_group_id(1) * TM, firstColumn = get_group_id(0) * TN;
    const size_t end = min((ulong)((split + 1) * imagesEach), images);
    const uint depth = item % TK, lane = item / TK;
    dy += dyOffset + group * channels * pixels;
    raster += rasterOffset + group * rasterGroup;
    int bPlace[TN / LANE_STEP];
    UNROLL for (uint l = 0; l < TN / LANE_STEP; l++)
        bPlace[l] = table[taps + min((ulong)(firstColumn + lane + l * LANE_STEP), taps - 1)];

    float4 sum[WM][WN / 4];
    UNROLL for (uint i = 0; i < WM; i++) UNROLL for (uint j = 0; j < WN / 4; j++) sum[i][j] = 0;
    for (size_t image = split * imagesEach; image < end; image++) {
        Source rowsOfDy = dy + image * groups * channels * pixels, pixelsOfX = raster + image * rasterImage;
        for (size_t start = 0; start < pixels; start += TK) {
            const size_t pixel = start + depth;
            const size_t place = pixel < pixels ? places[pixel] : 0;
            UNROLL for (uint l = 0; l < TM / LANE_STEP; l++) {
                const size_t row = min((ulong)(firstRow + lane + l * LANE_STEP), channels - 1);
                aTile[depth * (TM + PAD) + lane + l * LANE_STEP] = pixel < pixels ? rowsOfDy[row * pixels + pixel] : 0.0f;
            }
            UNROLL for (uint l = 0; l < TN / LANE_STEP; l++)
                bTile[depth * (TN + PAD) + lane + l * LANE_STEP] = pixel < pixels ? pixelsOfX[bPlace[l] + place] : 0.0f;
            barrier(CLK_LOCAL_MEM_FENCE);
            multiplyTiles(aTile, bTile, ty, tx, sum);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
    }
    out += outOffset + split * splitStep + group * channels * taps;
    UNROLL for (uint i = 0; i < WM; i++) {
        const size_t row = firstRow + TILE_ROW(i, ty);
        if (row >= channels) continue;
        UNROLL for (uint j = 0; j < WN / 4; j++) {
            const size_t column = firstColumn + TILE_COLUMN(j, tx);
            __global float *to = out + row * taps + column;
            if (column < taps) to[0] = sum[i][j].x;
            if (column + 1 < taps) to[1] = sum[i][j].y;
            if (column + 2 < taps) to[2] = sum[i][j].z;
            if (column + 3 < taps) to[3] = sum[i][j].w;
        }
    }
}
#endif

#ifdef KERNEL_convolutionPlaces
// The position in the raster of each pixel of an output of `width` columns.
__kernel void convolutionPlaces(__global int *to, const int pixels, const int width, const int pitch) {
    for (int i = get_global_id(0); i < pixels; i += get_global_size(0)) to[i] = i / width * pitch + i % width;
}
#endif
