import MartletCore
import MartletModels
import MartletNN

/// What a model is fed with and has to tell apart.
public struct ModelShape: Sendable, Hashable {
    /// Of one sample: [c, h, w] or [features].
    public var input: [Int]
    public var classes: Int

    public init(input: [Int], classes: Int) {
        self.input = input
        self.classes = classes
    }
}

/// A model that the command line knows by name.
public struct ModelDescription: Sendable {
    public let name: String
    public let summary: String
    /// What the data must be.
    public let needs: String
    public let settings: [Settings.Key]
    /// The recipe where nothing else is asked for.
    public let defaults: Recipe
    /// What it is trained for, and how.
    public let workload: any Workload

    /// The recipe of a training run.
    public struct Recipe: Sendable {
        public var epochs: Int
        public var batchSize: Int
        public var optimizer: String
        public var learningRate: Double
        public var schedule: String
        /// Settings that differ from their own defaults; each holds where the optimizer and schedule in use have it.
        public var settings: [String: String] = [:]
    }

    public init(
        name: String, summary: String, needs: String, settings: [Settings.Key], defaults: Recipe, workload: any Workload
    ) {
        self.name = name
        self.summary = summary
        self.needs = needs
        self.settings = settings
        self.defaults = defaults
        self.workload = workload
    }

    /// A model that tells classes apart.
    init(
        name: String, summary: String, needs: String, imageSize: Int?, settings: [Settings.Key], defaults: Recipe,
        make: @escaping @Sendable (Settings, ModelShape) throws -> any Layer
    ) {
        self.init(
            name: name, summary: summary, needs: needs, settings: settings, defaults: defaults,
            workload: ClassifierWorkload(imageSize: imageSize, make: make))
    }

    /// How it tells classes apart; nil where that is not what it does.
    public var classifier: ClassifierWorkload? { workload as? ClassifierWorkload }

    /// Builds a model that tells classes apart on the default device, from the current `Randomness`.
    public func build(_ settings: Settings, shape: ModelShape) throws -> any Layer {
        guard shape.classes >= 1 else { throw TrainingError(.input, "\(name): the data has no classes; it needs \(needs)") }
        guard let classifier else { throw TrainingError(.input, "\(name): does not tell classes apart; give another model") }
        let model = try classifier.make(settings, shape)
        if settings.values[Self.convolution.name] != nil {
            let name = try settings.choice(Self.convolution, of: ConvolutionAlgorithm.allCases.map(\.rawValue))
            let algorithm = ConvolutionAlgorithm(rawValue: name) ?? .automatic
            for case let layer as Conv2D in model.modules { layer.algorithm = algorithm }
        }
        return model
    }

    /// The setting of models that convolve.
    static let convolution = Settings.Key(
        "convolution", ConvolutionAlgorithm.automatic.rawValue,
        "how convolutions are computed: \(ConvolutionAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")) (fewest products, more rounding)"
    )
}

/// All models by name.
public enum ModelCatalog {
    public static let all: [ModelDescription] = [mlp, lenet] + photoModels + textModels + detectors

    /// The model of this name.
    public static func named(_ name: String) throws -> ModelDescription {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw TrainingError(.input, "there is no model '\(name)'; there are \(all.map(\.name).joined(separator: ", "))")
    }

    /// Refuses a model that cannot be trained in the memory there is: with gradients and an optimizer's state it takes four times its
    /// parameters' size.
    static func requireRoom(for parameters: Int, in name: String, remedy: String) throws {
        guard let memory = DefaultDevice.current?.info.memoryBytes, parameters > memory / 16 else { return }
        throw TrainingError(
            .input,
            "\(name): \(parameters) parameters take \(parameters >> 26) GiB to train, where the device has \(memory >> 30); \(remedy)"
        )
    }

    private static let dropout = Settings.Key("dropout", "0", "share of hidden values dropped in training")

    static let mlp: ModelDescription = {
        let hidden = Settings.Key("hidden", "512,512", "widths of the hidden layers; empty for a linear classifier")
        let activation = Settings.Key("activation", "relu", "one of \(Activation.names.joined(separator: ", "))")
        let batchNorm = Settings.Key("batch_norm", "false", "batch normalisation before each activation")
        return ModelDescription(
            name: "mlp", summary: "multi-layer perceptron", needs: "images or rows of numbers with classes", imageSize: nil,
            settings: [hidden, activation, batchNorm, dropout],
            defaults: .init(epochs: 15, batchSize: 128, optimizer: "adam", learningRate: 1e-3, schedule: "cosine")
        ) { settings, shape in
            let inputs = shape.input.reduce(1, *), widths = try settings.integers(hidden, in: 1...65536)
            let layers = zip([inputs] + widths, widths + [shape.classes])
            try requireRoom(
                for: layers.reduce(0) { $0 + ($1.0 + 1) * $1.1 }, in: "mlp", remedy: "give fewer or narrower hidden layers")
            return MLP(
                inputs: inputs, hidden: widths, outputs: shape.classes,
                activation: try settings.choice(activation, of: Activation.names), batchNorm: try settings.bool(batchNorm),
                dropout: Float(try settings.number(dropout, in: 0...0.99)))
        }
    }()

    static let lenet = ModelDescription(
        name: "lenet", summary: "LeNet-5, two convolutions and three dense layers",
        needs: "images of at least 12 x 12 (the embedded digits are brought to 28 x 28)", imageSize: 28,
        settings: [dropout, ModelDescription.convolution],
        defaults: .init(epochs: 10, batchSize: 64, optimizer: "adam", learningRate: 2e-3, schedule: "cosine")
    ) { settings, shape in
        guard shape.input.count == 3, shape.input[1] >= 12, shape.input[2] >= 12 else {
            throw TrainingError(
                .input, "lenet: samples of shape \(shape.input); it needs images [channels, height, width] of at least 12 x 12")
        }
        let features = 16 * ((shape.input[1] / 2 - 4) / 2) * ((shape.input[2] / 2 - 4) / 2)
        try requireRoom(
            for: 121 * features + 150 * shape.input[0] + 85 * (shape.classes + 200), in: "lenet", remedy: "give smaller images")
        return LeNet(
            outputs: shape.classes, channels: shape.input[0], size: Pair(shape.input[1], shape.input[2]),
            dropout: Float(try settings.number(dropout, in: 0...0.99)))
    }
}
