import MartletCore
import MartletNN

/// Times whole training steps of every network of the catalog that tells classes apart or tells how a text goes on.
public enum TrainStepBenchmark {
    public struct Result: Sendable {
        public let name: String
        public let medianMilliseconds: Double
        public let minimumMilliseconds: Double
        /// In products and convolutions, a multiply-add counting two; nil where nobody counted.
        public let operations: Double?
    }

    /// The benchmarks' names.
    public static var names: [String] {
        ModelCatalog.all.filter { $0.classifier != nil || $0.workload is LanguageModelWorkload }.map { prefix + $0.name }
    }

    private static let prefix = "train-step/"

    /// Times one of `names` on a device, as `TrainStep` or `LanguageStep` sets it up. As in training, where losses are read now and
    /// then, the device is waited for once in a while: short steps are timed ten at a time.
    public static func run(_ name: String, on device: any Device) throws -> Result {
        precondition(names.contains(name), "TrainStepBenchmark.run: \(name)")
        let model = try ModelCatalog.named(String(name.dropFirst(prefix.count)))
        let take: () -> Void, parameters: [Parameter], operations: Double?
        if model.classifier != nil {
            let step = try TrainStep(model.name, on: device)
            (take, parameters, operations) = ({ step.run() }, step.parameters, step.operations)
        } else {
            let step = try LanguageStep(model.name, on: device)
            (take, parameters, operations) = (step.run, step.parameters, nil)
        }
        func milliseconds(_ steps: Int) throws -> Double {
            let start = ContinuousClock.now
            for _ in 0..<steps { take() }
            try device.synchronize()
            return (ContinuousClock.now - start) / .milliseconds(1) / Double(steps)
        }
        _ = try milliseconds(2)
        let isShort = try min(milliseconds(1), milliseconds(1), milliseconds(1)) < 50
        let steps = isShort ? 10 : 1, runs = isShort ? 30 : 7
        if isShort { _ = try milliseconds(50) }
        let times = try (0..<runs).map { _ in try milliseconds(steps) }.sorted()
        guard try parameters[0].value.floats().allSatisfy(\.isFinite) else {
            throw TrainingError(.failed, "\(name): the parameters are not finite after the steps that were timed")
        }
        return Result(
            name: name, medianMilliseconds: times[times.count / 2], minimumMilliseconds: times[0], operations: operations)
    }
}
