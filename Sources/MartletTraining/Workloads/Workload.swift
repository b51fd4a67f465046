import MartletCore
import MartletData
import MartletNN

/// A kind of work that models of the catalog do, such as telling classes apart: the data it takes, what its models are trained for,
/// and how they are judged.
public protocol Workload: Sendable {
    /// The settings of the data and the recipe, beside the model's own.
    var settings: [Settings.Key] { get }
    /// The settings of measuring a trained model.
    var evaluationSettings: [Settings.Key] { get }
    /// Those of them that are about how a trained model computes, and so hold wherever it is used.
    var usageSettings: [Settings.Key] { get }
    /// The data where none is asked for.
    var standardData: String { get }

    /// Reads the data and builds the model, on the default device.
    func prepare(_ plan: TrainingPlan) throws -> PreparedTraining

    /// Measures a trained model on a part of its data, on the default device.
    ///
    /// - Returns: the part's name too.
    func evaluate(_ plan: EvaluationPlan) throws -> (split: String, result: EvaluationResult)
}

extension Workload {
    public var evaluationSettings: [Settings.Key] { [] }
    public var usageSettings: [Settings.Key] { [] }
}

/// What a run is to train.
public struct TrainingPlan: Sendable {
    public var model: ModelDescription
    /// As `--data` takes it.
    public var data: String
    public var settings: Settings
    public var batchSize: Int
    public var shuffle: Bool
    public var seed: UInt64
    /// Passes over the data, or optimizer steps in their place, that the run is to make; nil where that is left open.
    public var epochs: Int?
    public var steps: Int?
    /// The run that is gone on with; nil for a new one.
    public var resumed: RunFolder?
    public var loaderThreads: Int

    public init(
        model: ModelDescription, data: String, settings: Settings, batchSize: Int, shuffle: Bool, seed: UInt64,
        epochs: Int? = nil, steps: Int? = nil, resumed: RunFolder? = nil, loaderThreads: Int = BatchLoader.standardThreads
    ) {
        self.model = model
        self.data = data
        self.settings = settings
        self.batchSize = batchSize
        self.shuffle = shuffle
        self.seed = seed
        self.epochs = epochs
        self.steps = steps
        self.resumed = resumed
        self.loaderThreads = loaderThreads
    }
}

/// What there is to train.
public struct PreparedTraining {
    public var task: any TrainingTask
    /// Of one sample; empty where samples have no shape in common.
    public var inputShape: [Int]
    /// The names of the classes; empty where there are none.
    public var classes: [String]
    /// Files that a new run's folder keeps so that it can be used without its data, such as a tokenizer: name and contents.
    public var files: [(name: String, bytes: [UInt8])]
    /// What was left out of the data because it cannot be used, and why.
    public var leftOut: [DataError] = []
    /// The data in a few words, such as `1438 samples of [1, 8, 8], 10 classes`.
    public var summary: String

    public init(
        task: any TrainingTask, inputShape: [Int] = [], classes: [String] = [], files: [(name: String, bytes: [UInt8])] = [],
        summary: String
    ) {
        self.task = task
        self.inputShape = inputShape
        self.classes = classes
        self.files = files
        self.summary = summary
    }
}

/// What is to be measured.
public struct EvaluationPlan: Sendable {
    public var source: TrainedSource
    /// As `--data` takes it; nil for the run's own.
    public var data: String?
    /// `train`, `val` or `test`; nil for test where there is one, else val.
    public var split: String?
    /// Samples at once; nil for as many as the workload finds right for its model and data.
    public var batchSize: Int?
    /// Those of the workload's `evaluationSettings` that are given.
    public var settings: Settings
    /// Whether bad samples are refused in place of being left out.
    public var isStrict: Bool

    public init(
        source: TrainedSource, data: String? = nil, split: String? = nil, batchSize: Int? = nil, settings: Settings = Settings(),
        isStrict: Bool = false
    ) {
        self.source = source
        self.data = data
        self.split = split
        self.batchSize = batchSize
        self.settings = settings
        self.isStrict = isStrict
    }
}

/// Where a trained model comes from.
public enum TrainedSource: Sendable {
    /// A run: its best weights, else its last.
    case run(RunFolder, RunConfiguration)
    /// A model of the catalog and a file of weights for it.
    case weights(ModelDescription, path: String, Settings)

    /// A run by its folder.
    public init(run path: String) throws {
        let folder = try RunFolder(opening: path)
        self = .run(folder, try RunConfiguration(reading: folder.configurationPath))
    }

    /// The model's description.
    public func model() throws -> ModelDescription {
        switch self {
        case .run(let folder, let configuration):
            try blaming(folder.configurationPath) { try ModelCatalog.named(configuration.model) }
        case .weights(let description, _, _): description
        }
    }
}

/// Names the file that brought a setting which is refused.
public func blaming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as TrainingError where error.kind == .input && !error.description.hasPrefix(path) {
        throw TrainingError(.input, "\(path): \(error)")
    }
}
