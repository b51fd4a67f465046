import ArgumentParser
import Foundation
import Martlet
import MartletCPU

/// The command line: parse, call, print.
@main
struct Program: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "Trains and runs deep networks on any OpenCL device, or on the processor.",
        version: "0.1.0",
        subcommands: [
            DevicesCommand.self, TrainCommand.self, EvaluateCommand.self, PredictCommand.self, BenchCommand.self,
            VerifyCommand.self, TuneCommand.self, InspectCommand.self, ConvertCommand.self, ExplainCommand.self,
            DetectCommand.self, GenerateCommand.self, TranslateCommand.self, DataCommand.self,
        ])

    static func main() {
        // Writing to a closed pipe or past a file-size limit becomes an error that can be reported.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        do {
            try CPUDevice.reexecIfBLASIsWrong()
            var command = try parseAsRoot()
            try command.run()
        } catch {
            leave(error)
        }
    }

    private static func leave(_ error: any Error) -> Never {
        switch error {
        case let error as DataError:
            Console.error("\(error)")
            Foundation.exit(error.kind == .diskFull || error.kind == .unwritable ? 1 : 64)
        case let error as TrainingError:
            Console.error("\(error)")
            Foundation.exit(error.kind == .input ? 64 : 1)
        case let error as DeviceError:
            Console.error("\(error)".split(whereSeparator: \.isNewline).joined(separator: " "))
            Foundation.exit(error.kind == .unavailable ? 64 : 1)
        default:
            guard exitCode(for: error) != .success else { exit(withError: error) }
            Console.error(refusal(error))
            Foundation.exit(64)
        }
    }

    /// What the parser of arguments says, on one line: the mistake, and the help of the option at fault or where to find it.
    private static func refusal(_ error: any Error) -> String {
        let lines = fullMessage(for: error).split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        let help = lines.first { $0.hasPrefix("Help: ") }?.dropFirst("Help: ".count)
        let pointer = lines.first { $0.hasPrefix("See '") }.map { "s" + $0.dropFirst().replacingOccurrences(of: "'", with: "`") }
        let remedy =
            help.map { "give \($0)" }
            ?? pointer.map { String($0.prefix { $0 != "." }).replacing(" for more information", with: "") }
        return [message(for: error).split(separator: "\n").joined(separator: " "), remedy].compactMap { $0 }.joined(
            separator: "; ")
    }
}
