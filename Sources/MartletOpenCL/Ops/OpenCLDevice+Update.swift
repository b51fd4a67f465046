import MartletCore

extension OpenCLDevice: UpdateOps {
    public func update(_ expression: Expression, scalars: [Float], shared: [View], tensors: [[View]]) {
        let width = tensors.first?.count ?? 0
        precondition(
            tensors.allSatisfy { $0.count == width } && expression.results.count <= width
                && expression.inputCount <= shared.count + width && expression.scalarCount <= scalars.count,
            "update: \(expression.inputCount) inputs, \(expression.scalarCount) scalars and \(expression.results.count) "
                + "results, but \(shared.count) shared views, \(width) a tensor and \(scalars.count) scalars are given")
        precondition(
            tensors.allSatisfy { views in views.allSatisfy { $0.count == views[0].count && $0.isContiguous } },
            "update: a tensor's views must be contiguous and of one count")
        // Marks are passed on tensor by tensor: one bad gradient does not spoil the others' parameters.
        lock.withLock {
            let whole = tensors.filter { views in
                guard
                    views.contains(where: { $0.buffer.fault != nil }) || shared.contains(where: { $0.buffer.fault != nil })
                        || lost != nil
                else { return !views.isEmpty && views[0].count > 0 }
                guarded("update", inputs: shared + views, outputs: Array(views.prefix(expression.results.count))) {}
                return false
            }
            let source = UpdateSource(expression: expression, sharedCount: shared.count, width: width)
            // Launches of equal size, so that one kernel serves all of them.
            let most = source.groupSize(maxParameterBytes: properties.maxParameterBytes)
            let launches = (whole.count + most - 1) / most
            let size = launches == 0 ? 1 : (whole.count + launches - 1) / launches
            for start in stride(from: 0, to: whole.count, by: size) {
                let group = Array(whole[start..<min(start + size, whole.count)])
                let results = group.flatMap { $0.prefix(expression.results.count) }
                guarded("update", inputs: shared + group.joined(), outputs: results) {
                    try update(source, scalars, shared, group, capacity: size)
                }
            }
        }
    }

    private func update(
        _ source: UpdateSource, _ scalars: [Float], _ shared: [View], _ tensors: [[View]],
        capacity: Int
    ) throws {
        let isCPU = deviceClass == .cpuLike
        let isAligned = !isCPU && tensors.allSatisfy { $0.allSatisfy { $0.offset % 4 == 0 } }
        let kernel = try kernel(
            "Update", "update", expression: source.expression,
            pattern: [capacity, source.sharedCount, source.width, isAligned ? 1 : 0]
        ) {
            source.text(capacity: capacity, isCPU: isCPU, isAligned: isAligned)
        }
        // Work is cut into pieces of one tensor each, of `chunk` elements but for its last.
        let total = tensors.reduce(0) { $0 + $1[0].count }
        let chunk = isCPU ? roundUp(min(max(total / (properties.computeUnits * 8), 4096), 65536), to: 64) : 4
        var ends: [Int] = []
        for views in tensors { ends.append((ends.last ?? 0) + (views[0].count + chunk - 1) / chunk) }
        var arguments: [KernelArgument] = []
        for slot in 0..<capacity {
            // Slots that are not used repeat the last tensor; no piece falls to them.
            for view in tensors[min(slot, tensors.count - 1)] { arguments.append(.tensor(view)) }
        }
        for slot in 0..<capacity {
            arguments.append(.size(tensors[min(slot, tensors.count - 1)][0].count))
            arguments.append(.size(ends[min(slot, tensors.count - 1)]))
        }
        for view in shared { arguments.append(.tensor(view)) }
        for scalar in scalars.prefix(source.expression.scalarCount) { arguments.append(.float(scalar)) }
        arguments.append(.size(chunk))
        let pieces = ends.last ?? 0
        let size = isCPU ? 1 : largestPowerOfTwo(atMost: min(256, kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0]))
        try launch(kernel, global: WorkSize(roundUp(pieces, to: size)), local: WorkSize(size), arguments: arguments)
    }
}
