import MartletCore

extension OpenCLDevice: ReductionOps {
    public func reduce(_ kind: ReductionKind, _ input: View, into output: View) {
        precondition(
            input.rank == 3 && input.isContiguous && output.isContiguous && output.count == input.shape[0] * input.shape[2],
            "reduce: input \(input.shape) and output \(output.shape) do not fit")
        guarded("reduce", inputs: [input], outputs: [output]) {
            let call = ReductionCall(kind: kind, input: input, output: output)
            if deviceClass == .cpuLike {
                try call.inner < 16 ? reduceRowsOnCPU(call) : reduceColumnsOnCPU(call)
            } else {
                try call.inner < 16 ? reduceRowsOnGPU(call) : reduceColumnsOnGPU(call)
            }
        }
    }

    // MARK: CPU-like

    /// Work-items that a CPU-like device is given at most, each with some thousand elements.
    private func cpuItems(_ call: ReductionCall) -> Int {
        min(max(call.outer * call.n * call.inner / 16384, 1), properties.computeUnits * 8)
    }

    /// Few enough columns that whole elements of the axis, and not columns, fill vectors; or one.
    private func reduceRowsOnCPU(_ call: ReductionCall) throws {
        let items = cpuItems(call)
        let plan = ReductionPlan(n: call.n, parts: call.outer >= items ? 1 : (items + call.outer - 1) / call.outer, step: 64)
        let outerPerItem = max(call.outer * plan.parts / items, 1)
        let groups = (call.outer + outerPerItem - 1) / outerPerItem
        let name = call.inner == 1 ? "reduce_rows" : "reduce_few_columns"
        try run(call, plan, name, global: WorkSize(plan.parts, groups), local: WorkSize(1, 1)) { output in
            [.tensor(call.input)] + output + [
                .size(call.outer), .size(call.n), .size(plan.parts), .size(plan.length), .size(outerPerItem),
                .float(call.divisor),
            ]
        }
    }

    /// Work-items take whole rows of columns where they can, which reads memory in its order, and share out the rest first.
    private func reduceColumnsOnCPU(_ call: ReductionCall) throws {
        let blocks = call.inner / 16, items = cpuItems(call)
        let most = call.code == 7 ? 63 : 127
        var columnGroups = (blocks + most - 1) / most
        // What the caches hold may be read in any order, which saves the second launch.
        if call.outer * call.n * call.inner <= 1 << 18 {
            columnGroups = max(columnGroups, min(items / min(call.outer, items), (blocks + 3) / 4))
        }
        let blocksPerItem = (blocks + columnGroups - 1) / columnGroups
        let available = columnGroups * call.outer
        // A part costs as much to merge as some rows cost to read.
        let parts = available >= items ? 1 : min((items + available - 1) / available, max(call.n / 32, 1))
        let plan = ReductionPlan(n: call.n, parts: parts, step: 8)
        let outerPerItem = max(available * plan.parts / items, 1)
        let groups = (blocks + blocksPerItem - 1) / blocksPerItem
        let global = WorkSize(groups, plan.parts, (call.outer + outerPerItem - 1) / outerPerItem)
        try run(call, plan, "reduce_columns", global: global, local: WorkSize(1, 1, 1)) {
            [.tensor(call.input)] + $0 + [
                .size(call.outer), .size(call.n), .size(call.inner), .size(plan.parts), .size(plan.length), .size(blocksPerItem),
                .size(outerPerItem), .float(call.divisor),
            ]
        }
    }

    // MARK: GPU-like

    private static let stateBytes = 16

    private func reduceRowsOnGPU(_ call: ReductionCall) throws {
        let rows = call.outer * call.inner
        let wanted = properties.computeUnits * 8
        let parts = rows >= wanted ? 1 : min((wanted + rows - 1) / rows, max(call.n / 4096, 1))
        let plan = ReductionPlan(n: call.n, parts: parts, step: 256)
        let kernel = try kernel(call, plan, "reduce_rows")
        let size = try workGroupSize(kernel, wanted: max(nextPowerOfTwo(plan.length / call.wide), 16))
        // Groups count along the second axis, whose extent has no limit but the index type's.
        try run(call, plan, "reduce_rows", global: WorkSize(plan.parts * size, rows), local: WorkSize(size, 1)) {
            [.tensor(call.input)] + $0 + [
                .size(rows), .size(call.n), .size(call.inner), .size(plan.parts), .size(plan.length), .float(call.divisor),
                .local(size * OpenCLDevice.stateBytes),
            ]
        }
    }

