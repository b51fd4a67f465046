import Foundation
import Martlet
import Testing

@Suite struct MixedLossTests {
    private struct Golden: Decodable {
        struct Mixing: Decodable {
            var logits: [Float]
            var labels, others: [Int32]
            var shares, weights: [Float]
            var plain, smoothed, weighted: Float
        }
        var mixing: Mixing
    }

    /// Against PyTorch's cross-entropy of soft targets.
    @Test(arguments: TestDevices.ids) func softTargets(device: String) throws {
        let path = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Golden/data/augmentations.json")
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: path)).mixing
        try withDevice(try TestDevices.named(device)) {
            let logits = Tensor(golden.logits, shape: [5, 4])
            func loss(_ weights: Tensor? = nil, smoothing: Float = 0) throws -> Float {
                try mixedCrossEntropy(
                    logits, golden.labels, golden.others, shares: golden.shares, weights: weights, labelSmoothing: smoothing
                ).floats()[0]
            }
            let plain = try loss(), smoothed = try loss(smoothing: 0.1), weighted = try loss(Tensor(golden.weights))
            #expect(abs(plain - golden.plain) < 1e-5)
            #expect(abs(smoothed - golden.smoothed) < 1e-5)
            #expect(abs(weighted - golden.weighted) < 1e-5)
        }
    }
}
