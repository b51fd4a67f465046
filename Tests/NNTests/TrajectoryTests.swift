import Martlet
import Testing

/// From the same weights and batches, the losses of 50 steps of plain SGD are PyTorch's.
@Suite struct TrajectoryTests {
    @Test(arguments: TestDevices.ids) func leNet(device id: String) throws {
        try follow("lenet", on: id, enlarged: true) { LeNet() }
    }

    @Test(arguments: TestDevices.ids) func perceptron(device id: String) throws {
        try follow("mlp", on: id, enlarged: false) { MLP(inputs: 64, hidden: [48, 32], outputs: 10) }
    }

    private func follow<Model: Layer>(_ name: String, on id: String, enlarged: Bool, _ make: () -> Model) throws {
        let golden = try GoldenFile(name), digits = try Digits()
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let model = make()
            for (name, parameter) in model.namedParameters { parameter.value = try golden.tensor("initial/\(name)") }
            let optimizer = SGD(model.parameters, learningRate: 0.01)
            let rows = try golden.tensor("rows").integers().map(Int.init), labels = try golden.tensor("labels").integers()
            let losses = try golden.tensor("losses").floats()
            for step in 0..<50 {
                let batch = try digits.batch(of: rows[step * 32..<(step + 1) * 32])
                let images = enlarged ? enlarge(batch.images) : batch.images
                #expect(batch.labels == Array(labels[step * 32..<(step + 1) * 32]))
                let (loss, gradients) = valueAndGradient(of: model) { crossEntropy($0(images), batch.labels) }
                optimizer.step(gradients)
                let value = try loss.item()
                #expect(
                    abs(value - losses[step]) <= 1e-3 * losses[step],
                    "\(name) on \(id), step \(step + 1): \(value), not \(losses[step])")
            }
            for (name, parameter) in model.namedParameters where golden.has("final/\(name)") {
                try expectClose(parameter.value, try golden.tensor("final/\(name)"), within: 1e-3, "\(name) after 50 steps")
            }
        }
    }

    /// Each pixel three times in both directions, with a border of two zeros: 8 x 8 to 28 x 28, exactly.
    private func enlarge(_ images: Tensor) -> Tensor {
        let n = images.shape[0]
        let repeated = images.reshaped([n, 1, 8, 1, 8, 1]).broadcast(to: [n, 1, 8, 3, 8, 3]).reshaped([n, 1, 24, 24])
        return repeated.padded([(0, 0), (0, 0), (2, 2), (2, 2)])
    }
}
