/// Turns text into the numbers of tokens and back: characters, bytes or byte-pair encoding, made here or read from a Hugging Face
/// `tokenizer.json`.
public struct Tokenizer: Sendable {
    /// A token that is found in text before anything else, and is never taken apart.
    public struct AddedToken: Sendable {
        public var text: String
        public var id: Int32
        /// Whether it stands for something else than text, and is left out of decoded text.
        public var isSpecial: Bool
        var isNormalized = false
        var stripsLeft = false
        var stripsRight = false
        var isSingleWord = false
    }

    var model: BPE
    public internal(set) var added: [AddedToken] = []
    var normalizer = TextNormalizer.none
    var preTokenizer = PreTokenizer.none
    var decoder = TokenDecoder.spaced
    /// Tokens put before and behind a text where special tokens are asked for.
    var leading: [Int32] = []
    var trailing: [Int32] = []
    /// The file as it is written; what was read comes out again.
    var source: [UInt8] = []

    init(model: BPE) { self.model = model }

    /// One more than the highest token.
    public var vocabularySize: Int { max(model.tokens.count, Int(added.map(\.id).max() ?? -1) + 1) }

    /// The number of a token by its text; nil where there is none.
    public func token(_ text: String) -> Int32? {
        added.first { $0.text.utf8.elementsEqual(text.utf8) }?.id ?? model.ids[Array(text.utf8)]
    }

    /// The text of a token as the vocabulary has it.
    public func text(of id: Int32) -> String? { bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }

    private func bytes(of id: Int32) -> [UInt8]? {
        if let found = added.first(where: { $0.id == id }) { return Array(found.text.utf8) }
        return model.tokens.indices.contains(Int(id)) ? model.tokens[Int(id)] : nil
    }

    /// The tokens of a text. Throws on a character that the vocabulary has no token for, where it has none for the unknown either.
    ///
    /// - Parameter addingSpecial: whether the tokens that the file's post-processor puts around a text are added.
    public func encode(_ text: String, addingSpecial: Bool = false) throws(DataError) -> [Int32] {
        var encoder = TextEncoder(self)
        let ids = try encoder.encode(Array(text.unicodeScalars))
        return addingSpecial ? leading + ids + trailing : ids
    }

    /// The tokens of each text; words met before are looked up.
    public func encode(all texts: [String]) throws(DataError) -> [[Int32]] {
        var encoder = TextEncoder(self), result: [[Int32]] = []
        for text in texts { result.append(try encoder.encode(Array(text.unicodeScalars))) }
        return result
    }

    /// What a token stands for: the normalised text where it is looked for in normalised text.
    private func shown(_ token: AddedToken) -> [UInt8] {
        token.isNormalized ? BPE.utf8(normalizer.apply(Array(token.text.unicodeScalars))[...]) : Array(token.text.utf8)
    }

    /// The text of tokens; numbers that no token has are left out. Bytes that are no UTF-8 become U+FFFD.
    public func decode(_ ids: some Sequence<Int32>, skippingSpecial: Bool = true) -> String {
        let special = Set(added.filter { $0.isSpecial }.map(\.id)), listed = Dictionary(added.map { ($0.id, shown($0)) }) { $1 }
        return decoder.decode(
            ids.compactMap { id in
                if skippingSpecial, special.contains(id) { return nil }
                if let text = listed[id] { return text }
                return model.tokens.indices.contains(Int(id)) ? model.tokens[Int(id)] : nil
            })
    }
}

/// Encodes texts one after the other and remembers the words.
struct TextEncoder {
    private let tokenizer: Tokenizer
    private let plain: [([Unicode.Scalar], Tokenizer.AddedToken)]
    private let normalized: [([Unicode.Scalar], Tokenizer.AddedToken)]
    private var known: [[Unicode.Scalar]: [Int32]] = [:]
    private static let mostKnown = 1 << 17

    init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        let all = tokenizer.added.filter { !$0.text.isEmpty }
        plain = all.filter { !$0.isNormalized }.map { (Array($0.text.unicodeScalars), $0) }
        normalized = all.filter(\.isNormalized).map { (tokenizer.normalizer.apply(Array($0.text.unicodeScalars)), $0) }.filter {
            !$0.0.isEmpty
        }
    }

    private enum Part {
        case token(Int32)
        case text([Unicode.Scalar], isFirst: Bool)
    }

    mutating func encode(_ text: [Unicode.Scalar]) throws(DataError) -> [Int32] {
        var ids: [Int32] = []
        for part in Self.parts(text, plain, isFirst: true) {
            switch part {
            case .token(let id): ids.append(id)
            case .text(let piece, let isFirst):
                for inner in Self.parts(tokenizer.normalizer.apply(piece), normalized, isFirst: isFirst) {
                    switch inner {
                    case .token(let id): ids.append(id)
                    case .text(let words, let isFirst):
                        for word in tokenizer.preTokenizer.apply([words], isFirst: isFirst) { ids += try encode(word: word) }
                    }
                }
            }
        }
        return ids
    }

    /// The words that a text is cut into.
    func words(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        tokenizer.preTokenizer.apply([tokenizer.normalizer.apply(text)], isFirst: true)
    }

    private mutating func encode(word: [Unicode.Scalar]) throws(DataError) -> [Int32] {
        let isKept = word.count <= 64
        if isKept, let ids = known[word] { return ids }
        let ids = try tokenizer.model.encode(word) { scalar throws(DataError) in
            let code = String(scalar.value, radix: 16, uppercase: true)
            throw DataError(
                .mismatch,
                problem:
                    "the character \(DataError.quote(String(scalar))) (U+\(String(repeating: "0", count: max(4 - code.count, 0)) + code)) "
                    + "is not in the vocabulary, which has no token for the unknown",
                remedy: "leave it out, or use a tokenizer of bytes (tokenizer=byte or bpe)")
        }
        if isKept, known.count < Self.mostKnown { known[word] = ids }
        return ids
    }

    /// The text cut at added tokens: of those that begin at one place, the longest.
    private static func parts(
        _ text: [Unicode.Scalar], _ tokens: [([Unicode.Scalar], Tokenizer.AddedToken)], isFirst: Bool
    ) -> [Part] {
        if text.isEmpty { return [] }
        if tokens.isEmpty { return [.text(text, isFirst: isFirst)] }
        let byFirst = Dictionary(grouping: tokens) { $0.0[0] }
        var parts: [Part] = [], start = 0, position = 0
        while position < text.count {
            let hits = (byFirst[text[position]] ?? []).filter { content, token in
                let end = position + content.count
                guard end <= text.count, text[position..<end].elementsEqual(content) else { return false }
                return !token.isSingleWord
                    || (position == 0 || !text[position - 1].isWordLike) && (end == text.count || !text[end].isWordLike)
            }
            guard let hit = hits.max(by: { $0.0.count < $1.0.count }) else {
                position += 1
                continue
            }
            var left = position, right = position + hit.0.count
            if hit.1.stripsLeft { while left > start, text[left - 1].isSpace { left -= 1 } }
            if hit.1.stripsRight { while right < text.count, text[right].isSpace { right += 1 } }
            if left > start { parts.append(.text(Array(text[start..<left]), isFirst: isFirst && start == 0)) }
            parts.append(.token(hit.1.id))
            start = right
            position = right
        }
        if start < text.count { parts.append(.text(Array(text[start...]), isFirst: isFirst && start == 0)) }
        return parts
    }
}
