import MartletCore

/// The conformance suite: every op of every family on a device, against naive float64 references. `martlet verify` and the
/// tests both run it.
public enum Conformance {
    /// Something that a device did wrong.
    public struct Failure: Sendable, Codable, Hashable, CustomStringConvertible {
        public var family: String
        public var name: String
        /// What was compared and how it differs.
        public var what: String
        /// The shapes, layouts and options of the inputs.
        public var shapes: String
        /// Repeats the case: `Conformance.run(on:filter:seed:)` with the run's seed draws the same inputs.
        public var seed: UInt64

        public var description: String { "\(family)/\(name): \(what) [\(shapes); seed \(seed)]" }
    }

    /// The outcome of a run, counted in cases.
    public struct Report: Sendable, Codable {
        /// The device's id.
        public var device: String
        public var passed = 0
        public var failed = 0
        public var skipped = 0
        public var failures: [Failure] = []

        init(device: String) { self.device = device }
    }

    /// The seed of the inputs unless another is asked for.
    public static let defaultSeed: UInt64 = 2026

    /// Every case, family by family.
    public static var cases: [ConformanceCase] { OpFamily.allCases.flatMap(\.cases) }

    /// Runs the suite on a device.
    ///
    /// - Parameters:
    ///   - filter: only cases whose `Family/name` contains this text, whatever its case; all where it is empty.
    ///   - families: only these.
    ///   - seed: what the inputs are drawn from.
    ///   - mostDraws: how many sets of inputs a case gets at most; all that it has where nil.
    ///   - progress: called before each case with its name, its number and how many there are.
    public static func run(
        on device: any Device, filter: String = "", families: [OpFamily] = OpFamily.allCases,
        seed: UInt64 = defaultSeed, mostDraws: Int? = nil,
        progress: (_ name: String, _ number: Int, _ count: Int) -> Void = { _, _, _ in }
    ) -> Report {
        let wanted = filter.lowercased()
        let chosen = families.flatMap(\.cases).filter { wanted.isEmpty || $0.fullName.lowercased().contains(wanted) }
        var report = Report(device: device.info.id)
        for (number, conformanceCase) in chosen.enumerated() {
            progress(conformanceCase.fullName, number, chosen.count)
            switch withDevice(device, { conformanceCase.outcome(on: device, seed: seed, mostDraws: mostDraws) }) {
            case .passed: report.passed += 1
            case .skipped: report.skipped += 1
            case .failed(let failures):
                report.failed += 1
                report.failures += failures
            }
        }
        return report
    }
}

extension ConformanceCase {
    enum Outcome {
        case passed, skipped
        case failed([Conformance.Failure])
    }

    var fullName: String { "\(family.rawValue)/\(name)" }

    /// Runs all draws; the first thing that is wrong in each is told.
    func outcome(on device: any Device, seed base: UInt64, mostDraws: Int?) -> Outcome {
        var failures: [Conformance.Failure] = []
        for draw in 0..<min(draws, mostDraws ?? draws) {
            let seed = CaseRandom.seed(base, fullName, draw)
            var random = CaseRandom(seed: seed)
            var shapes = ""
            do {
                switch body {
                case .procedure(let run):
                    try run(device, &random)
                case .comparison(let make):
                    var comparison = make(&random, draw)
                    if draw > 0 { comparison.varyLayouts(&random) }
                    shapes = comparison.summary + ", draw \(draw)"
                    // Inputs, results, gradients and copies of them.
                    if comparison.inputs.reduce(0, { $0 + $1.count * 4 }) * 16 > device.info.memoryBytes { return .skipped }
                    try comparison.check(on: device, &random)
                }
            } catch {
                failures.append(.init(family: family.rawValue, name: name, what: "\(error)", shapes: shapes, seed: base))
            }
        }
        return failures.isEmpty ? .passed : .failed(failures)
    }
}
