import MartletData
import MartletNN

/// How the tensors of a weight file and those of a model fit together, by name and shape.
public struct WeightFit: Sendable {
    /// A tensor at fault.
    public struct Misfit: Sendable, Hashable {
        public enum Problem: String, Sendable {
            case missing, unexpected
            case shape = "of another shape"
        }

        public let name: String
        public let problem: Problem
        /// In the model; nil where it has no such tensor.
        public let wanted: [Int]?
        /// In the file; nil where it has no such tensor.
        public let stored: [Int]?
    }

    /// In the model's order, then in the file's.
    public let misfits: [Misfit]
    /// How many tensors agree.
    public let fitting: Int
    /// What was made of the file's names, and what it holds besides; for people.
    public let notes: [String]
    /// The file's tensors by the model's names.
    let stored: [String: StoredTensor]
    private let path: String

    /// What data-parallel training puts before every name.
    private static let wrapper = "module."

    /// - Parameter leaving: tells the names of the model's tensors that the file need not have; what it has of them is not looked at.
    public init(_ file: WeightFile, _ model: any Module, leaving: (String) -> Bool = { _ in false }) {
        let wanted =
            model.namedParameters.map { ($0.name, $0.parameter.shape) }
            + model.namedBuffers.map { ($0.name, $0.buffer.value.shape) }
        // Counted by PyTorch's batch normalisation and used by none here.
        var entries = file.entries.filter { !$0.name.hasSuffix("num_batches_tracked") }
        var notes = file.notes
        if !entries.isEmpty, entries.allSatisfy({ $0.name.hasPrefix(Self.wrapper) }),
            !wanted.contains(where: { $0.0.hasPrefix(Self.wrapper) })
        {
            entries = entries.map { $0.named(String($0.name.dropFirst(Self.wrapper.count))) }
            notes.append("takes '\(Self.wrapper)' off its names, which data-parallel training put there")
        }
        if let naming = model as? any WeightNaming {
            let left = entries.filter { naming.ownName(ofStored: $0.name) == nil }.map(\.name)
            if !left.isEmpty {
                let more = left.count > 3 ? " and \(left.count - 3) more" : ""
                notes.append("holds \(left.prefix(3).joined(separator: ", "))\(more), which this model does without")
            }
            entries = entries.compactMap { entry in naming.ownName(ofStored: entry.name).map { entry.named($0) } }
        }
        let stored = Dictionary(entries.map { ($0.name, $0) }) { first, _ in first }
        var misfits: [Misfit] = []
        var fitting = 0
        for (name, shape) in wanted where !leaving(name) {
            let entry = stored[name]
            if let entry, entry.shape == shape {
                fitting += 1
            } else {
                misfits.append(
                    Misfit(name: name, problem: entry == nil ? .missing : .shape, wanted: shape, stored: entry?.shape))
            }
        }
        let names = Set(wanted.map(\.0))
        misfits += entries.filter { !names.contains($0.name) && !leaving($0.name) }.map {
            Misfit(name: $0.name, problem: .unexpected, wanted: nil, stored: $0.shape)
        }
        self.misfits = misfits
        self.fitting = fitting
        self.notes = notes
        self.stored = stored
        path = file.path
    }

    /// The refusal, in one line; nil where all fits.
    public var refusal: TrainingError? {
        if misfits.isEmpty { return nil }
        let shown = misfits.prefix(8).map { misfit in
            switch misfit.problem {
            case .missing: "\(misfit.name) is missing"
            case .unexpected: "\(misfit.name) is unexpected"
            case .shape: "\(misfit.name) is \(misfit.stored ?? []), not \(misfit.wanted ?? [])"
            }
        }
        let rest = misfits.count > 8 ? " and \(misfits.count - 8) more (martlet inspect \(path) --model NAME lists all)" : ""
        let other = fitting == 0 ? "none of its tensors fits this model" : "does not fit this model"
        return TrainingError(.input, "\(path): \(other): \(shown.joined(separator: ", "))\(rest)")
    }

    /// All misfits as lines of a table; empty where all fits.
    public var table: [String] {
        if misfits.isEmpty { return [] }
        func text(_ shape: [Int]?) -> String { shape.map { "\($0)" } ?? "-" }
        let rows =
            [["tensor", "problem", "model", "file"]]
            + misfits.map { [$0.name, $0.problem.rawValue, text($0.wanted), text($0.stored)] }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
    }
}
