import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Translating sentences from one language to another.
public struct TranslationWorkload: Workload {
    /// Makes the model for so many tokens.
    let make: @Sendable (Settings, Int) throws -> TransformerTranslator

    static let source = Settings.Key("source", "de", "the ending of the files to translate from")
    static let target = Settings.Key("target", "en", "the ending of the files to translate to")
    static let tokenizer = TokenizerRecipe.kind("bpe")
    static let size = TokenizerRecipe.size("10000")
    static let smoothing = Settings.Key("label_smoothing", "0.1", "share of the target spread over all tokens")
    static let longest = Settings.Key("longest", "256", "tokens of a pair's longer side that is still learned from")
    static let beam = Settings.Key("beam", "5", "beginnings kept while a translation is looked for, where a model is judged")
    static let penalty = Settings.Key("length_penalty", "0.6", "how much long translations are favoured; 0 for not at all")
    static let validationBeam = Settings.Key("val_beam", "1", "the same as beam, while training")
    /// Begins a target, and ends sources and targets.
    static let marks = ["<s>", "</s>"]

    public var settings: [Settings.Key] {
        [
            Self.source, Self.target, Self.tokenizer, Self.size, Self.smoothing, Self.longest, Self.beam, Self.penalty,
            Self.validationBeam,
        ]
    }
    public var standardData: String { "pairs:" }

    public func prepare(_ plan: TrainingPlan) throws -> PreparedTraining {
        let settings = plan.settings, corpus = try Self.corpus(plan.data, settings, model: plan.model.name)
        let parts = [corpus.training] + [corpus.validation].compactMap { $0 } + corpus.tests
        let words =
            try plan.resumed.map { try TokenizerRecipe.load($0) }
            ?? TokenizerRecipe.make(
                settings, kind: Self.tokenizer, size: Self.size, all: parts.flatMap { $0.sources + $0.targets },
                training: corpus.training.sources + corpus.training.targets, special: Self.marks)
        let build = { try withSeed(plan.seed) { try make(settings, words.vocabularySize) } }
        let network = try plan.resumed.map { try blaming($0.configurationPath, build) } ?? build()
        var options = TranslationTask.Options(search: try Self.search(settings, words, beams: Self.validationBeam))
        options.batchTokens = plan.batchSize
        options.longest = try settings.integer(Self.longest, in: 2...4096)
        options.labelSmoothing = Float(try settings.number(Self.smoothing, in: 0...0.999))
        (options.shuffle, options.seed) = (plan.shuffle, plan.seed)
        let training = try TokenizedPairs(corpus.training, words)
        let task = try TranslationTask(
            network, words, name: corpus.training.name, training: training,
            validation: try corpus.validation.map { try Self.judged($0, words) }, options: options)
        let left = task.leftOut > 0 ? ", \(task.leftOut) longer than \(options.longest) tokens left out" : ""
        return PreparedTraining(
            task: task, files: [TokenizerRecipe.file(words)],
            summary: "\(corpus.source) to \(corpus.target), \(training.count) pairs\(left), \(words.vocabularySize) tokens")
    }

    public func evaluate(_ plan: EvaluationPlan) throws -> (split: String, result: EvaluationResult) {
        let model = try TrainedTranslator(plan.source)
        guard let data = plan.data ?? model.data else {
            throw TrainingError(.input, "on which sentences? give --data pairs:DIR")
        }
        let corpus = try Self.corpus(data, model.settings, model: model.description.name)
        let (part, split) = try Self.part(plan.split, of: corpus)
        let result = try TranslationTask.evaluate(
            model.network, model.tokenizer, on: try Self.judged(part, model.tokenizer),
            search: try Self.search(model.settings, model.tokenizer, beams: Self.beam), batchSize: min(plan.batchSize ?? 64, 64))
        guard result.loss.isFinite else {
            throw TrainingError(.failed, "\(part.name): the model's loss is \(result.loss); its weights may be damaged")
        }
        return (split, result)
    }

    private static func part(_ name: String?, of corpus: PairCorpus) throws -> (PairCorpus.Part, String) {
        var parts: [(String, PairCorpus.Part)] = corpus.tests.map { ($0.name, $0) }
        if let first = corpus.tests.first(where: { $0.name.hasPrefix("test") }) ?? corpus.tests.first {
            parts.append(("test", first))
        }
        if let validation = corpus.validation { parts.append(("val", validation)) }
        parts.append(("train", corpus.training))
        let wanted = name ?? (corpus.tests.isEmpty ? "val" : "test")
        if let found = parts.first(where: { $0.0 == wanted }) { return (found.1, wanted) }
        throw TrainingError(
            .input, "\(corpus.training.name): there is no split '\(wanted)'; there are \(parts.map(\.0).joined(separator: ", "))")
    }

