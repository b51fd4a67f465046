import ArgumentParser
import Martlet
import MartletConformance

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Times kernels and training steps, with the share of the device's measured ceiling.")

    @Argument(help: "only what has this in its name, such as Matmul or train-step/lenet")
    var filter: String?

    @Flag(help: ArgumentHelp("answers requests of a comparing program, a JSON object a line", visibility: .hidden))
    var serve = false

    @OptionGroup var options: DeviceOptions
    @OptionGroup var pipeline: PipelineOptions

    func run() throws {
        if let results = try pipeline.run(threads: options.threads) { return tell(results) }
        let choice = try options.choose()
        choice.announce()
        let device = choice.device
        if serve {
            let server = BenchmarkServer(device)
            while let line = readLine() { Console.result(server.answer(line)) }
            return
        }
        let wanted = (filter ?? "").lowercased()
        var results: [BenchmarkResult] = []
        func finished(_ result: BenchmarkResult) {
            results.append(result)
            guard !options.json else { return }
            Console.clearBar()
            Console.result(line(result))
        }
        if Benchmarks.cases.contains(where: { wanted.isEmpty || $0.fullName.lowercased().contains(wanted) }) {
            _ = try Benchmarks.run(
                on: device, filter: filter ?? "",
                progress: { name, number, count in Console.bar(number, of: count, name) }, finished: finished)
        }
        for name in TrainStepBenchmark.names where wanted.isEmpty || name.contains(wanted) {
            Console.bar(0, of: 1, name)
            let step = try TrainStepBenchmark.run(name, on: device)
            finished(
                BenchmarkResult(
                    name: name, device: device.info.id, medianMs: step.medianMilliseconds, minMs: step.minimumMilliseconds,
                    gflops: step.operations.map { $0 / step.medianMilliseconds / 1e6 }, gbps: nil, ofCeiling: nil))
        }
        Console.clearBar()
        guard !results.isEmpty else {
            throw TrainingError(.input, "bench \(filter ?? ""): nothing has this in its name; give part of one, such as Matmul")
        }
        if options.json { Console.result(JSON.object([("results", .array(results.map(entry)))]).text) }
    }

    private func tell(_ results: [PipelineBenchmark.Result]) {
        guard options.json else {
            for result in results {
                Console.result(
                    "\(result.name)  \(decimals(result.medianMilliseconds, 1)) ms (best \(decimals(result.minimumMilliseconds, 1)))  "
                        + "\(decimals(result.samplesPerSecond, 0)) samples/s")
            }
            return
        }
        let entries = results.map { result -> JSON in
            [
                "name": .string(result.name), "device": .string("host"), "medianMs": .number(result.medianMilliseconds),
                "minMs": .number(result.minimumMilliseconds), "gflops": .null, "gbps": .null, "ofCeiling": .null,
                "samplesPerSecond": .number(result.samplesPerSecond),
            ]
        }
        Console.result(JSON.object([("results", .array(entries))]).text)
    }

    private func entry(_ result: BenchmarkResult) -> JSON {
        func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
        return .object([
            ("name", .string(result.name)), ("device", .string(result.device)), ("medianMs", .number(result.medianMs)),
            ("minMs", .number(result.minMs)), ("gflops", number(result.gflops)), ("gbps", number(result.gbps)),
            ("ofCeiling", number(result.ofCeiling)),
        ])
    }

    private func line(_ result: BenchmarkResult) -> String {
        var parts = ["\(result.name)  \(decimals(result.medianMs, 3)) ms (best \(decimals(result.minMs, 3)))"]
        if let gflops = result.gflops { parts.append("\(decimals(gflops, 1)) GFLOP/s") }
        if let gbps = result.gbps { parts.append("\(decimals(gbps, 1)) GB/s") }
        if let share = result.ofCeiling { parts.append("\(percent(share)) of the ceiling") }
        return parts.joined(separator: "  ")
    }
}
