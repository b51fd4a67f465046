import MartletNN

/// How long a run is, for schedules that depend on it.
public struct RunLength: Sendable, Hashable {
    public var steps: Int
    public var stepsPerEpoch: Int

    public init(steps: Int, stepsPerEpoch: Int) {
        self.steps = steps
        self.stepsPerEpoch = stepsPerEpoch
    }
}

/// A schedule that the command line knows by name.
public struct ScheduleDescription: Sendable {
    public let name: String
    public let settings: [Settings.Key]
    let make: @Sendable (Settings, RunLength) throws -> any Schedule

    /// Builds the schedule, behind a linear warm-up where one is set.
    public func build(_ settings: Settings, length: RunLength) throws -> any Schedule {
        let schedule = try make(settings, length)
        let warmUp = try settings.integer(ScheduleCatalog.warmUp, in: 0...1_000_000_000)
        return warmUp > 0 && !["noam", "inverse-sqrt", "plateau"].contains(name)
            ? WarmUpSchedule(steps: warmUp, then: schedule, overlapping: true) : schedule
    }
}

/// All schedules by name. Those that count epochs change once an epoch.
public enum ScheduleCatalog {
    public static let all: [ScheduleDescription] = [
        constant, step, multistep, exponential, cosine, restarts, oneCycle, noam, inverseSquareRoot, plateau,
    ]

    /// The schedule of this name.
    public static func named(_ name: String) throws -> ScheduleDescription {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw TrainingError(
            .input, "--schedule \(name): there is no such schedule; there are \(all.map(\.name).joined(separator: ", "))")
    }

    /// The settings that all schedules have.
    public static let common = [warmUp]
    static let warmUp = Settings.Key("warmup", "0", "steps over which the rate rises to its full value")
    private static let gamma = Settings.Key("gamma", "0.1", "what the rate is multiplied by")
    private static let minimum = Settings.Key("minimum", "0", "the lowest rate, as a share of the first")

    private static let constant = ScheduleDescription(name: "constant", settings: []) { _, _ in ConstantSchedule() }

    private static let step: ScheduleDescription = {
        let every = Settings.Key("every", "10", "epochs between reductions")
        return ScheduleDescription(name: "step", settings: [every, gamma]) { settings, length in
            StepSchedule(
                every: try settings.integer(every, in: 1...1_000_000) * length.stepsPerEpoch,
                gamma: try settings.number(gamma, in: 0...1))
        }
    }()

    private static let multistep: ScheduleDescription = {
        let milestones = Settings.Key("milestones", "", "epochs at which the rate is reduced, separated by commas")
        return ScheduleDescription(name: "multistep", settings: [milestones, gamma]) { settings, length in
            let epochs = try settings.integers(milestones, in: 1...1_000_000)
            if epochs.isEmpty { throw TrainingError(.input, "--schedule multistep: give --set milestones=EPOCH,EPOCH,...") }
            return MultiStepSchedule(
                milestones: epochs.map { $0 * length.stepsPerEpoch }, gamma: try settings.number(gamma, in: 0...1))
        }
    }()

    private static let exponential: ScheduleDescription = {
        let gamma = Settings.Key("gamma", "0.95", "what the rate is multiplied by each epoch")
        return ScheduleDescription(name: "exponential", settings: [gamma]) { settings, length in
            StepSchedule(every: length.stepsPerEpoch, gamma: try settings.number(gamma, in: 0...1))
        }
    }()

    private static let cosine = ScheduleDescription(name: "cosine", settings: [minimum]) { settings, length in
        CosineSchedule(steps: max(length.steps, 1), minimum: try settings.number(minimum, in: 0...1))
    }

    private static let restarts: ScheduleDescription = {
        let first = Settings.Key("first", "10", "epochs of the first cycle")
        let multiplier = Settings.Key("multiplier", "1", "how many times longer each cycle is than the one before")
        return ScheduleDescription(name: "cosine-restarts", settings: [first, multiplier, minimum]) { settings, length in
            CosineRestartsSchedule(
                first: try settings.integer(first, in: 1...1_000_000) * length.stepsPerEpoch,
                multiplier: try settings.integer(multiplier, in: 1...100), minimum: try settings.number(minimum, in: 0...1))
        }
    }()

    private static let oneCycle: ScheduleDescription = {
        let rising = Settings.Key("rising", "0.3", "share of the run in which the rate rises")
        return ScheduleDescription(name: "one-cycle", settings: [rising]) { settings, length in
            OneCycleSchedule(steps: max(length.steps, 1), risingShare: try settings.number(rising, in: 0...1))
        }
    }()

    private static let noam: ScheduleDescription = {
        let width = Settings.Key("schedule_width", "512", "width of the model the rate is scaled by")
        let steps = Settings.Key("warmup", "4000", "steps over which the rate rises")
        return ScheduleDescription(name: "noam", settings: [width]) { settings, _ in
            InverseSquareRootSchedule(
                warmUp: try settings.integer(steps, in: 1...1_000_000_000), width: try settings.integer(width, in: 1...1_000_000))
        }
    }()

    private static let inverseSquareRoot: ScheduleDescription = {
        let steps = Settings.Key("warmup", "1000", "steps over which the rate rises")
        return ScheduleDescription(name: "inverse-sqrt", settings: []) { settings, _ in
            InverseSquareRootSchedule(peakAfter: try settings.integer(steps, in: 1...1_000_000_000))
        }
    }()

    private static let plateau: ScheduleDescription = {
        let patience = Settings.Key("patience", "3", "epochs without a better validation loss that are borne")
        return ScheduleDescription(name: "plateau", settings: [patience, gamma, minimum]) { settings, _ in
            PlateauSchedule(
                gamma: try settings.number(gamma, in: 1e-6...0.999999),
                patience: try settings.integer(patience, in: 0...1_000_000),
                minimum: try settings.number(minimum, in: 0...1))
        }
    }()
}
