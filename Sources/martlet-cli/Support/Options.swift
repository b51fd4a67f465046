import ArgumentParser
import Foundation
import Martlet

/// Options that most commands take.
struct DeviceOptions: ParsableArguments {
    @Option(help: "auto, cpu, opencl or opencl:PLATFORM[.DEVICE] (default: auto)")
    var device: String?

    @Option(parsing: .unconditional, help: "threads of the CPU path, 1 to 1024")
    var threads: Int?

    @Flag(help: "results as JSON on standard output")
    var json = false

    /// The device asked for, and what is to be said of it once the rest of the request has proved sound.
    func choose(_ file: ConfigurationFile = ConfigurationFile()) throws -> Devices.Choice {
        // What an OpenCL run recorded there are the compute units of its device.
        let isOpenCL = file.string("device")?.hasPrefix("opencl") ?? false
        let threads = try threads ?? (isOpenCL ? nil : file.value("threads", as: Int.self))
        if let threads, !(1...1024).contains(threads) {
            throw TrainingError(.input, "--threads \(threads): give 1 to 1024")
        }
        return try Devices.choose(device ?? file.string("device") ?? "auto", threads: threads)
    }
}

/// A trained model: a run, or a model's name with weights.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("the folder of a run", valueName: "dir"))
    var run: String?

    @Option(help: "a model by name, with --weights")
    var model: String?

    @Option(help: ArgumentHelp("weights for --model: \(WeightFile.formats)", valueName: "file"))
    var weights: String?

    @Option(name: .customLong("set"), help: "a hyper-parameter of the model, key=value")
    var settings: [String] = []

    /// Where the model comes from.
    func source() throws -> TrainedSource { try source(with: Settings(parsing: settings)) }

    /// The same, and apart from it those of the settings that are about measuring a model.
    func measured() throws -> (source: TrainedSource, settings: Settings) { try divided(\.evaluationSettings) }

    /// The same, and apart from it those that are about how it computes.
    func used() throws -> (source: TrainedSource, settings: Settings) { try divided(\.usageSettings) }

    private func divided(_ own: (any Workload) -> [Settings.Key]) throws -> (source: TrainedSource, settings: Settings) {
        let given = try Settings(parsing: settings).values
        let keys = Set(own(try source(with: Settings()).model().workload).map(\.name))
        return (
            try source(with: Settings(given.filter { !keys.contains($0.key) })), Settings(given.filter { keys.contains($0.key) })
        )
    }

    private func source(with given: Settings) throws -> TrainedSource {
        switch (run, model, weights) {
        case (let run?, nil, nil):
            guard given.values.isEmpty else { throw TrainingError(.input, "--set: a run brings its own settings; drop --set") }
            return try TrainedSource(run: run)
        case (nil, let name?, let weights?):
            return .weights(try ModelCatalog.named(name), path: weights, given)
        default:
            throw TrainingError(.input, "which model? give --run DIR, or --model MODEL with --weights FILE")
        }
    }
}

extension Console {
    /// Says what was left out of some data, and how much.
    static func note(leftOut problems: [DataError]) {
        if problems.isEmpty { return }
        for problem in problems.prefix(5) { note("left out: \(problem)") }
        note(
            "left out \(problems.count) \(problems.count == 1 ? "file" : "files") that cannot be used"
                + (problems.count > 5 ? "; martlet data check lists them all" : "") + " (--strict refuses them)")
    }
}

extension Devices.Choice {
    /// Says on standard error which device `auto` took, and why; of one that is used for the first time, that tuning helps.
    func announce() {
        if let note { Console.note(note) }
        if let advice = (device as? any TunableDevice)?.firstUseAdvice() { Console.note(advice) }
    }
}
