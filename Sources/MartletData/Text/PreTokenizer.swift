/// How text is cut into the words within which tokens are joined, as `tokenizer.json` names it.
indirect enum PreTokenizer: Sendable {
    case none
    /// Bytes as characters, and GPT-2's words where `words` says so.
    case byteLevel(prefixSpace: Bool, words: Bool)
    /// Words and punctuation, space left out.
    case whitespace
    /// What lies between spaces.
    case whitespaceSplit
    case split(TextPattern, Behavior, inverted: Bool)
    /// Space as a visible character, a word beginning with it.
    case metaspace(replacement: Unicode.Scalar, prepend: Prepending, splits: Bool)
    case digits(individual: Bool)
    case punctuation(Behavior)
    case sequence([PreTokenizer])

    /// What becomes of the matches of a pattern.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    enum Prepending: String, Sendable { case always, first, never }

    /// - Parameter isFirst: whether the text begins here, not behind a special token.
    func apply(_ words: [[Unicode.Scalar]], isFirst: Bool) -> [[Unicode.Scalar]] {
        switch self {
        case .none: return words
        case .byteLevel(let prefixSpace, let splits):
            return words.flatMap { word -> [[Unicode.Scalar]] in
                let text = prefixSpace && word.first != " " ? [" "] + word : word
                let ranges = splits ? GPT2Words.ranges(text) : [0..<text.count]
                return ranges.map { ByteAlphabet.encoded(text[$0]) }
            }
        case .whitespace:
            return words.flatMap { Self.runs($0) { $0.isSpace ? 0 : $0.isWordLike ? 1 : 2 }.filter { !$0[0].isSpace } }
        case .whitespaceSplit: return words.flatMap { $0.split(whereSeparator: \.isSpace).map(Array.init) }
        case .split(let pattern, let behavior, let inverted):
            return words.flatMap { word in
                Self.cut(word, pattern.split(word).map { ($0.range, $0.isMatch != inverted) }, behavior)
            }
        case .metaspace(let replacement, let prepend, let splits):
            return words.enumerated().flatMap { index, word -> [[Unicode.Scalar]] in
                var text = word.map { $0 == " " ? replacement : $0 }
                let begins = prepend == .always || (prepend == .first && isFirst && index == 0)
                if begins, text.first != replacement { text.insert(replacement, at: 0) }
                guard splits else { return [text] }
                return Self.cut(text, text.indices.map { ($0..<$0 + 1, text[$0] == replacement) }, .mergedWithNext)
            }
        case .digits(let individual):
            let behavior = individual ? Behavior.isolated : .contiguous
            return words.flatMap { word in
                Self.cut(word, word.indices.map { ($0..<$0 + 1, word[$0].properties.numericType != nil) }, behavior)
            }
        case .punctuation(let behavior):
            return words.flatMap { word in Self.cut(word, word.indices.map { ($0..<$0 + 1, word[$0].isPunctuation) }, behavior) }
        case .sequence(let steps): return steps.reduce(words) { $1.apply($0, isFirst: isFirst) }
        }
    }

    private static func runs(_ word: [Unicode.Scalar], _ kind: (Unicode.Scalar) -> Int) -> [[Unicode.Scalar]] {
        var result: [[Unicode.Scalar]] = [], last: Int?
        for scalar in word {
            let now = kind(scalar)
            if now == last { result[result.count - 1].append(scalar) } else { result.append([scalar]) }
            last = now
        }
        return result
    }

    /// Cuts a word at the parts that match. Neighbouring parts that do not match belong together.
    private static func cut(_ word: [Unicode.Scalar], _ parts: [(range: Range<Int>, isMatch: Bool)], _ behavior: Behavior)
        -> [[Unicode.Scalar]]
    {
        var pieces: [Range<Int>] = [], lastWasMatch = false, mayJoin = false
        for (range, isMatch) in parts where !range.isEmpty {
            let joins: Bool
            switch behavior {
            case .removed, .isolated: joins = !isMatch && mayJoin && !lastWasMatch
            case .contiguous: joins = mayJoin && isMatch == lastWasMatch
            case .mergedWithPrevious: joins = mayJoin && !lastWasMatch
            case .mergedWithNext: joins = mayJoin && !isMatch
            }
            if behavior == .removed, isMatch {
                mayJoin = false
            } else if joins, let last = pieces.last {
                pieces[pieces.count - 1] = last.lowerBound..<range.upperBound
            } else {
                pieces.append(range)
                mayJoin = true
            }
            lastWasMatch = isMatch
        }
        return pieces.map { Array(word[$0]) }
    }
}
