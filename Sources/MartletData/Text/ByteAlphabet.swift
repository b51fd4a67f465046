/// The 256 characters that stand for bytes in byte-level vocabularies, as GPT-2 chose them: printable bytes stand for themselves, the
/// others are counted on from U+0100, so that no token holds a space or a control character.
enum ByteAlphabet {
    /// The scalar of each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) -> Unicode.Scalar in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
                return Unicode.Scalar(byte)!
            }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()

    private static let bytes = Dictionary(uniqueKeysWithValues: scalars.enumerated().map { ($1, UInt8($0)) })

    /// A piece of text in which each byte of its UTF-8 is one scalar.
    static func encoded(_ piece: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        for scalar in piece {
            if scalar.isASCII {
                result.append(scalars[Int(scalar.value)])
            } else {
                for byte in UTF8.encode(scalar)! { result.append(scalars[Int(byte)]) }
            }
        }
        return result
    }

    /// The bytes that a token stands for; nil where it holds other characters.
    static func decoded(_ token: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }
}

/// The classes of characters that pre-tokenizers tell apart.
extension Unicode.Scalar {
    var isLetter: Bool {
        if isASCII { return (value | 0x20) >= 0x61 && (value | 0x20) <= 0x7A }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    var isNumber: Bool {
        if isASCII { return value >= 0x30 && value <= 0x39 }
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    var isSpace: Bool { isASCII ? value == 0x20 || (0x09...0x0D).contains(value) : properties.isWhitespace }

    /// `\w` of regular expressions: letters, marks, decimal digits, connectors.
    var isWordLike: Bool {
        if isASCII { return isLetter || isNumber || self == "_" }
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }

    var isPunctuation: Bool {
        if isASCII {
            return (0x21...0x2F).contains(value) || (0x3A...0x40).contains(value) || (0x5B...0x60).contains(value)
                || (0x7B...0x7E).contains(value)
        }
        switch properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
            .otherPunctuation:
            return true
        default: return false
        }
    }
}
