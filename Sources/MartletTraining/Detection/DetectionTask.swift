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
    private let alternating: AlternatingTraining?
    private var run: RunContext?

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
        alternating =
            try recipe.alternates() ? (detector as? FasterRCNN).map { AlternatingTraining($0, recipe.kind) } : nil
    }

    func enter(_ run: RunContext) throws { self.run = run }

    func begin(epoch: Int) throws {
        // Normalisation that a backbone keeps as it was trained is not taken up by training either.
        detector.freezeNormalization()
        if let alternating, let run { alternating.begin(epoch: epoch, of: run.epochs) }
        if detector.needsProposals, let run { try proposals.complete(data.training, run) }
    }

    var carried: [(name: String, tensor: Tensor)] { alternating?.carried ?? [] }

    func restore(carried: [String: Tensor]) throws {
        if let alternating { return try alternating.restore(carried, of: name) }
        guard carried.isEmpty else {
            throw TrainingError(
                .input, "\(name): the checkpoint carries a state that this model has not; give the run's own files")
        }
    }

    func batches(from position: LoaderState) -> any TrainingBatches { Batches(self, position) }

    func validate(stop: () -> Bool) throws -> EvaluationResult? {
        guard let part = data.heldOut else { return nil }
        if detector.needsProposals, let run { try proposals.complete(part, run) }
        return try DetectionEvaluation.run(detector, on: part, recipe, proposals, stop: stop).result
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
            return TrainingBatch(count: images.count) { [task, detector = task.detector] in
                let seen = detector.see(tensor, sizes: sizes)
                do {
                    if let alternating = task.alternating { return try alternating.loss(seen, targets, seed: seed) }
                    return try detector.loss(seen, targets, proposals: regions, seed: seed)
                } catch {
                    // What failed on the device is told where the loss is read.
                    return (detector.parameters.first { !$0.isFrozen }?.value.sum() ?? Tensor(0)) * .nan
                }
            }
        }
    }
}
