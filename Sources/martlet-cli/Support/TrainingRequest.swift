import Foundation
import Martlet

/// What a training run was asked to do, from the command line, a file of options and the defaults, checked.
struct TrainingRequest {
    /// Nil to begin a new run.
    let resumed: RunFolder?
    var model: ModelDescription
    var data: String
    var weights: String?
    var epochs: Int
    var steps: Int?
    var batchSize: Int
    var optimizer: OptimizerDescription
    var learningRate: Double
    var schedule: ScheduleDescription
    var seed: UInt64
    var shuffle: Bool
    var freeze: String?
    var settings: Settings
    var out: String?
    var logEvery: Int
    /// The configuration of the run that is gone on with.
    var previous: RunConfiguration?
    /// What was decided unasked, for people.
    var notes: [String] = []

    init(_ command: TrainCommand, _ file: ConfigurationFile) throws {
        if command.epochs != nil, command.steps != nil { throw TrainingError(.input, "--epochs and --steps: give one of them") }
        if let path = command.resume {
            try self.init(resuming: path, command)
        } else {
            try self.init(beginning: command, file)
        }
        if let resumed, command.epochs == nil, command.steps == nil, command.logEvery == nil {
            try blaming(resumed.configurationPath, checkRanges)
        } else {
            try checkRanges()
        }
        let keys = Self.keys(model, optimizer, schedule)
        let owner = "\(model.name) with \(optimizer.name) and schedule \(schedule.name)"
        if let source = resumed?.configurationPath ?? command.config {
            let given = try command.givenSettings
            try given.check(against: keys, of: owner)
            try blaming(source) { [settings] in try settings.check(against: keys, of: owner) }
        } else {
            try settings.check(against: keys, of: owner)
        }
    }

    /// The settings that a model has with an optimizer and a schedule.
    private static func keys(_ model: ModelDescription, _ optimizer: OptimizerDescription, _ schedule: ScheduleDescription)
        -> [Settings.Key]
    {
        model.settings + optimizer.settings + OptimizerCatalog.common + schedule.settings + ScheduleCatalog.common
            + model.workload.settings + Freezing.keys + LayerRates.keys + Selection.keys + Pretrained.keys
    }

    private func checkRanges() throws {
        guard (1...(1 << 24)).contains(batchSize) else {
            throw TrainingError(.input, "--batch-size \(batchSize): give 1 to \(1 << 24)")
        }
        guard (0...1_000_000).contains(epochs) else { throw TrainingError(.input, "--epochs \(epochs): give 0 to 1000000") }
        if let steps, !(0...1_000_000_000).contains(steps) {
            throw TrainingError(.input, "--steps \(steps): give 0 to 1000000000")
        }
        guard learningRate.isFinite, learningRate >= 0 else {
            throw TrainingError(.input, "--learning-rate \(learningRate): give 0 or more")
        }
        guard logEvery >= 1 else { throw TrainingError(.input, "--log-every \(logEvery): give 1 or more") }
    }

