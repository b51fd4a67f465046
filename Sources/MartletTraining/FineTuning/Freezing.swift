import Glibc
import MartletNN

/// Which parameters training leaves as they are, and from which epoch on it takes them up: `--freeze` and `--set unfreeze=...`, both with
/// patterns (`*` and `?`) of parameter names.
public struct Freezing: Sendable {
    static let unfreeze = Settings.Key(
        "unfreeze", "",
        "when frozen parameters begin to be trained: EPOCH:PATTERN, comma-separated, such as 4:features.12.*,8:features.*")
    /// The settings it has.
    public static let keys = [unfreeze]

    private var frozen: [String] = []
    private var thaws: [(epoch: Int, pattern: String)] = []

    /// Nothing is frozen.
    public init() {}

    /// - Parameter freeze: patterns separated by commas.
    public init(_ freeze: String?, _ settings: Settings) throws {
        if let freeze { frozen = freeze.split(separator: ",").map(String.init) }
        let text = settings.string(Self.unfreeze)
        thaws = try text.split(separator: ",").map { part in
            let fields = part.split(separator: ":", maxSplits: 1).map(String.init)
            guard fields.count == 2, let epoch = Int(fields[0]), epoch >= 2, epoch <= 1_000_000, !fields[1].isEmpty else {
                throw TrainingError(
                    .input,
                    "--set unfreeze=\(text): '\(part)': give EPOCH:PATTERN with an epoch of 2 or more, such as 4:features.12.*")
            }
            return (epoch, fields[1])
        }
        guard thaws.isEmpty || !frozen.isEmpty else {
            throw TrainingError(.input, "--set unfreeze=\(text): nothing is frozen; give --freeze PATTERN too")
        }
    }

    /// Refuses patterns that match nothing, and a model of which nothing would be left to train.
    public func check(_ model: any Module) throws {
        let names = model.namedParameters.map(\.name)
        for pattern in frozen where !names.contains(where: { Self.matches(pattern, $0) }) {
            throw TrainingError(
                .input, "--freeze \(pattern): matches no parameter; there are \(names.joined(separator: ", "))")
        }
        let left = names.filter { name in frozen.contains { Self.matches($0, name) } }
        guard left.count < names.count else {
            throw TrainingError(.input, "--freeze \(frozen.joined(separator: ",")): leaves nothing to train")
        }
        for thaw in thaws where !left.contains(where: { Self.matches(thaw.pattern, $0) }) {
            throw TrainingError(
                .input,
                "--set unfreeze=\(thaw.epoch):\(thaw.pattern): matches no frozen parameter; frozen are \(left.joined(separator: ", "))"
            )
        }
    }

    /// Freezes what is frozen in an epoch, counted from 0, and nothing else.
    public func apply(to model: any Module, epoch: Int) {
        for (name, parameter) in model.namedParameters {
            parameter.isFrozen =
                frozen.contains { Self.matches($0, name) }
                && !thaws.contains { $0.epoch <= epoch + 1 && Self.matches($0.pattern, name) }
        }
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}
