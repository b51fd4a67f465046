// Copies that turn rows into columns, for each of `batches` matrices:
// y[b * yBatch + i * yRow + j] = x[b * xBatch + j * xColumn + i] for i in 0..<rows, j in 0..<columns.
#define TILE 16

#ifdef CPU_LIKE

// A tile of 16 by 16 in four rounds, each of which interleaves vectors that are eight apart.
static void transpose_tile(uint16 *a) {
    uint16 b[TILE];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            b[2 * i].even = a[i].lo;
            b[2 * i].odd = a[i + 8].lo;
            b[2 * i + 1].even = a[i].hi;
            b[2 * i + 1].odd = a[i + 8].hi;
        }
        for (int i = 0; i < TILE; i++) a[i] = b[i];
    }
}

// Each work-item takes `bandsPerItem` bands of 16 rows. Global: groups of bands, batches.
kernel void transpose(TENSOR_ARGUMENT(const uint, x), TENSOR_ARGUMENT(uint, y), ulong rows, ulong columns, ulong xBatch,
                      ulong xColumn, ulong yBatch, ulong yRow, ulong bandsPerItem) {
    TENSOR(const uint, x);
    TENSOR(uint, y);
    x += get_global_id(1) * xBatch;
    y += get_global_id(1) * yBatch;
    const size_t first = get_global_id(0) * bandsPerItem * TILE;
    const size_t last = min((size_t)(first + bandsPerItem * TILE), (size_t)rows);
    for (size_t i = first; i < last; i += TILE) {
        size_t j = 0;
        if (i + TILE <= last) {
            for (; j + TILE <= columns; j += TILE) {
                uint16 tile[TILE];
                for (int k = 0; k < TILE; k++) tile[k] = vload16(0, x + (j + k) * xColumn + i);
                transpose_tile(tile);
                for (int k = 0; k < TILE; k++) vstore16(tile[k], 0, y + (i + k) * yRow + j);
            }
        }
        const size_t end = min(i + TILE, last);
        for (; j < columns; j++) {
            for (size_t k = i; k < end; k++) y[k * yRow + j] = x[j * xColumn + k];
        }
    }
}

#else

// Reads and writes are both coalesced, through local memory; a row of it is one longer than the tile, against bank conflicts.
// Local: 16, 16. Global: columns, rows, batches, rounded up to tiles.
kernel void transpose(TENSOR_ARGUMENT(const uint, x), TENSOR_ARGUMENT(uint, y), ulong rows, ulong columns, ulong xBatch,
                      ulong xColumn, ulong yBatch, ulong yRow, ulong bandsPerItem) {
    local uint tile[TILE][TILE + 1];
    TENSOR(const uint, x);
    TENSOR(uint, y);
    x += get_global_id(2) * xBatch;
    y += get_global_id(2) * yBatch;
    const size_t across = get_local_id(0), down = get_local_id(1);
    const size_t j = get_group_id(0) * TILE, i = get_group_id(1) * TILE;
    if (i + across < rows && j + down < columns) tile[down][across] = x[(j + down) * xColumn + i + across];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i + down < rows && j + across < columns) y[(i + down) * yRow + j + across] = tile[across][down];
}

#endif
