import ArgumentParser
import Foundation
import Martlet

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Converts weights from one format to another.",
        discussion: "The format of IN is told by its content, that of OUT by its ending. Types stay as they are.")

    @Argument(help: ArgumentHelp("a weight file (\(WeightFile.formats)), or the folder of a run", valueName: "in"))
    var input: String

    @Argument(help: ArgumentHelp(WeightFile.writtenEndings, valueName: "out"))
    var output: String

    @Flag(help: "results as JSON on standard output")
    var json = false

    func run() throws {
        guard let format = WeightFile.writtenFormat(of: output) else {
            throw TrainingError(.input, "\(output): its ending names no format of weights; give \(WeightFile.writtenEndings)")
        }
        let weights = try readWeights(input)
        for note in weights.notes { Console.note("note: \(input) \(note)") }
        if !weights.metadata.isEmpty, format != .safetensors {
            Console.note("note: \(output) has no room for the text beside the tensors of \(input)")
        }
        try WeightFile.write(weights.entries.map { TensorToStore($0) }, metadata: weights.metadata, to: output)
        let attributes = try? FileManager.default.attributesOfItem(atPath: output)
        let bytes = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        if json {
            let tensors = weights.entries.count
            Console.result(JSON.object([("tensors", .integer(tensors)), ("bytes", .integer(bytes))]).text)
        } else {
            Console.result("\(output): \(weights.entries.count) tensors, \(bytes) bytes (\(format.rawValue))")
        }
    }
}

/// The weights of a file, or of a run's folder.
func readWeights(_ path: String) throws -> WeightFile {
    var isFolder: ObjCBool = false
    let isRun = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    return isRun ? WeightFile(try RunFolder(opening: path).weights()) : try WeightFile.read(path)
}
