import Foundation
import Yams

/// Everything that decides what a run computes, as its `config.yaml` has it.
public struct RunConfiguration: Codable, Sendable, Equatable {
    public var model: String
    public var data: String
    public var optimizer: String
    public var learningRate: Double
    public var schedule: String
    public var batchSize: Int
    public var epochs: Int
    /// The number of optimizer steps where it was asked for in place of epochs.
    public var steps: Int?
    public var seed: UInt64
    public var shuffle: Bool
    /// Weights that training began with.
    public var weights: String?
    /// A pattern of parameter names that stay as they are.
    public var freeze: String?
    public var settings: [String: String]

    /// The shape of one sample and the names of the classes, so that a run can be used without its data.
    public var inputShape: [Int]
    public var classes: [String]

    /// Where the numbers were computed: bits may differ elsewhere.
    public var device: String
    public var deviceName: String
    public var deviceVersion: String
    public var threads: Int
    /// The kernel variants in use; see `VariantRecord`.
    public var variants: [String: String]?

    /// Steps between lines of the log where the length is given in steps.
    public var logEvery: Int?

    enum CodingKeys: String, CodingKey {
        case model, data, optimizer
        case learningRate = "learning_rate"
        case schedule
        case batchSize = "batch_size"
        case epochs, steps, seed, shuffle, weights, freeze, settings
        case inputShape = "input_shape"
        case classes, device
        case deviceName = "device_name"
        case deviceVersion = "device_version"
        case threads, variants
        case logEvery = "log_every"
    }

    public init(
        model: String, data: String, optimizer: String, learningRate: Double, schedule: String, batchSize: Int, epochs: Int,
        steps: Int? = nil, seed: UInt64, shuffle: Bool, weights: String? = nil, freeze: String? = nil, settings: [String: String],
        inputShape: [Int], classes: [String], device: String, deviceName: String, deviceVersion: String, threads: Int,
        variants: [String: String]? = nil, logEvery: Int? = nil
    ) {
        self.model = model
        self.data = data
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.schedule = schedule
        self.batchSize = batchSize
        self.epochs = epochs
        self.steps = steps
        self.seed = seed
        self.shuffle = shuffle
        self.weights = weights
        self.freeze = freeze
        self.settings = settings
        self.inputShape = inputShape
        self.classes = classes
        self.device = device
        self.deviceName = deviceName
        self.deviceVersion = deviceVersion
        self.threads = threads
        self.variants = variants
        self.logEvery = logEvery
    }

    /// The configuration as YAML.
    public func yaml() throws -> String {
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = false
        return try encoder.encode(self)
    }

    /// Reads a `config.yaml`. Every field is checked; a file that is not one is refused by name.
    public init(reading path: String) throws {
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8) else {
            throw TrainingError(.input, "\(path): cannot be read; give the folder of a run, which holds config.yaml")
        }
        do {
            self = try YAMLDecoder().decode(RunConfiguration.self, from: text)
        } catch {
            throw TrainingError(
                .input,
                "\(path): is not a run's configuration (\(RunConfiguration.oneLine(error))); give a run that this program made")
        }
        guard batchSize >= 1, epochs >= 0, inputShape.count <= 3,
            inputShape.allSatisfy({ $0 > 0 && $0 <= 1 << 20 }), inputShape.reduce(1, *) <= 1 << 28,
            steps.map({ $0 >= 0 }) ?? true, learningRate.isFinite, learningRate >= 0,
            logEvery.map({ $0 >= 1 }) ?? true
        else {
            throw TrainingError(
                .input,
                "\(path): has values out of range (batch_size, epochs, steps, learning_rate, input_shape, classes or log_every); "
                    + "give a run that this program made")
        }
    }

    private static func oneLine(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' is not as it should be"
        default: "it is not YAML"
        }
    }
}
