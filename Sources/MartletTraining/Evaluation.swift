import Foundation
import MartletCore
import MartletData
import MartletNN

/// How good a model is on some data.
public struct EvaluationResult: Sendable {
    /// The mean loss a sample.
    public var loss: Double
    /// The first one judges: for classes `accuracy`, and `top5` where there are more than five of them.
    public var metrics: [(name: String, value: Double)]
    public var samples: Int
    public var seconds: Double
    /// What else is known, by name; empty where the figures above say all.
    public var details: [(name: String, value: JSON)] = []
    /// What was made of the weights' file, for people.
    public var notes: [String] = []
    /// What was left out of the data because it cannot be used, and why.
    public var leftOut: [DataError] = []

    public init(loss: Double, metrics: [(name: String, value: Double)], samples: Int, seconds: Double) {
        self.loss = loss
        self.metrics = metrics
        self.samples = samples
        self.seconds = seconds
    }

    /// Whether a smaller value of a metric is the better one.
    public static func isLowerBetter(_ metric: String) -> Bool { ["perplexity", "valLoss", "trainLoss"].contains(metric) }

    public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

/// How many samples are judged at once where nothing is said: 256, fewer of large ones, of which networks hold much.
func evaluationBatchSize(of dataset: any Dataset) -> Int {
    min(256, max(1, 32 * 3 * 224 * 224 / max(dataset.sampleSize, 1)))
}

/// Judges a classifier on a data set: its loss and accuracy. Nothing is read back before the end. Of samples that are ten crops each
/// (`Dataset.tenCrops`) the mean of the ten probabilities counts.
///
/// - Parameter batchSize: images at once, each crop being one; nil for 256, fewer of large ones.
public func evaluate(
    _ model: any Layer, on dataset: any Dataset, batchSize: Int? = nil, threads: Int = BatchLoader.standardThreads,
    device: (any Device)? = nil, interrupted: () -> Bool = { false }
) throws -> EvaluationResult {
    let started = Date()
    let crops = dataset.sampleShape.count == 4 ? dataset.sampleShape[0] : 1
    let samples = batchSize.map { max($0 / crops, 1) } ?? evaluationBatchSize(of: dataset)
    let loader = try BatchLoader(dataset, batchSize: samples, threads: threads)
    let batches = loader.batches(epoch: 0)
    let countsTop5 = dataset.classNames.count > 5
    var sums: [Tensor] = []
    func run() throws {
        while let batch = try batches.next() {
            if interrupted() { throw Interruption() }
            let logits = withoutGradients { crops > 1 ? meanOfCrops(model, batch) : model(batch.images) }
            let labels = Tensor(batch.labels)
            let loss = crossEntropy(logits, labels, reduction: .sum)
            let ahead = classesAhead(of: labels, in: logits)
            var row = [loss.reshaped([1]), (ahead .< 1).sum().reshaped([1])]
            if countsTop5 { row.append((ahead .< 5).sum().reshaped([1])) }
            sums.append(concatenate(row).evaluated())
        }
    }
    if let device { try withDevice(device, run) } else { try run() }
    let columns = countsTop5 ? 3 : 2
    let totals = try concatenate(sums).floats()
    var sum = [Double](repeating: 0, count: columns)
    for (index, value) in totals.enumerated() { sum[index % columns] += Double(value) }
    let count = Double(dataset.count)
    var metrics = [(name: "accuracy", value: sum[1] / count)]
    if countsTop5 { metrics.append(("top5", sum[2] / count)) }
    return EvaluationResult(
        loss: sum[0] / count, metrics: metrics, samples: dataset.count, seconds: Date().timeIntervalSince(started))
}

/// How many classes stand before each sample's own in the order of the logits [n, classes], equal ones by their number: 0 where it is found
/// first, all where its logit is NaN.
package func classesAhead(of labels: Tensor, in logits: Tensor) -> Tensor {
    let own = labels.reshaped([-1, 1]), classes = Tensor((0..<logits.shape[1]).map(Int32.init))
    let logit = logits.gatheredElements(own)
    let isBehind = (logits .< logit) + (logits .== logit) * (classes .>= own)
    return (1 - isBehind).sum([1])
}

/// The logarithms of the probabilities of samples [n, crops, ...], the mean over each one's crops.
private func meanOfCrops(_ model: any Layer, _ batch: Batch) -> Tensor {
    let crops = batch.images.reshaped([-1] + batch.shape.dropFirst(2))
    let probabilities = model(crops).softmax().reshaped([batch.count, batch.shape[1], -1]).mean([1])
    // Above 0, so that the logarithm is finite.
    return (probabilities + Float.leastNormalMagnitude).logarithm
}

/// The share of a data set's samples whose class a model finds.
public func accuracy(of model: any Layer, on dataset: any Dataset) throws -> Double {
    try evaluate(model, on: dataset)["accuracy"]!
}