    private init(beginning command: TrainCommand, _ file: ConfigurationFile) throws {
        guard let name = command.model ?? file.string("model") else {
            throw TrainingError(.input, "which model? give one of \(ModelCatalog.all.map(\.name).joined(separator: ", "))")
        }
        resumed = nil
        model = try ModelCatalog.named(name)
        data = try DataSpec.parse(command.data ?? file.string("data") ?? model.workload.standardData).absolute.description
        weights = command.weights ?? file.string("weights")
        freeze = command.freeze ?? file.string("freeze")
        let given = file.settings.merging(try command.givenSettings.values) { $1 }
        var recipe = model.defaults
        if let weights {
            recipe = try Pretrained.recipe(
                of: model, weights: weights, isFrozen: freeze != nil, data: DataSpec.parse(data), given: given)
        }
        epochs = try command.epochs ?? file.value("epochs", as: Int.self) ?? recipe.epochs
        steps = try command.steps ?? (command.epochs == nil ? file.value("steps", as: Int.self) : nil)
        batchSize = try command.batchSize ?? file.value("batch_size", as: Int.self) ?? recipe.batchSize
        optimizer = try OptimizerCatalog.named(command.optimizer ?? file.string("optimizer") ?? recipe.optimizer)
        learningRate =
            try command.learningRate ?? file.value("learning_rate", as: Double.self)
            ?? (optimizer.name == recipe.optimizer ? recipe.learningRate : optimizer.standardRate)
        schedule = try ScheduleCatalog.named(command.schedule ?? file.string("schedule") ?? recipe.schedule)
        seed = try command.seed ?? file.value("seed", as: UInt64.self) ?? 0
        shuffle = command.noShuffle ? false : try file.value("shuffle", as: Bool.self) ?? true
        let known = Set(Self.keys(model, optimizer, schedule).map(\.name))
        let added = recipe.settings.filter { key, _ in
            known.contains(key) && given[key] == nil && (key != "mean" || given["std"] == nil)
        }
        settings = try DataRecipe.completed(Settings(given.merging(added) { $1 }), for: model, data: data)
        if weights != nil, !added.isEmpty {
            let texts = added.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            notes.append("fine-tuning with \(texts.joined(separator: ", ")) (--set for others)")
        }
        out = command.out
        logEvery = try command.logEvery ?? file.value("log_every", as: Int.self) ?? 100
    }

    /// The recipe of the run that is gone on with. Only its length can be changed.
    private init(resuming path: String, _ command: TrainCommand) throws {
        let folder = try RunFolder(opening: path)
        let previous = try RunConfiguration(reading: folder.configurationPath)
        let conflicts: [(String, String?, String)] = [
            ("model", command.model, previous.model),
            ("--data", try command.data.map { try DataSpec.parse($0).absolute.description }, previous.data),
            ("--optimizer", command.optimizer, previous.optimizer), ("--schedule", command.schedule, previous.schedule),
            ("--batch-size", command.batchSize.map { "\($0)" }, "\(previous.batchSize)"),
            ("--learning-rate", command.learningRate.map { "\($0)" }, "\(previous.learningRate)"),
            ("--seed", command.seed.map { "\($0)" }, "\(previous.seed)"),
            ("--weights", command.weights, previous.weights ?? "none"),
            ("--freeze", command.freeze, previous.freeze ?? "none"),
            ("--no-shuffle", command.noShuffle ? "false" : nil, "\(previous.shuffle)"),
        ]
        for (name, asked, has) in conflicts {
            if let asked, asked != has {
                throw TrainingError(
                    .input, "\(path): this run has \(name) \(has), not \(asked); drop the option, or begin a new run")
            }
        }
        for (key, value) in try command.givenSettings.values.sorted(by: { $0.key < $1.key })
        where previous.settings[key] != value {
            throw TrainingError(.input, "\(path): --set \(key)=\(value) is not the run's; drop it, or begin a new run")
        }
        if command.out != nil { throw TrainingError(.input, "--out: a resumed run stays in its folder; drop --out") }
        if command.config != nil {
            throw TrainingError(.input, "--config: a resumed run has its own configuration; drop --config")
        }
        resumed = folder
        self.previous = previous
        model = try blaming(folder.configurationPath) { try ModelCatalog.named(previous.model) }
        data = previous.data
        weights = previous.weights
        epochs = command.epochs ?? previous.epochs
        steps = command.steps ?? (command.epochs == nil ? previous.steps : nil)
        batchSize = previous.batchSize
        optimizer = try blaming(folder.configurationPath) { try OptimizerCatalog.named(previous.optimizer) }
        learningRate = previous.learningRate
        schedule = try blaming(folder.configurationPath) { try ScheduleCatalog.named(previous.schedule) }
        seed = previous.seed
        shuffle = previous.shuffle
        freeze = previous.freeze
        settings = Settings(previous.settings)
        out = nil
        logEvery = command.logEvery ?? previous.logEvery ?? 100
    }
}
