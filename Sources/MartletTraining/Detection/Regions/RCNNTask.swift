import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Training R-CNN: fine-tuning its network on warped regions, then machines and regressions on the features that it makes.
final class RCNNTask: TrainingTask {
    var model: any MartletNN.Module { detector }
    var name: String { data.training.name }
    var batchCount: Int { (recipe.regions.crops + batchSize - 1) / batchSize }
    var concludes: Bool { true }

    private let detector: RCNN
    private let data: DetectionSplits
    private let recipe: (detection: DetectionRecipe, regions: RCNNRecipe)
    private let batchSize: Int
    private let shuffle: Bool
    private let seed: UInt64
    private let proposals: ProposalCache
    private let images: ImageCache
    private var run: RunContext?
    private var samples: RegionSamples?
    private var heldOut: RegionSamples?

    /// Held-out regions that judge an epoch, and how many are looked at together.
    private static let judges = 512
    private static let chunk = 64

    init(
        _ detector: RCNN, on data: DetectionSplits, _ detection: DetectionRecipe, _ regions: RCNNRecipe, batchSize: Int,
        shuffle: Bool, seed: UInt64
    ) throws {
        guard data.training.count > 0 else {
            throw TrainingError(.input, "\(data.training.name): has no images; give at least one")
        }
        (self.detector, self.data, recipe) = (detector, data, (detection, regions))
        (self.batchSize, self.shuffle, self.seed) = (batchSize, shuffle, seed)
        proposals = ProposalCache(detection.search)
        images = ImageCache(data.training)
    }

    func enter(_ run: RunContext) throws { self.run = run }

    private func context() throws -> RunContext {
        guard let run else { throw TrainingError(.failed, "\(name): regions are asked for outside of a run") }
        return run
    }

    func begin(epoch: Int) throws { _ = try trainingSamples() }

    private func trainingSamples() throws -> RegionSamples {
        if let samples { return samples }
        let found = try regions(of: data.training)
        guard !found.positives.isEmpty || !found.negatives.isEmpty else {
            throw TrainingError(.input, "\(name): its images give no regions; give images with objects")
        }
        samples = found
        return found
    }

    private func regions(of part: any DetectionDataset) throws -> RegionSamples {
        try proposals.complete(part, context())
        return RegionSamples(part, foreground: detector.options.foreground) { proposals.known($0.name) ?? [] }
    }

    func batches(from position: LoaderState) throws -> any TrainingBatches {
        Batches(self, try trainingSamples(), position)
    }

    /// Regions warped and normalised, [k, 3, s, s]; those of an image must follow each other.
    private func crops(_ regions: [RegionSamples.Region], _ read: (Int) throws -> Image, augmented: (Int) -> SampleRandom?) throws
        -> Tensor
    {
        var crops: [Tensor] = [], rest = regions[...]
        while let first = rest.first {
            let group = rest.prefix { $0.image == first.image }
            rest = rest.dropFirst(group.count)
            let prepared = recipe.detection.prepare(try read(first.image), [], augmented: augmented(first.image))
            let pixels = Tensor(
                prepared.floats(normalization: .imageNet), shape: [1, 3, prepared.height, prepared.width])
            crops.append(detector.warped(pixels, prepared.regions(group.map(\.box))).evaluated())
        }
        return concatenate(crops)
    }

    func validate(stop: () -> Bool) throws -> EvaluationResult? {
        guard let part = data.heldOut else { return nil }
        if heldOut == nil { heldOut = try regions(of: part) }
        guard let heldOut, !heldOut.positives.isEmpty || !heldOut.negatives.isEmpty else { return nil }
        let started = Date(), cache = ImageCache(part)
        func order(_ count: Int, _ stream: Int) -> [Int] { EpochOrder.permutation(of: count, seed: 0, epoch: stream) }
        let chosen = heldOut.batch(
            0, size: Self.judges, positives: detector.options.positives,
            orders: (order(heldOut.positives.count, 0), order(heldOut.negatives.count, 1)))
        var loss = 0.0, right = 0
        for start in stride(from: 0, to: chosen.count, by: Self.chunk) {
            if stop() { throw Interruption() }
            let part = Array(chosen[start..<min(start + Self.chunk, chosen.count)]), labels = part.map(\.label)
            let logits = try withoutGradients {
                detector.network(try crops(part, cache.image, augmented: { _ in nil })).evaluated()
            }
            loss += Double(try crossEntropy(logits, labels).item()) * Double(part.count)
            let values = try logits.floats(), width = detector.classes + 1
            for (row, label) in labels.enumerated() {
                let scores = values[row * width..<(row + 1) * width]
                if let best = scores.indices.max(by: { scores[$0] < scores[$1] }), best - row * width == Int(label) { right += 1 }
            }
        }
        return EvaluationResult(
            loss: loss / Double(chosen.count), metrics: [("accuracy", Double(right) / Double(chosen.count))],
            samples: chosen.count, seconds: Date().timeIntervalSince(started))
    }

