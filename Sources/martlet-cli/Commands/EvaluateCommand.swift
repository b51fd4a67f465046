import ArgumentParser
import Martlet

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures a trained model on a part of its data.")

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(help: "the data; a run's own where not given")
    var data: String?

    @Option(help: "train, val or test, for detectors also all; test where there is one, else val")
    var split: String?

    @Option(parsing: .unconditional, help: "samples at once, 1 or more; by default 256, fewer of large ones")
    var batchSize: Int?

    @Flag(help: "refuses bad photos in place of leaving them out")
    var strict = false

    func run() throws {
        if let batchSize, batchSize < 1 { throw TrainingError(.input, "--batch-size \(batchSize): give 1 or more") }
        let choice = try options.choose()
        let (trained, settings) = try source.measured()
        let plan = EvaluationPlan(
            source: trained, data: data, split: split, batchSize: batchSize, settings: settings, isStrict: strict)
        let model = try plan.source.model()
        let (name, result) = try withDevice(choice.device) { try model.workload.evaluate(plan) }
        choice.announce()
        for note in result.notes { Console.note("note: \(note)") }
        Console.note(leftOut: result.leftOut)
        if options.json {
            Console.result(
                JSON.object(
                    [
                        ("split", .string(name)), ("loss", .number(result.loss)),
                        ("metrics", .object(result.metrics.map { ($0.name, .number($0.value)) })),
                        ("samples", .integer(result.samples)), ("seconds", .number(result.seconds)),
                        ("skipped", .integer(result.leftOut.count)),
                    ] + result.details.map { ($0.name, $0.value) }
                ).text)
            return
        }
        let metrics = result.metrics.map { "\($0.name) \(shown($0.name, $0.value))" }.joined(separator: "  ")
        Console.result(
            "\(name): \(metrics)  loss \(decimals(result.loss))  (\(result.samples) samples, \(decimals(result.seconds, 2)) s)")
        for (name, value) in result.details { Console.result("    \(name): \(value.plainText)") }
    }
}
