import MartletCore
import MartletData
import MartletNN

/// A classifier ready to use, and what it was trained on.
public struct TrainedClassifier {
    public let layer: any Layer
    public let description: ModelDescription
    /// Of one sample.
    public let shape: [Int]
    public let classes: [String]
    /// The data of the run.
    public let data: String?
    public let settings: Settings
    public let seed: UInt64

    /// Loads a run's best weights, or a model with a weight file, onto the default device.
    ///
    /// - Parameter fallback: the shape of a sample and the classes, where the source is a weight file, which does not tell them.
    public init(_ source: TrainedSource, shape fallback: (shape: [Int], classes: [String])?) throws {
        description = try source.model()
        switch source {
        case .run(let folder, let configuration):
            (shape, classes, data) = (configuration.inputShape, configuration.classes, configuration.data)
            settings = Settings(configuration.settings)
            seed = configuration.seed
            layer = try blaming(folder.configurationPath) { [description, settings, shape, classes] in
                try description.build(settings, shape: ModelShape(input: shape, classes: classes.count))
            }
            try ModelState.load(try folder.weights(), into: layer)
        case .weights(_, let path, let given):
            guard let fallback else {
                throw TrainingError(
                    .input, "--model \(description.name): give --data too, which says the shape and the classes")
            }
            (shape, classes, data) = (fallback.shape, fallback.classes, nil)
            settings = given
            seed = 0
            try settings.check(against: description.settings + DataRecipe.keys, of: description.name)
            layer = try description.build(settings, shape: ModelShape(input: shape, classes: classes.count))
            try ModelState.load(try SafeTensors.read(path), into: layer)
        }
    }

    /// Data in the form that the model was trained on.
    public func load(_ spec: String, badPhotos: BadPhotos = .unchecked) throws -> DatasetSplits {
        try DataRecipe.load(
            spec, settings, standardSize: shape.count == 3 ? shape[1] : nil, seed: seed, badPhotos: badPhotos)
    }

    /// An image as a sample for the model.
    public func image(_ path: String) throws -> [Float] { try DataRecipe.image(path, shape: shape, settings, data: data) }

    /// Refuses data that the model was not made for.
    public func check(fits dataset: any Dataset) throws {
        guard dataset.sampleShape == shape else {
            throw TrainingError(
                .input, "\(dataset.name): samples of shape \(dataset.sampleShape), where the model takes \(shape)")
        }
        guard dataset.classNames.count <= classes.count else {
            throw TrainingError(
                .input, "\(dataset.name): \(dataset.classNames.count) classes, where the model tells \(classes.count) apart")
        }
        guard classes.starts(with: dataset.classNames) else {
            throw TrainingError(
                .input,
                "\(dataset.name): its classes \(Self.list(dataset.classNames)) are not the model's, \(Self.list(classes)); "
                    + "give data with the same classes in the same order")
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(6).joined(separator: ", ") + (names.count > 6 ? ", ..." : "")
    }
}
