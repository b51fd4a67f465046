import MartletCore

/// The shape [n, c, s] of a call and which way it is read.
struct NormalizationCall {
    let n: Int, c: Int, s: Int
    /// Whether each plane of s elements is read along its positions, or x as n rows of `columns`.
    var readsPlanes: Bool { s >= 32 }
    var columns: Int { c * s }

    /// Checks the operands: those of x's shape, those of a channel each, and the statistics.
    init(_ op: StaticString, _ x: View, groups: Int?, _ like: [View], _ channels: [View?], _ statistics: [View]) {
        precondition(
            x.rank == 3 && x.isContiguous && like.allSatisfy { $0.shape == x.shape && $0.isContiguous },
            "\(op): x \(x.shape) and \(like.map(\.shape)) do not fit")
        (n, c, s) = (x.shape[0], x.shape[1], x.shape[2])
        let expected = groups.map { [x.shape[0], $0] } ?? [x.shape[1]]
        precondition(
            groups.map { $0 > 0 && x.shape[1] % $0 == 0 } ?? true,
            "\(op): \(x.shape[1]) channels in \(groups ?? 0) groups")
        precondition(
            channels.compactMap { $0 }.allSatisfy { $0.shape == [x.shape[1]] && $0.isContiguous }
                && statistics.allSatisfy { $0.shape == expected && $0.isContiguous },
            "\(op): x \(x.shape), channels \(channels.map { $0?.shape ?? [] }) and statistics "
                + "\(statistics.map(\.shape)) do not fit")
    }
}

/// Scale and shift, with something in the place of those that are not there.
struct Affine {
    let scale: View, shift: View
    let scales: Int, shifts: Int

    init(scale: View?, shift: View?, placeholder: View) {
        self.scale = scale ?? placeholder
        self.shift = shift ?? placeholder
        scales = scale == nil ? 0 : 1
        shifts = shift == nil ? 0 : 1
    }
}

/// How planes are cut: into `pieces` of `pieceLength`, of which a work-group takes `unitsEach`, `parts` work-groups a channel.
struct PlaneCut {
    let pieces: Int, pieceLength: Int, unitsEach: Int, parts: Int

    init(samples: Int, _ s: Int, parts wanted: Int) {
        let piecesWanted = max((wanted + samples - 1) / max(samples, 1), 1)
        pieceLength = max(min(s, roundUp((s + piecesWanted - 1) / piecesWanted, to: 16)), 1)
        pieces = max((s + pieceLength - 1) / pieceLength, 1)
        let units = max(samples * pieces, 1)
        unitsEach = (units + wanted - 1) / wanted
        parts = (units + unitsEach - 1) / unitsEach
    }

    var arguments: [KernelArgument] { [.size(pieces), .size(pieceLength), .size(unitsEach)] }
}

/// How a matrix is cut: a work-item takes `columnsEach` columns of `rowsEach` rows; `parts` work-items a column.
struct ColumnCut {
    let rowsEach: Int, columnsEach: Int, parts: Int
    let global: WorkSize
}

/// Where the partial results of a channel lie (see `EACH_PARTIAL` in the kernels).
struct Partials {
    let parts: Int, partStride: Int, channelStride: Int, inner: Int, size: Int

    static func ofPlanes(channels: Int, _ cut: PlaneCut) -> Partials {
        Partials(parts: cut.parts, partStride: 1, channelStride: cut.parts, inner: 1, size: channels * cut.parts)
    }

    static func ofColumns(_ call: NormalizationCall, _ cut: ColumnCut) -> Partials {
        Partials(parts: cut.parts, partStride: call.columns, channelStride: call.s, inner: call.s, size: call.columns * cut.parts)
    }

    var arguments: [KernelArgument] { [.size(parts), .size(partStride), .size(channelStride), .size(inner), .size(size)] }
}

/// The passes that the ops of the family are made of; the kernels say what each computes.
extension OpenCLDevice {
    // MARK: Cuts

    /// Enough parts for all cores, and on CPU-like devices parts whose second reading comes from the cache.
    func planeCut(samples: Int, channels: Int, _ s: Int) -> PlaneCut {
        let count = samples * s, isCPU = deviceClass == .cpuLike
        let wanted = properties.computeUnits * (isCPU ? 4 : 16)
        let forCores = min((wanted + channels - 1) / max(channels, 1), count / (isCPU ? 2048 : 4096))
        let forCache = isCPU ? (count + 32767) / 32768 : 1
        return PlaneCut(samples: samples, s, parts: max(forCores, forCache, 1))
    }

