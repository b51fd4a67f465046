import Foundation

/// What is done to text before it is cut into words, as `tokenizer.json` names it.
indirect enum TextNormalizer: Sendable {
    case none
    case nfc
    case nfd
    case nfkc
    case nfkd
    case lowercase
    /// Space taken off the ends.
    case strip(left: Bool, right: Bool)
    /// Combining marks left out.
    case stripAccents
    case prepend([Unicode.Scalar])
    case replace(TextPattern, [Unicode.Scalar])
    case sequence([TextNormalizer])

    func apply(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        switch self {
        case .none: return text
        case .nfc:
            return text.allSatisfy(\.isASCII) ? text : Self.scalars(Self.string(text).precomposedStringWithCanonicalMapping)
        case .nfd: return text.allSatisfy(\.isASCII) ? text : Self.scalars(Self.string(text).decomposedStringWithCanonicalMapping)
        case .nfkc:
            return text.allSatisfy(\.isASCII) ? text : Self.scalars(Self.string(text).precomposedStringWithCompatibilityMapping)
        case .nfkd:
            return text.allSatisfy(\.isASCII) ? text : Self.scalars(Self.string(text).decomposedStringWithCompatibilityMapping)
        case .lowercase: return text.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
        case .strip(let left, let right):
            var rest = text[...]
            if left { rest = rest.drop { $0.isSpace } }
            if right { while rest.last?.isSpace ?? false { rest.removeLast() } }
            return Array(rest)
        case .stripAccents: return text.filter { $0.properties.generalCategory != .nonspacingMark }
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let replacement):
            return pattern.split(text).flatMap { $0.isMatch ? replacement : Array(text[$0.range]) }
        case .sequence(let steps): return steps.reduce(text) { $1.apply($0) }
        }
    }

    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    static func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }
}

/// What is looked for in text: a literal, GPT-2's words, or a regular expression.
enum TextPattern: Sendable {
    case literal([Unicode.Scalar])
    case gpt2Words
    case expression(Expression)

    /// A compiled regular expression; it is not changed once made.
    final class Expression: @unchecked Sendable {
        let regex: NSRegularExpression
        init(_ pattern: String) throws { regex = try NSRegularExpression(pattern: pattern) }
    }

    /// GPT-2's own expression for words.
    static let gpt2Source = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// The text cut into what matches and what lies between, in order.
    func split(_ text: [Unicode.Scalar]) -> [(range: Range<Int>, isMatch: Bool)] {
        switch self {
        case .literal(let wanted): return Self.between(Self.occurrences(of: wanted, in: text), text.count)
        case .gpt2Words: return GPT2Words.ranges(text).map { ($0, true) }
        case .expression(let expression): return Self.between(Self.matches(expression.regex, text), text.count)
        }
    }

    private static func occurrences(of wanted: [Unicode.Scalar], in text: [Unicode.Scalar]) -> [Range<Int>] {
        guard let first = wanted.first else { return [] }
        var found: [Range<Int>] = [], index = 0
        while index + wanted.count <= text.count {
            if text[index] == first, text[index..<index + wanted.count].elementsEqual(wanted) {
                found.append(index..<index + wanted.count)
                index += wanted.count
            } else {
                index += 1
            }
        }
        return found
    }

    /// Matches of a regular expression, which counts in UTF-16, as ranges of scalars.
    private static func matches(_ regex: NSRegularExpression, _ text: [Unicode.Scalar]) -> [Range<Int>] {
        let string = TextNormalizer.string(text)
        var positions: [Int] = []
        positions.reserveCapacity(text.count + 1)
        for (index, scalar) in text.enumerated() {
            for _ in 0..<UTF16.width(scalar) { positions.append(index) }
        }
        positions.append(text.count)
        return regex.matches(in: string, range: NSRange(location: 0, length: positions.count - 1)).compactMap { match in
            let range = match.range
            guard range.length > 0, range.location + range.length < positions.count else { return nil }
            return positions[range.location]..<positions[range.location + range.length]
        }
    }

    private static func between(_ matches: [Range<Int>], _ count: Int) -> [(range: Range<Int>, isMatch: Bool)] {
        var parts: [(Range<Int>, Bool)] = [], position = 0
        for match in matches {
            if match.lowerBound > position { parts.append((position..<match.lowerBound, false)) }
            parts.append((match, true))
            position = match.upperBound
        }
        if position < count { parts.append((position..<count, false)) }
        return parts
    }
}

/// GPT-2's words: runs of letters, of digits or of other characters, each with at most one space before it; runs of space, of which the
/// last character before a word is left to the word; and the endings of English contractions.
enum GPT2Words {
    private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map { Array($0.unicodeScalars) }

    static func ranges(_ text: [Unicode.Scalar]) -> [Range<Int>] {
        var words: [Range<Int>] = [], position = 0
        while position < text.count {
            let end = self.end(of: position, text)
            words.append(position..<end)
            position = end
        }
        return words
    }

    private static func end(of start: Int, _ text: [Unicode.Scalar]) -> Int {
        if text[start] == "'", let ending = contractions.first(where: { text[(start + 1)...].starts(with: $0) }) {
            return start + 1 + ending.count
        }
        var position = start
        if text[start] == " ", start + 1 < text.count, !text[start + 1].isSpace { position += 1 }
        func run(_ belongs: (Unicode.Scalar) -> Bool) -> Int {
            var end = position
            while end < text.count, belongs(text[end]) { end += 1 }
            return end
        }
        let first = text[position]
        if first.isLetter { return run(\.isLetter) }
        if first.isNumber { return run(\.isNumber) }
        if !first.isSpace { return run { !$0.isSpace && !$0.isLetter && !$0.isNumber } }
        let end = run(\.isSpace)
        return end < text.count && end - start > 1 ? end - 1 : end
    }
}
