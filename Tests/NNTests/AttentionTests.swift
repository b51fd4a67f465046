import Martlet
import Testing

@Suite struct AttentionTests {
    /// One head, as the documentation of `scaledDotProductAttention` has it.
    private static func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
        let scores = matmul(q, k.transposed()) / Float(q.shape[1]).squareRoot()
        let shares = (scores - scores.max([1], keepingDimensions: true)).exponential
        let weights = shares / shares.sum([1], keepingDimensions: true)
        return matmul(weights, v)
    }

    private static func random(_ shape: [Int], _ stream: UInt64) -> Tensor {
        Tensor.random(.normal(mean: 0, deviation: 1), shape: shape, key: RandomKey(seed: 11, stream: stream))
    }

    @Test(arguments: TestDevices.ids) func equalsFirstPrinciples(_ id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let x = [Self.random([9, 12], 0), Self.random([50, 12], 1), Self.random([50, 12], 2)], dy = Self.random([9, 12], 3)
            let plain = valueAndGradient(at: x) { (Self.attention($0[0], $0[1], $0[2]) * dy).sum() }
            let fused = valueAndGradient(at: x) { x in
                let heads = x.map { $0.reshaped([1, 1] + $0.shape) }
                return (scaledDotProductAttention(heads[0], heads[1], heads[2]).reshaped([9, 12]) * dy).sum()
            }
            try expectClose(fused.value, plain.value, within: 1e-5, "\(id): value")
            for (index, pair) in zip(fused.gradients, plain.gradients).enumerated() {
                try expectClose(pair.0, pair.1, within: 1e-5, "\(id): gradient \(index)")
            }
            let alone = scaledDotProductAttention(
                x[0].reshaped([1, 1, 9, 12]), x[1].reshaped([1, 1, 50, 12]), x[2].reshaped([1, 1, 50, 12]))
            try expectClose(alone.reshaped([9, 12]), Self.attention(x[0], x[1], x[2]), within: 1e-5, "\(id): result")
        }
    }

    /// Joining the heads again copies nothing, and neither does a packed call: the result is the only large block.
    @Test(arguments: TestDevices.ids) func packedCopiesNothing(_ id: String) throws {
        // One of its own: other tests' launches would count too.
        let device = try Devices.choose(id).device
        try withDevice(device) {
            let packed = Self.random([2, 40, 3 * 4 * 16], 5).evaluated()
            try device.synchronize()
            let before = device.statistics.launches
            _ = selfAttention(packed: packed, heads: 4, options: .causal)
            #expect(device.statistics.launches - before == 1)
        }
    }
}