    /// Sentences to judge by. Ones that no memory would hold are refused.
    private static func judged(_ part: PairCorpus.Part, _ tokenizer: Tokenizer) throws -> TokenizedPairs {
        let pairs = try TokenizedPairs(part, tokenizer)
        for (index, source) in pairs.sources.enumerated() {
            try TrainedTranslator.checkLength(max(source.count, pairs.targets[index].count), "\(part.name): line \(index + 1)")
        }
        return pairs
    }

    static func corpus(_ data: String, _ settings: Settings, model: String) throws -> PairCorpus {
        guard case .pairs(let path) = try DataSpec.parse(data) else {
            throw TrainingError(.input, "--data \(data): holds no sentence pairs, which \(model) needs; give pairs:DIR")
        }
        return try PairCorpus(reading: path, source: settings.string(source), target: settings.string(target))
    }

    static func search(_ settings: Settings, _ tokenizer: Tokenizer, beams: Settings.Key) throws -> BeamSearch {
        guard let start = tokenizer.token(marks[0]), let end = tokenizer.token(marks[1]) else {
            throw TrainingError(.input, "the tokenizer has no tokens \(marks.joined(separator: " and ")); give the run's own")
        }
        return BeamSearch(
            beams: try settings.integer(beams, in: 1...64), lengthPenalty: try settings.number(penalty, in: 0...10), start: start,
            end: end)
    }
}

/// A translator ready to use, with its tokenizer.
public struct TrainedTranslator {
    public let network: TransformerTranslator
    public let tokenizer: Tokenizer
    public let description: ModelDescription
    public let settings: Settings
    /// The data of the run.
    public let data: String?

    /// Tokens of a sentence at most.
    public static let longest = 1024

    /// Loads a run's best weights, or a model with a weight file, onto the default device.
    public init(_ source: TrainedSource) throws {
        description = try source.model()
        guard let workload = description.workload as? TranslationWorkload else {
            throw TrainingError(.input, "\(description.name): does not translate; give a run or weights of transformer")
        }
        let loaded = try LoadedTextModel(source, tokenizer: TranslationWorkload.tokenizer, module: { $0 }, make: workload.make)
        (network, tokenizer, settings, data) = (loaded.network, loaded.tokenizer, loaded.settings, loaded.data)
    }

    /// The translations of lines, in order, searched in batches of like length. An empty line stays empty.
    ///
    /// - Parameters:
    ///   - beams: beginnings kept; nil for the run's own.
    ///   - lengthPenalty: how much long translations are favoured; nil for the run's own.
    ///   - firstLine: the number that messages give the first line.
    public func translate(_ lines: [String], beams: Int? = nil, lengthPenalty: Double? = nil, firstLine: Int = 1) throws -> [(
        text: String, score: Double
    )] {
        var search = try TranslationWorkload.search(settings, tokenizer, beams: TranslationWorkload.beam)
        if let beams { search.beams = beams }
        if let lengthPenalty { search.lengthPenalty = lengthPenalty }
        let sources = try tokenizer.encode(all: lines)
        for (index, source) in sources.enumerated() { try Self.checkLength(source.count, "line \(firstLine + index)") }
        var results = lines.map { _ in (text: "", score: 0.0) }
        let order = sources.indices.filter { !sources[$0].isEmpty }.sorted { (sources[$0].count, $0) < (sources[$1].count, $1) }
        for start in stride(from: 0, to: order.count, by: 32) {
            let rows = order[start..<min(start + 32, order.count)]
            for (row, found) in zip(rows, try search.translate(rows.map { sources[$0] + [search.end] }, with: network)) {
                results[row] = (tokenizer.decode(found.tokens), found.score)
            }
        }
        return results
    }

    static func checkLength(_ count: Int, _ place: @autoclosure () -> String) throws {
        guard count < longest else {
            throw TrainingError(
                .input, "\(place()): has \(count) tokens, where \(longest - 1) are the most; cut it into sentences")
        }
    }
}