    private func reduceColumnsOnGPU(_ call: ReductionCall) throws {
        let columns = 32, wide = call.wide
        let columnGroups = (call.inner + columns - 1) / columns
        let wanted = properties.computeUnits * 8, available = columnGroups * call.outer
        let parts = available >= wanted ? 1 : min((wanted + available - 1) / available, max(call.n / 256, 1))
        let plan = ReductionPlan(n: call.n, parts: parts, step: 64)
        let kernel = try kernel(call, plan, "reduce_columns")
        let size = try workGroupSize(kernel, wanted: 256, states: wide)
        let x = min(columns / wide, size), lanes = max(min(size / x, nextPowerOfTwo(plan.length)), 1)
        let global = WorkSize(roundUp(call.inner / wide, to: x), plan.parts * lanes, call.outer)
        try run(call, plan, "reduce_columns", global: global, local: WorkSize(x, lanes, 1)) {
            [.tensor(call.input)] + $0 + [
                .size(call.n), .size(call.inner), .size(plan.parts), .size(plan.length), .float(call.divisor),
                .local(x * lanes * wide * OpenCLDevice.stateBytes),
            ]
        }
    }

    /// The work-items of a group, each with so many states in local memory.
    private func workGroupSize(_ kernel: Kernel, wanted: Int, states: Int = 1) throws -> Int {
        let fitting = min(
            256, wanted, kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0],
            properties.localMemoryBytes / (OpenCLDevice.stateBytes * states))
        guard fitting >= 16 else {
            throw DeviceError(.kernel, "reduce on \(info.id): it allows work-groups of \(fitting) only; 16 are needed")
        }
        return largestPowerOfTwo(atMost: fitting)
    }

    // MARK: Both

    private func kernel(_ call: ReductionCall, _ plan: ReductionPlan, _ name: String) throws -> Kernel {
        var defines: Defines = [
            "KIND": call.code, "FEW": (2...15).contains(call.inner) ? call.inner : 0, "PARTIAL": plan.parts > 1 ? 1 : 0,
        ]
        if deviceClass == .gpuLike { defines["WIDE"] = call.wide }
        return try kernel("Reduction", name, defines)
    }

    /// Launches a kernel whose output is the result or, of several parts, their states, which are then merged.
    private func run(
        _ call: ReductionCall, _ plan: ReductionPlan, _ name: String, global: WorkSize, local: WorkSize,
        _ arguments: ([KernelArgument]) -> [KernelArgument]
    ) throws {
        let kernel = try kernel(call, plan, name)
        guard plan.parts > 1 else {
            return try launch(kernel, global: global, local: local, arguments: arguments([.tensor(call.output)]))
        }
        let count = call.outer * call.inner
        let partials = try scratch(byteCount: count * plan.parts * OpenCLDevice.stateBytes)
        try launch(kernel, global: global, local: local, arguments: arguments([.buffer(partials)]))
        let merge = try self.kernel(call, plan, "reduce_merge")
        let size = deviceClass == .cpuLike ? 1 : min(64, merge.maxWorkGroupSize)
        try launch(
            merge, global: WorkSize(roundUp(count, to: size)), local: WorkSize(size), .buffer(partials),
            .tensor(call.output), .size(count), .size(plan.parts), .size(call.inner), .float(call.divisor))
    }
}

/// One call of `reduce`.
struct ReductionCall {
    let kind: ReductionKind
    let input: View
    let output: View
    var outer: Int { input.shape[0] }
    var n: Int { input.shape[1] }
    var inner: Int { input.shape[2] }

    /// Elements of the contiguous axis that GPU-like kernels read at once.
    var wide: Int {
        let contiguous = inner == 1 ? n : inner < 16 ? 1 : inner
        return contiguous % 4 == 0 && input.offset % 4 == 0 ? 4 : 1
    }

    /// `KIND` in the kernels.
    var code: Int {
        switch kind {
        case .sum: 0
        case .mean: 1
        case .norm: 2
        case .max: 3
        case .min: 4
        case .argMax: 5
        case .argMin: 6
        case .variance: 7
        }
    }

    var divisor: Float {
        if case .variance(let correction) = kind { Float(max(n - correction, 0)) } else { Float(n) }
    }
}

/// How the reduced axis is cut: parts of `length` elements, none empty, the last one perhaps shorter.
struct ReductionPlan {
    let parts: Int
    let length: Int

    init(n: Int, parts: Int, step: Int) {
        length = max(roundUp((n + parts - 1) / parts, to: step), 1)
        self.parts = max((n + length - 1) / length, 1)
    }
}
