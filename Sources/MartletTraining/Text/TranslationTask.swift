import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Sentences as tokens: the source ends with the last token, the target begins with the first.
public struct TokenizedPairs: Sendable {
    public let sources: [[Int32]]
    public let targets: [[Int32]]
    /// The text of the targets, to be compared with.
    public let references: [String]

    public init(_ part: PairCorpus.Part, _ tokenizer: Tokenizer) throws {
        sources = try tokenizer.encode(all: part.sources)
        targets = try tokenizer.encode(all: part.targets)
        references = part.targets
    }

    public var count: Int { sources.count }
}

/// Translating sentences, learned by cross-entropy against the words that people chose.
public final class TranslationTask: TrainingTask {
    /// What there is to choose.
    public struct Options: Sendable {
        /// Tokens of a batch at most, padding counted, on either side.
        public var batchTokens = 4096
        /// Pairs with more tokens than this on either side are not learned from.
        public var longest = 256
        public var labelSmoothing: Float = 0.1
        public var shuffle = true
        public var seed: UInt64 = 0
        /// Searches the translations that validation judges.
        public var search: BeamSearch

        public init(search: BeamSearch) { self.search = search }
    }

    public var model: any Module { network }
    public let name: String
    public var batchCount: Int { boundaries.count - 1 }
    /// Pairs that are too long to be learned from.
    public let leftOut: Int

    private let network: TransformerTranslator
    private let tokenizer: Tokenizer
    private let training: TokenizedPairs
    private let validation: TokenizedPairs?
    private let options: Options
    /// Pairs that are learned from, by length.
    private let byLength: [(length: Int, pair: Int)]
    /// Where batches begin and end in it.
    private let boundaries: [Int]

    public init(
        _ network: TransformerTranslator, _ tokenizer: Tokenizer, name: String, training: TokenizedPairs,
        validation: TokenizedPairs?, options: Options
    ) throws {
        self.network = network
        self.tokenizer = tokenizer
        self.name = name
        self.training = training
        self.validation = validation
        self.options = options
        let lengths = (0..<training.count).map {
            (length: max(training.sources[$0].count, training.targets[$0].count) + 1, pair: $0)
        }
        byLength = lengths.filter { $0.length <= options.longest }.sorted { ($0.length, $0.pair) < ($1.length, $1.pair) }
        leftOut = training.count - byLength.count
        guard let last = byLength.last else {
            throw TrainingError(
                .input,
                "\(name): all \(training.count) pairs are longer than \(options.longest) tokens; give a larger --set longest")
        }
        guard last.length <= options.batchTokens else {
            throw TrainingError(
                .input,
                "--batch-size \(options.batchTokens): counts tokens here, and the longest pair of \(name) has \(last.length); "
                    + "give at least that, or a smaller --set longest")
        }
        var boundaries = [0]
        for (index, entry) in byLength.enumerated() where (index + 1 - boundaries.last!) * entry.length > options.batchTokens {
            boundaries.append(index)
        }
        self.boundaries = boundaries + [byLength.count]
    }

    public func batches(from position: LoaderState) -> any TrainingBatches { Batches(self, position) }

    // MARK: Batches

    private final class Batches: TrainingBatches {
        private let task: TranslationTask
        private let pairs: [Int]
        private let order: [Int]
        private(set) var state: LoaderState
        private var isOver: Bool

        init(_ task: TranslationTask, _ position: LoaderState) {
            self.task = task
            state = position
            isOver = position.batch >= task.batchCount
            (pairs, order) = task.order(epoch: position.epoch)
        }

        func next() -> TrainingBatch? {
            if isOver { return nil }
            let number = order[state.batch]
            let batch = task.batch(Array(pairs[task.boundaries[number]..<task.boundaries[number + 1]]))
            state.batch += 1
            if state.batch == task.batchCount {
                state = LoaderState(epoch: state.epoch + 1)
                isOver = true
            }
            return batch
        }
    }

