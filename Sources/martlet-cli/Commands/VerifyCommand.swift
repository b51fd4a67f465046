import ArgumentParser
import Martlet

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compares every operation on a device with a float64 reference.")

    @OptionGroup var options: DeviceOptions

    func run() throws {
        _ = try options.choose()
    }
}
