import MartletCore
import MartletData
import MartletNN

/// Telling classes of images, or of rows of numbers, apart.
public struct ClassifierWorkload: Workload {
    /// The height and width that images are brought to; nil for those of the data.
    public let imageSize: Int?
    let make: @Sendable (Settings, ModelShape) throws -> any Layer

    static let labelSmoothing = Settings.Key("label_smoothing", "0", "share of the target spread over all classes")

    private static let tenCrop = Settings.Key(
        "ten_crop", "false", "the mean of the probabilities of ten crops of each photo: corners, middle, and mirrored")

    public var evaluationSettings: [Settings.Key] { [Self.tenCrop] }
    public var settings: [Settings.Key] { DataRecipe.keys + [Self.labelSmoothing] }
    public var standardData: String { "digits" }

    public func prepare(_ plan: TrainingPlan) throws -> PreparedTraining {
        let data = try DataRecipe.load(
            plan.data, plan.settings, standardSize: imageSize, seed: plan.seed,
            badPhotos: plan.resumed.map { .known($0.leftOut()) } ?? .leaveOut)
        let shape = ModelShape(input: data.training.sampleShape, classes: data.training.classNames.count)
        let build = { try withSeed(plan.seed) { try plan.model.build(plan.settings, shape: shape) } }
        let classifier = try plan.resumed.map { try blaming($0.configurationPath, build) } ?? build()
        let task = try ClassificationTask(
            classifier, on: data, batchSize: plan.batchSize, shuffle: plan.shuffle, seed: plan.seed,
            augmentation: try DataRecipe.augmentation(plan.settings, for: data.training),
            labelSmoothing: Float(try plan.settings.number(Self.labelSmoothing, in: 0...1)), loaderThreads: plan.loaderThreads)
        var prepared = PreparedTraining(
            task: task, inputShape: shape.input, classes: data.training.classNames,
            summary: "\(data.training.count) samples of \(shape.input), \(shape.classes) classes")
        prepared.leftOut = data.leftOut
        if let file = RunFolder.leftOutFile(data.leftOut) { prepared.files.append(file) }
        return prepared
    }

    public func evaluate(_ plan: EvaluationPlan) throws -> (split: String, result: EvaluationResult) {
        let classifier: TrainedClassifier, parts: DatasetSplits
        var badPhotos = plan.isStrict ? BadPhotos.refuse : .leaveOut
        switch plan.source {
        case .run(let folder, let configuration):
            classifier = try TrainedClassifier(plan.source, shape: nil)
            // The run's own data is left as the run had it, so that its parts are the same.
            if plan.data == nil, !plan.isStrict { badPhotos = .known(folder.leftOut()) }
            parts = try classifier.load(plan.data ?? configuration.data, badPhotos: badPhotos)
        case .weights(_, _, let settings):
            parts = try DataRecipe.load(
                plan.data ?? standardData, settings, standardSize: imageSize, seed: 0, badPhotos: badPhotos)
            classifier = try TrainedClassifier(plan.source, shape: (parts.training.sampleShape, parts.training.classNames))
        }
        var (dataset, split) = try Self.part(plan.split, of: parts)
        try classifier.check(fits: dataset)
        if try plan.settings.bool(Self.tenCrop) {
            guard let crops = dataset.tenCrops else {
                throw TrainingError(.input, "--set ten_crop: for folders of photos, not \(dataset.name)")
            }
            dataset = crops
        }
        var result = try MartletTraining.evaluate(classifier.layer, on: dataset, batchSize: plan.batchSize)
        result.leftOut = parts.leftOut
        guard result.loss.isFinite else {
            throw TrainingError(
                .failed,
                "\(dataset.name): the model's loss is \(result.loss); its weights may be damaged, or values of the data too large"
            )
        }
        return (split, result)
    }

    private static func part(_ name: String?, of parts: DatasetSplits) throws -> (any Dataset, String) {
        if let name { return (try parts.part(named: name), name) }
        if let test = parts.test { return (test, "test") }
        if let validation = parts.validation { return (validation, "val") }
        throw TrainingError(.input, "the data has neither a test nor a val part; give --split train")
    }
}
