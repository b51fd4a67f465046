import MartletCore

/// Searches the kernel variants of a device, class of shapes by class of shapes. `martlet tune` runs it.
///
/// A candidate is taken where it gives the shipped variant's results within the conformance suite's tolerance and takes less
/// time than the best so far, both timed in turns; parameters are varied one after the other until none helps. What wins must
/// pass the family's conformance cases before it is kept.
public final class Tuner {
    /// What a search for one class of shapes came to.
    public struct Result: Sendable {
        public var kernel: String
        public var shapeClass: String
        /// Milliseconds that the class's cases take together with the shipped parameters, or those found earlier, and with the
        /// best.
        public var before: Double
        public var after: Double
        public var parameters: KernelParameters
        /// Candidates looked at.
        public var tried: Int
        public var passedOver: [PassedOver]
    }

    /// A candidate that cannot be used on this device.
    public struct PassedOver: Sendable {
        public var parameters: KernelParameters
        public var reason: String
    }

    public enum Event {
        /// A candidate is about to be tried: its number in its class, what it is and the gain so far, 0.1 for a tenth less time.
        case trying(kernel: String, shapeClass: String, number: Int, parameters: KernelParameters, gain: Double)
        case passedOver(kernel: String, shapeClass: String, PassedOver)
        case finished(Result)
    }

    private let device: any TunableDevice
    private let log: TuningLog
    private let isOver: () -> Bool

    package var logPath: String { log.path }

    /// Tried beside the space's, first: for tests.
    package var extraCandidates: [KernelParameters] = []
    /// Rounds of a comparison, and of the second one that a better candidate must win.
    package var rounds = (first: 5, second: 9)
    /// Cases of a class; nil for all.
    package var mostCases: Int?
    /// In place of the clock, the time that some parameters take: for tests.
    package var pretendedTime: ((KernelParameters) -> Double)?
    /// - Parameters:
    ///   - isOver: asked before each candidate; true ends the search, which the next one goes on with.
    /// - Throws: `DataError` where nothing can be kept, `DeviceError` where another program is tuning this device.
    public init(_ device: any TunableDevice, isOver: @escaping () -> Bool = { false }) throws {
        self.device = device
        self.isOver = isOver
        log = try TuningLog(device)
    }

    /// Searches all kernels whose name with a class (`Matmul/large`) contains `filter`, whatever its case.
    ///
    /// - Returns: what was found, and whether the search came to its end.
    /// - Throws: `DeviceError` where the shipped variants fail the conformance suite, or a result cannot be kept.
    public func run(filter: String = "", reporting report: (Event) -> Void = { _ in }) throws -> (
        results: [Result], isComplete: Bool
    ) {
        var results: [Result] = []
        return try withDevice(device) {
            for (kernel, shapeClass) in Tuner.work(on: device, filter: filter) {
                var result = log.result(kernel, shapeClass.name)
                if result == nil {
                    if isOver() { return (results, false) }
                    result = try search(kernel, shapeClass, report)
                    if let result { try log.note(result, kernel) }
                }
                guard let result else { return (results, false) }
                report(.finished(result))
                results.append(result)
            }
            try log.forget(Tuner.work(on: device, filter: filter))
            return (results, true)
        }
    }

    /// What there is to search.
    public static func work(
        on device: any TunableDevice, filter: String
    ) -> [(kernel: TunableKernel, shapeClass: TunableKernel.ShapeClass)] {
        let wanted = filter.lowercased()
        return device.tunableKernels.flatMap { kernel in
            kernel.classes.map { (kernel, $0) }.filter {
                wanted.isEmpty || "\($0.0.name)/\($0.1.name)".lowercased().contains(wanted)
            }
        }
    }

    /// Nil where it was ended before its time.
    private func search(
        _ kernel: TunableKernel, _ shapeClass: TunableKernel.ShapeClass, _ report: (Event) -> Void
    ) throws -> Result? {
        let cases = TuningCase.all(of: kernel.name, for: shapeClass.name)
        let start = device.parameters(of: kernel.name, for: shapeClass.name)
        let contest = try Contest(
            device, kernel: kernel.name, shapeClass: shapeClass.name, cases: Array(cases.prefix(mostCases ?? cases.count)))
        var search = Search(self, kernel, shapeClass, contest, start)
        defer { device.use(start, of: kernel.name, for: shapeClass.name, isTrial: false) }
        if search.isNew, let failure = try conformanceFailure(kernel) {
            throw DeviceError(
                .kernel, "\(device.info.id): its kernels are wrong before any is changed (\(failure)); update its driver")
        }
        guard try search.run(report) else { return nil }
        var winner = start
        for candidate in search.ranking where candidate != start {
            device.use(candidate, of: kernel.name, for: shapeClass.name, isTrial: true)
            guard let failure = try conformanceFailure(kernel) else {
                winner = candidate
                break
            }
            let note = PassedOver(parameters: candidate, reason: "it fails the conformance suite: \(failure)")
            search.passedOver.append(note)
            report(.passedOver(kernel: kernel.name, shapeClass: shapeClass.name, note))
        }
        let before = try contest.milliseconds(start), after = winner == start ? before : try contest.milliseconds(winner)
        if winner != start {
            device.use(winner, of: kernel.name, for: shapeClass.name, isTrial: false)
            try device.keepParameters(of: kernel.name, for: shapeClass.name)
        }
        return Result(
            kernel: kernel.name, shapeClass: shapeClass.name, before: before, after: after, parameters: winner,
            tried: search.number, passedOver: search.passedOver)
    }

