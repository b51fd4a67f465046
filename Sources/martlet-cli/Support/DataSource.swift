import Martlet

/// The data that `--data` names, brought to what a model needs.
enum DataSource {
    /// For a new model: images in the size it wants.
    static func load(_ spec: String, for model: ModelDescription, seed: UInt64 = 0) throws -> DatasetSplits {
        try load(spec, size: model.imageSize)
    }

    /// For a trained model: images in the size it was trained on.
    static func load(_ spec: String, for model: ModelDescription, shape: [Int]) throws -> DatasetSplits {
        try load(spec, size: shape.count == 3 ? shape[1] : nil)
    }

    private static func load(_ spec: String, size: Int?) throws -> DatasetSplits {
        guard spec == "digits" else { throw TrainingError(.input, "--data \(spec): not available") }
        let parts = try Digits(size: size ?? Digits.storedSize).split()
        return try DatasetSplits(training: parts.training, validation: parts.validation)
    }

    /// Refuses data that a model was not made for.
    static func check(_ dataset: any Dataset, fits model: LoadedModel) throws {
        guard dataset.sampleShape == model.shape else {
            throw TrainingError(.input, "\(dataset.name): samples of shape \(dataset.sampleShape), where the model takes \(model.shape)")
        }
        guard dataset.classNames.count <= model.classes.count else {
            throw TrainingError(.input, "\(dataset.name): \(dataset.classNames.count) classes, where the model tells \(model.classes.count) apart")
        }
    }
}
