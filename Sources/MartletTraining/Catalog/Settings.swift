/// Hyper-parameters given by name, as `--set key=value` has them. Every one must be asked for by a model, optimizer, schedule or
/// recipe; one that nobody asks for is refused.
public struct Settings: Sendable, Hashable {
    public var values: [String: String]

    public init(_ values: [String: String] = [:]) { self.values = values }

    /// From `key=value` texts; a later one wins.
    public init(parsing assignments: [String]) throws {
        values = [:]
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
                throw TrainingError(.input, "--set \(assignment): give it as key=value")
            }
            values[String(assignment[..<equals])] = String(assignment[assignment.index(after: equals)...])
        }
    }

    /// A description of a setting, for `--list` and for refusals.
    public struct Key: Sendable, Hashable {
        public let name: String
        public let standard: String
        public let summary: String

        public init(_ name: String, _ standard: String, _ summary: String) {
            self.name = name
            self.standard = standard
            self.summary = summary
        }
    }

    /// Throws where a key is not among those that are known.
    public func check(against keys: [Key], of owner: String) throws {
        let known = Set(keys.map(\.name))
        for key in values.keys.sorted() where !known.contains(key) {
            throw TrainingError(
                .input,
                "--set \(key)=...: \(owner) has no such setting; it has \(keys.map(\.name).sorted().joined(separator: ", "))")
        }
    }

    public func string(_ key: Key) -> String { values[key.name] ?? key.standard }

    public func integer(_ key: Key, in range: ClosedRange<Int>) throws -> Int {
        guard let value = Int(string(key)), range.contains(value) else {
            throw refusal(key, "give a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    public func number(_ key: Key, in range: ClosedRange<Double>) throws -> Double {
        guard let value = Double(string(key)), range.contains(value) else {
            throw refusal(key, "give a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    public func bool(_ key: Key) throws -> Bool {
        switch string(key) {
        case "true", "yes", "1": return true
        case "false", "no", "0": return false
        default: throw refusal(key, "give true or false")
        }
    }

    /// Whole numbers separated by commas; empty text is none.
    public func integers(_ key: Key, in range: ClosedRange<Int>) throws -> [Int] {
        try string(key).split(separator: ",").map { part in
            guard let value = Int(part), range.contains(value) else {
                throw refusal(key, "give whole numbers from \(range.lowerBound) to \(range.upperBound), separated by commas")
            }
            return value
        }
    }

    public func choice(_ key: Key, of choices: [String]) throws -> String {
        guard choices.contains(string(key)) else { throw refusal(key, "give one of \(choices.joined(separator: ", "))") }
        return string(key)
    }

    private func refusal(_ key: Key, _ remedy: String) -> TrainingError {
        TrainingError(.input, "--set \(key.name)=\(string(key)): \(remedy)")
    }
}
