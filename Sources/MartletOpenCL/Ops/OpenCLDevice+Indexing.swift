import MartletCore

extension OpenCLDevice: IndexingOps {
    public func gather(_ x: View, indices: View, into y: View) {
        precondition(
            x.rank == 3 && y.shape == [x.shape[0], indices.count, x.shape[2]] && x.isContiguous && indices.isContiguous
                && y.isContiguous && x.type == y.type,
            "gather: x \(x.shape), indices \(indices.shape) and y \(y.shape) do not fit")
        guarded("gather", inputs: [x, indices], outputs: [y]) {
            let (outer, m, inner) = (y.shape[0], y.shape[1], y.shape[2])
            let rows = outer * m
            let each = deviceClass == .cpuLike ? share(rows, work: rows * (inner + 16)) : 1
            let items = deviceClass == .cpuLike ? (rows + each - 1) / each : y.count
            try launchItems(
                try kernel("Indexing", "gather"), items,
                [
                    .tensor(x), .tensor(indices), .tensor(y), .size(outer), .size(x.shape[1]), .size(m), .size(inner),
                    .size(each), .int(missing(x.type)),
                ])
        }
    }

    public func gatherElements(_ x: View, indices: View, into y: View) {
        precondition(
            x.rank == 2 && y.rank == 2 && indices.shape == y.shape && x.shape[0] == y.shape[0] && x.isContiguous
                && indices.isContiguous && y.isContiguous && x.type == y.type,
            "gatherElements: x \(x.shape), indices \(indices.shape) and y \(y.shape) do not fit")
        guarded("gatherElements", inputs: [x, indices], outputs: [y]) {
            let each = deviceClass == .cpuLike ? share(y.count, work: y.count * 4) : 1
            try launchItems(
                try kernel("Indexing", "gather_elements"), (y.count + each - 1) / each,
                [
                    .tensor(x), .tensor(indices), .tensor(y), .size(y.shape[0]), .size(x.shape[1]), .size(y.shape[1]),
                    .size(each), .int(missing(x.type)),
                ])
        }
    }

    public func scatterAdd(_ y: View, indices: View, into x: View) {
        precondition(
            x.rank == 3 && y.shape == [x.shape[0], indices.count, x.shape[2]] && x.isContiguous && indices.isContiguous
                && y.isContiguous,
            "scatterAdd: y \(y.shape), indices \(indices.shape) and x \(x.shape) do not fit")
        guarded("scatterAdd", inputs: [y, indices], outputs: [x]) {
            let (outer, n, inner, m) = (x.shape[0], x.shape[1], x.shape[2], indices.count)
            guard deviceClass == .gpuLike else {
                // Columns are shared evenly whatever the indices are; rows are cleared faster.
                let wanted = cpuItems(elements: x.count + y.count, atMost: properties.computeUnits * 4)
                let columnRanges = min(max(inner / 256, 1), max(wanted / outer, 1))
                // Each range of rows goes through all indices, which costs more than adding short rows.
                let useful = inner < 16 ? min(wanted, properties.computeUnits) : wanted
                let rowRanges = min(n, max(useful / (outer * columnRanges), 1))
                return try launchItems(
                    try kernel("Indexing", "scatter_add"), outer * rowRanges * columnRanges,
                    [
                        .tensor(y), .tensor(indices), .tensor(x), .size(outer), .size(n), .size(m), .size(inner),
                        .size(rowRanges), .size(columnRanges),
                    ])
            }
            try addSegments(y, indices, into: x, rows: outer, keyRows: 1, n: n, m: m, inner: inner)
        }
    }

    public func scatterAddElements(_ y: View, indices: View, into x: View) {
        precondition(
            x.rank == 2 && y.rank == 2 && indices.shape == y.shape && x.shape[0] == y.shape[0] && x.isContiguous
                && indices.isContiguous && y.isContiguous,
            "scatterAddElements: y \(y.shape), indices \(indices.shape) and x \(x.shape) do not fit")
        guarded("scatterAddElements", inputs: [y, indices], outputs: [x]) {
            let (rows, n, m) = (x.shape[0], x.shape[1], y.shape[1])
            if deviceClass == .cpuLike {
                let wanted = cpuItems(elements: x.count + y.count * 4, atMost: properties.computeUnits * 4)
                let each = (rows + wanted - 1) / wanted
                // Parts of a row only where there are fewer rows than cores: every part reads all indices of the row.
                let ranges = rows < min(wanted, properties.computeUnits) ? min(n, (properties.computeUnits + rows - 1) / rows) : 1
                try launchItems(
                    try kernel("Indexing", "scatter_add_elements"), (rows + each - 1) / each * ranges,
                    [
                        .tensor(y), .tensor(indices), .tensor(x), .size(rows), .size(n), .size(m), .size(each),
                        .size(ranges),
                    ])
            } else if m <= 16 {
                try launchItems(
                    try kernel("Indexing", "scatter_add_elements"), x.count,
                    [.tensor(y), .tensor(indices), .tensor(x), .size(rows), .size(n), .size(m)])
            } else {
                try addSegments(y, indices, into: x, rows: rows, keyRows: rows, n: n, m: m, inner: 1)
            }
        }
    }

