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

    @Option(help: "digits, or a path: mnist:DIR, cifar10:DIR, folder:DIR, csv:FILE")
    var data: String?

    @Option(help: "weights to begin with (.safetensors)")
    var weights: String?

    @Option(help: "passes over the data")
    var epochs: Int?

    @Option(help: "optimizer steps, in place of --epochs")
    var steps: Int?

    @Option(help: "samples a step")
    var batchSize: Int?

    @Option(help: ArgumentHelp("one of \(OptimizerCatalog.all.map(\.name).joined(separator: ", "))"))
    var optimizer: String?

    @Option(help: "the optimizer's learning rate")
    var learningRate: Double?

    @Option(help: ArgumentHelp("one of \(ScheduleCatalog.all.map(\.name).joined(separator: ", "))"))
    var schedule: String?

    @Option(help: "what all random numbers follow from")
    var seed: UInt64?

    @Option(help: ArgumentHelp("the run's folder", valueName: "dir"))
    var out: String?

    @Option(help: ArgumentHelp("the folder of a run to go on with", valueName: "dir"))
    var resume: String?

    @Option(help: "a pattern (* and ?) of parameter names that stay as they are")
    var freeze: String?

    @Option(name: .customLong("set"), help: "a hyper-parameter of the model or recipe, key=value")
    var settings: [String] = []

    @Option(help: "a YAML file of options; those of the command line win")
    var config: String?

    @Flag(help: "takes the data in its own order")
    var noShuffle = false

    @Option(help: "steps between lines of the log under --steps")
    var logEvery = 100

    func run() throws {
        if list { return listModels() }
        Interrupts.listen()
        let file = try config.map { try ConfigurationFile(reading: $0) } ?? ConfigurationFile()
        let request = try TrainingRequest(self, file)
        let device = try options.choose()
        let session = try TrainingSession(request, device: device)
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
