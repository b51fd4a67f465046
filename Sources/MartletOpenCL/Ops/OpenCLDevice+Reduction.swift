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

    /// Launches a kernel whose output is the result or, of several parts, their states, which are then merged.
    private func run(
        _ call: ReductionCall, _ plan: ReductionPlan, _ name: String, global: WorkSize, local: WorkSize,
        _ arguments: ([KernelArgument]) -> [KernelArgument]
    ) throws {
        func vectors(_ name: String) throws -> Kernel {
            try kernel("ReductionVectors", name, defines(call, plan))
        }
        guard plan.parts > 1 else {
            return try launch(try vectors(name), global: global, local: local, arguments: arguments([.tensor(call.output)]))
        }
        let count = call.outer * call.inner
        let partials = try scratch(byteCount: count * plan.parts * 16)
        try launch(try vectors(name), global: global, local: local, arguments: arguments([.buffer(partials)]))
        try launch(
            try vectors("reduce_merge"), global: WorkSize(count), local: 1, .buffer(partials), .tensor(call.output),
            .size(count), .size(plan.parts), .size(call.inner), .float(call.divisor))
    }

    // MARK: GPU-like

    /// Parts of each of so many results that occupy the device. Where each compute unit has some groups, cutting costs more than it
    /// brings.
    private func partsWanted(of results: Int) -> Int {
        let units = properties.computeUnits
        return results >= units * 4 ? 1 : (units * 8 + results - 1) / max(results, 1)
    }

    private func reduceRowsOnGPU(_ call: ReductionCall) throws {
        let rows = call.outer * call.inner, wide = call.wide(ofRows: true)
        let plan = ReductionPlan(n: call.n, parts: min(partsWanted(of: rows), max(call.n / 4096, 1)), step: 4096)
        // Four loads a work-item, and 128 work-items, if not of one row, of several.
        let across = min(max(nextPowerOfTwo(min(plan.length, call.n) / (wide * 4)), 32), 256)
        let (kernel, shape) = try kernel(
            call, plan, "reduce_rows", wide: wide, GroupShape(across: across, down: max(128 / across, 1)))
        let groups = (rows + shape.down - 1) / shape.down * plan.parts
        try reduceOnGPU(call, plan, kernel, groups, shape) {
            [.tensor(call.input)] + $0 + [
                .size(rows), .size(call.n), .size(plan.parts), .size(plan.length), .float(call.divisor),
            ]
        }
    }

    private func reduceColumnsOnGPU(_ call: ReductionCall) throws {
        let wide = call.wide(ofRows: false), across = 64 / wide, columns = across * wide
        let columnGroups = (call.inner + columns - 1) / columns, available = columnGroups * call.outer
        let plan = ReductionPlan(n: call.n, parts: min(partsWanted(of: available), max(call.n / 128, 1)), step: 64)
        let down = min(256 / across, nextPowerOfTwo(min(plan.length, call.n)))
        let (kernel, shape) = try kernel(call, plan, "reduce_columns", wide: wide, GroupShape(across: across, down: down))
        let groups = (call.inner + shape.across * wide - 1) / (shape.across * wide)
        try reduceOnGPU(call, plan, kernel, groups * plan.parts * call.outer, shape) {
            [.tensor(call.input)] + $0 + [
                .size(call.n), .size(call.inner), .size(plan.parts), .size(plan.length), .size(groups), .float(call.divisor),
            ]
        }
    }

    /// Launches a kernel whose output is the result or, of several parts, their states, which are then merged.
    private func reduceOnGPU(
        _ call: ReductionCall, _ plan: ReductionPlan, _ kernel: Kernel, _ groups: Int, _ shape: GroupShape,
        _ arguments: ([KernelArgument]) -> [KernelArgument]
    ) throws {
        let global = WorkSize(groups * shape.across, shape.down), local = WorkSize(shape.across, shape.down)
        guard plan.parts > 1 else {
            return try launch(kernel, global: global, local: local, arguments: arguments([.tensor(call.output)]))
        }
        let count = call.outer * call.inner
        let partials = try scratch(byteCount: count * plan.parts * call.stateBytes)
        try launch(kernel, global: global, local: local, arguments: arguments([.buffer(partials)]))
        let across = min(nextPowerOfTwo(count), 32)
        let (merge, merging) = try self.kernel(
            call, plan, "reduce_merge", wide: 1, GroupShape(across: across, down: min(256 / across, nextPowerOfTwo(plan.parts))))
        try launch(
            merge, global: WorkSize(roundUp(count, to: merging.across), merging.down),
            local: WorkSize(merging.across, merging.down), .buffer(partials), .tensor(call.output), .size(count),
            .size(plan.parts), .size(call.inner), .float(call.divisor))
    }

    /// A kernel of `ReductionGroups.cl` for work-groups of a shape, or of half, a quarter and so on of its height or width where
    /// the device or the kernel allows no more.
    private func kernel(
        _ call: ReductionCall, _ plan: ReductionPlan, _ name: String, wide: Int, _ wanted: GroupShape
    ) throws -> (Kernel, GroupShape) {
        var shape = wanted
        let bytes = call.stateBytes * (name == "reduce_columns" ? wide : 1)
        var limit = min(properties.maxWorkGroupSize, properties.localMemoryBytes / bytes)
        while true {
            while shape.count > max(limit, 1) || shape.across > properties.maxWorkItemSizes[0]
                || shape.down > properties.maxWorkItemSizes[1]
            {
                shape.halve()
            }
            var defines = defines(call, plan)
            defines["WIDE"] = wide
            defines["ACROSS"] = shape.across
            defines["DOWN"] = shape.down
            let kernel = try kernel("ReductionGroups", name, defines)
            if shape.count <= kernel.maxWorkGroupSize || shape.count == 1 { return (kernel, shape) }
            limit = kernel.maxWorkGroupSize
        }
    }

    private func defines(_ call: ReductionCall, _ plan: ReductionPlan) -> Defines {
        ["KIND": call.code, "FEW": (2...15).contains(call.inner) ? call.inner : 0, "PARTIAL": plan.parts > 1 ? 1 : 0]
    }
}

/// The work-items of a group: powers of two.
private struct GroupShape {
    var across: Int, down: Int
    var count: Int { across * down }

    mutating func halve() {
        if down > 1 { down /= 2 } else { across = max(across / 2, 1) }
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

    /// Whether a state is one number, on GPU-like devices.
    private var isSingle: Bool {
        switch kind {
        case .sum, .mean, .norm, .max, .min: true
        case .argMax, .argMin, .variance: false
        }
    }

    /// Of a state on GPU-like devices.
    var stateBytes: Int { isSingle ? 4 : 16 }

    /// Elements that GPU-like kernels read at once: of columns only where that makes no states beside each other.
    func wide(ofRows: Bool) -> Int {
        let contiguous = ofRows ? (inner == 1 ? n : 1) : (isSingle ? inner : 1)
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
