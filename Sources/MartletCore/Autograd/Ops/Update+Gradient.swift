extension Tensor {
    /// Replaces tensors by the results of one expression, in as few launches as possible.
    ///
    /// - Parameters:
    ///   - expression: its inputs are first the shared ones, then those of a group; result j replaces a group's tensor j.
    ///   - shared: single numbers, the same for all groups.
    ///   - groups: for each parameter its tensors, those to be replaced first; all of one shape within a group.
    package static func update(
        _ expression: Expression, scalars: [Float], shared: [Tensor] = [], groups: inout [[Tensor]],
        file: StaticString = #fileID, line: UInt = #line
    ) {
        guard groups.first?.isEmpty == false else { return }
        // No reference to a tensor may outlive this line: one that is held twice would be copied instead of overwritten.
        let device = commonDevice([groups[0][0]], "update", file, line)
        let written = expression.results.count
        var tensors: [[View]] = []
        tensors.reserveCapacity(groups.count)
        for index in groups.indices {
            let shape = groups[index][0].shape
            require(
                groups[index].allSatisfy { $0.shape == shape } && shared.count + groups[index].count == expression.inputCount,
                "update", "\(groups[index].map(\.shape)) for \(expression.inputCount) inputs", file, line)
            if groups[index][0].count == 0 { continue }
            // Waiting gradients may still read the parameter.
            for position in written..<groups[index].count { groups[index][position].evaluated() }
            for position in 0..<written { groups[index][position].makeWritable(on: device) }
            tensors.append(groups[index].map { $0.contiguousView(on: device) })
        }
        if tensors.isEmpty { return }
        device.update(
            expression, scalars: scalars, shared: shared.map { $0.contiguousView(on: device).reshaped([1]) }, tensors: tensors)
    }

    /// The Euclidean norm of all elements of tensors on one device; 0 for no elements. It has no gradient.
    package static func norm(of tensors: [Tensor], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let tensors = tensors.filter { $0.count > 0 }
        if tensors.isEmpty { return Tensor(0) }
        let device = commonDevice(tensors, "norm", file, line)
        require(tensors.allSatisfy { $0.type == .float32 }, "norm", "of tensors of int32", file, line)
        let result = Tensor(empty: [], on: device)
        device.norm(of: tensors.map { $0.detached.contiguousView(on: device) }, into: result.view(on: device).reshaped([1]))
        return result
    }
}
