import ArgumentParser
import Foundation
import Martlet

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Lets a language model go on with a text.",
        discussion:
            "Of a prompt longer than the model's context the last tokens count. Text appears as it is made, with --json once it is done."
    )

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(help: "the text to go on with (default: a new line)")
    var prompt = "\n"

    @Option(parsing: .unconditional, help: "tokens to make at most, 1 or more")
    var tokens = 200

    @Option(parsing: .unconditional, help: "below 1 for likelier text, 0 for the likeliest, above 1 for bolder")
    var temperature = 0.8

    @Option(parsing: .unconditional, help: "draws among so many of the likeliest tokens, 1 or more")
    var topK: Int?

    @Option(parsing: .unconditional, help: "draws among the likeliest tokens that have this probability together, up to 1")
    var topP = 1.0

    @Option(parsing: .unconditional, help: "above 1 against what has occurred already")
    var repetitionPenalty = 1.0

    @Option(help: "ends before this text; may be given several times")
    var stop: [String] = []

    @Option(parsing: .unconditional, help: "what the draws follow from, a whole number from 0")
    var seed: UInt64 = 0

    func run() throws {
        guard (1...1_000_000).contains(tokens) else { throw TrainingError(.input, "--tokens \(tokens): give 1 to 1000000") }
        guard !stop.contains("") else { throw TrainingError(.input, "--stop: an empty text stops nothing; give some") }
        let sampling = SamplingOptions(
            temperature: temperature, topK: topK, topP: topP, repetitionPenalty: repetitionPenalty, seed: seed)
        try sampling.check()
        Interrupts.listen()
        let choice = try options.choose()
        let model = try TrainedLanguageModel(try source.source())
        guard !prompt.isEmpty else { throw TrainingError(.input, "--prompt: is empty; give at least a character") }
        let start = try model.tokenizer.encode(prompt)
        guard !start.isEmpty else { throw TrainingError(.input, "--prompt: has no tokens; give other text") }
        choice.announce()
        try withDevice(choice.device) { try generate(model, start, sampling) }
    }

    private func generate(_ model: TrainedLanguageModel, _ start: [Int32], _ sampling: SamplingOptions) throws {
        let generator = TextGenerator(model.network, prompt: start, options: sampling)
        if generator.leftOut > 0 {
            Console.note(
                "note: the prompt has \(start.count) tokens, of which the last \(start.count - generator.leftOut) fit the context"
            )
        }
        var text = StoppedText(model.tokenizer, stops: stop), made = 0
        if !options.json { Console.text(prompt) }
        let started = Date()
        while made < tokens, !text.isStopped, Interrupts.current == nil {
            let piece = text.add(try generator.next())
            made += 1
            if !options.json { Console.text(piece) }
        }
        let rest = text.finish(), speed = Double(made) / max(Date().timeIntervalSince(started), 1e-9)
        if options.json {
            Console.result(
                JSON.object([
                    ("prompt", .string(prompt)), ("text", .string(text.text)), ("tokensPerSecond", .number(speed)),
                    ("tokens", .integer(made)),
                ]).text)
        } else {
            Console.text(rest + "\n")
            Console.note("\(made) tokens, \(decimals(speed, 1)) a second")
        }
        if let signal = Interrupts.current { Foundation.exit(128 + signal) }
    }
}
