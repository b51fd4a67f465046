import Martlet
import Testing

/// The README's program, to the letter but for the number of epochs, which a parameter sets here.
@Suite(.serialized) struct SmallestProgramTests {
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
