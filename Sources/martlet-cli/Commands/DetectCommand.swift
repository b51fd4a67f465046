import ArgumentParser
import Foundation
import Martlet

struct DetectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "detect", abstract: "Finds objects in images.")

    @Argument(help: ArgumentHelp("image files (PNG, JPEG)", valueName: "file"))
    var files: [String]

    @OptionGroup var options: DeviceOptions
    @OptionGroup var source: ModelOptions

    @Option(help: "data that says the classes, with --model")
    var data: String?

    @Option(parsing: .unconditional, help: "the least score of what is told, 0 to 1")
    var score = 0.5

    @Option(help: "a folder for the images with boxes, labels and scores drawn on them")
    var out: String?

    func run() throws {
        guard (0...1).contains(score) else { throw TrainingError(.input, "--score \(score): give 0 to 1") }
        let choice = try options.choose()
        let (source, settings) = try source.used()
        try withDevice(choice.device) {
            var classes: (data: DataSpec, names: [String])?
            if case .weights = source, let data {
                let spec = try DataSpec.parse(data)
                classes = (spec, try spec.loadDetection().training.classNames)
            }
            let detector = try TrainedDetector(source, classes: classes, settings)
            if let out { try Folder.create(out, remedy: "give another --out") }
            var drawn: Set<String> = []
            for (index, file) in files.enumerated() {
                let image = try Image.read(file, upright: false)
                if index == 0 { choice.announce() }
                let found = try detector.detect(image).filter { Double($0.score) >= score }
                tell(file, image, found, detector.classes)
                guard let out else { continue }
                let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
                var target = name, number = 2
                while !drawn.insert(target).inserted {
                    target = "\(name)-\(number)"
                    number += 1
                }
                try DetectionPicture.draw(found, on: image, classes: detector.classes).writePNG(to: "\(out)/\(target).png")
            }
        }
    }

    private func tell(_ file: String, _ image: Image, _ found: [DetectedObject], _ classes: [String]) {
        if options.json {
            let detections = found.map { object in
                JSON.object([
                    ("label", .string(classes[object.label])), ("score", .number(Double(object.score))),
                    ("box", .array([object.box.x1, object.box.y1, object.box.x2, object.box.y2].map { .number(Double($0)) })),
                ])
            }
            Console.result(
                JSON.object([
                    ("file", .string(file)), ("width", .integer(image.width)), ("height", .integer(image.height)),
                    ("detections", .array(detections)),
                ]).text)
            return
        }
        Console.result("\(file): \(found.count) found")
        for object in found {
            let box = [object.box.x1, object.box.y1, object.box.x2, object.box.y2].map { decimals(Double($0), 1) }
            Console.result("    \(classes[object.label])  \(percent(Double(object.score)))  \(box.joined(separator: " "))")
        }
    }
}
