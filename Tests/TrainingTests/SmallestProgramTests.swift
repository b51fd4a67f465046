import Martlet
import Testing

/// The README's layer.
private final class Residual: Layer {
    let inner = Linear(64, 64, activation: .relu)
    var parts: Parts { ["inner": inner] }
    func callAsFunction(_ x: Tensor) -> Tensor { x + inner(x) }
}

/// The README's programs.
@Suite(.serialized) struct SmallestProgramTests {
    @Test func aLayerOfOnesOwnTrains() throws {
        let device = try Devices.best()
        try withDevice(device) {
            let model = Sequential(Residual(), Linear(64, 10))
            #expect(model.namedParameters.map(\.name) == ["0.inner.weight", "0.inner.bias", "1.weight", "1.bias"])
            let digits = try Digits().all, optimizer = SGD(model.parameters, learningRate: 0.1)
            var losses: [Float] = []
            for _ in 0..<20 {
                let (loss, gradients) = valueAndGradient(of: model) { crossEntropy($0(digits.images.flattened()), digits.labels) }
                optimizer.step(gradients)
                losses.append(try loss.item())
            }
            #expect(losses[19] < losses[0])
        }
    }

    @Test func trainsOnTheDigits() throws {
        let device = try Devices.best()
        let digits = try Digits().split(validation: 0.2, seed: 7)
        let model = MLP(inputs: 64, hidden: [128, 64], outputs: 10, on: device)
        let optimizer = Adam(model.parameters, learningRate: 1e-3)

        for epoch in 1...10 {
            for batch in digits.training.batches(of: 64, seed: epoch) {
                let (_, gradients) = valueAndGradient(of: model) { crossEntropy($0(batch.images), batch.labels) }
                optimizer.step(gradients)
            }
        }
        #expect(try accuracy(of: model, on: digits.validation) > 0.94)
    }
}