    /// The pairs of an epoch by length, those of one length shuffled, and the order of the batches cut from them.
    private func order(epoch: Int) -> (pairs: [Int], batches: [Int]) {
        guard options.shuffle else { return (byLength.map(\.pair), Array(0..<batchCount)) }
        let rank = EpochOrder.permutation(of: byLength.count, seed: options.seed, epoch: epoch)
        let pairs = zip(byLength, rank).sorted { ($0.0.length, $0.1) < ($1.0.length, $1.1) }.map(\.0.pair)
        return (pairs, EpochOrder.permutation(of: batchCount, seed: options.seed &+ 1, epoch: epoch))
    }

    private func batch(_ pairs: [Int]) -> TrainingBatch {
        let sources = pairs.map { training.sources[$0] + [options.search.end] }
        let targets = pairs.map { training.targets[$0] }
        let batch = Padded(sources: sources, targets: targets, options.search)
        return TrainingBatch(count: batch.labels.count) { [network, options] in
            crossEntropy(batch.logits(network), batch.labels, labelSmoothing: options.labelSmoothing, ignoredLabel: nil)
        }
    }

    /// A batch padded to one length, and where its target tokens are.
    private struct Padded {
        let source: Tensor, target: Tensor, lengths: Tensor
        let labels: [Int32]
        private let places: [Int32]

        init(sources: [[Int32]], targets: [[Int32]], _ search: BeamSearch) {
            func filled(_ rows: [[Int32]]) -> Tensor {
                let width = rows.map(\.count).max() ?? 0
                return Tensor(
                    rows.flatMap { $0 + [Int32](repeating: search.end, count: width - $0.count) }, shape: [rows.count, width])
            }
            let inputs = targets.map { [search.start] + $0 }
            source = filled(sources)
            target = filled(inputs)
            lengths = Tensor(sources.map { Int32($0.count) })
            labels = targets.flatMap { $0 + [search.end] }
            let width = target.shape[1]
            places = inputs.enumerated().flatMap { row, tokens in tokens.indices.map { Int32(row * width + $0) } }
        }

        /// The logits of the tokens that are no padding.
        func logits(_ network: TransformerTranslator) -> Tensor {
            let memory = network.encode(source, lengths: lengths)
            let states = network.decoded(target, memory: memory, lengths: lengths)
            let flat = states.reshaped([target.count, network.options.width])
            return network.logits(places.count == target.count ? flat : flat.gathered(Tensor(places)))
        }
    }

    // MARK: Judging

    public func validate(stop: () -> Bool) throws -> EvaluationResult? {
        try validation.map {
            try Self.evaluate(network, tokenizer, on: $0, search: options.search, interrupted: stop)
        }
    }

    /// The mean cross-entropy a token of the references, and the BLEU of the translations found.
    public static func evaluate(
        _ network: TransformerTranslator, _ tokenizer: Tokenizer, on pairs: TokenizedPairs, search: BeamSearch,
        batchSize: Int = 64, interrupted: () -> Bool = { false }
    ) throws -> EvaluationResult {
        let started = Date()
        var sums: [Tensor] = [], count = 0
        var translations = [String](repeating: "", count: pairs.count)
        let order = pairs.sources.indices.sorted { (pairs.sources[$0].count, $0) < (pairs.sources[$1].count, $1) }
        for start in stride(from: 0, to: order.count, by: batchSize) {
            if interrupted() { throw Interruption() }
            let rows = order[start..<min(start + batchSize, order.count)]
            let sources = rows.map { pairs.sources[$0] + [search.end] }
            let batch = Padded(sources: sources, targets: rows.map { pairs.targets[$0] }, search)
            let logits = withoutGradients { batch.logits(network) }
            sums.append(crossEntropy(logits, batch.labels, ignoredLabel: nil, reduction: .sum).reshaped([1]).evaluated())
            count += batch.labels.count
            for (row, translation) in zip(rows, try search.translate(sources, with: network)) {
                translations[row] = tokenizer.decode(translation.tokens)
            }
        }
        let total = try concatenate(sums).floats().reduce(0.0) { $0 + Double($1) }
        let bleu = BLEU(translations, references: pairs.references).score
        return EvaluationResult(
            loss: total / Double(count), metrics: [("bleu", bleu)], samples: pairs.count,
            seconds: Date().timeIntervalSince(started))
    }
}
