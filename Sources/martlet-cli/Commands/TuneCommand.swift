import ArgumentParser
import Foundation
import Martlet
import MartletConformance

struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Finds the best kernel variants for a device and keeps them for later starts.",
        discussion: "A search that was stopped, by --seconds or by hand, goes on where it was when it is run again.")

    @Argument(help: "only kernels with this in their name, such as Matmul or Matmul/large")
    var filter: String?

    @OptionGroup var options: DeviceOptions

    @Option(parsing: .unconditional, help: "stops after so many seconds, 1 or more (default: when everything was tried)")
    var seconds: Int?

    func run() throws {
        if let seconds, seconds < 1 { throw TrainingError(.input, "--seconds \(seconds): give 1 or more") }
        Interrupts.listen()
        let choice = try options.choose()
        if let note = choice.note { Console.note(note) }
        guard let device = choice.device as? any TunableDevice else {
            Console.note("\(choice.device.info.id): its kernels adapt to the processor by themselves; there is nothing to tune")
            return finish([], on: choice.device, isComplete: true)
        }
        let work = Tuner.work(on: device, filter: filter ?? "")
        guard !work.isEmpty else {
            let names = device.tunableKernels.flatMap { kernel in kernel.classes.map { "\(kernel.name)/\($0.name)" } }
            throw TrainingError(
                .input, "tune \(filter ?? ""): nothing has this in its name; there are \(names.joined(separator: ", "))")
        }
        let deadline = seconds.map { Date().addingTimeInterval(Double($0)) }
        let tuner = try Tuner(device) { Interrupts.current != nil || deadline.map { Date() >= $0 } ?? false }
        var done = 0
        let (results, isComplete) = try tuner.run(filter: filter ?? "") { event in
            switch event {
            case .trying(let kernel, let shapeClass, let number, let parameters, let gain):
                Console.bar(
                    done, of: work.count,
                    "\(kernel)/\(shapeClass) \(number): \(Self.text(parameters))  \(percent(gain)) less time so far")
            case .passedOver(let kernel, let shapeClass, let note):
                Console.clearBar()
                Console.note("passed over: \(kernel)/\(shapeClass) \(Self.text(note.parameters)): \(note.reason)")
            case .finished(let result):
                done += 1
                Console.clearBar()
                Console.note(Self.line(result))
            }
        }
        Console.clearBar()
        finish(results, on: device, isComplete: isComplete)
        if let signal = Interrupts.current { Foundation.exit(128 + signal) }
    }

    private func finish(_ results: [Tuner.Result], on device: any Device, isComplete: Bool) {
        if !isComplete { Console.note("stopped before everything was tried; run it again to go on") }
        if options.json {
            Console.result(
                JSON.object([
                    ("device", .string(device.info.id)), ("tuned", .array(results.map(entry))), ("complete", .bool(isComplete)),
                ]).text)
        } else {
            Console.result(
                "\(device.info.id): \(results.filter { $0.after < $0.before }.count) of \(results.count) kernels improved")
        }
    }

    private func entry(_ result: Tuner.Result) -> JSON {
        func object(_ parameters: KernelParameters) -> JSON {
            .object(parameters.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
        }
        return .object([
            ("kernel", .string("\(result.kernel)/\(result.shapeClass)")), ("before", .number(result.before)),
            ("after", .number(result.after)), ("parameters", object(result.parameters)), ("tried", .integer(result.tried)),
            (
                "passedOver",
                .array(
                    result.passedOver.map { .object([("parameters", object($0.parameters)), ("reason", .string($0.reason))]) })
            ),
        ])
    }

    private static func text(_ parameters: KernelParameters) -> String {
        parameters.isEmpty
            ? "shipped" : parameters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    private static func line(_ result: Tuner.Result) -> String {
        "\(result.kernel)/\(result.shapeClass)  \(decimals(result.before, 2)) ms -> \(decimals(result.after, 2)) ms  "
            + "(\(result.tried) tried, \(result.passedOver.count) passed over)  \(text(result.parameters))"
    }
}
