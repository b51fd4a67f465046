import Martlet
import Testing

/// What a training step costs once it has been taken a few times: launches, and nothing asked of the system.
@Suite(.serialized) struct StepCostTests {
    /// The most kernels that a step may launch: on the CPU path passes over memory, with OpenCL launches on a CPU; a GPU's kernels are
    /// others, and may be twice as many.
    struct Budget: Sendable {
        let model: String
        let input: [Int]
        let batch: Int
        let cpu: Int
        let opencl: Int
    }

    static let budgets = [
        Budget(model: "mlp", input: [784], batch: 128, cpu: 19, opencl: 21),
        Budget(model: "lenet", input: [1, 28, 28], batch: 128, cpu: 35, opencl: 45),
        Budget(model: "resnet18", input: [3, 64, 64], batch: 2, cpu: 189, opencl: 425),
    ]

    @Test(arguments: budgets.map(\.model)) func staysWithinItsBudget(_ name: String) throws {
        let budget = try #require(Self.budgets.first { $0.model == name })
        for id in try Devices.list().usable.map(\.id) {
            let device = try Devices.choose(id).device
            try withDevice(device) {
                try withSeed(1) {
                    let model = try ModelCatalog.named(name).build(
                        Settings(), shape: ModelShape(input: budget.input, classes: 10))
                    let optimizer = SGD(model.parameters, learningRate: 0.01, momentum: 0.9)
                    let shape = [budget.batch] + budget.input
                    let pixels = (0..<shape.reduce(1, *)).map { Float($0 * 7919 % 256) / 255 }
                    let labels = (0..<budget.batch).map { Int32($0 % 10) }
                    func step() throws -> DeviceStatistics {
                        let (_, gradients) = valueAndGradient(of: model) {
                            crossEntropy($0(Tensor(pixels, shape: shape)), labels)
                        }
                        optimizer.step(gradients)
                        try device.synchronize()
                        return device.statistics
                    }
                    for _ in 0..<4 { _ = try step() }
                    let before = try step(), after = try step()
                    #expect(after.builds == before.builds, "\(name) on \(id): kernels built")
                    #expect(after.systemAllocations == before.systemAllocations, "\(name) on \(id): blocks asked of the system")
                    #expect(after.bytesInUse == before.bytesInUse, "\(name) on \(id): bytes kept")
                    let launches = after.launches - before.launches,
                        most = id == "cpu" ? budget.cpu : budget.opencl * (device.info.kind == .cpu ? 1 : 2)
                    #expect(launches > 0 && launches <= most, "\(name) on \(id): \(launches) launches")
                }
            }
        }
    }
}
