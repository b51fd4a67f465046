import Martlet

/// The data that `--data` names, brought to what a model needs.
enum DataSource {
    /// For a new model: images in the size it wants.
    static func load(_ spec: String, for model: ModelDescription, _ settings: Settings = Settings(), seed: UInt64 = 0) throws
        -> DatasetSplits
    {
        try DataRecipe.load(spec, settings, standardSize: model.imageSize, seed: seed)
    }

    /// For a trained model: images in the size it was trained on.
    static func load(_ spec: String, for model: LoadedModel) throws -> DatasetSplits {
        let size = model.shape.count == 3 ? model.shape[1] : nil
        return try DataRecipe.load(spec, model.settings, standardSize: size, seed: model.seed)
    }

    /// An image as a sample for a model.
    static func image(_ path: String, for model: LoadedModel) throws -> [Float] {
        try DataRecipe.image(path, shape: model.shape, model.settings, data: model.data)
    }

    /// Refuses data that a model was not made for.
    static func check(_ dataset: any Dataset, fits model: LoadedModel) throws {
        guard dataset.sampleShape == model.shape else {
            throw TrainingError(
                .input, "\(dataset.name): samples of shape \(dataset.sampleShape), where the model takes \(model.shape)")
        }
        guard dataset.classNames.count <= model.classes.count else {
            throw TrainingError(
                .input, "\(dataset.name): \(dataset.classNames.count) classes, where the model tells \(model.classes.count) apart"
            )
        }
        guard model.classes.starts(with: dataset.classNames) else {
            throw TrainingError(
                .input,
                "\(dataset.name): its classes \(DataSource.list(dataset.classNames)) are not the model's, "
                    + "\(DataSource.list(model.classes)); give data with the same classes in the same order")
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(6).joined(separator: ", ") + (names.count > 6 ? ", ..." : "")
    }
}
