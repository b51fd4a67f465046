import MartletCore
import MartletData
import MartletNN

/// Telling classes of images, or of rows of numbers, apart.
public struct ClassifierWorkload: Workload {
    /// The height and width that images are brought to; nil for those of the data.
    public let imageSize: Int?
    let make: @Sendable (Settings, ModelShape) throws -> any Layer

    static let keepFeatures = Settings.Key(
        "keep_features", "auto",
        "whether what frozen layers at the beginning make of the samples is computed once only: auto, true, false")
    static let labelSmoothing = Settings.Key("label_smoothing", "0", "share of the target spread over all classes")

    public var settings: [Settings.Key] { DataRecipe.keys + ClassWeights.keys + [Self.labelSmoothing, Self.keepFeatures] }
    private static let tenCrop = Settings.Key(
        "ten_crop", "false", "the mean of the probabilities of ten crops of each photo: corners, middle, and mirrored")

    public var evaluationSettings: [Settings.Key] { [Self.tenCrop] }
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
            labelSmoothing: Float(try plan.settings.number(Self.labelSmoothing, in: 0...1)),
            classWeights: try ClassWeights.weights(plan.settings, for: data.training),
            keepsFeatures: plan.settings.string(Self.keepFeatures) == "auto" ? nil : try plan.settings.bool(Self.keepFeatures),
            loaderThreads: plan.loaderThreads)
        var prepared = PreparedTraining(
            task: task, inputShape: shape.input, classes: data.training.classNames,
            summary: "\(data.training.count) samples of \(shape.input), \(shape.classes) classes")
        prepared.leftOut = data.leftOut
        if let file = RunFolder.leftOutFile(data.leftOut) { prepared.files.append(file) }
        return prepared
    }

    public func evaluate(_ plan: EvaluationPlan) throws -> (split: String, result: EvaluationResult) {
        let classifier: TrainedClassifier, parts: DatasetSplits, split: String
        var dataset: any Dataset
        var badPhotos = plan.isStrict ? BadPhotos.refuse : .leaveOut
        var labels: ((any Dataset) throws -> any Dataset)?
        switch plan.source {
        case .run(let folder, let configuration):
            classifier = try TrainedClassifier(plan.source)
            // The run's own data is left as the run had it, so that its parts are the same.
            if plan.data == nil, !plan.isStrict { badPhotos = .known(folder.leftOut()) }
            parts = try classifier.load(plan.data ?? configuration.data, badPhotos: badPhotos)
            (dataset, split) = try Self.part(plan.split, of: parts)
            try classifier.check(fits: dataset)
        case .weights(let model, let path, let given):
            let spec = plan.data ?? standardData
            let settings = try DataRecipe.completed(given, for: model, data: spec)
            parts = try DataRecipe.load(spec, settings, standardSize: imageSize, seed: 0, badPhotos: badPhotos)
            (dataset, split) = try Self.part(plan.split, of: parts)
            var classes = dataset.classNames
            // Photos of some of ImageNet's classes judge a network that tells all of them apart.
            let outputs = model.isForPhotos ? ModelDescription.outputs(of: try WeightFile.read(path)) : nil
            if outputs == ImageNet.classNames.count, classes.count != outputs {
                labels = { try ImageNetLabelled($0) }
                classes = ImageNet.classNames
            }
            classifier = try TrainedClassifier(
                .weights(model, path: path, settings), read: (spec, dataset.sampleShape, classes))
        }
        if try plan.settings.bool(Self.tenCrop) {
            guard let crops = dataset.tenCrops else {
                throw TrainingError(.input, "--set ten_crop: for folders of photos, not \(dataset.name)")
            }
            dataset = crops
        }
        if let labels { dataset = try labels(dataset) }
        var result = try MartletTraining.evaluate(classifier.layer, on: dataset, batchSize: plan.batchSize)
        result.notes = classifier.notes
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