    func columnCut(rows: Int, columns: Int, groups: Int = 1) -> ColumnCut {
        if deviceClass == .cpuLike {
            let width = columns / groups
            let columnsEach = min(roundUp(width, to: 16), 1024)
            let blocks = (width + columnsEach - 1) / columnsEach * groups
            let items = cpuItems(elements: rows * columns, atMost: Int.max)
            let rowsEach = max(roundUp((rows * blocks + items - 1) / items, to: 8), 8)
            let parts = max((rows + rowsEach - 1) / rowsEach, 1)
            return ColumnCut(rowsEach: rowsEach, columnsEach: columnsEach, parts: parts, global: WorkSize(blocks, parts))
        }
        let wanted = max(properties.computeUnits * 512 / columns, 1)
        let rowsEach = max(roundUp((rows + wanted - 1) / wanted, to: 8), roundUp((rows + 63) / 64, to: 8), 8)
        let parts = max((rows + rowsEach - 1) / rowsEach, 1)
        return ColumnCut(rowsEach: rowsEach, columnsEach: 1, parts: parts, global: WorkSize(roundUp(columns, to: 64), parts))
    }

    func columnLocal(_ cut: ColumnCut) -> WorkSize { deviceClass == .cpuLike ? WorkSize(1, 1) : WorkSize(64, 1) }

    // MARK: Kernels

    func columnKernel(_ name: String) throws -> Kernel {
        try kernel("NormalizationColumns", name, columnDefines)
    }

    private var columnDefines: Defines { ["GROUP": 1, "VEC": deviceClass == .cpuLike ? 16 : 1] }

    /// Launches a kernel with a work-item for each channel.
    func launchChannels(_ name: String, _ count: Int, _ arguments: [KernelArgument]) throws {
        try launchItems(try kernel("NormalizationChannels", name, columnDefines), count, arguments)
    }

    /// Launches a kernel that joins what belongs to a channel; on GPU-like devices by a work-group where that is much.
    private func launchJoin(_ name: String, _ count: Int, _ partials: Partials, _ arguments: [KernelArgument]) throws {
        let each = partials.parts * partials.inner
        guard deviceClass == .gpuLike, each >= 8 else { return try launchChannels(name, count, arguments) }
        let (kernel, group) = try groupKernel("NormalizationChannels", name, ["VEC": 1], wanted: min(each, 64))
        guard group > 1 else { return try launchChannels(name, count, arguments) }
        try launch(kernel, global: WorkSize(count * group), local: WorkSize(group), arguments: arguments)
    }

    /// Launches a kernel over planes of `s` elements; `arguments` come before the number of work-items that read one piece, as a
    /// power of two.
    private func launchPlanes(
        _ name: String, groups: Int, _ cut: PlaneCut, s: Int, _ arguments: [KernelArgument], result: View? = nil
    ) throws {
        if deviceClass == .cpuLike {
            var defines: Defines = ["GROUP": 1, "VEC": 16]
            if let result, streams(result) { defines["STREAMED"] = 1 }
            let kernel = try kernel("NormalizationPlanes", name, defines)
            return try launch(kernel, global: WorkSize(groups), local: 1, arguments: arguments + [.int(0)])
        }
        let (kernel, group) = try groupKernel(
            "NormalizationPlanes", name, fours([s, cut.pieceLength], arguments), wanted: 128)
        let across = min(nextPowerOfTwo(max((cut.pieceLength + 3) / 4, 1)), group)
        try launch(
            kernel, global: WorkSize(groups * group), local: WorkSize(group),
            arguments: arguments + [.int(across.trailingZeroBitCount)])
    }

    // MARK: Passes

    func planeMoments(_ x: View, into partial: View, samples: Int, channels: Int, _ s: Int, _ cut: PlaneCut) throws {
        try launchPlanes(
            "plane_moments", groups: channels * cut.parts, cut, s: s,
            [.tensor(x), .tensor(partial), .size(samples), .size(channels), .size(s)]
                + cut.arguments + [.size(cut.parts)])
    }

