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

    @Option(help: "weights for --model (.safetensors)")
    var weights: String?

    @Option(name: .customLong("set"), help: "a hyper-parameter of the model, key=value")
    var settings: [String] = []
}

/// A model ready to use, and what it was trained on.
struct LoadedModel {
    let layer: any Layer
    let description: ModelDescription
    let shape: [Int]
    let classes: [String]
    /// The data of the run.
    let data: String?
    let settings: Settings
    let seed: UInt64

    /// Loads a run's best weights, or a model with a weight file.
    init(_ options: ModelOptions, shape fallback: (shape: [Int], classes: [String])?) throws {
        switch (options.run, options.model, options.weights) {
        case (let run?, nil, nil):
            guard options.settings.isEmpty else {
                throw TrainingError(.input, "--set: a run brings its own settings; drop --set")
            }
            let folder = try RunFolder(opening: run)
            let configuration = try RunConfiguration(reading: folder.configurationPath)
            description = try blaming(folder.configurationPath) { try ModelCatalog.named(configuration.model) }
            (shape, classes, data) = (configuration.inputShape, configuration.classes, configuration.data)
            settings = Settings(configuration.settings)
            seed = configuration.seed
            layer = try blaming(folder.configurationPath) { [description, settings, shape, classes] in
                try description.build(settings, shape: ModelShape(input: shape, classes: classes.count))
            }
            try ModelState.load(try folder.weights(), into: layer)
        case (nil, let name?, let weights?):
            description = try ModelCatalog.named(name)
            guard let fallback else {
                throw TrainingError(.input, "--model \(name): give --data too, which says the shape and the classes")
            }
            (shape, classes, data) = (fallback.shape, fallback.classes, nil)
            settings = try Settings(parsing: options.settings)
            seed = 0
            try settings.check(against: description.settings + DataRecipe.keys, of: name)
            layer = try description.build(settings, shape: ModelShape(input: shape, classes: classes.count))
            try ModelState.load(try SafeTensors.read(weights), into: layer)
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

/// Names the file that brought a setting which is refused.
func blaming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as TrainingError where error.kind == .input && !error.description.hasPrefix(path) {
        throw TrainingError(.input, "\(path): \(error)")
    }
}
