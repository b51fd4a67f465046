import MartletData

/// How text becomes tokens, from settings.
public enum TokenizerRecipe {
    static func kind(_ standard: String) -> Settings.Key {
        Settings.Key("tokenizer", standard, "char, byte, bpe (learned from the training text), or a tokenizer.json")
    }
    static func size(_ standard: String) -> Settings.Key {
        Settings.Key("vocab", standard, "tokens that bpe learns, with the 256 bytes")
    }
    /// The file of a run that keeps its tokenizer.
    static let fileName = "tokenizer.json"

    /// The tokenizer for texts.
    ///
    /// - Parameters:
    ///   - all: all text there is, whose characters `char` knows.
    ///   - training: what `bpe` learns from.
    ///   - special: tokens that stand for something else than text. A file has to have them.
    static func make(
        _ settings: Settings, kind: Settings.Key, size: Settings.Key, all: [String], training: [String], special: [String] = []
    ) throws -> Tokenizer {
        let count = try settings.integer(size, in: 256 + special.count...1 << 20)
        switch settings.string(kind) {
        case "char": return Tokenizer(charactersOf: all.joined(), special: special)
        case "byte": return Tokenizer(bytes: special)
        case "bpe": return Tokenizer(training: training, size: count, special: special)
        case let path:
            let tokenizer = try Tokenizer(reading: path)
            for token in special where tokenizer.token(token) == nil {
                throw TrainingError(
                    .input, "\(path): has no token \(token), which is wanted here; add it, or give --set tokenizer=bpe")
            }
            return tokenizer
        }
    }

    /// The tokenizer of a run.
    static func load(_ run: RunFolder) throws -> Tokenizer { try Tokenizer(reading: run.path + "/" + fileName) }

    /// The tokenizer's file for a new run.
    static func file(_ tokenizer: Tokenizer) -> (name: String, bytes: [UInt8]) { (fileName, tokenizer.fileContents) }
}
