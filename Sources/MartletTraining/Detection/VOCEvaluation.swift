import MartletData

/// How precise a class's detections are as more of its objects are found.
public struct PrecisionRecall: Sendable {
    public var precisions: [Double]
    public var recalls: [Double]
    /// Objects that count.
    public var wanted: Int

    /// The mean of the best precision at recalls of 0, 0.1 to 1 and beyond: the challenge's figure until 2009.
    public var elevenPointAP: Double {
        (0...10).reduce(0) { sum, step in
            let recall = Double(step) / 10
            return sum + (zip(recalls, precisions).filter { $0.0 >= recall }.map(\.1).max() ?? 0) / 11
        }
    }

    /// The area under the curve, made monotonic: the figure since 2010.
    public var areaAP: Double {
        var best = 0.0, area = 0.0, right = recalls.last ?? 0
        for index in precisions.indices.reversed() {
            let left = index > 0 ? recalls[index - 1] : 0
            best = max(best, precisions[index])
            area += (right - left) * best
            right = left
        }
        return area
    }
}

/// Pascal VOC's evaluation: a detection is right where it overlaps an object of its class, that no better one has taken, by at
/// least `overlap`. Difficult objects count for nothing, found or not.
public struct VOCEvaluation: Sendable {
    /// nil for a class that no image shows.
    public var curves: [PrecisionRecall?]

    public init(_ record: DetectionRecord, overlap: Double = 0.5) {
        curves = (0..<record.classes).map { Self.curve(record, label: $0, overlap: overlap) }
    }

    public var elevenPointMAP: Double { mean(\.elevenPointAP) }
    public var areaMAP: Double { mean(\.areaAP) }

    private func mean(_ figure: (PrecisionRecall) -> Double) -> Double {
        let shown = curves.compactMap { $0 }
        return shown.isEmpty ? -1 : shown.reduce(0) { $0 + figure($1) } / Double(shown.count)
    }

    private static func curve(_ record: DetectionRecord, label: Int, overlap: Double) -> PrecisionRecall? {
        let truths = record.truths.map { $0.filter { $0.label == label } }
        let wanted = truths.reduce(0) { $0 + $1.filter { !$0.isDifficult && !$0.isCrowd }.count }
        if wanted == 0 { return nil }
        var taken = truths.map { [Bool](repeating: false, count: $0.count) }
        let all = record.detections.indices.flatMap { image in
            record.detections[image].filter { $0.label == label }.map { (image: image, found: $0) }
        }
        var right = 0, wrong = 0, curve = PrecisionRecall(precisions: [], recalls: [], wanted: wanted)
        for index in all.indices.sorted(by: { (all[$1].found.score, $0) < (all[$0].found.score, $1) }) {
            let (image, found) = all[index]
            let best = truths[image].indices.max {
                found.box.cocoOverlap(with: truths[image][$0].box, isCrowd: false)
                    < found.box.cocoOverlap(with: truths[image][$1].box, isCrowd: false)
            }
            if let best, found.box.cocoOverlap(with: truths[image][best].box, isCrowd: false) >= overlap {
                if truths[image][best].isDifficult || truths[image][best].isCrowd { continue }
                if taken[image][best] { wrong += 1 } else { right += 1 }
                taken[image][best] = true
            } else {
                wrong += 1
            }
            curve.recalls.append(Double(right) / Double(wanted))
            curve.precisions.append(Double(right) / Double(right + wrong))
        }
        return curve
    }
}

/// What share of the objects some proposal covers: a bound on what can be detected.
public enum ProposalRecall {
    /// - Parameters:
    ///   - truths, proposals: one entry an image.
    ///   - overlap: at least.
    public static func share(_ truths: [[ObjectAnnotation]], _ proposals: [[BoundingBox]], overlap: Float = 0.5) -> Double {
        var found = 0, wanted = 0
        for (objects, boxes) in zip(truths, proposals) {
            for object in objects where !object.isDifficult && !object.isCrowd {
                wanted += 1
                if boxes.contains(where: { $0.overlap(with: object.box) >= overlap }) { found += 1 }
            }
        }
        return wanted > 0 ? Double(found) / Double(wanted) : 0
    }
}
