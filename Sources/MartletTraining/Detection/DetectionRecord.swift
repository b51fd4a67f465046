import MartletData

/// Something that a model found in an image.
public struct DetectedObject: Sendable, Hashable {
    public var box: BoundingBox
    public var label: Int
    public var score: Float

    public init(box: BoundingBox, label: Int, score: Float) {
        self.box = box
        self.label = label
        self.score = score
    }
}

/// What images show, and what was found in them.
public struct DetectionRecord: Sendable {
    /// One entry an image.
    public private(set) var truths: [[ObjectAnnotation]] = []
    public private(set) var detections: [[DetectedObject]] = []
    public let classes: Int

    public init(classes: Int) { self.classes = classes }

    public mutating func add(_ truth: [ObjectAnnotation], _ found: [DetectedObject]) {
        truths.append(truth)
        detections.append(found)
    }

    public var images: Int { truths.count }
}

extension BoundingBox {
    /// Intersection over union as COCO's evaluation has it, in float64: with a crowd, over the detection's area alone.
    func cocoOverlap(with truth: BoundingBox, isCrowd: Bool) -> Double {
        let width = min(Double(x2), Double(truth.x2)) - max(Double(x1), Double(truth.x1))
        let height = min(Double(y2), Double(truth.y2)) - max(Double(y1), Double(truth.y1))
        guard width > 0, height > 0 else { return 0 }
        let shared = width * height, own = preciseArea
        return shared / (isCrowd ? own : own + truth.preciseArea - shared)
    }

    var preciseArea: Double { (Double(x2) - Double(x1)) * (Double(y2) - Double(y1)) }
}
