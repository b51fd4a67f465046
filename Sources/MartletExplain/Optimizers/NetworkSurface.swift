import Foundation
import MartletCore
import MartletData
import MartletFigures
import MartletModels
import MartletNN

/// The loss of a trained network over a plane through its weights, along two random directions whose every filter has the length of the
/// network's own. Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets", 2018.
final class NetworkSurface {
    static let hidden = [32, 16]
    private let centers: [Tensor]
    private let directions: [[Tensor]]
    private let images: Tensor
    private let labels: [Int32]
    /// The training loss at the centre, where training ended.
    let trainedLoss: Double
    let parameterCount: Int

    init(seed: UInt64) throws {
        let digits = try Digits().split().training, all = digits.all
        images = all.images.flattened()
        labels = all.labels
        let model = withSeed(seed) { MLP(inputs: 64, hidden: Self.hidden, outputs: 10, activation: "tanh") }
        let optimizer = Adam(model.parameters, learningRate: 3e-3)
        for epoch in 0..<12 {
            for batch in digits.batches(of: 64, seed: Int(truncatingIfNeeded: seed &+ UInt64(epoch))) {
                let (_, gradients) = valueAndGradient(of: model) { crossEntropy($0(batch.images), batch.labels) }
                optimizer.step(gradients)
            }
        }
        let (images, labels) = (self.images, self.labels)
        trainedLoss = Double(try withoutGradients { try crossEntropy(model(images), labels).item() })
        parameterCount = model.parameterCount
        centers = model.parameters.map { $0.value.detached.evaluated() }
        let stream = RandomStream(seed: seed).split(77)
        directions = try withRandomness(stream) {
            try (0..<2).map { _ in try model.parameters.map { try Self.direction(like: $0.value.detached) } }
        }
    }

    /// Random, with each row as long as the row of the weight; biases stay as they are.
    private static func direction(like weight: Tensor) throws -> Tensor {
        guard weight.rank > 1 else { return Tensor.zeros(weight.shape) }
        let random = Initializer.normal(deviation: 1)(weight.shape), axes = Array(1..<weight.rank)
        func length(_ tensor: Tensor) -> Tensor { tensor.square.sum(axes, keepingDimensions: true).squareRoot }
        return (random * (length(weight) / (length(random) + 1e-10))).evaluated()
    }

    /// The training losses [g] at places of the plane, each coordinate [g]. The gradient is the network's own, along the two directions.
    func loss(_ x: Tensor, _ y: Tensor) -> Tensor {
        let count = x.count
        let weights = centers.indices.map { index in
            let shape = [count] + centers[index].shape.map { _ in 1 }
            return centers[index] + directions[0][index] * x.reshaped(shape) + directions[1][index] * y.reshaped(shape)
        }
        var values = images.reshaped([1] + images.shape).broadcast(to: [count] + images.shape)
        for layer in stride(from: 0, to: weights.count, by: 2) {
            let bias = weights[layer + 1]
            values = matmul(values, weights[layer].transposed()) + bias.reshaped([count, 1, bias.shape[1]])
            if layer + 2 < weights.count { values = values.tanh() }
        }
        let rows = values.reshaped([count * labels.count, values.shape[2]])
        let all = [[Int32]](repeating: labels, count: count).flatMap { $0 }
        return crossEntropy(rows, Tensor(all), reduction: .none).reshaped([count, labels.count]).mean([1])
    }

    /// The plane as a landscape.
    func landscape() -> Landscape {
        Landscape(
            name: "network", title: "A network's loss", formula: "the training loss of a 64 – 32 – 16 – 10 network",
            x: -1.5...1.5,
            y: -1.5...1.5, start: (-1.15, 1.1), goal: 0.05 + trainedLoss * 1.2, steps: 60,
            rates: [.sgd: 0.1, .momentum: 0.02, .nag: 0.02, .adagrad: 0.2, .rmsprop: 0.05, .adam: 0.1],
            height: { log10($0 + 0.01) },
            loss: { [self] x, y in
                // Some of the plane's networks at a time, so that their values stay small.
                let pieces = stride(from: 0, to: x.count, by: 24).map { start -> Tensor in
                    let range = start..<min(start + 24, x.count)
                    return x.count <= 24 ? loss(x, y) : loss(x.sliced(axis: 0, range), y.sliced(axis: 0, range)).evaluated()
                }
                return pieces.count == 1 ? pieces[0] : concatenate(pieces)
            })
    }
}
