/// What went wrong with a run, in one line.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// Something given from outside is wrong.
        case input
        /// The work itself failed.
        case failed
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
