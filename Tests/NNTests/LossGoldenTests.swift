import Martlet
import Testing

/// Every loss with every option, forward and gradient, as PyTorch computes it.
@Suite struct LossGoldenTests {
    @Test(arguments: TestDevices.ids) func agree(device id: String) throws {
        let golden = try GoldenFile("losses")
        #expect(golden.cases.count > 60)
        try withDevice(try TestDevices.named(id)) {
            for test in golden.cases {
                try GoldenRun(golden, test).check(within: 1e-4, "\(id) \(test.name)") { [try Self.run(test, $0)] }
            }
        }
    }

    private static func run(_ test: GoldenFile.Case, _ x: [Tensor]) throws -> Tensor {
        let options = test.options, reduction = options.reduction
        let ignored: Int32? = options.has("ignoredLabel") ? Int32(options.integer("ignoredLabel")) : nil
        func input(_ name: String) -> Tensor? { test.inputs.firstIndex(of: name).map { x[$0] } }
        switch test.op {
        case "crossEntropy":
            return crossEntropy(
                x[0], x[1], weights: input("weights"), labelSmoothing: options.float("labelSmoothing"), ignoredLabel: ignored,
                reduction: reduction)
        case "negativeLogLikelihood":
            return negativeLogLikelihood(x[0], x[1], weights: input("weights"), ignoredLabel: ignored, reduction: reduction)
        case "multiMarginLoss":
            return multiMarginLoss(
                x[0], x[1], margin: options.float("margin"), power: options.integer("power"), weights: input("weights"),
                reduction: reduction)
        case "meanSquaredError": return meanSquaredError(x[0], x[1], reduction: reduction)
        case "l1Loss": return l1Loss(x[0], x[1], reduction: reduction)
        case "smoothL1Loss": return smoothL1Loss(x[0], x[1], beta: options.float("beta"), reduction: reduction)
        case "huberLoss": return huberLoss(x[0], x[1], delta: options.float("delta"), reduction: reduction)
        case "binaryCrossEntropyWithLogits":
            return binaryCrossEntropyWithLogits(
                x[0], x[1], weights: input("weight"), positiveWeights: input("positiveWeight"), reduction: reduction)
        case "hingeLoss": return hingeLoss(x[0], x[1], margin: options.float("margin"), reduction: reduction)
        case "hingeEmbeddingLoss": return hingeEmbeddingLoss(x[0], x[1], margin: options.float("margin"), reduction: reduction)
        case "klDivergence":
            let sums: DivergenceReduction =
                options.string("reduction") == "batchMean"
                ? .batchMean
                : reduction == .none ? .none : reduction == .sum ? .sum : .mean
            return klDivergence(x[0], x[1], logTarget: options.bool("logTarget"), reduction: sums)
        default:
            Issue.record("\(test.name): nothing here runs \(test.op)")
            return Tensor(0)
        }
    }
}
