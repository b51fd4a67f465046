import ArgumentParser
import Martlet

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures a trained model on a part of its data.")

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(help: "the data; a run's own where not given")
    var data: String?

    @Option(help: "train, val or test; test where there is one, else val")
    var split: String?

    @Option(parsing: .unconditional, help: "samples at once, 1 or more")
    var batchSize = 256

    func run() throws {
        guard batchSize >= 1 else { throw TrainingError(.input, "--batch-size \(batchSize): give 1 or more") }
        let choice = try options.choose()
        let (model, dataset, name) = try prepare()
        choice.announce()
        let result = try evaluate(model.layer, on: dataset, batchSize: batchSize, device: choice.device)
        guard result.loss.isFinite else {
            throw TrainingError(
                .failed,
                "\(dataset.name): the model's loss is \(result.loss); its weights may be damaged, or values of the data too large"
            )
        }
        if options.json {
            Console.result(
                JSON.object([
                    ("split", .string(name)), ("loss", .number(result.loss)),
                    ("metrics", .object(result.metrics.map { ($0.name, .number($0.value)) })),
                    ("samples", .integer(result.samples)), ("seconds", .number(result.seconds)),
                ]).text)
            return
        }
        let metrics = result.metrics.map { "\($0.name) \(percent($0.value))" }.joined(separator: "  ")
        Console.result(
            "\(name): \(metrics)  loss \(decimals(result.loss))  (\(result.samples) samples, \(decimals(result.seconds, 2)) s)")
    }

    private func prepare() throws -> (LoadedModel, any Dataset, String) {
        if source.run != nil {
            let model = try LoadedModel(source, shape: nil)
            let parts = try DataSource.load(data ?? model.data ?? "digits", for: model)
            let (dataset, name) = try part(of: parts)
            try DataSource.check(dataset, fits: model)
            return (model, dataset, name)
        }
        guard let name = source.model else {
            throw TrainingError(.input, "which model? give --run DIR, or --model MODEL with --weights FILE")
        }
        let parts = try DataSource.load(
            data ?? "digits", for: try ModelCatalog.named(name), try Settings(parsing: source.settings))
        let (dataset, split) = try part(of: parts)
        return (try LoadedModel(source, shape: (dataset.sampleShape, dataset.classNames)), dataset, split)
    }

    private func part(of parts: DatasetSplits) throws -> (any Dataset, String) {
        if let split { return (try parts.part(named: split), split) }
        if let test = parts.test { return (test, "test") }
        if let validation = parts.validation { return (validation, "val") }
        throw TrainingError(.input, "the data has neither a test nor a val part; give --split train")
    }
}
