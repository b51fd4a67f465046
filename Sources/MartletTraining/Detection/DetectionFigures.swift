import MartletData

/// What `martlet evaluate` tells of a detector beside its loss and mAP, from settings.
struct DetectionFigures: Sendable {
    private static let figures = Settings.Key(
        "figures", "",
        "further figures, comma-separated: voc07 (the mean over 11 recalls), voc (the area below the curve), coco (its twelve)")
    private static let mistakes = Settings.Key(
        "mistakes_score", "0.5", "the least score of the detections whose mistakes are counted")
    private static let files = Settings.Key(
        "coco_files", "", "a folder for annotations.json and detections.json, as COCO's tools read them")
    static let keys = [figures, mistakes, files]

    private let sets: [String]
    private let mistakeScore: Float
    private let folder: String

    init(_ settings: Settings) throws {
        sets = settings.string(Self.figures).split(separator: ",").map(String.init)
        let known = ["voc07", "voc", "coco"]
        guard sets.allSatisfy(known.contains) else {
            throw TrainingError(
                .input,
                "--set figures=\(settings.string(Self.figures)): give some of \(known.joined(separator: ", ")), comma-separated")
        }
        folder = settings.string(Self.files)
        mistakeScore = Float(try settings.number(Self.mistakes, in: 0...1))
    }

    /// The result with all that was asked for; writes files where they were.
    func result(_ evaluation: DetectionEvaluation, classes: [String]) throws -> EvaluationResult {
        if !folder.isEmpty { try COCOFiles(evaluation: evaluation, classes: classes).write(to: folder) }
        var result = evaluation.result
        func byClass(_ values: [Double?]) -> JSON {
            .object(zip(classes, values).map { ($0, $1.map { $0 < 0 ? .null : .number($0) } ?? .null) })
        }
        let seconds = evaluation.seconds
        result.details = [
            ("apByClass", byClass(evaluation.coco.ap50ByClass)),
            (
                "proposals",
                .object([
                    ("perImage", .number(Self.mean(evaluation.proposals.map { Double($0.count) }))),
                    ("recall50", .number(evaluation.proposalRecall())),
                    ("recall70", .number(evaluation.proposalRecall(overlap: 0.7))),
                ])
            ),
            ("mistakes", mistakes(evaluation.record)),
            (
                "secondsPerImage",
                .object([
                    ("withProposals", .number(seconds.proposals + seconds.detection)),
                    ("withoutProposals", .number(seconds.detection)),
                ])
            ),
        ]
        let voc = sets.contains { $0 != "coco" } ? VOCEvaluation(evaluation.record) : nil
        for name in sets {
            switch (name, voc) {
            case ("voc07", let voc?):
                result.details.append(
                    (
                        name,
                        .object([
                            ("mAP50", .number(voc.elevenPointMAP)), ("apByClass", byClass(voc.curves.map { $0?.elevenPointAP })),
                        ])
                    ))
            case ("voc", let voc?):
                result.details.append(
                    (
                        name,
                        .object([("mAP50", .number(voc.areaMAP)), ("apByClass", byClass(voc.curves.map { $0?.areaAP }))])
                    ))
            default:
                result.details.append(
                    (name, .object(zip(COCOEvaluation.names, evaluation.coco.all).map { ($0, .number($1)) })))
            }
        }
        return result
    }

    private func mistakes(_ record: DetectionRecord) -> JSON {
        let found = DetectionMistakes(record, score: mistakeScore)
        return .object(
            DetectionMistakes.Verdict.allCases.map { ($0.rawValue, .integer(found[$0])) } + [("missed", .integer(found.missed))])
    }

    private static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
}
