import MartletData

/// COCO's twelve figures for boxes, as pycocotools computes them. -1 where there is nothing to be found.
public struct COCOEvaluation: Sendable {
    /// Over overlaps from 0.50 to 0.95 in steps of 0.05, all sizes, at most 100 detections an image.
    public var ap = -1.0
    public var ap50 = -1.0
    public var ap75 = -1.0
    /// Of objects below 32 x 32 pixels, from there to 96 x 96, and above.
    public var apSmall = -1.0
    public var apMedium = -1.0
    public var apLarge = -1.0
    /// The average of the largest recalls with at most 1, 10 and 100 detections an image.
    public var recall1 = -1.0
    public var recall10 = -1.0
    public var recall100 = -1.0
    public var recallSmall = -1.0
    public var recallMedium = -1.0
    public var recallLarge = -1.0
    /// AP at an overlap of 0.5 by class; -1 for one that no image shows.
    public var ap50ByClass: [Double] = []

    /// The figures in pycocotools' order.
    public var all: [Double] {
        [ap, ap50, ap75, apSmall, apMedium, apLarge, recall1, recall10, recall100, recallSmall, recallMedium, recallLarge]
    }

    /// What they are called, in that order.
    static let names = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]

    /// Rounded as NumPy's `linspace` rounds them.
    static let overlaps: [Double] = (0..<10).map { (step: Int) -> Double in
        let each: Double = (0.95 - 0.5) / 9
        return step == 9 ? 0.95 : 0.5 + Double(step) * each
    }
    private static let recalls: [Double] = (0...100).map { (step: Int) -> Double in Double(step) * 0.01 }
    private static let sizes: [ClosedRange<Double>] = [0...1e10, 0...1024, 1024...9216, 9216...1e10]
    private static let limits = [1, 10, 100]

    public init(_ record: DetectionRecord) {
        // [size][limit][class]: the precisions [overlap][recall] and recalls [overlap]; nil without objects.
        var curves: [[[Curve?]]] = []
        let matchers = (0..<record.classes).map { label in
            (0..<record.images).map { image in
                ClassInImage(
                    truths: record.truths[image].filter { $0.label == label },
                    detections: record.detections[image].filter { $0.label == label })
            }
        }
        for (number, size) in Self.sizes.enumerated() {
            // Only all sizes are asked for with fewer detections.
            let limits = number == 0 ? Self.limits : [100]
            let matches = matchers.map { images in images.map { $0.matches(size: size) } }
            curves.append(limits.map { limit in matches.map { Curve($0, limit: limit) } })
        }
        func precision(_ size: Int, _ overlap: Int? = nil) -> Double {
            mean(
                curves[size].last!.compactMap { $0 }.flatMap { curve in
                    overlap.map { curve.precisions[$0] } ?? curve.precisions.flatMap { $0 }
                })
        }
        func recall(_ size: Int, _ limit: Int) -> Double { mean(curves[size][limit].compactMap { $0 }.flatMap(\.recalls)) }
        (ap, ap50, ap75) = (precision(0), precision(0, 0), precision(0, 5))
        (apSmall, apMedium, apLarge) = (precision(1), precision(2), precision(3))
        (recall1, recall10, recall100) = (recall(0, 0), recall(0, 1), recall(0, 2))
        (recallSmall, recallMedium, recallLarge) = (recall(1, 0), recall(2, 0), recall(3, 0))
        ap50ByClass = curves[0].last!.map { curve in curve.map { mean($0.precisions[0]) } ?? -1 }
    }

    /// What the detections of a class did over all images.
    private struct Curve {
        var precisions: [[Double]] = []
        var recalls: [Double] = []

        init?(_ images: [ClassInImage.Matches], limit: Int) {
            let wanted = images.reduce(0) { $0 + $1.wanted }
            if wanted == 0 { return nil }
            // Stable by decreasing score, image after image.
            let all = images.indices.flatMap { image in
                images[image].scores.prefix(limit).indices.map { (score: images[image].scores[$0], image: image, number: $0) }
            }
            let order = all.indices.sorted { (all[$1].score, $0) < (all[$0].score, $1) }.map { all[$0] }
            for overlap in COCOEvaluation.overlaps.indices {
                var right = 0, wrong = 0, recall: [Double] = [], precision: [Double] = []
                for entry in order {
                    let verdict = images[entry.image].verdicts[overlap][entry.number]
                    if verdict == .ignored { continue }
                    if verdict == .right { right += 1 } else { wrong += 1 }
                    recall.append(Double(right) / Double(wanted))
                    precision.append(Double(right) / (Double(right + wrong) + Double.ulpOfOne))
                }
                recalls.append(recall.last ?? 0)
                for index in precision.indices.dropLast().reversed() {
                    precision[index] = max(precision[index], precision[index + 1])
                }
                var at = 0
                precisions.append(
                    COCOEvaluation.recalls.map { wanted in
                        while at < recall.count, recall[at] < wanted { at += 1 }
                        return at < precision.count ? precision[at] : 0
                    })
            }
        }
    }
}

private func mean(_ values: [Double]) -> Double { values.isEmpty ? -1 : values.reduce(0, +) / Double(values.count) }

/// A class's objects and detections in an image.
private struct ClassInImage {
    enum Verdict { case right, wrong, ignored }

    struct Matches {
        var scores: [Float]
        /// [overlap][detection].
        var verdicts: [[Verdict]]
        /// Objects that count.
        var wanted: Int
    }

    private let truths: [ObjectAnnotation]
    private let detections: [DetectedObject]
    /// [detection][truth].
    private let overlaps: [[Double]]

    init(truths: [ObjectAnnotation], detections: [DetectedObject]) {
        self.truths = truths
        let order = detections.indices.sorted { (detections[$1].score, $0) < (detections[$0].score, $1) }.prefix(100)
        let sorted = order.map { detections[$0] }
        self.detections = sorted
        overlaps = sorted.map { found in
            truths.map { found.box.cocoOverlap(with: $0.box, isCrowd: $0.isCrowd) }
        }
    }

    /// Each detection, the best first, takes the object that it overlaps most among those not taken; objects that do not count
    /// come last, and only where nothing that counts fits.
    func matches(size: ClosedRange<Double>) -> Matches {
        func isOutside(_ area: Double) -> Bool { area < size.lowerBound || area > size.upperBound }
        let ignored = truths.map { $0.isCrowd || $0.isDifficult || isOutside(Double($0.area)) }
        let order = truths.indices.filter { !ignored[$0] } + truths.indices.filter { ignored[$0] }
        let verdicts = COCOEvaluation.overlaps.map { threshold in
            var taken = [Bool](repeating: false, count: truths.count)
            return detections.indices.map { number -> Verdict in
                var best = min(threshold, 1 - 1e-10), match: Int?
                for truth in order {
                    if taken[truth], !truths[truth].isCrowd { continue }
                    if let match, !ignored[match], ignored[truth] { break }
                    if overlaps[number][truth] < best { continue }
                    best = overlaps[number][truth]
                    match = truth
                }
                guard let match else { return isOutside(detections[number].box.preciseArea) ? .ignored : .wrong }
                taken[match] = true
                return ignored[match] ? .ignored : .right
            }
        }
        return Matches(scores: detections.map(\.score), verdicts: verdicts, wanted: ignored.filter { !$0 }.count)
    }
}
