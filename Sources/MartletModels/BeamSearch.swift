import Glibc
import MartletCore
import MartletNN

/// Finds likely translations: of all beginnings the best `beams` are kept and continued, token by token, until they end.
public struct BeamSearch: Sendable {
    /// Beginnings kept for each sentence; 1 takes the likeliest token each time.
    public var beams: Int
    /// How much long translations are favoured: scores are divided by ((5 + length) / 6)^alpha. Wu et al., 2016.
    public var lengthPenalty: Double
    public var start: Int32
    public var end: Int32
    /// Tokens of a translation at most, for a source of so many.
    public var longest: @Sendable (Int) -> Int

    public init(
        beams: Int = 4, lengthPenalty: Double = 0.6, start: Int32, end: Int32,
        longest: @escaping @Sendable (Int) -> Int = { 2 * $0 + 16 }
    ) {
        precondition(beams > 0, "BeamSearch: \(beams) beams")
        self.beams = beams
        self.lengthPenalty = lengthPenalty
        self.start = start
        self.end = end
        self.longest = longest
    }

    public struct Translation: Sendable {
        /// Without the first and the last token.
        public var tokens: [Int32]
        /// The logarithm of its probability, divided by the length penalty.
        public var score: Double
    }

    /// A beginning under way.
    private struct Beam {
        var tokens: [Int32] = []
        var sum = 0.0
    }

    /// A sentence under way: where its rows are, and what it has.
    private struct Sentence {
        let index: Int
        let limit: Int
        var beams: [Beam]
        var done: [Translation] = []
    }

    /// The best translation of each source, all in one batch.
    public func translate(_ sources: [[Int32]], with model: TransformerTranslator) throws -> [Translation] {
        precondition(!sources.isEmpty && sources.allSatisfy { !$0.isEmpty }, "BeamSearch: a source without tokens")
        return try withoutGradients { try search(sources, model) }
    }

    private func search(_ sources: [[Int32]], _ model: TransformerTranslator) throws -> [Translation] {
        let s = sources.map(\.count).max()!
        let padded = Tensor(sources.flatMap { $0 + [Int32](repeating: end, count: s - $0.count) }, shape: [sources.count, s])
        var lengths = Tensor(sources.map { Int32($0.count) })
        let memory = model.encode(padded, lengths: lengths).evaluated()
        let caches = model.makeCaches()
        var results = [Translation?](repeating: nil, count: sources.count)
        var open = sources.enumerated().map { Sentence(index: $0, limit: longest($1.count), beams: [Beam()]) }
        // Rows of the batch: all beams of the first open sentence, then of the next.
        var tokens = sources.map { _ in start }
        while !open.isEmpty {
            let rows = tokens.count
            let logits = model.decode(
                Tensor(tokens, shape: [rows, 1]), memory: memory, lengths: lengths, caches: caches)
            let top = logits.reshaped([rows, logits.shape[2]]).logSoftmax().top(min(2 * beams, logits.shape[2]))
            let (values, indices) = (try top.values.floats(), try top.indices.integers())
            let width = top.values.shape[1]
            var chosen: [Int32] = [], row = 0
            tokens = []
            var next: [Sentence] = []
            for var sentence in open {
                let first = row
                row += sentence.beams.count
                let parents = advance(&sentence, first: first, width: width, values, indices)
                if let best = finished(sentence) {
                    results[sentence.index] = best
                    continue
                }
                chosen += parents
                tokens += sentence.beams.map { $0.tokens.last! }
                next.append(sentence)
            }
            open = next
            if open.isEmpty { break }
            let order = Tensor(chosen)
            for cache in caches { cache.select(order) }
            lengths = lengths.gathered(order)
        }
        return results.map { $0 ?? Translation(tokens: [], score: -.infinity) }
    }

    /// Continues the beams of a sentence; gives the rows that those which are left come from.
    private func advance(_ sentence: inout Sentence, first: Int, width: Int, _ values: [Float], _ indices: [Int32]) -> [Int32] {
        var candidates: [(sum: Double, beam: Int, token: Int32)] = []
        for (beam, content) in sentence.beams.enumerated() {
            let base = (first + beam) * width
            for column in 0..<width where values[base + column].isFinite {
                candidates.append((content.sum + Double(values[base + column]), beam, indices[base + column]))
            }
        }
        candidates.sort { ($1.sum, $0.beam, $0.token) < ($0.sum, $1.beam, $1.token) }
        var kept: [Beam] = [], parents: [Int32] = []
        for candidate in candidates where kept.count < beams {
            let parent = sentence.beams[candidate.beam]
            if candidate.token == end {
                sentence.done.append(Translation(tokens: parent.tokens, score: candidate.sum / penalty(parent.tokens.count + 1)))
                if beams == 1 { break }
                continue
            }
            kept.append(Beam(tokens: parent.tokens + [candidate.token], sum: candidate.sum))
            parents.append(Int32(first + candidate.beam))
        }
        sentence.beams = kept
        return parents
    }

    /// The best translation once none of the beams can become better, or all are too long.
    private func finished(_ sentence: Sentence) -> Translation? {
        let best = sentence.done.max { $0.score < $1.score }
        let length = sentence.beams.first?.tokens.count ?? 0
        if sentence.beams.isEmpty || beams == 1 && best != nil { return best ?? Translation(tokens: [], score: -.infinity) }
        if length >= sentence.limit {
            let cut = sentence.beams.map { Translation(tokens: $0.tokens, score: $0.sum / penalty($0.tokens.count)) }
            return best ?? cut.max { $0.score < $1.score }
        }
        guard let best else { return nil }
        // A sum only falls; divided by the largest penalty it bounds what a beam can reach.
        return sentence.done.count >= beams || sentence.beams[0].sum / penalty(sentence.limit) < best.score ? best : nil
    }

    private func penalty(_ length: Int) -> Double { pow((5 + Double(length)) / 6, lengthPenalty) }
}
