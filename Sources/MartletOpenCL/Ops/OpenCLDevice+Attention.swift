import MartletCore

extension OpenCLDevice: AttentionOps {
    public func attention(
        _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, into y: View, logSum: View
    ) {
        let problem = AttentionProblem(q, k, v, mask: mask, keyLengths: keyLengths, options)
        guarded("attention", inputs: problem.inputs, outputs: [y, logSum]) {
            if let kernel = try tileKernel("attention_tiles", problem, [q, k, v, y]) {
                return try launch(
                    kernel, global: problem.tiles(rows: q.shape[2], heads: q.shape[1]), local: AttentionProblem.group,
                    arguments: problem.arguments + AttentionProblem.heads(y) + [.tensor(logSum)])
            }
            let kernel = try vectorKernel("attention", problem)
            let tasks = q.shape[0] * q.shape[1] * ((q.shape[2] + AttentionProblem.lanes - 1) / AttentionProblem.lanes)
            let items = min(tasks, properties.computeUnits * 4)
            let (width, rows, lanes) = (q.shape[3], AttentionProblem.rows, AttentionProblem.lanes)
            let floats = (width + rows) * lanes + AttentionProblem.filled(width) * (rows + lanes)
            try launch(
                kernel, global: WorkSize(items), local: 1,
                arguments: problem.arguments + AttentionProblem.heads(y) + [
                    .tensor(logSum), .buffer(try scratch(byteCount: items * floats * 4)), .size(floats), .size(tasks),
                    .size(items),
                ])
        }
    }

    public func attentionGradient(
        _ dy: View, _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, y: View,
        logSum: View, into dq: View, dk: View, dv: View
    ) {
        let problem = AttentionProblem(q, k, v, mask: mask, keyLengths: keyLengths, options)
        guarded("attentionGradient", inputs: [dy, y, logSum] + problem.inputs, outputs: [dq, dk, dv]) {
            let heads = [dy, q, k, v, y, dq, dk, dv]
            if let ofQueries = try tileKernel("attention_own_queries", problem, heads),
                let ofKeys = try tileKernel("attention_own_keys", problem, heads)
            {
                return try gradientTiles(ofQueries, ofKeys, problem, dy, y, logSum, dq, dk, dv)
            }
            let kernel = try vectorKernel("attention_gradient", problem)
            let items = min(k.shape[0] * k.shape[1], properties.computeUnits * 4)
            let (width, queries) = (q.shape[3], q.shape[1] / k.shape[1] * q.shape[2])
            let (rows, lanes) = (AttentionProblem.rows, AttentionProblem.lanes)
            let floats = 2 * (width + rows) * lanes + queries + AttentionProblem.filled(width) * (2 * rows + 3 * lanes + queries)
            try launch(
                kernel, global: WorkSize(items), local: 1,
                arguments: AttentionProblem.heads(dy) + problem.arguments + AttentionProblem.heads(y) + [.tensor(logSum)]
                    + [dq, dk, dv].flatMap(AttentionProblem.heads) + [
                        .buffer(try scratch(byteCount: items * floats * 4)), .size(floats), .size(items),
                    ])
        }
    }

    /// A kernel of `Attention.cl`.
    private func vectorKernel(_ name: String, _ problem: AttentionProblem) throws -> Kernel {
        let tile = RegisterTile(registers: properties.registerVectors)
        var defines = problem.defines
        (defines["MR"], defines["TV"]) = (tile.rows, tile.vectors)
        return try kernel("Attention", name, defines)
    }

    /// GPU-like: a kernel of `AttentionTile.cl`; nil where this device does not run its work-groups.
    private func tileKernel(_ name: String, _ problem: AttentionProblem, _ heads: [View]) throws -> Kernel? {
        guard deviceClass == .gpuLike else { return nil }
        var defines = problem.defines
        let isAligned = heads.allSatisfy { ([$0.offset, $0.shape[3]] + $0.strides.dropLast()).allSatisfy { $0 % 4 == 0 } }
        if isAligned { defines["FOUR"] = 1 }
        do {
            let kernel = try kernel("AttentionTile", name, defines)
            return kernel.runs(AttentionProblem.group.x, on: properties) ? kernel : nil
        } catch let error as OpenCLError where !error.isOutOfMemory {
            return nil
        }
    }

