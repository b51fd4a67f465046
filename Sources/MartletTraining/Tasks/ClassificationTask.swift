import MartletCore
import MartletData
import MartletNN

/// Telling classes apart by cross-entropy. Where layers at the model's beginning are frozen and the data is not augmented, what they make
/// of each sample is computed once and kept.
public final class ClassificationTask: TrainingTask {
    public var model: any Module { classifier }
    public var name: String { data.training.name }
    public var batchCount: Int { loader.batchCount }

    private let classifier: any Layer
    private let data: DatasetSplits
    private let loader: BatchLoader
    private let labelSmoothing: Float
    private let classWeights: Tensor?
    private let keepsFeatures: Bool?
    private var kept: (features: KeptFeatures, loader: BatchLoader)?

    /// How many samples are evaluated at once: as many as 32 photos have values, at most 256.
    private let evaluationBatchSize: Int

    /// - Parameters:
    ///   - shuffle: whether the training samples come in another order each epoch.
    ///   - seed: of that order and of the augmentation.
    ///   - augmentation: changes training samples; nil for none.
    ///   - classWeights: how much each class counts in the training loss; nil for all alike.
    ///   - keepsFeatures: whether what frozen layers make of samples is kept; nil for where there is room.
    public init(
        _ classifier: any Layer, on data: DatasetSplits, batchSize: Int, shuffle: Bool = true, seed: UInt64,
        augmentation: (any Augmentation)? = nil, labelSmoothing: Float = 0, classWeights: [Float]? = nil,
        keepsFeatures: Bool? = nil, loaderThreads: Int = BatchLoader.standardThreads
    ) throws {
        self.classifier = classifier
        self.data = data
        self.labelSmoothing = labelSmoothing
        self.classWeights = classWeights.map { Tensor($0) }
        self.keepsFeatures = keepsFeatures
        evaluationBatchSize = MartletTraining.evaluationBatchSize(of: data.training)
        loader = try BatchLoader(
            data.training, batchSize: batchSize, shuffle: shuffle ? seed : nil, augmentation: augmentation,
            augmentationSeed: seed,
            threads: loaderThreads)
    }

    public func batches(from position: LoaderState) -> any TrainingBatches {
        Batches(self, (kept?.loader ?? loader).batches(from: position), kept?.features.prefix.rest ?? classifier)
    }

    public func validate(stop: () -> Bool) throws -> EvaluationResult? {
        guard let heldOut = kept?.features.heldOut ?? data.heldOut else { return nil }
        return try evaluate(
            kept?.features.prefix.rest ?? classifier, on: heldOut, batchSize: evaluationBatchSize, threads: loader.threads,
            interrupted: stop)
    }

    public func reportParts(stop: () -> Bool) throws -> [ReportPart] {
        guard let heldOut = data.heldOut else { return [] }
        return try ClassifierFigures(
            classifier, on: heldOut, normalization: data.normalization, threads: loader.threads, stop: stop
        ).parts()
    }

    // MARK: Kept features

    /// Computes the features of the layers that are frozen in this epoch, unless it has them.
    public func begin(epoch: Int) throws {
        let prefix = try keptPrefix().prefix
        if let prefix, prefix.cut == kept?.features.prefix.cut { return }
        kept = nil
        guard let prefix else { return }
        let features = try KeptFeatures(
            prefix, of: data, batchSize: loader.batchSize, evaluationBatchSize: evaluationBatchSize, threads: loader.threads,
            stop: { Interrupts.current != nil })
        let loader = try BatchLoader(
            features.training, batchSize: loader.batchSize, shuffle: loader.shuffleSeed, threads: loader.threads)
        kept = (features, loader)
    }

    /// What becomes of the features of frozen layers, in a few words; nil where none are frozen at the beginning. Refuses keeping them where
    /// it is asked for and cannot be.
    public func keeping() throws -> String? { try keptPrefix().note }

    private func keptPrefix() throws -> (prefix: FrozenPrefix?, note: String?) {
        func not(_ reason: String) throws -> (FrozenPrefix?, String?) {
            guard keepsFeatures == true else { return (nil, "features of frozen layers are not kept: \(reason)") }
            throw TrainingError(.input, "--set keep_features=true: \(reason)")
        }
        if keepsFeatures == false { return (nil, nil) }
        guard let prefix = FrozenPrefix(of: classifier) else {
            return keepsFeatures == true
                ? try not("no layer at the model's beginning is frozen; give --freeze PATTERN") : (nil, nil)
        }
        guard loader.augmentation == nil else { return try not("training samples are varied; leave augmentation out") }
        let bytes = try KeptFeatures.bytes(prefix, data), limit = KeptFeatures.limit
        guard bytes <= limit else {
            return try not("they would take \(bytes >> 20) MiB, where at most \(limit >> 20) are given to them")
        }
        return (prefix, "features before \(prefix.cut) are computed once and kept (\(max(bytes >> 20, 1)) MiB)")
    }

    private final class Batches: TrainingBatches {
        private let task: ClassificationTask
        private let batches: EpochBatches
        private let layers: any Layer

        init(_ task: ClassificationTask, _ batches: EpochBatches, _ layers: any Layer) {
            self.task = task
            self.batches = batches
            self.layers = layers
        }

        var state: LoaderState { batches.state }

        func next() throws -> TrainingBatch? {
            guard let batch = try batches.next() else { return nil }
            return TrainingBatch(count: batch.count) { [task, layers] in task.loss(of: layers(batch.images), on: batch) }
        }
    }

    private func loss(of logits: Tensor, on batch: Batch) -> Tensor {
        guard let mixed = batch.mixed else {
            return crossEntropy(logits, batch.labels, weights: classWeights, labelSmoothing: labelSmoothing)
        }
        return mixedCrossEntropy(
            logits, batch.labels, mixed.labels, shares: mixed.shares, weights: classWeights, labelSmoothing: labelSmoothing)
    }
}
