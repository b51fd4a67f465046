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
    /// What was made of a weight file, for people.
    public let notes: [String]

    /// Loads a run's best weights, or a model with a weight file, onto the default device.
    ///
    /// - Parameter spec: the data that tells the shape of a sample and the classes, where the source is a weight file; nil for
    ///   photos and the classes of ImageNet.
    public init(_ source: TrainedSource, data spec: String? = nil) throws {
        guard case .weights(let description, let path, let given) = source, let spec else {
            try self.init(source, read: nil)
            return
        }
        let settings = try DataRecipe.completed(given, for: description, data: spec)
        let parts = try DataRecipe.load(spec, settings, standardSize: description.classifier?.imageSize, seed: 0)
        try self.init(
            .weights(description, path: path, settings),
            read: (spec, parts.training.sampleShape, parts.training.classNames))
    }

    /// - Parameter data: what was read of it, where the source is a weight file.
    init(_ source: TrainedSource, read data: (spec: String, shape: [Int], classes: [String])?) throws {
        description = try source.model()
        switch source {
        case .run(let folder, let configuration):
            (shape, classes, self.data) = (configuration.inputShape, configuration.classes, configuration.data)
            settings = Settings(configuration.settings)
            seed = configuration.seed
            layer = try blaming(folder.configurationPath) { [description, settings, shape, classes] in
                try description.build(settings, shape: ModelShape(input: shape, classes: classes.count))
            }
            try ModelState.load(try folder.weights(), into: layer)
            notes = []
        case .weights(_, let path, let given):
            let file = try WeightFile.read(path)
            if let data {
                (shape, classes, self.data, settings) = (data.shape, data.classes, data.spec, given)
            } else {
                settings = try DataRecipe.completed(given, for: description, data: nil)
                let side = try DataRecipe.size(settings) ?? description.classifier?.imageSize ?? 224
                (shape, classes, self.data) = ([3, side, side], try Self.imageNetClasses(description, file), nil)
            }
            seed = 0
            try settings.check(against: description.settings + DataRecipe.keys, of: description.name)
            layer = try description.build(settings, shape: ModelShape(input: shape, classes: classes.count))
            notes = try ModelState.load(file, into: layer).map { "\(path) \($0)" }
        }
    }

    /// The classes that a network for photos with these weights tells apart, where no data says them.
    private static func imageNetClasses(_ description: ModelDescription, _ file: WeightFile) throws -> [String] {
        guard description.isForPhotos else {
            throw TrainingError(.input, "--model \(description.name): give --data too, which says the shape and the classes")
        }
        // Weights without a last layer are refused where they are loaded, by what they lack.
        if let outputs = ModelDescription.outputs(of: file), outputs != ImageNet.classNames.count {
            throw TrainingError(
                .input,
                "\(file.path): tells \(outputs) classes apart, not the \(ImageNet.classNames.count) of ImageNet; "
                    + "give --data too, which says the classes")
        }
        return ImageNet.classNames
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
