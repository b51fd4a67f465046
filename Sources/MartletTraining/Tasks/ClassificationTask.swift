import MartletCore
import MartletData
import MartletNN

/// Telling classes apart by cross-entropy.
public final class ClassificationTask: TrainingTask {
    public var model: any Module { classifier }
    public var name: String { data.training.name }
    public var batchCount: Int { loader.batchCount }

    private let classifier: any Layer
    private let data: DatasetSplits
    private let loader: BatchLoader
    private let labelSmoothing: Float

    /// - Parameters:
    ///   - shuffle: whether the training samples come in another order each epoch.
    ///   - seed: of that order and of the augmentation.
    ///   - augmentation: changes training samples; nil for none.
    public init(
        _ classifier: any Layer, on data: DatasetSplits, batchSize: Int, shuffle: Bool = true, seed: UInt64,
        augmentation: (any Augmentation)? = nil, labelSmoothing: Float = 0, loaderThreads: Int = BatchLoader.standardThreads
    ) throws {
        self.classifier = classifier
        self.data = data
        self.labelSmoothing = labelSmoothing
        loader = try BatchLoader(
            data.training, batchSize: batchSize, shuffle: shuffle ? seed : nil, augmentation: augmentation,
            augmentationSeed: seed,
            threads: loaderThreads)
    }

    public func batches(from position: LoaderState) -> any TrainingBatches { Batches(self, loader.batches(from: position)) }

    public func validate(stop: () -> Bool) throws -> EvaluationResult? {
        try data.heldOut.map { try evaluate(classifier, on: $0, threads: loader.threads, interrupted: stop) }
    }

    private final class Batches: TrainingBatches {
        private let task: ClassificationTask
        private let batches: EpochBatches

        init(_ task: ClassificationTask, _ batches: EpochBatches) {
            self.task = task
            self.batches = batches
        }

        var state: LoaderState { batches.state }

        func next() throws -> TrainingBatch? {
            guard let batch = try batches.next() else { return nil }
            return TrainingBatch(count: batch.count) { [task] in task.loss(on: batch) }
        }
    }

    private func loss(on batch: Batch) -> Tensor {
        let logits = classifier(batch.images)
        guard let mixed = batch.mixed else { return crossEntropy(logits, batch.labels, labelSmoothing: labelSmoothing) }
        return mixedCrossEntropy(logits, batch.labels, mixed.labels, shares: mixed.shares, labelSmoothing: labelSmoothing)
    }
}
