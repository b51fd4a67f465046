import ArgumentParser
import Foundation
import Martlet

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Lists names, shapes and types in a weight file or a run.",
        discussion: "With --model it tells instead which of a model's tensors the file lacks, or has of another shape or besides."
    )

    @Argument(help: ArgumentHelp("a weight file (\(WeightFile.formats)), or the folder of a run"))
    var file: String

    @Option(help: "a model by name, to hold the file against")
    var model: String?

    @Option(parsing: .unconditional, help: "how many classes the model tells apart")
    var classes = 1000

    @Option(name: .customLong("set"), help: "a hyper-parameter of the model, key=value")
    var settings: [String] = []

    @Flag(help: "results as JSON on standard output")
    var json = false

    func run() throws {
        let weights = try readWeights(file)
        for note in weights.notes { Console.note("note: \(file) \(note)") }
        if let model { return try compare(weights, with: try ModelCatalog.named(model)) }
        if !settings.isEmpty { throw TrainingError(.input, "--set: goes with --model") }
        if json {
            let tensors = weights.entries.map { entry -> JSON in
                [
                    "name": .string(entry.name), "shape": .array(entry.shape.map { .integer($0) }),
                    "type": .string(entry.type.rawValue),
                ]
            }
            Console.result(
                JSON.object([
                    ("tensors", .array(tensors)), ("format", .string(weights.format.rawValue)),
                    ("metadata", .object(weights.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
                ]).text)
            return
        }
        let name = weights.entries.map(\.name.count).max() ?? 0, shape = weights.entries.map { "\($0.shape)".count }.max() ?? 0
        for entry in weights.entries {
            Console.result("\(padded(entry.name, name))  \(padded("\(entry.shape)", shape))  \(entry.type.rawValue)")
        }
        let values = weights.entries.reduce(0) { $0 + $1.count }
        Console.result("\(weights.entries.count) tensors, \(values) values (\(weights.format.rawValue))")
    }

    private func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: width - text.count) }

    /// Tells what does not fit, in one table.
    private func compare(_ weights: WeightFile, with description: ModelDescription) throws {
        guard (1...1_000_000).contains(classes) else { throw TrainingError(.input, "--classes \(classes): give 1 to 1000000") }
        guard let classifier = description.classifier else {
            throw TrainingError(.input, "--model \(description.name): give a model that tells classes apart")
        }
        let settings = try Settings(parsing: settings)
        try settings.check(against: description.settings, of: description.name)
        let side = classifier.imageSize ?? 28
        let shape = ModelShape(input: [description.isForPhotos ? 3 : 1, side, side], classes: classes)
        _ = try Devices.choose("cpu")
        let fit = WeightFit(weights, try description.build(settings, shape: shape))
        if json {
            func extents(_ shape: [Int]?) -> JSON { shape.map { .array($0.map { .integer($0) }) } ?? .null }
            let misfits = fit.misfits.map { misfit -> JSON in
                [
                    "name": .string(misfit.name), "problem": .string(misfit.problem.rawValue), "model": extents(misfit.wanted),
                    "file": extents(misfit.stored),
                ]
            }
            Console.result(JSON.object([("fitting", .integer(fit.fitting)), ("misfits", .array(misfits))]).text)
            return
        }
        for line in fit.table { Console.result(line) }
        Console.result("\(fit.fitting) tensors fit \(description.name), \(fit.misfits.count) do not")
    }
}