    func planeSums(
        _ dy: View, _ x: View, _ mean: View, into partial: View, samples: Int, channels: Int, _ s: Int,
        _ cut: PlaneCut, channelsEach: Int
    ) throws {
        try launchPlanes(
            "plane_sums", groups: channels * cut.parts, cut, s: s,
            [.tensor(dy), .tensor(x), .tensor(mean), .tensor(partial), .size(samples), .size(channels), .size(s)]
                + cut.arguments + [.size(cut.parts), .size(channelsEach)])
    }

    /// How planes are shared out where each element is only read and written.
    private func elementCut(_ call: NormalizationCall) -> PlaneCut {
        let isCPU = deviceClass == .cpuLike
        let elements = call.n * call.columns
        return PlaneCut(
            samples: call.n * call.c, call.s,
            parts: isCPU ? cpuItems(elements: elements, atMost: Int.max) : max(elements / 4096, 1))
    }

    func planeNormalize(
        _ x: View, _ affine: Affine, _ mean: View, _ inverse: View, into y: View, _ call: NormalizationCall,
        planesEach: Int, statistics: Int
    ) throws {
        let cut = elementCut(call)
        try launchPlanes(
            "plane_normalize", groups: cut.parts, cut, s: call.s,
            [
                .tensor(x), .tensor(affine.scale), .tensor(affine.shift), .tensor(mean), .tensor(inverse), .tensor(y),
                .size(call.n * call.c), .size(call.c), .size(call.s),
            ] + cut.arguments
                + [.size(planesEach), .size(statistics), .int(affine.scales), .int(affine.shifts)], result: y)
    }

    func planeGradient(
        _ dy: View, _ x: View, _ scale: View?, _ mean: View, _ inverse: View, _ coefficients: View, into dx: View,
        _ call: NormalizationCall, planesEach: Int, statistics: Int
    ) throws {
        let cut = elementCut(call)
        try launchPlanes(
            "plane_gradient", groups: cut.parts, cut, s: call.s,
            [
                .tensor(dy), .tensor(x), .tensor(scale ?? x), .tensor(mean), .tensor(inverse), .tensor(coefficients),
                .tensor(dx), .size(call.n * call.c), .size(call.c), .size(call.s),
            ] + cut.arguments
                + [.size(planesEach), .size(statistics), .int(scale == nil ? 0 : 1)], result: dx)
    }

    func joinMoments(
        _ partial: View, _ affine: Affine, _ mean: View, _ inverse: View, spread: View?, channels: Int,
        _ partials: Partials, _ epsilon: Float
    ) throws {
        try launchJoin(
            "join_moments", channels, partials,
            [
                .tensor(partial), .tensor(affine.scale), .tensor(affine.shift), .tensor(mean), .tensor(inverse),
                .tensor(spread ?? partial), .size(channels),
            ] + partials.arguments
                + [.int(spread == nil ? 0 : 1), .int(affine.scales), .int(affine.shifts), .float(epsilon)])
    }

    func joinChannelSums(
        _ partial: View, _ scale: View?, _ mean: View, _ inverse: View, _ dScale: View, _ dShift: View,
        _ coefficients: View, _ call: NormalizationCall, _ partials: Partials, spreads: Bool
    ) throws {
        try launchJoin(
            "join_channel_sums", call.c, partials,
            [
                .tensor(partial), .tensor(scale ?? partial), .tensor(mean), .tensor(inverse), .tensor(dScale),
                .tensor(dShift), .tensor(coefficients), .size(call.c),
            ] + partials.arguments
                + [.int(spreads ? 1 : 0), .int(scale == nil ? 0 : 1), .float(Float(call.n * call.s))])
    }

    func joinColumnSums(_ partial: View, _ dScale: View, _ dShift: View, _ call: NormalizationCall, _ partials: Partials) throws {
        try launchJoin(
            "join_column_sums", call.c, partials,
            [.tensor(partial), .tensor(dScale), .tensor(dShift), .size(call.c)] + partials.arguments)
    }

    /// What belongs to a channel, for each of its columns.
    func spreadChannels(_ view: View, _ call: NormalizationCall) throws -> View {
        guard call.s > 1 else { return view }
        let spread = try scratchView(call.columns)
        try launchChannels(
            "spread_channels", call.c,
            [.tensor(view), .tensor(spread), .size(call.c), .size(call.s)])
        return spread
    }
}
