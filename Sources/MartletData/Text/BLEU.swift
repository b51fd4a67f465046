import Foundation

/// Corpus-level BLEU as sacreBLEU defines it: n-grams up to four, the tokenizer `13a`, exponential smoothing of orders without a match.
/// Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002; Post, "A call for clarity in reporting BLEU
/// scores", 2018.
public struct BLEU: Sendable, Hashable {
    /// From 0 to 100.
    public let score: Double
    /// In per cent, for n-grams of one to four words.
    public let precisions: [Double]
    public let brevityPenalty: Double
    /// Words of all translations, and of all references.
    public let length: Int
    public let referenceLength: Int

    private static let order = 4

    /// The score of translations, each with one reference.
    public init(_ translations: [String], references: [String]) {
        precondition(
            translations.count == references.count, "BLEU: \(translations.count) translations, \(references.count) references")
        var hits = [Int](repeating: 0, count: Self.order), totals = hits, length = 0, referenceLength = 0
        for (translation, reference) in zip(translations, references) {
            let words = Self.words(translation), wanted = Self.words(reference)
            length += words.count
            referenceLength += wanted.count
            for n in 1...Self.order where words.count >= n {
                totals[n - 1] += words.count - n + 1
                let offered = Self.grams(wanted, n)
                for (gram, count) in Self.grams(words, n) { hits[n - 1] += min(count, offered[gram] ?? 0) }
            }
        }
        self.length = length
        self.referenceLength = referenceLength
        brevityPenalty = length >= referenceLength ? 1 : length > 0 ? exp(1 - Double(referenceLength) / Double(length)) : 0
        var precisions = [Double](repeating: 0, count: Self.order), halving = 1.0
        for n in 0..<Self.order where totals[n] > 0 && hits.contains(where: { $0 > 0 }) {
            if hits[n] == 0 {
                halving *= 2
                precisions[n] = 100 / (halving * Double(totals[n]))
            } else {
                precisions[n] = 100 * Double(hits[n]) / Double(totals[n])
            }
        }
        self.precisions = precisions
        let logarithms = precisions.map { $0 > 0 ? log($0) : -9_999_999_999 }
        score = hits.allSatisfy({ $0 == 0 }) ? 0 : brevityPenalty * exp(logarithms.reduce(0, +) / Double(Self.order))
    }

    private static func grams(_ words: [[UInt8]], _ n: Int) -> [ArraySlice<[UInt8]>: Int] {
        guard words.count >= n else { return [:] }
        return (0...words.count - n).reduce(into: [:]) { $0[words[$1..<$1 + n], default: 0] += 1 }
    }

    /// The words of a line in UTF-8 by `13a`, the tokenizer of the WMT evaluations: punctuation and symbols of ASCII stand alone, except points
    /// and commas within numbers, and hyphens but behind digits.
    static func words(_ line: String) -> [[UInt8]] {
        var text = Array(line.unicodeScalars)
        func replace(_ wanted: String, _ by: String) {
            let pattern = TextPattern.literal(Array(wanted.unicodeScalars))
            text = pattern.split(text).flatMap { $0.isMatch ? Array(by.unicodeScalars) : Array(text[$0.range]) }
        }
        while text.last?.isSpace ?? false { text.removeLast() }
        replace("<skipped>", "")
        replace("-\n", "")
        replace("\n", " ")
        if text.contains("&") {
            replace("&quot;", "\"")
            replace("&amp;", "&")
            replace("&lt;", "<")
            replace("&gt;", ">")
        }
        text = [" "] + text + [" "]
        // Symbols alone.
        text = text.flatMap { scalar -> [Unicode.Scalar] in
            let code = scalar.value
            let stands =
                (0x7B...0x7E).contains(code) || (0x5B...0x60).contains(code) || (0x20...0x26).contains(code)
                || (0x28...0x2B).contains(code) || (0x3A...0x40).contains(code) || scalar == "/"
            return stands ? [" ", scalar, " "] : [scalar]
        }
        func isDigit(_ scalar: Unicode.Scalar) -> Bool { (0x30...0x39).contains(scalar.value) }
        func isPointed(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }
        // A point or comma that no digit comes before; then one that no digit follows; then a hyphen behind a digit. Each match takes
        // its neighbour along, so that matches do not overlap.
        text = pairs(text) {
            !isDigit($0) && isPointed($1)
        } as: {
            [$0, " ", $1, " "]
        }
        text = pairs(text) {
            isPointed($0) && !isDigit($1)
        } as: {
            [" ", $0, " ", $1]
        }
        text = pairs(text) {
            isDigit($0) && $1 == "-"
        } as: {
            [$0, " ", $1, " "]
        }
        return text.split(whereSeparator: \.isSpace).map { BPE.utf8($0) }
    }

    private static func pairs(
        _ text: [Unicode.Scalar], _ matches: (Unicode.Scalar, Unicode.Scalar) -> Bool,
        as replaced: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = [], index = 0
        while index < text.count {
            if index + 1 < text.count, matches(text[index], text[index + 1]) {
                result += replaced(text[index], text[index + 1])
                index += 2
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}
