import MartletConformance
import MartletCore
import Testing

/// Results too large for the caches are written past them, and statistics then taken while their elements are near. They equal
/// those of their parts, which are not.
@Suite struct LargeResultsTests {
    struct Operation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let shape: [Int]
        /// The axis along which parts do not depend on each other.
        let axis: Int
        let function: @Sendable (Tensor) -> Tensor

        init(_ name: String, _ shape: [Int], axis: Int = 0, _ function: @escaping @Sendable (Tensor) -> Tensor) {
            (testDescription, self.shape, self.axis, self.function) = (name, shape, axis, function)
        }
    }

    static let operations = [
        Operation("softmax", [4200, 1000]) { $0.softmax() },
        Operation("softmax of rows that are whole lines", [4112, 1024]) { $0.softmax() },
        Operation("log softmax", [4200, 1000]) { $0.logSoftmax() },
        Operation("cross-entropy", [4200, 1000]) { x in
            let labels = (0..<x.shape[0]).map { _ in Int32(7) }
            return crossEntropyRows(x, Tensor(labels, shape: [x.shape[0]]), options: .init(labelSmoothing: 0.1))
        },
        Operation("layer norm", [4200, 1000]) { layerNorm($0, scale: nil, shift: nil) },
        Operation("layer norm of pairs", [2, 2_100_002]) { layerNorm($0, scale: nil, shift: nil) },
        Operation("batch norm", [11, 128, 55, 55], axis: 1) { batchNorm($0, scale: nil, shift: nil).output },
        Operation("maximum pooling", [2, 700, 55, 55]) { $0.maxPooled(PoolingOptions(kernel: 3, stride: 2, padding: 1)) },
        Operation("maximum pooling, overlapping", [2, 700, 55, 55]) {
            $0.maxPooled(PoolingOptions(kernel: 3, stride: 1, padding: 1))
        },
        Operation("maximum pooling of pairs", [2, 2100, 64, 64]) { $0.maxPooled(PoolingOptions(kernel: 2, stride: 2)) },
        Operation("gelu", [2, 2_100_003]) { $0.gelu() },
        Operation("tanh", [2, 2_100_003]) { $0.tanh() },
        Operation("gelu by its tangent", [2, 2_100_003]) { $0.geluTanh() },
        Operation("sine", [2, 2_100_003]) { $0.sine },
        Operation("power", [2, 2_100_003]) { ($0.square + 1).power(1.5) },
        Operation("rows of a length of their own", [4200, 1001]) { $0 * Tensor((0..<1001).map { Float($0) * 0.001 }) + 1 },
        Operation("rows by a choice", [4200, 1001]) { Tensor.select($0, $0 * 2, Tensor((0..<1001).map { Float($0) })) },
        Operation("transposed copy", [2, 1003, 2100]) { $0.transposed().reshaped([$0.shape[0], $0.shape[1] * $0.shape[2]]) },
    ]

    @Test(arguments: TestDevice.all, operations)
    func equalTheirParts(_ test: TestDevice, _ operation: Operation) async throws {
        // Kernels for the other class of devices never write past caches.
        guard test.mostDraws == nil else { return }
        try await test.alone { try Self.compare(operation, on: $0) }
    }

    private static func compare(_ operation: Operation, on device: any Device) throws {
        let x = Tensor.random(
            .uniform(low: -3, high: 3), shape: operation.shape, key: RandomKey(seed: 5, stream: 0), on: device)
        let whole = valueAndSlope(operation, x), extent = operation.shape[operation.axis]
        for range in [0..<extent / 2, extent / 2..<extent] {
            let part = valueAndSlope(operation, x.sliced(axis: operation.axis, range).evaluated())
            for (large, small) in zip(whole, part) {
                let axis = min(operation.axis, large.rank - 1)
                let difference = (large.sliced(axis: axis, range) - small).absolute.max()
                #expect(try difference.item() <= 1e-5 * small.absolute.max().item())
            }
        }
    }

    private static func valueAndSlope(_ operation: Operation, _ x: Tensor) -> [Tensor] {
        let slope = valueAndGradient(at: [x]) { operation.function($0[0]).square.sum() }.gradients[0]
        return [operation.function(x).evaluated(), slope.evaluated()]
    }

    /// An element of a draw depends on its place alone.
    @Test(arguments: TestDevice.all)
    func drawsBeginAlike(_ test: TestDevice) async throws {
        guard test.mostDraws == nil else { return }
        try await test.alone(Self.compareDraws)
    }

    private static func compareDraws(on device: any Device) throws {
        for distribution: Distribution in [
            .uniform(low: 0, high: 1), .normal(mean: 0, deviation: 1), .bernoulli(probability: 0.3, scale: 2),
        ] {
            let key = RandomKey(seed: 3, stream: 0), count = 1_000_001
            let large = Tensor.random(distribution, shape: [1 << 22 | 5], key: key, on: device)
            let small = Tensor.random(distribution, shape: [count], key: key, on: device)
            #expect(try (large.sliced(axis: 0, 0..<count) - small).absolute.max().item() == 0)
        }
    }
}
