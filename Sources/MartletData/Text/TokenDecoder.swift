/// How the texts of tokens become text again, as `tokenizer.json` names it.
indirect enum TokenDecoder: Sendable {
    /// Tokens with a space between them, as where a file names no decoder.
    case spaced
    case byteLevel
    case metaspace(replacement: Unicode.Scalar, stripsFirst: Bool)
    case byteFallback
    case fuse
    case strip(Unicode.Scalar, start: Int, stop: Int)
    case replace([Unicode.Scalar], with: [Unicode.Scalar])
    case wordEnd([UInt8])
    case sequence([TokenDecoder])

    func decode(_ tokens: [[UInt8]]) -> String {
        if case .spaced = self { return String(decoding: Array(tokens.joined(separator: [0x20])), as: UTF8.self) }
        return String(decoding: apply(tokens).flatMap { $0 }, as: UTF8.self)
    }

    private func apply(_ tokens: [[UInt8]]) -> [[UInt8]] {
        switch self {
        case .spaced: return tokens
        case .byteLevel:
            let bytes = tokens.flatMap { ByteAlphabet.decoded($0) ?? $0 }
            return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
        case .metaspace(let replacement, let stripsFirst):
            return tokens.enumerated().map { index, token in
                var text = scalars(token).map { $0 == replacement ? " " : $0 }
                if index == 0, stripsFirst, scalars(token).first == replacement { text.removeFirst() }
                return BPE.utf8(text[...])
            }
        case .byteFallback: return bytesJoined(tokens)
        case .fuse: return [tokens.flatMap { $0 }]
        case .strip(let content, let start, let stop):
            return tokens.map { token in
                var text = scalars(token)[...]
                for _ in 0..<start where text.first == content { text.removeFirst() }
                for _ in 0..<stop where text.last == content { text.removeLast() }
                return BPE.utf8(text)
            }
        case .replace(let wanted, let replacement):
            return tokens.map { token in
                let text = scalars(token)
                return BPE.utf8(
                    TextPattern.literal(wanted).split(text).flatMap { $0.isMatch ? replacement : Array(text[$0.range]) }[...])
            }
        case .wordEnd(let suffix):
            return tokens.enumerated().map { index, token in
                guard !suffix.isEmpty, token.suffix(suffix.count) == suffix[...] else { return token }
                return token.dropLast(suffix.count) + (index == tokens.count - 1 ? [] : [0x20])
            }
        case .sequence(let steps): return steps.reduce(tokens) { $1.apply($0) }
        }
    }

    private func scalars(_ token: [UInt8]) -> [Unicode.Scalar] { Array(String(decoding: token, as: UTF8.self).unicodeScalars) }

    /// Runs of byte tokens as the characters they spell; a replacement character a byte where they spell none.
    private func bytesJoined(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = [], run: [UInt8] = []
        func close() {
            if run.isEmpty { return }
            if String(validating: run, as: UTF8.self) != nil {
                result.append(run)
            } else {
                result += run.map { _ in Array("\u{FFFD}".utf8) }
            }
            run = []
        }
        for token in tokens {
            if let byte = Self.byte(token) {
                run.append(byte)
            } else {
                close()
                result.append(token)
            }
        }
        close()
        return result
    }

    private static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token.last == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }
}
