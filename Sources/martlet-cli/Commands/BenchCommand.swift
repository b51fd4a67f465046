import ArgumentParser
import Martlet

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Times kernels and training steps, with the share of the device's measured ceiling.")

    @Argument(help: "only what has this in its name")
    var filter: String?

    @OptionGroup var options: DeviceOptions

    func run() throws {
        let device = try options.choose()
        for name in TrainStepBenchmark.names where filter == nil || name.contains(filter!) {
            let result = try TrainStepBenchmark.run(name, on: device)
            Console.result("\(name) \(decimals(result.medianMilliseconds, 3)) ms")
        }
    }
}
