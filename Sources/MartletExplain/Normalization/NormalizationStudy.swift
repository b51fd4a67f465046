import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// The network of Ioffe and Szegedy's first experiment, with batch normalisation or without: three hidden layers of sigmoid units on
/// handwritten digits.
final class NormalizationStudy {
    static let widths = [100, 100, 100]
    static let batchSize = 60
    static let learningRate: Float = 2
    /// The training loss whose first crossing is counted, and over how many steps it is averaged.
    static let goal = 0.3
    static let window = 24
    let isNormalized: Bool
    private let model: MLP
    private let optimizer: SGD
    private(set) var losses: [Double] = []
    /// What goes into the last hidden layer's sigmoids, by step: the 15th, 50th and 85th percentile.
    private(set) var spread: [(step: Int, low: Double, middle: Double, high: Double)] = []
    /// By layer, before the first step: each activation less its unit's mean over the images.
    private(set) var activations: [[Double]] = []
    private(set) var gradients: [[Double]] = []

    init(isNormalized: Bool, seed: UInt64) {
        self.isNormalized = isNormalized
        model = withSeed(seed) {
            MLP(inputs: 64, hidden: Self.widths, outputs: 10, activation: "sigmoid", batchNorm: isNormalized)
        }
        optimizer = SGD(model.parameters, learningRate: Self.learningRate)
    }

    /// Trains for some epochs of the digits.
    func train(on digits: some ResidentDataset, epochs: Int, seed: UInt64) throws {
        let probe = Array(digits.batches(of: 200).prefix(1))[0]
        var pending: [Tensor] = []
        for epoch in 0..<epochs {
            for batch in digits.batches(of: Self.batchSize, seed: Int(truncatingIfNeeded: seed &+ UInt64(epoch))) {
                let step = losses.count + pending.count
                if step % 8 == 0 { try record(step, probe) }
                let (loss, gradients) = valueAndGradient(of: model) { crossEntropy($0(batch.images), batch.labels) }
                if step == 0 { try keep(gradients, probe) }
                optimizer.step(gradients)
                pending.append(loss.reshaped([1]))
            }
            losses += try concatenate(pending).floats().map(Double.init)
            pending = []
        }
    }

    /// The first step at which the mean of the last `window` losses is at or below a loss; nil where it never is.
    func steps(to goal: Double) -> Int? {
        var sum = 0.0
        for (step, loss) in losses.enumerated() {
            sum += loss - (step >= Self.window ? losses[step - Self.window] : 0)
            if step + 1 >= Self.window, sum / Double(Self.window) <= goal { return step + 1 }
        }
        return nil
    }

    func accuracy(on dataset: some ResidentDataset) throws -> Double {
        let all = dataset.all
        let logits = withoutGradients { model(all.images) }
        return Double(try (logits.argMax() .== Tensor(all.labels)).mean().item())
    }

    /// What goes into each hidden layer's sigmoids, layer by layer, with the batch's own statistics as in training. The running ones stay
    /// as they are.
    private func inputsOfSigmoids(_ batch: Batch) throws -> [[Double]] {
        let buffers = model.namedBuffers.map { ($0.buffer, $0.buffer.value) }
        defer { for (buffer, value) in buffers { buffer.value = value } }
        return try withoutGradients {
            try TrainingMode.set(true) {
                var x = batch.images.flattened(), found: [[Double]] = []
                for (name, part) in model.parts.named {
                    guard let layer = part as? any Layer else { continue }
                    if name.hasPrefix("act") { found.append(try x.floats().map(Double.init)) }
                    x = layer(x)
                }
                return found
            }
        }
    }

    private func record(_ step: Int, _ probe: Batch) throws {
        let values = try inputsOfSigmoids(probe)[Self.widths.count - 1].sorted()
        func percentile(_ share: Double) -> Double { values[Int(share * Double(values.count - 1))] }
        spread.append((step, percentile(0.15), percentile(0.5), percentile(0.85)))
    }

    private func keep(_ found: Gradients, _ probe: Batch) throws {
        activations = try inputsOfSigmoids(probe).map { values in
            let units = values.count / max(probe.count, 1), outputs = values.map { 1 / (1 + exp(-$0)) }
            var means = [Double](repeating: 0, count: units)
            for (index, output) in outputs.enumerated() { means[index % units] += output / Double(probe.count) }
            return outputs.enumerated().map { $0.element - means[$0.offset % units] }
        }
        gradients = try model.namedParameters.filter { $0.name.hasPrefix("fc") && $0.name.hasSuffix("weight") }.map {
            try found[$0.parameter]?.floats().map(Double.init) ?? []
        }
    }

    /// The root mean square of each layer's weight gradients.
    var gradientSizes: [Double] {
        gradients.map { values in (values.reduce(0) { $0 + $1 * $1 } / Double(max(values.count, 1))).squareRoot() }
    }

    /// How much each layer's activations differ between images: their standard deviation about their units' means.
    var activationSpreads: [Double] {
        activations.map { values in (values.reduce(0) { $0 + $1 * $1 } / Double(max(values.count, 1))).squareRoot() }
    }
}
