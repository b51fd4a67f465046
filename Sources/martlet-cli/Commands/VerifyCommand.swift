import ArgumentParser
import Foundation
import Martlet
import MartletConformance

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compares every operation on a device, forward and gradient, with a float64 reference.")

    @Argument(help: "only cases with this in their name, such as Convolution")
    var filter: String?

    @OptionGroup var options: DeviceOptions

    @Option(parsing: .unconditional, help: "what the inputs are drawn from, a whole number from 0")
    var seed: UInt64 = Conformance.defaultSeed

    func run() throws {
        let choice = try options.choose()
        let report = Conformance.run(on: choice.device, filter: filter ?? "", seed: seed) { name, number, count in
            Console.bar(number, of: count, name)
        }
        Console.clearBar()
        guard report.passed + report.failed + report.skipped > 0 else {
            throw TrainingError(
                .input, "verify \(filter ?? ""): no case has this in its name; give part of one, such as Convolution")
        }
        choice.announce()
        if options.json {
            let failures = report.failures.map { failure -> JSON in
                [
                    "family": .string(failure.family), "name": .string(failure.name), "what": .string(failure.what),
                    "shapes": .string(failure.shapes), "seed": .string(String(failure.seed)),
                ]
            }
            Console.result(
                JSON.object([
                    ("device", .string(report.device)), ("passed", .integer(report.passed)), ("failed", .integer(report.failed)),
                    ("skipped", .integer(report.skipped)), ("failures", .array(failures)),
                ]).text)
        } else {
            for failure in report.failures { Console.result("failed: \(failure)") }
            Console.result("\(report.device): \(report.passed) passed, \(report.failed) failed, \(report.skipped) skipped")
        }
        if report.failed > 0 { Foundation.exit(1) }
    }
}
