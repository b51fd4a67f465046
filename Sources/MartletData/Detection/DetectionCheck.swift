/// What is in a source of images with boxes, and all that is wrong with it.
public struct DetectionCheck: Sendable {
    public var samples: Int
    public var classes: [String]
    public var problems: [DataError]
    /// Whether training would refuse the data.
    public var isRefused: Bool

    /// Reads all annotations, and every image's size.
    public init(_ spec: DataSpec) throws(DataError) {
        let problems = BoxProblems(collectsAll: true)
        let splits = try spec.detection(seed: 0, problems)
        let parts = [splits.training] + [splits.validation, splits.test].compactMap { $0 }
        for part in parts {
            for index in 0..<part.count {
                if spec == .scenes { break }
                do throws(DataError) { _ = try part.image(at: index) } catch { try problems.fail(error) }
            }
        }
        // Classes that training would never see.
        let known = Set((0..<splits.training.count).flatMap { splits.training.annotation(at: $0).objects.map(\.label) })
        for part in parts.dropFirst() {
            var told: Set<Int> = []
            for index in 0..<part.count {
                let annotation = part.annotation(at: index)
                for object in annotation.objects where !known.contains(object.label) && told.insert(object.label).inserted {
                    problems.mend(
                        DataError(
                            .mismatch, file: annotation.name,
                            problem:
                                "shows the class \(DataError.quote(part.classNames[object.label])), which no training image has",
                            remedy: "add training images of it, or correct its name"))
                }
            }
        }
        samples = parts.reduce(0) { $0 + $1.count }
        classes = splits.training.classNames
        self.problems = problems.all
        isRefused = problems.hasFailure
    }
}

extension DataSpec {
    /// Whether it names images with boxes.
    public var isDetection: Bool {
        switch self {
        case .scenes, .voc, .coco: true
        default: false
        }
    }

    /// Reads images with boxes.
    public func loadDetection(seed: Int = 0) throws(DataError) -> DetectionSplits {
        let problems = BoxProblems(collectsAll: false)
        var splits = try detection(seed: seed, problems)
        splits.mended = problems.all
        return splits
    }

    func detection(seed: Int, _ problems: BoxProblems) throws(DataError) -> DetectionSplits {
        switch self {
        case .scenes: return try Scenes.load()
        case .voc(let path): return try PascalVOC.load(path, seed: seed, problems)
        case .coco(let source, let validation): return try COCO.load(source, validation, seed: seed, problems)
        default:
            throw DataError(
                .setting, problem: "the data \(self) has no boxes", remedy: "give scenes, voc:DIR or coco:ANNOTATIONS.json,IMAGES"
            )
        }
    }
}
