import MartletCore

extension Linear {
    /// Two thinner layers in place of this one: the first has the `rank` strongest directions of the weight as outputs, the second leads
    /// from them to the outputs; of all pairs of that width they are the closest. It pays where `rank` is below
    /// inputs * outputs / (inputs + outputs). Girshick, "Fast R-CNN", 2015, section 3.1.
    ///
    /// - Parameter rank: singular values that are kept, 1 to the lesser of inputs and outputs.
    public func compressed(rank: Int) throws -> Sequential {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1]), n = min(inputs, outputs)
        precondition((1...n).contains(rank), "Linear.compressed: rank \(rank) of \(outputs) x \(inputs)")
        return try withoutGradients {
            let values = weight.value, isWide = outputs <= inputs
            let square = isWide ? matmul(values, values.transposed()) : matmul(values.transposed(), values)
            let directions = try SymmetricEigen(try square.floats().map(Double.init), size: n).vectors.prefix(rank)
            // [rank, n].
            let basis = Tensor(directions.flatMap { $0.map(Float.init) }, shape: [rank, n])
            let first = Linear(inputs, rank, bias: false, initializer: .zeros)
            let second = Linear(
                rank, outputs, bias: bias != nil, initializer: .zeros, biasInitializer: .zeros, activation: activation)
            first.weight.value = (isWide ? matmul(basis, values) : basis).evaluated()
            second.weight.value = (isWide ? basis.transposed() : matmul(values, basis.transposed())).evaluated()
            if let bias { second.bias?.value = bias.value }
            return Sequential(first, second)
        }
    }
}