    // MARK: The second stage

    func conclude() throws -> EvaluationResult? {
        let run = try context()
        try proposals.complete(data.training, run)
        let features = try RegionFeatures(detector, of: data.training, in: run.folder)
        try features.complete(recipe.detection, proposals, run)
        let scales = try features.scales(norm: recipe.regions.featureNorm)
        var mining = HardNegativeMining(features, classes: detector.classes, scale: scales.vectors, recipe.regions)
        try mining.train(run, seed: seed)
        let vectors = features.vectorWidth, maps = features.mapsWidth
        detector.machines.weight.value = Tensor(
            mining.machines.flatMap { machine in machine.weights.map { $0 * scales.vectors } },
            shape: [detector.classes, vectors])
        // A class that no image shows is never found.
        detector.machines.bias.value = Tensor(mining.machines.map { $0.count == 0 ? -100 : $0.bias })
        let regression = BoxRegression(
            features, scale: scales.maps, overlap: recipe.regions.regressionOverlap, ridge: recipe.regions.ridge)
        var weights: [Float] = [], bias: [Float] = []
        for label in 0..<detector.classes {
            try run.checkStop()
            run.report("box regression", label + 1, detector.classes)
            let fit = try regression.fit(label: label)
            weights += fit?.weights.flatMap { $0 } ?? [Float](repeating: 0, count: 4 * maps)
            bias += fit?.bias ?? [0, 0, 0, 0]
        }
        detector.regressions.weight.value = Tensor(weights, shape: [4 * detector.classes, maps])
        detector.regressions.bias.value = Tensor(bias)
        guard let part = data.heldOut else { return nil }
        return try DetectionEvaluation.run(
            detector, on: part, recipe.detection, proposals, stop: run.stop,
            report: { run.report("detecting in \(part.name)", $0, $1) }
        ).result
    }

    private final class Batches: TrainingBatches {
        private let task: RCNNTask
        private let samples: RegionSamples
        private let orders: (positives: [Int], negatives: [Int])
        private let epoch: Int
        private(set) var state: LoaderState

        init(_ task: RCNNTask, _ samples: RegionSamples, _ position: LoaderState) {
            (self.task, self.samples, state, epoch) = (task, samples, position, position.epoch)
            func order(_ count: Int, _ stream: UInt64) -> [Int] {
                task.shuffle
                    ? EpochOrder.permutation(of: count, seed: task.seed &+ stream, epoch: position.epoch) : Array(0..<count)
            }
            orders = (order(samples.positives.count, 0), order(samples.negatives.count, 1))
        }

        func next() throws -> TrainingBatch? {
            guard state.epoch == epoch else { return nil }
            let number = state.batch, left = task.recipe.regions.crops - number * task.batchSize
            state.batch += 1
            if state.batch == task.batchCount { state = LoaderState(epoch: epoch + 1) }
            let regions = samples.batch(
                number, size: min(task.batchSize, left), positives: task.detector.options.positives, orders: orders)
            let crops = try task.crops(regions, task.images.image) { [task] image in
                SampleRandom(
                    seed: task.seed, UInt64(bitPattern: Int64(self.epoch)), UInt64(number), UInt64(image), 1)
            }
            return TrainingBatch(count: regions.count) { [network = task.detector.network] in
                crossEntropy(network(crops), regions.map(\.label))
            }
        }
    }
}
