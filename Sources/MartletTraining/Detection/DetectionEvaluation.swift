import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Judging a detector on a data set.
public struct DetectionEvaluation: Sendable {
    public var result: EvaluationResult
    /// What was shown and found, of which all else follows.
    public var record: DetectionRecord
    /// The images in the record's order.
    public var images: [ImageAnnotation]
    /// The boxes among which it was found, in each image.
    public var proposals: [[BoundingBox]]
    public var coco: COCOEvaluation
    /// Of an image: what proposing regions took, where the detector does not do it itself, and all else from the pixels to the boxes.
    public var seconds: (proposals: Double, detection: Double)

    /// The share of objects that some proposal overlaps by at least this: a bound on what can be detected.
    public func proposalRecall(overlap: Float = 0.5) -> Double {
        ProposalRecall.share(record.truths, proposals, overlap: overlap)
    }

    static func run(
        _ detector: any ObjectDetector, on data: any DetectionDataset, _ recipe: DetectionRecipe, _ searched: ProposalCache,
        stop: () -> Bool = { false }, report: (Int, Int) -> Void = { _, _ in }
    ) throws -> DetectionEvaluation {
        let started = Date(), before = searched.seconds
        var record = DetectionRecord(classes: detector.classes), proposals: [[BoundingBox]] = [], loss = 0.0, detection = 0.0
        var shown: [ImageAnnotation] = []
        for index in 0..<data.count {
            if stop() { throw Interruption() }
            let annotation = data.annotation(at: index), objects = annotation.objects, image = try data.image(at: index)
            let boxes = detector.needsProposals ? searched.boxes(annotation.name, image) : []
            let begun = Date()
            let prepared = recipe.prepare(image, objects, augmented: nil), regions = prepared.regions(boxes)
            let (tensor, sizes) = recipe.batch([prepared])
            let seen = detector.observe(tensor, sizes: sizes)
            let (found, proposed) = try detector.detect(seen, proposals: [regions])
            detection += Date().timeIntervalSince(begun)
            record.add(objects, found[0].map { prepared.original($0) })
            shown.append(annotation)
            proposals.append(
                proposed[0].map {
                    BoundingBox($0[0], $0[1], $0[2], $0[3]).scaled(x: 1 / prepared.scaleX, y: 1 / prepared.scaleY)
                })
            let losses = try withoutGradients {
                try detector.loss(seen, [prepared.target], proposals: [regions], seed: UInt64(index)).item()
            }
            loss += Double(losses)
            report(index + 1, data.count)
        }
        let coco = COCOEvaluation(record), images = Double(max(data.count, 1))
        return DetectionEvaluation(
            result: EvaluationResult(
                loss: loss / images, metrics: [("mAP50", max(coco.ap50, 0)), ("mAP", max(coco.ap, 0))],
                samples: data.count, seconds: Date().timeIntervalSince(started)),
            record: record, images: shown, proposals: proposals, coco: coco,
            seconds: ((searched.seconds - before) / images, detection / images))
    }
}
