import CMartletCPU
import MartletCore

extension CPUDevice: PointwiseOps {
    public func pointwise(_ expression: Expression, scalars: [Float], inputs: [View], outputs: [View]) {
        guard begin(reading: inputs, writing: outputs), let first = outputs.first else { return }
        precondition(first.rank <= Int(martlet_maximum_rank), "CPUDevice.pointwise: rank \(first.rank), at most 16")
        precondition(
            expression.results.count == outputs.count && expression.inputCount <= inputs.count
                && expression.scalarCount <= scalars.count,
            "CPUDevice.pointwise: \(inputs.count) inputs, \(scalars.count) scalars and \(outputs.count) outputs for an "
                + "expression of \(expression.inputCount), \(expression.scalarCount) and \(expression.results.count)")
        if outputs.count == 1, expression.operations.count == 1 {
            switch expression.operations[0] {
            case .input(let index) where inputs[index].type == first.type: return copy(inputs[index], into: first)
            case .scalar(let index) where first.type == .float32 && first.isContiguous:
                return fill(first, with: scalars[index])
            case .constant(let bits) where first.type == .float32 && first.isContiguous:
                return fill(first, with: Float(bitPattern: bits))
            default: break
            }
        }
        guard let inputs = straightened(inputs, for: outputs) else { return }
        let program = program(for: expression)
        let count = expression.inputCount + outputs.count
        withUnsafeTemporaryAllocation(of: martlet_operand.self, capacity: count) { operands in
            for index in 0..<expression.inputCount { operands[index].point(to: inputs[index]) }
            for (index, output) in outputs.enumerated() { operands[expression.inputCount + index].point(to: output) }
            guard let base = operands.baseAddress else { return }
            let extents = first.rank == 0 ? [1] : first.shape
            extents.withUnsafeBytes {
                guard let extents = $0.bindMemory(to: Int64.self).baseAddress else { return }
                martlet_pointwise(pool.handle, program.program, scalars, Int32(first.rank), extents, base)
            }
        }
    }

    /// The compiled form of an expression.
    func program(for expression: Expression) -> PointwiseProgram {
        programs.program(for: expression) { memory.countBuild() }
    }

    /// The inputs, with large ones that run across the outputs' rows copied along them first: a blocked transposition is many
    /// times faster than picking single elements out of cache lines. Nil where there is no memory for a copy.
    private func straightened(_ inputs: [View], for outputs: [View]) -> [View]? {
        let output = outputs[0]
        guard output.count >= 1 << 16 else { return inputs }
        let axes = (0..<output.rank).filter { output.shape[$0] > 1 }
        guard let inner = axes.min(by: { output.strides[$0] < output.strides[$1] }) else { return inputs }
        var result = inputs
        for (index, input) in inputs.enumerated() {
            guard input.strides[inner] > 1, axes.contains(where: { input.strides[$0] == 1 }) else { continue }
            // Repeated axes are not copied.
            let kept = (0..<input.rank).map { input.strides[$0] == 0 ? 1 : input.shape[$0] }
            guard let memory = scratch(floats: kept.reduce(1, *), for: outputs) else { return nil }
            let source = View(input.buffer, input.type, offset: input.offset, shape: kept, strides: input.strides)
            let target = View(memory, input.type, shape: kept)
            copy(source, into: target)
            let strides = (0..<input.rank).map { input.strides[$0] == 0 ? 0 : target.strides[$0] }
            result[index] = View(memory, input.type, offset: 0, shape: input.shape, strides: strides)
        }
        return result
    }

    /// Copies elements of the same type, bit by bit, between any layouts of one shape.
    private func copy(_ source: View, into target: View) {
        if source.address == target.address && source.strides == target.strides { return }
        martlet_copy(
            pool.handle, Int32(target.rank), target.shape.map { Int64($0) }, source.address,
            source.strides.map { Int64($0) }, target.address, target.strides.map { Int64($0) })
    }

    private func fill(_ target: View, with value: Float) {
        martlet_fill(pool.handle, target.address, Int64(target.count), value.bitPattern)
    }
}

extension martlet_operand {
    /// Points to a view's elements.
    mutating func point(to view: View) {
        data = view.address
        is_integer = view.type == .int32 ? 1 : 0
        withUnsafeMutableBytes(of: &strides) { bytes in
            let target = bytes.assumingMemoryBound(to: Int64.self)
            for axis in 0..<view.rank { target[axis] = Int64(view.strides[axis]) }
        }
    }
}
