import ArgumentParser
import Foundation
import Martlet

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a model and writes a run folder.",
        discussion: "With --resume DIR it goes on with a run where it stopped; the model and the recipe are the run's.")

    @Argument(help: "a model by name; --list describes them")
    var model: String?

    @Flag(help: "describes every model, its defaults and what it needs")
    var list = false

    @OptionGroup var options: DeviceOptions

    @Option(help: "digits, or a path: mnist:DIR, cifar10:DIR, folder:DIR, csv:FILE, text:FILE, pairs:DIR")
    var data: String?

    @Option(help: ArgumentHelp("weights to begin with: \(WeightFile.formats)", valueName: "file"))
    var weights: String?

    @Option(parsing: .unconditional, help: "passes over the data, 0 or more")
    var epochs: Int?

    @Option(parsing: .unconditional, help: "optimizer steps in place of --epochs, 0 or more")
    var steps: Int?

    @Option(parsing: .unconditional, help: "samples a step, 1 or more")
    var batchSize: Int?

    @Option(help: ArgumentHelp("one of \(OptimizerCatalog.all.map(\.name).joined(separator: ", "))"))
    var optimizer: String?

    @Option(parsing: .unconditional, help: "the optimizer's learning rate, 0 or more")
    var learningRate: Double?

    @Option(help: ArgumentHelp("one of \(ScheduleCatalog.all.map(\.name).joined(separator: ", "))"))
    var schedule: String?

    @Option(parsing: .unconditional, help: "what all random numbers follow from, a whole number from 0")
    var seed: UInt64?

    @Option(help: ArgumentHelp("the run's folder", valueName: "dir"))
    var out: String?

    @Option(help: ArgumentHelp("the folder of a run to go on with", valueName: "dir"))
    var resume: String?

    @Option(help: "a pattern (* and ?) of parameter names that stay as they are")
    var freeze: String?

    @Option(name: .customLong("set"), help: "a hyper-parameter of the model or recipe, key=value")
    var settings: [String] = []

    @Flag(help: "refuses bad photos in place of leaving them out")
    var strict = false

    @Option(help: "a YAML file of options; those of the command line win")
    var config: String?

    @Flag(help: "takes the data in its own order")
    var noShuffle = false

    @Option(parsing: .unconditional, help: "steps between lines of the log under --steps, 1 or more (default: 100)")
    var logEvery: Int?

    /// All settings, those that have a flag of their own too.
    var givenSettings: Settings {
        get throws { try Settings(parsing: settings + (strict ? ["strict=true"] : [])) }
    }

    func run() throws {
        if list { return listModels() }
        Interrupts.listen()
        let file = try config.map { try ConfigurationFile(reading: $0) } ?? ConfigurationFile()
        let request = try TrainingRequest(self, file)
        let choice = try options.choose(file)
        let session = try TrainingSession(request, device: choice.device)
        choice.announce()
        session.announce()
        try session.run(json: options.json)
    }

    private func listModels() {
        for model in ModelCatalog.all {
            let recipe = model.defaults
            if options.json {
                Console.result(
                    JSON.object([
                        ("name", .string(model.name)), ("summary", .string(model.summary)), ("needs", .string(model.needs)),
                        (
                            "settings",
                            .array(
                                model.settings.map {
                                    ["name": .string($0.name), "default": .string($0.standard), "summary": .string($0.summary)]
                                })
                        ),
                    ]).text)
                continue
            }
            Console.result("\(model.name): \(model.summary)")
            Console.result("    needs \(model.needs)")
            Console.result(
                "    defaults: \(recipe.epochs) epochs, batch size \(recipe.batchSize), \(recipe.optimizer) at \(recipe.learningRate), "
                    + "schedule \(recipe.schedule)")
            for key in model.settings { Console.result("    --set \(key.name)=\(key.standard)  \(key.summary)") }
        }
    }
}
