import ArgumentParser
import Foundation
import Martlet

struct TranslateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "translate", abstract: "Translates text: a line in, a line out.",
        discussion: "Without text as arguments, the lines of standard input are translated.")

    @Argument(help: "lines to translate")
    var text: [String] = []

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(
        parsing: .unconditional, help: "beginnings kept while the best translation is looked for, 1 to 64 (default: the run's)")
    var beam: Int?

    @Option(parsing: .unconditional, help: "how much long translations are favoured, 0 to 10 (default: the run's)")
    var lengthPenalty: Double?

    func run() throws {
        if let beam, !(1...64).contains(beam) {
            throw TrainingError(.input, "--beam \(beam): give 1 to 64; 1 takes the likeliest word each time")
        }
        if let lengthPenalty, !(lengthPenalty >= 0 && lengthPenalty <= 10) {
            throw TrainingError(.input, "--length-penalty \(lengthPenalty): give 0 to 10")
        }
        let choice = try options.choose()
        let model = try TrainedTranslator(try source.source())
        let lines = try text.isEmpty ? Self.standardInput() : text.flatMap { $0.components(separatedBy: "\n") }
        choice.announce()
        // Some at a time, so that a long input gives its first lines soon.
        for start in stride(from: 0, to: lines.count, by: 256) {
            let part = Array(lines[start..<min(start + 256, lines.count)])
            let found = try withDevice(choice.device) {
                try model.translate(part, beams: beam, lengthPenalty: lengthPenalty, firstLine: start + 1)
            }
            for (line, translation) in zip(part, found) {
                Console.result(
                    options.json
                        ? JSON.object([
                            ("source", .string(line)), ("translation", .string(translation.text)),
                            ("score", .number(translation.score)),
                        ]).text : translation.text)
            }
        }
    }

    private static func standardInput() throws -> [String] {
        var lines: [String] = []
        while let line = readLine() { lines.append(line) }
        if lines.isEmpty { throw TrainingError(.input, "no text; give it as an argument or on standard input") }
        return lines
    }
}
