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
            VerifyCommand.self, InspectCommand.self,
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
            exit(withError: error)
        }
    }
}
