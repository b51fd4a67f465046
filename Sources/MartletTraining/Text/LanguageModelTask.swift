import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// How a text is cut into batches for a language model.
public enum TextBatching: Sendable {
    /// Pieces from random places, each by itself: for models that look at a fixed context.
    case windows
    /// As many streams as a batch has rows, read piece after piece; the state is carried from one to the next and gradients end
    /// between them (truncated back-propagation through time).
    case streams
}

/// Predicting the next token of a text by cross-entropy.
public final class LanguageModelTask: TrainingTask {
    public var model: any Module { network }
    public let name: String
    public let batchCount: Int

    private let network: any LanguageModel
    private let training: [Int32]
    private let validation: [Int32]
    private let batching: TextBatching
    private let context: Int
    private let rows: Int
    private let seed: UInt64
    private let shuffle: Bool
    private var state: LanguageModelState

    /// - Parameters:
    ///   - name: how messages call the text.
    ///   - validation: tokens of the part held out; empty for none.
    ///   - context: tokens a row of a batch.
    ///   - batchSize: rows of a batch.
    ///   - shuffle: whether windows come from random places; else they follow each other.
    public init(
        _ network: any LanguageModel, name: String, training: [Int32], validation: [Int32], batching: TextBatching, context: Int,
        batchSize: Int, shuffle: Bool = true, seed: UInt64
    ) throws {
        let needed = batching == .windows ? context + 1 : batchSize + 1
        guard training.count >= needed else {
            throw TrainingError(
                .input,
                "\(name): its training part has \(training.count) tokens, where "
                    + (batching == .windows
                        ? "a context of \(context) needs \(needed); give a longer text or a smaller --set context"
                        : "\(batchSize) streams need \(needed); give a longer text or a smaller --batch-size"))
        }
        self.network = network
        self.name = name
        self.training = training
        self.validation = validation
        self.batching = batching
        self.context = context
        self.seed = seed
        self.shuffle = shuffle
        rows = batchSize
        state = network.initialState()
        batchCount =
            batching == .windows
            ? max((training.count - 1) / (context * batchSize), 1)
            : (Self.streamLength(training, batchSize) + context - 1) / context
    }

    public func batches(from position: LoaderState) -> any TrainingBatches { Batches(self, position) }

    public var carried: [(name: String, tensor: Tensor)] {
        guard let recurrent = state.recurrent else { return [] }
        return [("hidden", recurrent.hidden)] + (recurrent.cell.map { [("cell", $0)] } ?? [])
    }

    public func restore(carried: [String: Tensor]) throws {
        state = network.initialState()
        guard let hidden = carried["hidden"] else { return }
        guard let lstm = (network as? LSTMLanguageModel)?.lstm, hidden.shape == lstm.zeroState(rows).hidden.shape,
            carried["cell"]?.shape == hidden.shape
        else {
            throw TrainingError(
                .input, "\(name): the state that the checkpoint carries does not fit the model; give the run's own files")
        }
        state.recurrent = RecurrentState(hidden: hidden, cell: carried["cell"])
    }

    public func validate(stop: () -> Bool) throws -> EvaluationResult? {
        if validation.count < 2 { return nil }
        return try Self.evaluate(
            network, on: validation, batching: batching, context: context,
            batchSize: batching == .streams ? rows : max(rows, 32), interrupted: stop)
    }

    private static func streamLength(_ tokens: [Int32], _ rows: Int) -> Int { (tokens.count - 1) / rows }

    // MARK: Batches

    private final class Batches: TrainingBatches {
        private let task: LanguageModelTask
        private(set) var state: LoaderState
        private var isOver = false

        init(_ task: LanguageModelTask, _ position: LoaderState) {
            self.task = task
            state = position
            isOver = position.batch >= task.batchCount
        }

        func next() -> TrainingBatch? {
            if isOver { return nil }
            let batch = task.batch(state)
            state.batch += 1
            if state.batch == task.batchCount {
                state = LoaderState(epoch: state.epoch + 1)
                isOver = true
            }
            return batch
        }
    }

    private func batch(_ position: LoaderState) -> TrainingBatch {
        var starts: [Int], length = context
        switch batching {
        case .windows:
            let places = training.count - context
            if shuffle {
                var random = SampleRandom(
                    seed: seed, UInt64(bitPattern: Int64(position.epoch)), UInt64(bitPattern: Int64(position.batch)), 2)
                starts = (0..<rows).map { _ in random.integer(below: places) }
            } else {
                starts = (0..<rows).map { (position.batch * rows + $0) * context % places }
            }
        case .streams:
            let stream = Self.streamLength(training, rows), start = position.batch * context
            length = min(context, stream - start)
            starts = (0..<rows).map { $0 * stream + start }
        }
        let (tokens, labels) = Self.cut(training, starts, length)
        let carries = batching == .streams
        return TrainingBatch(count: rows * length) { [self] in
            if carries, position.batch == 0 { state = network.initialState() }
            let logits = network(tokens, state: carries ? state : nil)
            return crossEntropy(logits.reshaped([labels.count, network.vocabularySize]), labels)
        }
    }

    /// Pieces of the same length, and for each token the one that follows.
    private static func cut(_ text: [Int32], _ starts: [Int], _ length: Int) -> (tokens: Tensor, labels: [Int32]) {
        (
            Tensor(starts.flatMap { text[$0..<$0 + length] }, shape: [starts.count, length]),
            starts.flatMap { text[$0 + 1..<$0 + 1 + length] }
        )
    }

    // MARK: Judging

    /// The mean cross-entropy a token over a whole text, and its exponential, the perplexity. Windows follow each other, each by
    /// itself; streams carry their state.
    public static func evaluate(
        _ network: any LanguageModel, on text: [Int32], batching: TextBatching, context: Int, batchSize: Int,
        interrupted: () -> Bool = { false }
    ) throws -> EvaluationResult {
        precondition(text.count >= 2, "LanguageModelTask.evaluate: \(text.count) tokens")
        let started = Date()
        var sums: [Tensor] = [], count = 0
        let state = batching == .streams ? network.initialState() : nil
        func add(_ starts: [Int], _ length: Int) throws {
            if interrupted() { throw Interruption() }
            let (tokens, labels) = cut(text, starts, length)
            let logits = withoutGradients { network(tokens, state: state) }
            let rows = logits.reshaped([labels.count, network.vocabularySize])
            sums.append(crossEntropy(rows, labels, reduction: .sum).reshaped([1]).evaluated())
            count += labels.count
        }
        switch batching {
        case .windows:
            let whole = (text.count - 1) / context
            for first in stride(from: 0, to: whole, by: batchSize) {
                try add((first..<min(first + batchSize, whole)).map { $0 * context }, context)
            }
            let rest = (text.count - 1) % context
            if rest > 0 { try add([whole * context], rest) }
        case .streams:
            let rows = min(batchSize, max(text.count - 1, 1)), length = streamLength(text, rows)
            for start in stride(from: 0, to: length, by: context) {
                try add((0..<rows).map { $0 * length + start }, min(context, length - start))
            }
        }
        let total = try concatenate(sums).floats().reduce(0.0) { $0 + Double($1) }
        let loss = total / Double(count)
        return EvaluationResult(
            loss: loss, metrics: [("perplexity", exp(loss))], samples: count, seconds: Date().timeIntervalSince(started))
    }
}
