import ArgumentParser
import Martlet
import MartletOpenCL

struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "Lists every usable device, and why others are not usable.")

    @Flag(help: "results as JSON on standard output")
    var json = false

    func run() throws {
        let (usable, unusable) = try Devices.list()
        let standard = usable.first { $0.kind != .cpu && $0.id != "cpu" } ?? usable[0]
        if json {
            let result: JSON = .object([
                ("devices", .array(usable.map { entry($0, isDefault: $0.id == standard.id) })),
                (
                    "unusable",
                    .array(
                        unusable.map { ["name": .string($0.name), "reason": .string($0.reason), "remedy": .string($0.remedy)] })
                ),
            ])
            Console.result(result.text)
            return
        }
        for device in usable {
            Console.result("\(device.id)\(device.id == standard.id ? "  (default)" : "")")
            Console.result("    \(device.name), \(device.vendor)")
            Console.result("    \(device.version); \(device.computeUnits) compute units, \(device.memoryBytes >> 20) MiB")
        }
        for device in unusable { Console.result("not usable: \(device.name): \(device.reason); \(device.remedy)") }
    }

    private func entry(_ device: DeviceInfo, isDefault: Bool) -> JSON {
        [
            "id": .string(device.id), "kind": .string(device.kind.rawValue), "name": .string(device.name),
            "vendor": .string(device.vendor),
            "version": .string(device.version), "computeUnits": .integer(device.computeUnits),
            "memoryBytes": .integer(device.memoryBytes),
            "default": .bool(isDefault),
        ]
    }
}
