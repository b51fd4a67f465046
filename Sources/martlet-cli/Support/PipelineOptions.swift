import ArgumentParser
import Martlet

/// Timing the way of data from its files to batches, in place of kernels.
struct PipelineOptions: ParsableArguments {
    @Option(help: ArgumentHelp("times reading and varying the training samples of a data set instead", valueName: "spec"))
    var pipeline: String?

    @Option(help: "with --pipeline: train, val or test")
    var split = "train"

    @Option(parsing: .unconditional, help: "with --pipeline: samples in a batch, 1 or more")
    var batchSize = 32

    @Option(parsing: .unconditional, help: "with --pipeline: passes that are timed, 1 or more")
    var passes = 5

    @Option(name: .customLong("set"), help: "with --pipeline: a setting of the data, key=value, as train has it")
    var settings: [String] = []

    @Option(help: ArgumentHelp("with --pipeline: writes the samples to a file instead of timing them", visibility: .hidden))
    var write: String?

    /// Runs it; nil where it was not asked for.
    func run(threads: Int?) throws -> [PipelineBenchmark.Result]? {
        guard let pipeline else {
            guard settings.isEmpty, write == nil else { throw TrainingError(.input, "--set, --write: are for --pipeline SPEC") }
            return nil
        }
        guard (1...1_000_000).contains(passes), batchSize >= 1 else {
            throw TrainingError(.input, "--passes \(passes), --batch-size \(batchSize): give 1 or more")
        }
        let settings = try Settings(parsing: settings)
        if let write {
            try PipelineBenchmark.write(pipeline, settings, split: split, to: write)
            return []
        }
        return [
            try PipelineBenchmark.run(
                pipeline, settings, split: split, batchSize: batchSize, threads: threads ?? 2, passes: passes)
        ]
    }
}
