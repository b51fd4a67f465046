import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Predicting how a text goes on.
public struct LanguageModelWorkload: Workload {
    let batching: TextBatching
    /// The tokens that a row of a batch has.
    let context: Settings.Key
    let tokenizer: Settings.Key
    /// Makes the model for so many tokens.
    let make: @Sendable (Settings, Int) throws -> any LanguageModel

    private static let size = TokenizerRecipe.size("4096")
    private static let validation = Settings.Key("validation", "0.1", "share of the text, at its end, that is held out")

    public var settings: [Settings.Key] { [tokenizer, Self.size, Self.validation] }
    /// There is no text within the program.
    public var standardData: String { "text:" }

    public func prepare(_ plan: TrainingPlan) throws -> PreparedTraining {
        let corpus = try corpus(plan.data, plan.settings, model: plan.model.name)
        let words =
            try plan.resumed.map { try TokenizerRecipe.load($0) }
            ?? TokenizerRecipe.make(
                plan.settings, kind: tokenizer, size: Self.size, all: [corpus.training, corpus.validation],
                training: [corpus.training])
        let build = { try withSeed(plan.seed) { try make(plan.settings, words.vocabularySize) } }
        let network = try plan.resumed.map { try blaming($0.configurationPath, build) } ?? build()
        let training = try words.encode(corpus.training), validation = try words.encode(corpus.validation)
        let task = try LanguageModelTask(
            network, name: corpus.name, training: training, validation: validation, batching: batching,
            context: try plan.settings.integer(context, in: 1...1 << 20), batchSize: plan.batchSize, shuffle: plan.shuffle,
            seed: plan.seed)
        return PreparedTraining(
            task: task, files: [TokenizerRecipe.file(words)],
            summary: "\(training.count) tokens to learn from and \(validation.count) held out, of \(words.vocabularySize) kinds")
    }

    public func evaluate(_ plan: EvaluationPlan) throws -> (split: String, result: EvaluationResult) {
        let model = try TrainedLanguageModel(plan.source)
        guard let data = plan.data ?? model.data else {
            throw TrainingError(.input, "on which text? give --data text:FILE")
        }
        let corpus = try corpus(data, model.settings, model: model.description.name)
        let split = plan.split ?? (corpus.validation.isEmpty ? "train" : "val")
        let text: String
        switch split {
        case "train", "training": text = corpus.training
        case "val", "validation": text = corpus.validation
        default:
            throw TrainingError(
                .input, "\(corpus.name): there is no split '\(split)'; a text has: train, val (--set validation=SHARE cuts it)")
        }
        let tokens = try model.tokenizer.encode(text)
        guard tokens.count >= 2 else {
            throw TrainingError(.input, "\(corpus.name): its part \(split) has \(tokens.count) tokens; there must be 2 at least")
        }
        let result = try LanguageModelTask.evaluate(
            model.network, on: tokens, batching: batching, context: model.context,
            batchSize: batching == .streams ? model.batchSize : 32)
        guard result.loss.isFinite else {
            throw TrainingError(.failed, "\(corpus.name): the model's loss is \(result.loss); its weights may be damaged")
        }
        return (split, result)
    }

    private func corpus(_ data: String, _ settings: Settings, model: String) throws -> TextCorpus {
        guard case .text(let path) = try DataSpec.parse(data) else {
            throw TrainingError(.input, "--data \(data): is no text, which \(model) needs; give text:FILE")
        }
        return try TextCorpus(reading: path, validation: try settings.number(Self.validation, in: 0...0.999999))
    }
}

/// A language model ready to use, with its tokenizer.
public struct TrainedLanguageModel {
    public let network: any LanguageModel
    public let tokenizer: Tokenizer
    public let description: ModelDescription
    public let settings: Settings
    /// The data of the run.
    public let data: String?
    /// Tokens that a row of a batch had.
    public let context: Int
    let batchSize: Int

    /// Loads a run's best weights, or a model with a weight file, onto the default device.
    public init(_ source: TrainedSource) throws {
        description = try source.model()
        guard let workload = description.workload as? LanguageModelWorkload else {
            throw TrainingError(.input, "\(description.name): is no language model; give a run or weights of lstm or gpt")
        }
        let loaded = try LoadedTextModel(source, tokenizer: workload.tokenizer, module: { $0 }, make: workload.make)
        (network, tokenizer, settings) = (loaded.network, loaded.tokenizer, loaded.settings)
        (data, batchSize) = (loaded.data, loaded.batchSize)
        context = try settings.integer(workload.context, in: 1...1 << 20)
    }
}
