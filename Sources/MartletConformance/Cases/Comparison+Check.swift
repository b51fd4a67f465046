import MartletCore

extension Comparison {
    /// The inputs in words.
    var summary: String {
        let operands = inputs.map { $0.layout == .dense ? "\($0.shape)" : "\($0.shape) \($0.layout)" }
        return (operands + (note.isEmpty ? [] : [note])).joined(separator: ", ")
    }

    mutating func varyLayouts(_ random: inout CaseRandom) {
        guard variesLayout else { return }
        for index in inputs.indices { inputs[index].layout = inputs[index].randomLayout(&random) }
    }

    /// Forward twice (the bits must not change), against the reference, then gradients.
    func check(on device: any Device, _ random: inout CaseRandom) throws {
        let wanted = reference(inputs.map(\.reference))
        let tensors = try inputs.map { try $0.tensor(on: device) }
        let results = try run(tensors)
        try expect(results.count == wanted.count, "\(results.count) results, \(wanted.count) wanted")
        for (index, (result, expected)) in zip(results, wanted).enumerated() {
            let label = results.count == 1 ? "result" : "result \(index)"
            try expect(result.shape == expected.shape, "\(label) has shape \(result.shape), not \(expected.shape)")
            if let what = tolerance.mismatch(try result.numbers(), expected.values, shape: result.shape) {
                throw CaseFailure("\(label): \(what)")
            }
        }
        let again = try run(try inputs.map { try $0.tensor(on: device) })
        for (first, second) in zip(results, again) {
            try expect(try first.bits() == second.bits(), "a second run gives other bits")
        }
        try checkGradients(on: device, wanted, &random)
    }

    private func checkGradients(on device: any Device, _ outputs: [Reference], _ random: inout CaseRandom) throws {
        let weights = outputs.map { output in output.map { _ in Double(Float.random(in: -1...1, using: &random)) } }
        switch gradients {
        case .none: return
        case .differences(let positions, let tolerance, let samples):
            let found = try gradientsOfWeightedSum(on: device, positions, weights, permutesWeights: random.bool())
            for (position, gradient) in zip(positions, found) {
                let picked = picks(inputs[position].count, samples, &random)
                let expected = picked.map { difference(position, $0, weights) }
                if let what = tolerance.mismatch(picked.map { gradient[$0] }, expected, shape: [picked.count]) {
                    throw CaseFailure("gradient of input \(position) at elements \(picked.prefix(24)): \(what)")
                }
            }
        case .formula(let tolerance, let formula):
            let wanted = formula(inputs.map(\.reference), weights)
            let positions = wanted.indices.filter { wanted[$0] != nil }
            let found = try gradientsOfWeightedSum(on: device, positions, weights, permutesWeights: random.bool())
            for (position, gradient) in zip(positions, found) {
                if let what = tolerance.mismatch(gradient, wanted[position]!.values, shape: inputs[position].shape) {
                    throw CaseFailure("gradient of input \(position): \(what)")
                }
            }
        }
    }

    private func picks(_ count: Int, _ samples: Int, _ random: inout CaseRandom) -> [Int] {
        count <= samples ? Array(0..<count) : (0..<samples).map { _ in random.int(0...count - 1) }
    }

    /// The gradients of sum(weights * outputs) on the device, twice for the same bits. With `permutesWeights` the outputs' gradients
    /// arrive in another order in memory.
    private func gradientsOfWeightedSum(
        on device: any Device, _ positions: [Int], _ weights: [Reference],
        permutesWeights: Bool
    ) throws -> [[Float]] {
        func once() throws -> [Tensor] {
            let tensors = try inputs.map { try $0.tensor(on: device) }
            let result = try valueAndGradient(at: positions.map { tensors[$0] }) { variables in
                var operands = tensors
                for (position, variable) in zip(positions, variables) { operands[position] = variable }
                var total: Tensor?
                for (output, weight) in zip(try run(operands), weights) where output.type == .float32 {
                    let factors = try weight.tensor(on: device, reversed: permutesWeights)
                    let order = Array((0..<output.rank).reversed())
                    let part = ((permutesWeights ? output.permuted(order) : output) * factors).sum()
                    total = total.map { $0 + part } ?? part
                }
                return total ?? Tensor(0)
            }
            return result.gradients
        }
        let first = try once(), second = try once()
        return try zip(first, second).enumerated().map { index, pair in
            let shape = inputs[positions[index]].shape
            try expect(pair.0.shape == shape, "gradient of input \(positions[index]) has shape \(pair.0.shape), not \(shape)")
            try expect(try pair.0.bits() == pair.1.bits(), "a second gradient of input \(positions[index]) has other bits")
            return try pair.0.numbers()
        }
    }

    /// The central difference of sum(weights * outputs) of the reference at one element of an input.
    private func difference(_ position: Int, _ element: Int, _ weights: [Reference]) -> Double {
        var operands = inputs.map(\.reference)
        let center = operands[position].values[element]
        let step = 1e-5 * max(1, abs(center))
        func value(_ x: Double) -> Double {
            operands[position].values[element] = x
            return zip(reference(operands), weights).reduce(0) { total, pair in
                zip(pair.0.values, pair.1.values).reduce(total) { $0 + $1.0 * $1.1 }
            }
        }
        return (value(center + step) - value(center - step)) / (2 * step)
    }
}

extension Reference {
    /// The values, rounded to float32, on a device; with the order of the axes turned round if asked.
    func tensor(on device: any Device, reversed: Bool = false) throws -> Tensor {
        let source = reversed ? permuted(Array((0..<shape.count).reversed())) : self
        return try Tensor(source.values.map { Float($0) }, shape: source.shape).on(device)
    }
}

extension Tensor {
    /// The elements as float32, whatever the type.
    func numbers() throws -> [Float] { type == .float32 ? try floats() : try integers().map { Float($0) } }

    /// The elements' bits; all NaN count as one, since their payloads differ between instructions.
    func bits() throws -> [UInt32] {
        type == .float32
            ? try floats().map { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern } : try integers().map { UInt32(bitPattern: $0) }
    }
}