    /// Clears x [rows, n, inner] and adds the rows of y [rows, m, inner]: the indices [keyRows, m] are sorted stably, and
    /// each run of equal ones is summed by one work-item a column.
    private func addSegments(
        _ y: View, _ indices: View, into x: View, rows: Int, keyRows: Int, n: Int, m: Int,
        inner: Int
    ) throws {
        try launchItems(try kernel("Indexing", "clear"), x.count, [.tensor(x), .size(x.count)])
        guard y.count > 0 else { return }
        let keys = try sortedKeys(indices, rows: keyRows, n: m, m: m, descending: false)
        try launchItems(
            try kernel("Indexing", "add_segments"), rows * m * inner,
            [.buffer(keys), .tensor(y), .tensor(x), .size(rows), .size(keyRows), .size(n), .size(m), .size(inner)])
    }

    public func sort(_ x: View, descending: Bool, into values: View, indices: View) {
        precondition(
            x.rank == 2 && values.rank == 2 && values.shape == indices.shape && values.shape[0] == x.shape[0]
                && values.shape[1] <= x.shape[1] && x.isContiguous && values.isContiguous && indices.isContiguous,
            "sort: x \(x.shape), values \(values.shape) and indices \(indices.shape) do not fit")
        guarded("sort", inputs: [x], outputs: [values, indices]) {
            let (rows, n, m) = (x.shape[0], x.shape[1], values.shape[1])
            let keys = try sortedKeys(x, rows: rows, n: n, m: m, descending: descending)
            let each = deviceClass == .cpuLike ? share(rows * m, work: rows * m * 4) : 1
            try launchItems(
                try kernel("Indexing", "take_sorted"), (rows * m + each - 1) / each,
                [
                    .buffer(keys), .tensor(x), .tensor(values), .tensor(indices), .size(rows), .size(n), .size(m),
                    .size(each),
                ])
        }
    }

    /// The first m keys of each row of x [rows, n], in order: float32 by value, int32 as indices.
    private func sortedKeys(_ x: View, rows: Int, n: Int, m: Int, descending: Bool) throws -> OpenCLBuffer {
        var (runs, count, length) = try sortedBlocks(x, rows: rows, n: n, m: m, descending: descending)
        let merge = try kernel("Indexing", "merge_runs")
        while count > 1 {
            let kept = min(2 * length, m), pairs = (count + 1) / 2
            let merged = try scratch(byteCount: rows * pairs * kept * 8)
            let each = deviceClass == .cpuLike ? 8192 : 16
            try launchItems(
                merge, rows * pairs * ((kept + each - 1) / each),
                [.buffer(runs), .buffer(merged), .size(rows), .size(count), .size(length), .size(kept), .size(each)])
            (runs, count, length) = (merged, pairs, kept)
        }
        return runs
    }

    /// Blocks of the rows, sorted; of each the first `length` keys are kept.
    private func sortedBlocks(
        _ x: View, rows: Int, n: Int, m: Int,
        descending: Bool
    ) throws -> (runs: OpenCLBuffer, count: Int, length: Int) {
        var defines: Defines = x.type == .int32 ? ["INDEX_KEYS": 1] : [:]
        if deviceClass == .cpuLike {
            let wanted = cpuItems(elements: rows * n * 8, atMost: Int.max)
            let blocksWanted = min(max(wanted / rows, 1), (n + 4095) / 4096)
            let block = max((n + blocksWanted - 1) / blocksWanted, 1), blocks = max((n + block - 1) / block, 1)
            let kept = min(block, m)
            let runs = try scratch(byteCount: rows * blocks * kept * 8)
            let each = (rows * blocks + wanted - 1) / wanted, items = (rows * blocks + each - 1) / each
            let space = try scratch(byteCount: items * 2 * block * 8)
            try launchItems(
                try kernel("Indexing", "sort_blocks", defines), items,
                [
                    .tensor(x), .buffer(runs), .buffer(space), .size(rows), .size(n), .size(block), .size(kept),
                    .size(blocks), .size(each), .int(descending ? 1 : 0),
                ])
            return (runs, blocks, kept)
        }
        var block = max(min(512, nextPowerOfTwo(n)), 2)
        while true {
            defines["BLOCK"] = block
            let kernel = try kernel("Indexing", "sort_blocks", defines)
            guard block / 2 <= min(kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0]) || block == 2 else {
                block /= 2
                continue
            }
            let blocks = (n + block - 1) / block, kept = min(block, m)
            let runs = try scratch(byteCount: rows * blocks * kept * 8)
            try launch(
                kernel, global: WorkSize(rows * blocks * (block / 2)), local: WorkSize(block / 2),
                .tensor(x), .buffer(runs), .size(n), .size(kept), .size(blocks), .int(descending ? 1 : 0))
            return (runs, blocks, kept)
        }
    }

    /// How many of `count` things a work-item of a CPU-like device takes.
    private func share(_ count: Int, work: Int) -> Int {
        let items = cpuItems(elements: work, atMost: count)
        return max((count + items - 1) / items, 1)
    }

    /// What an index outside reads as, by its bits: NaN, or 0 for integers.
    private func missing(_ type: DataType) -> Int { type == .float32 ? Int(Float.nan.bitPattern) : 0 }
}
