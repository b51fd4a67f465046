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
            let (size, groups) = TensorSlots.groups(
                of: whole, most: source.groupSize(maxParameterBytes: properties.maxParameterBytes))
            for group in groups {
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
        let total = tensors.reduce(0) { $0 + $1[0].count }
        let chunk = isCPU ? cpuChunk(ofElements: total) : 4
        var (arguments, pieces) = TensorSlots(capacity: capacity, width: source.width).arguments(tensors, chunk: chunk)
        for view in shared { arguments.append(.tensor(view)) }
        for scalar in scalars.prefix(source.expression.scalarCount) { arguments.append(.float(scalar)) }
        let size = isCPU ? 1 : largestPowerOfTwo(atMost: min(256, kernel.maxWorkGroupSize, properties.maxWorkItemSizes[0]))
        try launch(kernel, global: WorkSize(roundUp(pieces, to: size)), local: WorkSize(size), arguments: arguments)
    }
}
