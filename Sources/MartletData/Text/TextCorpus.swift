/// A text for a language model, cut in two: what is learned from, and its end, by which the result is judged.
public struct TextCorpus: Sendable {
    public let name: String
    public let training: String
    /// Empty where nothing is held out.
    public let validation: String

    /// Reads a text file (UTF-8, also .gz) and holds its last part out.
    ///
    /// - Parameter validation: the share of the text's characters that is held out, from 0 to below 1.
    public init(reading path: String, validation share: Double = 0.1) throws(DataError) {
        try self.init(try TextFile.text(path), name: path, validation: share)
    }

    /// - Parameter name: how messages call it.
    public init(_ text: String, name: String, validation share: Double = 0.1) throws(DataError) {
        guard share >= 0, share < 1 else {
            throw DataError(.setting, problem: "a validation share of \(share)", remedy: "give 0 to below 1")
        }
        let scalars = text.unicodeScalars, count = scalars.count
        guard count >= 2 else {
            throw DataError(
                .mismatch, file: name, problem: count == 0 ? "holds no text" : "holds a single character",
                remedy: "give a text of at least two characters, so that there is one to predict")
        }
        self.name = name
        // As Python's int() has it, so that the parts are those of other programs.
        let kept = share == 0 ? count : Int(Double(count) * (1 - share))
        let cut = scalars.index(scalars.startIndex, offsetBy: kept)
        training = String(scalars[..<cut])
        self.validation = String(scalars[cut...])
    }
}