    /// What y and dy have in common, then the queries' gradients, then the keys' and values'.
    private func gradientTiles(
        _ ofQueries: Kernel, _ ofKeys: Kernel, _ problem: AttentionProblem, _ dy: View, _ y: View, _ logSum: View, _ dq: View,
        _ dk: View, _ dv: View
    ) throws {
        let rows = logSum.count, common = try scratch(byteCount: rows * 4)
        let kernel = try kernel("AttentionTile", "attention_common")
        try launchItems(
            kernel, rows,
            AttentionProblem.heads(dy) + AttentionProblem.heads(y)
                + [.buffer(common), .size(y.shape[1]), .size(y.shape[2]), .size(y.shape[3]), .size(rows)])
        let operands = AttentionProblem.heads(dy) + problem.arguments + [.tensor(logSum), .buffer(common)]
        try launch(
            ofQueries, global: problem.tiles(rows: dq.shape[2], heads: dq.shape[1]), local: AttentionProblem.group,
            arguments: operands + AttentionProblem.heads(dq))
        try launch(
            ofKeys, global: problem.tiles(rows: dk.shape[2], heads: dk.shape[1]), local: AttentionProblem.group,
            arguments: operands + [dk, dv].flatMap(AttentionProblem.heads))
    }
}

/// What both passes of an attention are told.
private struct AttentionProblem {
    /// Queries, or keys in the backward pass, of a block; NV vectors in `Attention.cl`.
    static let lanes = 32
    /// ROWS in `Attention.cl`.
    static let rows = 64
    /// THREADS in `AttentionTile.cl`.
    static let group: WorkSize = [128, 1, 1]
    /// OWN and COLUMNS in `AttentionTile.cl`.
    static let tile = 64

    let inputs: [View]
    let defines: Defines
    let arguments: [KernelArgument]
    private let batches: Int, width: Int

    init(_ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, _ options: AttentionOptions) {
        inputs = [q, k, v] + [mask, keyLengths].compactMap { $0 }
        (batches, width) = (q.shape[0], q.shape[3])
        var defines: Defines = [:]
        if let mask { defines["MASK"] = mask.type == .float32 ? 1 : 2 }
        let kept = 1 - (options.dropout?.probability ?? 0), key = options.dropout?.key ?? RandomKey(seed: 0, stream: 0)
        if kept < 1 { defines["DROPS"] = 1 }
        self.defines = defines
        // An offset beyond all keys hides none.
        let most = q.shape[2] + k.shape[2], offset = min(max(options.causalOffset ?? most, -most), most)
        arguments =
            [q, k, v].flatMap(Self.heads) + [.tensor(mask ?? q)] + (mask?.strides ?? [0, 0, 0, 0]).map { .size($0) }
            + [.tensor(keyLengths ?? q), .int(keyLengths == nil ? 0 : 1)]
            + [q.shape[0], q.shape[1], k.shape[1], q.shape[2], k.shape[2], q.shape[3]].map { .size($0) }
            + [.float(options.scale(width: q.shape[3])), .int(offset), .float(kept)]
            + [key.seed, key.seed >> 32, key.stream, key.stream >> 32].map { .word(UInt32(truncatingIfNeeded: $0)) }
    }

    /// The width of rows that are filled up to whole vectors, 0 where they are whole as they are.
    static func filled(_ width: Int) -> Int { width % 16 == 0 ? 0 : roundUp(width, to: 16) }

    /// Work-groups over blocks of rows, blocks of columns and all heads.
    func tiles(rows: Int, heads: Int) -> WorkSize {
        func blocks(_ count: Int) -> Int { (count + Self.tile - 1) / Self.tile }
        return [blocks(rows) * Self.group.x, blocks(width), batches * heads]
    }

    /// A view of heads: its buffer, offset and steps.
    static func heads(_ view: View) -> [KernelArgument] {
        [.tensor(view), .size(view.strides[0]), .size(view.strides[1]), .size(view.strides[2])]
    }
}
