import ArgumentParser
import Foundation
import Martlet

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Lists names, shapes and types in a weight file or a run.")

    @Argument(help: "a .safetensors file, or the folder of a run")
    var file: String

    @Flag(help: "results as JSON on standard output")
    var json = false

    func run() throws {
        var isFolder: ObjCBool = false
        let isRun = FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) && isFolder.boolValue
        let weights = isRun ? try RunFolder(opening: file).weights() : try SafeTensors.read(file)
        if json {
            let tensors = weights.entries.map { entry -> JSON in
                [
                    "name": .string(entry.name), "shape": .array(entry.shape.map { .integer($0) }),
                    "type": .string(entry.type.rawValue),
                ]
            }
            Console.result(
                JSON.object([
                    ("tensors", .array(tensors)),
                    ("metadata", .object(weights.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
                ]).text)
            return
        }
        for entry in weights.entries { Console.result("\(entry.name)  \(entry.shape)  \(entry.type.rawValue)") }
        let values = weights.entries.reduce(0) { $0 + $1.count }
        Console.result("\(weights.entries.count) tensors, \(values) values")
    }
}
