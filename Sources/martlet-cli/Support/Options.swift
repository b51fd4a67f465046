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
    func source() throws -> TrainedSource {
        switch (run, model, weights) {
        case (let run?, nil, nil):
            guard settings.isEmpty else { throw TrainingError(.input, "--set: a run brings its own settings; drop --set") }
            return try TrainedSource(run: run)
        case (nil, let name?, let weights?):
            return .weights(try ModelCatalog.named(name), path: weights, try Settings(parsing: settings))
        default:
            throw TrainingError(.input, "which model? give --run DIR, or --model MODEL with --weights FILE")
        }
    }
}

extension Devices.Choice {
    /// Says on standard error which device `auto` took, and why; of one that is used for the first time, that tuning helps.
    func announce() {
        if let note { Console.note(note) }
        if let advice = (device as? any TunableDevice)?.firstUseAdvice() { Console.note(advice) }
    }
}
