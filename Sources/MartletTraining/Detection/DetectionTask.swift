import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Training a detector on images with boxes.
final class DetectionTask: TrainingTask {
    var model: any MartletNN.Module { detector }
    var name: String { data.training.name }
    var batchCount: Int { (data.training.count + batchSize - 1) / batchSize }

    private let detector: any ObjectDetector
    private let data: DetectionSplits
    private let recipe: DetectionRecipe
    private let batchSize: Int
    private let shuffle: Bool
    private let seed: UInt64
    private let proposals: ProposalCache

    init(
        _ detector: any ObjectDetector, on data: DetectionSplits, _ recipe: DetectionRecipe, batchSize: Int, shuffle: Bool,
        seed: UInt64
    ) throws {
        guard data.training.count > 0 else {
            throw TrainingError(.input, "\(data.training.name): has no images; give at least one")
        }
        (self.detector, self.data, self.recipe) = (detector, data, recipe)
        (self.batchSize, self.shuffle, self.seed) = (batchSize, shuffle, seed)
        proposals = ProposalCache(recipe.search)
    }

    func batches(from position: LoaderState) -> any TrainingBatches { Batches(self, position) }

    func validate(stop: () -> Bool) throws -> EvaluationResult? {
        try data.heldOut.map { try DetectionEvaluation.run(detector, on: $0, recipe, proposals, stop: stop).result }
    }

    private final class Batches: TrainingBatches {
        private let task: DetectionTask
        private let order: [Int]
        private(set) var state: LoaderState
        private let epoch: Int

        init(_ task: DetectionTask, _ position: LoaderState) {
            self.task = task
            state = position
            epoch = position.epoch
            let count = task.data.training.count
            order =
                task.shuffle
                ? EpochOrder.permutation(of: count, seed: task.seed, epoch: position.epoch) : Array(0..<count)
        }

        func next() throws -> TrainingBatch? {
            guard state.epoch == epoch else { return nil }
            let number = state.batch, size = task.batchSize
            let indices = order[number * size..<min((number + 1) * size, order.count)]
            let epochStream = UInt64(bitPattern: Int64(epoch))
            var images: [PreparedImage] = [], regions: [[HostBox]] = []
            for index in indices {
                let image = try task.data.training.image(at: index), annotation = task.data.training.annotation(at: index)
                let prepared = task.recipe.prepare(
                    image, annotation.objects, augmented: SampleRandom(seed: task.seed, epochStream, UInt64(index), 1))
                images.append(prepared)
                regions.append(
                    task.detector.needsProposals ? prepared.regions(task.proposals.boxes(annotation.name, image)) : [])
            }
            state.batch += 1
            if state.batch == task.batchCount { state = LoaderState(epoch: epoch + 1) }
            let (tensor, sizes) = task.recipe.batch(images), targets = images.map(\.target)
            var drawn = SampleRandom(seed: task.seed, epochStream, UInt64(number), 2)
            let seed = drawn.next()
            return TrainingBatch(count: images.count) { [detector = task.detector] in
                do {
                    return try detector.loss(tensor, sizes: sizes, targets, proposals: regions, seed: seed)
                } catch {
                    // What failed on the device is told where the loss is read.
                    return detector.backbone.maps(tensor)[0].sum() * .nan
                }
            }
        }
    }
}

/// Judging a detector: COCO's figures, and what kinds of mistakes it makes.
public struct DetectionEvaluation: Sendable {
    public var result: EvaluationResult
    public var coco: COCOEvaluation
    public var mistakes: DetectionMistakes
    /// The share of objects that some proposal overlaps by a half or more: a bound on what can be detected.
    public var proposalRecall: Double

    static func run(
        _ detector: any ObjectDetector, on data: any DetectionDataset, _ recipe: DetectionRecipe, _ searched: ProposalCache,
        stop: () -> Bool = { false }
    ) throws -> DetectionEvaluation {
        let started = Date()
        var record = DetectionRecord(classes: detector.classes), proposals: [[BoundingBox]] = [], loss = 0.0
        for index in 0..<data.count {
            if stop() { throw Interruption() }
            let annotation = data.annotation(at: index), objects = annotation.objects, image = try data.image(at: index)
            let prepared = recipe.prepare(image, objects, augmented: nil)
            let regions = detector.needsProposals ? prepared.regions(searched.boxes(annotation.name, image)) : []
            let (tensor, sizes) = recipe.batch([prepared])
            let (found, proposed) = try detector.detect(tensor, sizes: sizes, proposals: [regions])
            record.add(objects, found[0].map { prepared.original($0) })
            proposals.append(
                proposed[0].map {
                    BoundingBox($0[0], $0[1], $0[2], $0[3]).scaled(x: 1 / prepared.scaleX, y: 1 / prepared.scaleY)
                })
            let losses = try withoutGradients {
                try detector.loss(
                    tensor, sizes: sizes, [prepared.target], proposals: [regions], seed: UInt64(index)
                ).item()
            }
            loss += Double(losses)
        }
        let coco = COCOEvaluation(record)
        return DetectionEvaluation(
            result: EvaluationResult(
                loss: data.count > 0 ? loss / Double(data.count) : 0,
                metrics: [("mAP50", max(coco.ap50, 0)), ("mAP", max(coco.ap, 0))],
                samples: data.count, seconds: Date().timeIntervalSince(started)),
            coco: coco, mistakes: DetectionMistakes(record), proposalRecall: ProposalRecall.share(record.truths, proposals))
    }
}
