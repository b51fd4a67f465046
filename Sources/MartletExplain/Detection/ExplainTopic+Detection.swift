import Foundation
import MartletData
import MartletTraining

extension ExplainTopic {
    private static let rowsKey = Settings.Key("rows", "12", "how many of the surest detections the tables tell of")

    /// How a detector comes to its boxes in a photo.
    static let detection = ExplainTopic(
        "detection", "how a detector comes to its boxes in a photo, stage by stage", operands: "RUN photo.jpg",
        operandCount: 1...2,
        model: .optional, takesData: true, settings: [rowsKey]
    ) { request in
        let (source, file) = try detectionOperands(request)
        let count = try request.settings.integer(rowsKey, in: 1...200)
        var classes: (data: DataSpec, names: [String])?
        if case .weights = source, let data = request.data {
            let spec = try DataSpec.parse(data)
            classes = (spec, try spec.loadDetection().training.classNames)
        }
        let detector = try TrainedDetector(source, classes: classes)
        let image = try Image.read(file, upright: false).rgb()
        let trace = try detector.trace(image, truths: try source.objects(in: file, data: request.data))
        let study = DetectionStudy(
            name: try source.model().name, file: URL(fileURLWithPath: file).lastPathComponent, image: image, trace: trace,
            classes: detector.classes, rows: count, crops: try detector.warped(image, Array(trace.searched.prefix(12))))
        return study.explanation
    }

    /// The run and the photo: `RUN photo.jpg`, or the photo alone beside `--run` or `--model`.
    private static func detectionOperands(_ request: ExplainRequest) throws -> (TrainedSource, String) {
        switch (request.model, request.operands.count) {
        case (nil, 2): return (try TrainedSource(run: request.operands[0]), request.operands[1])
        case (let source?, 1): return (source, request.operands[0])
        case (nil, _): throw TrainingError(.input, "explain detection: which detector? give the folder of a run before the photo")
        default:
            throw TrainingError(.input, "explain detection: two runs are given; drop --run and --model, or the first operand")
        }
    }
}
