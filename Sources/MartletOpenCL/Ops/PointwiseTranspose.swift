import MartletCore

/// A copy that turns rows into columns, as making a transposed view contiguous does.
struct PointwiseTranspose {
    let rows: Int
    let columns: Int
    let batches: Int
    let inputBatchStride: Int
    let inputColumnStride: Int
    let outputBatchStride: Int
    let outputRowStride: Int

    /// Nil where a call is something else, or too small for tiles to pay.
    init?(_ call: PointwiseCall) {
        let layout = call.layout, rank = layout.rank
        guard call.isRawCopy, call.operands.count == 2, rank == 2 || rank == 3 else { return nil }
        let input = layout.strides[call.operands[0]], output = layout.strides[call.operands[1]]
        guard output[rank - 1] == 1, input[rank - 2] == 1, input[rank - 1] > 1 else { return nil }
        rows = layout.extents[rank - 2]
        columns = layout.extents[rank - 1]
        guard rows >= 16, columns >= 16 else { return nil }
        batches = rank == 3 ? layout.extents[0] : 1
        inputBatchStride = rank == 3 ? input[0] : 0
        inputColumnStride = input[rank - 1]
        outputBatchStride = rank == 3 ? output[0] : 0
        outputRowStride = output[rank - 2]
    }
}

extension OpenCLDevice {
    func transpose(_ call: PointwiseCall, _ transpose: PointwiseTranspose) throws {
        let kernel = try kernel("Memory", "transpose")
        let bands = (transpose.rows + 15) / 16
        var global: WorkSize, local: WorkSize
        var bandsPerItem = 1
        if deviceClass == .cpuLike {
            let items = min(max(transpose.rows * transpose.columns * transpose.batches / 4096, 1), properties.computeUnits * 8)
            bandsPerItem = max(bands * transpose.batches / items, 1)
            global = WorkSize((bands + bandsPerItem - 1) / bandsPerItem, transpose.batches)
            local = WorkSize(1, 1)
        } else {
            global = WorkSize(roundUp(transpose.columns, to: 16), roundUp(transpose.rows, to: 16), transpose.batches)
            local = WorkSize(16, 16, 1)
        }
        try launch(
            kernel, global: global, local: local, .tensor(call.views[call.operands[0]]), .tensor(call.views[call.operands[1]]),
            .size(transpose.rows), .size(transpose.columns), .size(transpose.inputBatchStride),
            .size(transpose.inputColumnStride), .size(transpose.outputBatchStride), .size(transpose.outputRowStride),
            .size(bandsPerItem))
    }

    /// Whether a work-group of 16 by 16 fits, as the kernel for GPU-like devices needs.
    var transposesInTiles: Bool {
        deviceClass == .cpuLike
            || (properties.maxWorkGroupSize >= 256 && properties.maxWorkItemSizes[0] >= 16
                && properties.maxWorkItemSizes[1] >= 16)
    }
}
