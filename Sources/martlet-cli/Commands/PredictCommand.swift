import ArgumentParser
import Foundation
import Martlet

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "predict", abstract: "Tells the likeliest classes of images.")

    @Argument(help: ArgumentHelp("image files (PNG, JPEG)", valueName: "file"))
    var files: [String]

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(help: "data that says the shape and the classes, with --model; networks for photos do without, with ImageNet's")
    var data: String?

    @Option(parsing: .unconditional, help: "how many classes to tell, 1 or more")
    var top = 5

    func run() throws {
        guard top >= 1 else { throw TrainingError(.input, "--top \(top): give 1 or more") }
        let choice = try options.choose()
        let source = try source.source()
        let model: TrainedClassifier
        switch source {
        case .run:
            if data != nil { throw TrainingError(.input, "--data: a run knows its classes; drop --data") }
            model = try TrainedClassifier(source)
        case .weights(let description, _, _):
            // Photos and ImageNet's classes go without data.
            model = try TrainedClassifier(
                source, data: data ?? (description.isForPhotos ? nil : description.workload.standardData))
        }
        for note in model.notes { Console.note("note: \(note)") }
        for (index, file) in files.enumerated() {
            let sample = try model.image(file)
            if index == 0 { choice.announce() }
            let probabilities = try withDevice(choice.device) {
                try withoutGradients { try model.layer(Tensor(sample, shape: [1] + model.shape)).softmax().floats() }
            }
            guard probabilities.allSatisfy(\.isFinite) else {
                throw TrainingError(.failed, "\(file): the model's output is not finite; its weights may be damaged")
            }
            let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }.prefix(top)
            tell(file, order.map { (model.classes[$0], Double(probabilities[$0])) })
        }
    }

    private func tell(_ file: String, _ top: [(String, Double)]) {
        if options.json {
            let entries = top.map { JSON.object([("label", .string($0.0)), ("probability", .number($0.1))]) }
            Console.result(JSON.object([("file", .string(file)), ("top", .array(entries))]).text)
            return
        }
        Console.result(file)
        for (label, probability) in top { Console.result("    \(label)  \(percent(probability))") }
    }
}
