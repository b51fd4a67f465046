import MartletCore
import MartletNN
import MartletTraining

extension ComparedCase {
    /// Embedded characters, two layers of recurrent cells, a dense layer, cross-entropy of every next character, Adam. Parameters
    /// begin as `TrainStep`'s do; number i of the characters [steps + 1, samples] is 7 i^2 + 31 i modulo the vocabulary. What is
    /// compared is the loss of three steps and the norm of every parameter after the first.
    func recurrentStepWorkload(_ device: any Device) throws -> Workload {
        let extents = try shape(ranks: 4...4), steps = extents[0], samples = extents[1]
        guard let cell = RecurrentCell(rawValue: operation ?? "") else { throw refusal("no cells '\(operation ?? "")'") }
        let step = withDevice(device) { RecurrentStep(cell, steps, samples, vocabulary: extents[2], units: extents[3]) }
        let units = Double(extents[3]), rows = Double(steps * samples)
        // Input and recurrent products of two layers and the dense layer; forward, weight gradient and input gradient.
        let multiplyAdds = rows * (4 * Double(cell.gates) * units * units + units * Double(extents[2]))
        return Workload(operations: 6 * multiplyAdds, run: { withDevice(device) { _ = step.run() } }) {
            withDevice(device) {
                let first = step.run().evaluated(), norms = step.model.parameters.map { $0.value.norm().evaluated() }
                return [first] + (0..<2).map { _ in step.run().evaluated() } + norms
            }
        }
    }
}

/// A training step of a small language model.
final class RecurrentStep {
    final class Model: Module {
        let embedding: Parameter
        let layers: Recurrent
        let head: Linear

        init(_ cell: RecurrentCell, vocabulary: Int, units: Int) {
            embedding = Parameter(Tensor.zeros([vocabulary, units]))
            layers = cell == .lstm ? LSTM(units, units, layers: 2) : GRU(units, units, layers: 2)
            head = Linear(units, vocabulary)
        }

        var parts: Parts { ["embedding": embedding, "layers": layers, "head": head] }
    }

    let model: Model
    private let optimizer: Adam
    private let inputs: Tensor
    private let targets: [Int32]

    init(_ cell: RecurrentCell, _ steps: Int, _ samples: Int, vocabulary: Int, units: Int) {
        model = Model(cell, vocabulary: vocabulary, units: units)
        for (index, parameter) in model.parameters.enumerated() {
            let shape = parameter.shape
            let bound = shape.count < 2 ? 0 : (6 / Float(shape[1])).squareRoot()
            parameter.value =
                shape.count < 2
                ? Tensor.zeros(shape)
                : Tensor.random(.uniform(low: -bound, high: bound), shape: shape, key: RandomKey(seed: 7, stream: UInt64(index)))
        }
        optimizer = Adam(model.parameters, learningRate: 1e-3)
        let characters = (0..<(steps + 1) * samples).map { Int32((7 * $0 * $0 + 31 * $0) % vocabulary) }
        inputs = Tensor(Array(characters[..<(steps * samples)]), shape: [steps, samples])
        targets = Array(characters[samples...])
    }

    /// Takes a step and gives the loss before it.
    func run() -> Tensor {
        let (loss, gradients) = valueAndGradient(of: model) { model in
            let output = model.layers(model.embedding.value.gathered(inputs))
            return crossEntropy(model.head(output.rows), targets)
        }
        optimizer.step(gradients)
        return loss
    }
}

extension Tensor {
    /// The vectors along the last axis as the rows of one matrix.
    fileprivate var rows: Tensor { reshaped([-1, shape[rank - 1]]) }
}
