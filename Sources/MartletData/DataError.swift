/// What is wrong with something that came from outside: a data set, an image, a weight file, or a setting that names one.
///
/// `description` is one line: the file (and line), what is wrong with it, and what would be right.
public struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The nature of the problem.
    public enum Kind: Sendable, Hashable {
        /// The file or folder is not there.
        case missing
        /// It is there and cannot be read: permissions, a folder in place of a file, an I/O error.
        case unreadable
        /// Its content contradicts its format: cut short, corrupt, mislabelled.
        case damaged
        /// Its parts, or it and the settings, contradict each other.
        case mismatch
        /// A format, type or layout that is not supported.
        case unsupported
        /// More than the stated bound.
        case tooLarge
        /// A setting that makes no sense.
        case setting
        /// A file cannot be written: its folder is missing or closed.
        case unwritable
        /// No space is left to write to.
        case diskFull
    }

    public let kind: Kind
    /// The file or folder at fault; nil for a setting.
    public let file: String?
    /// The line of the file, from 1, where it has lines.
    public let line: Int?
    /// What is wrong.
    public let problem: String
    /// What would be right.
    public let remedy: String

    public init(_ kind: Kind, file: String? = nil, line: Int? = nil, problem: String, remedy: String) {
        self.kind = kind
        self.file = file.map(DataError.oneLine)
        self.line = line
        self.problem = DataError.oneLine(problem)
        self.remedy = DataError.oneLine(remedy)
    }

    public var description: String {
        let places = [file, line.map(String.init)].compactMap { $0 }.joined(separator: ":")
        return (places.isEmpty ? "" : places + ": ") + "\(problem); \(remedy)"
    }

    /// Outside text quoted in a message, without control characters and at most 80 characters long.
    package static func quote(_ text: some StringProtocol) -> String {
        let short = text.count > 80 ? String(text.prefix(77)) + "..." : String(text)
        return "'\(oneLine(short))'"
    }

    private static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}