    /// What of a kernel's op family is wrong; nil where nothing is.
    private func conformanceFailure(_ kernel: TunableKernel) throws -> String? {
        let report = Conformance.run(on: device, families: [TuningCase.family(of: kernel.name)], mostDraws: 2)
        return report.failures.first.map { "\($0.family)/\($0.name): \($0.what)" }
    }
}

// MARK: - Descent

extension Tuner {
    /// One axis after the other, each value against the best so far; a small space whole.
    private struct Search {
        private let tuner: Tuner
        private let kernel: TunableKernel
        private let shapeClass: TunableKernel.ShapeClass
        private let contest: Contest
        private var best: KernelParameters
        /// The best's time, the start's being 1.
        private var bestTime = 1.0
        private(set) var number = 0
        var passedOver: [PassedOver] = []
        /// The best first.
        var ranking: [KernelParameters] { improvements.reversed() }
        private var improvements: [KernelParameters] = []
        private var seen: Set<KernelParameters> = []

        private static let wholeSpace = 64
        private static let passes = 3
        /// Less than this of the best's time counts as better.
        private static let better = 0.98

        init(
            _ tuner: Tuner, _ kernel: TunableKernel, _ shapeClass: TunableKernel.ShapeClass, _ contest: Contest,
            _ start: KernelParameters
        ) {
            self.tuner = tuner
            self.kernel = kernel
            self.shapeClass = shapeClass
            self.contest = contest
            best = start
            improvements = [start]
            seen = [start]
        }
        /// Whether no earlier search that was ended had begun it.
        var isNew: Bool {
            firstCandidates.allSatisfy {
                tuner.log.outcome(TuningLog.key(kernel, shapeClass.name, best: best, candidate: $0)) == nil
            }
        }
        private var firstCandidates: [KernelParameters] {
            tuner.extraCandidates + (wholeSpace ?? around(best, shapeClass.axes.first))
        }

        /// False where it was ended before its time.
        mutating func run(_ report: (Event) -> Void) throws -> Bool {
            for candidate in tuner.extraCandidates where try !consider(candidate, report) { return false }
            if let all = wholeSpace {
                for candidate in all where try !consider(candidate, report) { return false }
                return true
            }
            for _ in 0..<Search.passes {
                let before = best
                for axis in shapeClass.axes {
                    for candidate in around(best, axis) where try !consider(candidate, report) { return false }
                }
                if best == before { break }
            }
            return true
        }

        /// Every combination, where there are few or nothing to start from.
        private var wholeSpace: [KernelParameters]? {
            let count = shapeClass.axes.reduce(1) { $0 * $1.values.count }
            guard count <= Search.wholeSpace || best.isEmpty else { return nil }
            return shapeClass.axes.reduce([[:]]) { all, axis in
                all.flatMap { parameters in axis.values.map { parameters.merging([axis.name: $0]) { $1 } } }
            }
        }

        private func around(_ parameters: KernelParameters, _ axis: TunableKernel.Axis?) -> [KernelParameters] {
            guard let axis else { return [] }
            return axis.values.map { parameters.merging([axis.name: $0]) { $1 } }
        }

        /// Tries a candidate, or takes what is known of it; false where the search is to end.
        private mutating func consider(_ candidate: KernelParameters, _ report: (Event) -> Void) throws -> Bool {
            guard seen.insert(candidate).inserted else { return true }
            number += 1
            let key = TuningLog.key(kernel, shapeClass.name, best: best, candidate: candidate)
            var outcome = tuner.log.outcome(key)
            if outcome == nil {
                if tuner.isOver() { return false }
                report(
                    .trying(
                        kernel: kernel.name, shapeClass: shapeClass.name, number: number, parameters: candidate,
                        gain: 1 - bestTime))
                try tuner.log.begin(key)
                let measured = try measure(candidate)
                try tuner.log.note(key, measured)
                outcome = measured
            }
            switch outcome {
            case .unusable(let reason):
                let note = PassedOver(parameters: candidate, reason: reason)
                passedOver.append(note)
                report(.passedOver(kernel: kernel.name, shapeClass: shapeClass.name, note))
            case .ratio(let ratio) where ratio < Search.better:
                best = candidate
                bestTime *= ratio
                improvements.append(candidate)
                seen = [candidate]
            default: break
            }
            return true
        }

        private func measure(_ candidate: KernelParameters) throws -> TuningLog.Outcome {
            defer { tuner.device.use(best, of: kernel.name, for: shapeClass.name, isTrial: false) }
            if let flaw = contest.flaw(of: candidate) { return .unusable(flaw) }
            if let time = tuner.pretendedTime { return .ratio(time(candidate) / time(best)) }
            let first = try contest.ratio(of: candidate, to: best, rounds: tuner.rounds.first)
            guard first < Search.better else { return .ratio(first) }
            return .ratio(max(first, try contest.ratio(of: candidate, to: best, rounds: tuner.rounds.second)))
        }
    }
}
