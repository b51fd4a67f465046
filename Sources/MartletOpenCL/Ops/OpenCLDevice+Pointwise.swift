import MartletCore

extension OpenCLDevice: PointwiseOps {
    public func pointwise(_ expression: Expression, scalars: [Float], inputs: [View], outputs: [View]) {
        precondition(
            expression.results.count == outputs.count && expression.inputCount <= inputs.count
                && expression.scalarCount <= scalars.count,
            "pointwise: \(expression.inputCount) inputs, \(expression.scalarCount) scalars and \(expression.results.count) "
                + "results, but \(inputs.count), \(scalars.count) and \(outputs.count) are given")
        guarded("pointwise", inputs: inputs, outputs: outputs) {
            let key = PointwiseKey(expression, inputs, outputs)
            if let known = pointwiseLaunches[key] { return try launch(known, scalars, inputs, outputs) }
            let call = PointwiseCall(expression, inputs: inputs, outputs: outputs, isInPlace: key.isInPlace)
            if transposesInTiles, let tiles = PointwiseTranspose(call) { return try transpose(call, tiles) }
            let made = try deviceClass == .cpuLike ? cpuLaunch(call) : gpuLaunch(call)
            pointwiseLaunches[key] = made
            try launch(made, scalars, inputs, outputs)
        }
    }

    private func cpuLaunch(_ call: PointwiseCall) throws -> PointwiseLaunch {
        let layout = call.layout, n = layout.rowLength, rows = layout.rowCount
        let kernel = try kernel(call, width: PointwiseSource.cpuWidth)
        let isStrided = call.operands.contains { layout.access($0) == .strided }
        let items = min(max(n * rows / 4096, 1), properties.computeUnits * 8)
        // Strided operands are walked in blocks whose cache lines serve many rows.
        var chunk = isStrided && rows > 1 ? min(n, 256) : n
        var rowsPerItem = rows
        if rows >= items {
            rowsPerItem = (rows + items - 1) / items
        } else {
            rowsPerItem = 1
            chunk = min(chunk, roundUp((n + items / rows - 1) / max(items / rows, 1), to: 64))
        }
        let global = WorkSize((n + chunk - 1) / chunk, (rows + rowsPerItem - 1) / rowsPerItem)
        return PointwiseLaunch(
            call, kernel, global: global, local: WorkSize(1, 1), chunk: chunk, rowsPerItem: rowsPerItem,
            takesLayoutBuffer: takesLayoutBuffer(call))
    }

    private func gpuLaunch(_ call: PointwiseCall) throws -> PointwiseLaunch {
        let layout = call.layout, n = layout.rowLength, rows = layout.rowCount
        let width = call.isAligned(4) ? 4 : 1
        let kernel = try kernel(call, width: width)
        let columns = (n + width - 1) / width
        let size = min(256, kernel.maxWorkGroupSize)
        let x = largestPowerOfTwo(atMost: min(size, max(nextPowerOfTwo(columns), 1), properties.maxWorkItemSizes[0]))
        let y = largestPowerOfTwo(atMost: min(size / x, nextPowerOfTwo(rows), properties.maxWorkItemSizes[1]))
        return PointwiseLaunch(
            call, kernel, global: WorkSize(roundUp(columns, to: x), roundUp(rows, to: y)), local: WorkSize(x, y), chunk: 0,
            rowsPerItem: 0, takesLayoutBuffer: takesLayoutBuffer(call))
    }

    private func kernel(_ call: PointwiseCall, width: Int) throws -> Kernel {
        let takesBuffer = takesLayoutBuffer(call)
        let isStreamed = streams(call.views[call.inputCount]) && !call.isInPlace
        var pattern = [width, call.inputCount, call.layout.rank, (takesBuffer ? 1 : 0) | (isStreamed ? 2 : 0)]
        for operand in call.operands {
            pattern.append(call.layout.pattern(operand) << 1 | (call.views[operand].type == .int32 ? 1 : 0))
        }
        return try kernel("Pointwise", "pointwise", expression: call.expression, pattern: pattern) {
            let source = PointwiseSource(
                layout: call.layout,
                staged: StagedExpression(
                    call.expression, inputStages: (0..<call.inputCount).map { call.layout.stage($0) },
                    base: call.isRawCopy ? "uint" : "float"),
                types: call.views.map(\.type), inputCount: call.inputCount, operands: call.operands,
                isRawCopy: call.isRawCopy, takesLayoutBuffer: takesBuffer, isStreamed: isStreamed)
            return deviceClass == .cpuLike ? source.cpuKernel() : source.gpuKernel(width: width)
        }
    }

    private func takesLayoutBuffer(_ call: PointwiseCall) -> Bool {
        var count = 4
        call.layout.forEachParameter(call.operands) { _ in count += 1 }
        return (count + call.operands.count) * 8 + call.expression.scalarCount * 4 > properties.maxParameterBytes
    }
}

/// One call of `pointwise`.
struct PointwiseCall {
    let expression: Expression
    /// Inputs, then outputs.
    let views: [View]
    let inputCount: Int
    /// Those that the kernel touches.
    let operands: [Int]
    let layout: PointwiseLayout
    /// Whether a result takes the place of an input, whose lines the caches hold then.
    let isInPlace: Bool

    init(_ expression: Expression, inputs: [View], outputs: [View], isInPlace: Bool) {
        self.expression = expression
        self.isInPlace = isInPlace
        views = inputs + outputs
        inputCount = inputs.count
        let isRead = expression.inputsRead
        operands = isRead.indices.filter { isRead[$0] } + (inputs.count..<views.count)
        layout = PointwiseLayout(inputs: inputs, outputs: outputs)
    }

    /// Whether elements pass through unchanged and unconverted, NaN's bits and large integers too.
    var isRawCopy: Bool {
        guard expression.isIdentity, case .input(let index) = expression.operations[expression.results[0]] else { return false }
        return views[index].type == views[inputCount].type
    }

    /// Whether every operand can be read or written `width` elements at a time at multiples of them.
    func isAligned(_ width: Int) -> Bool {
        layout.rowLength % width == 0
            && operands.allSatisfy { operand in
                switch layout.access(operand) {
                case .repeated: operand < inputCount
                case .strided: false
                case .contiguous:
                    views[operand].offset % width == 0 && layout.strides[operand].dropLast().allSatisfy { $0 % width == 0 }
                }
            }
    }
}

/// The least power of two that is at least `count`, and 1 for 0.
package func nextPowerOfTwo(_ count: Int) -> Int {
    count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
}

/// The largest power of two that is at most `count`, which is positive.
package func largestPowerOfTwo(atMost count: Int) -> Int {
    1 << (Int.bitWidth - 1 - count.leadingZeroBitCount)
}
