import Foundation
import MartletCore
import MartletModels
import MartletNN

/// Times whole training steps (forward, backward and update, on a batch that is uploaded anew each time) of the standard networks.
public enum TrainStepBenchmark {
    public struct Result: Sendable {
        public let name: String
        public let medianMilliseconds: Double
        public let minimumMilliseconds: Double
        /// Multiply-adds counted as two operations; forward and backward of products and convolutions only.
        public let operations: Double
    }

    /// The benchmarks' names.
    public static let names = ["train-step/mlp", "train-step/lenet"]

    /// Times one of `names` on a device: plain SGD at 0.01, batches of 128. As in training, where losses are
    /// read now and then, the device is waited for after every ten steps; a run is such a stretch, divided by ten.
    public static func run(_ name: String, on device: any Device, warmUp: Int = 5, runs: Int = 30) throws -> Result {
        precondition(names.contains(name), "TrainStepBenchmark.run: \(name)")
        return try withDevice(device) { try withSeed(1) { try measure(name, on: device, warmUp: warmUp, runs: runs) } }
    }

    private static let stepsPerRun = 10

    private static func measure(_ name: String, on device: any Device, warmUp: Int, runs: Int) throws -> Result {
        let isMLP = name == "train-step/mlp"
        let model: any Layer = isMLP ? MLP(inputs: 784, hidden: [512, 512], outputs: 10) : LeNet()
        let optimizer = SGD(model.parameters, learningRate: 0.01)
        let shape = isMLP ? [128, 784] : [128, 1, 28, 28]
        let pixels = (0..<128 * 784).map { Float($0 * 7919 % 256) / 255 }
        let labels = (0..<128).map { Int32($0 * 31 % 10) }
        var times: [Double] = []
        for run in 0..<warmUp + runs {
            let started = DispatchTime.now().uptimeNanoseconds
            for _ in 0..<stepsPerRun {
                let (_, gradients) = valueAndGradient(of: model.parameters) {
                    crossEntropy(model(Tensor(pixels, shape: shape)), labels)
                }
                optimizer.step(gradients)
            }
            try device.synchronize()
            let elapsed = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e6
            if run >= warmUp { times.append(elapsed / Double(stepsPerRun)) }
        }
        let check = try model.parameters[0].value.floats()
        guard check.allSatisfy(\.isFinite) else {
            throw TrainingError(.failed, "\(name): the parameters are not finite after \((warmUp + runs) * stepsPerRun) steps")
        }
        times.sort()
        return Result(
            name: name, medianMilliseconds: times[times.count / 2], minimumMilliseconds: times[0],
            operations: isMLP ? mlpOperations : lenetOperations)
    }

    /// Twice the products of forward, weight gradient and input gradient; the first layer has no input gradient.
    private static func operations(first: Int, others: [Int]) -> Double {
        Double(2 * 128 * (2 * first + 3 * others.reduce(0, +)))
    }

    private static let mlpOperations = operations(first: 784 * 512, others: [512 * 512, 512 * 10])
    private static let lenetOperations = operations(first: 784 * 25 * 6, others: [100 * 150 * 16, 400 * 120, 120 * 84, 84 * 10])
}
