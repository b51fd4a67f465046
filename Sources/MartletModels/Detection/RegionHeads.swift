import Glibc
import MartletCore
import MartletNN

/// What a detector found: a box, its class (from 0), and how sure it is.
public struct FoundBox: Sendable, Hashable {
    public var box: HostBox
    public var label: Int
    public var score: Float
}

/// Tells what each proposed region shows and moves its box: features pooled to one size, two dense layers, and two predictions.
/// Girshick, "Fast R-CNN", 2015; names and details as torchvision has them.
public final class RegionHeads: Module {
    public struct Options: Sendable, Hashable {
        /// How regions become features of one size.
        public enum Pooling: String, Sendable, CaseIterable { case align, pool }

        public var pooling = Pooling.align
        /// Rows and columns of a region's features.
        public var size = 7
        /// Samples along each axis of a part, with `align`.
        public var samplingRatio = 2
        /// A region that overlaps an object by at least this shows it; any other is background, if it overlaps one by at least the other.
        public var foreground: Float = 0.5
        public var leastBackground: Float = 0
        /// Regions of an image that count in a step, and the largest share of those that show objects.
        public var batch = 512
        public var positives: Float = 0.25
        /// Detections below this score are left out.
        public var score: Float = 0.05
        public var suppression = 0.5
        /// The most detections in an image.
        public var detections = 100

        public init() {}
    }

    public let options: Options
    public let classes: Int
    private let strides: [Int]
    private var fc6, fc7: any Layer
    private let score, deltas: Linear
    private let coding = BoxCoding.head

    /// - Parameters:
    ///   - strides: of the maps that regions are taken from; several of them form a pyramid.
    ///   - width: of the two dense layers.
    public init(channels: Int, strides: [Int], classes: Int, width: Int = 1024, options: Options = Options()) {
        self.options = options
        self.classes = classes
        self.strides = strides
        fc6 = Linear(channels * options.size * options.size, width, activation: .relu)
        fc7 = Linear(width, width, activation: .relu)
        score = Linear(width, classes + 1)
        deltas = Linear(width, 4 * (classes + 1))
    }

    public var parts: Parts {
        [
            "box_head": Sequential(named: ["fc6": fc6, "fc7": fc7]),
            "box_predictor": Sequential(named: ["cls_score": score, "bbox_pred": deltas]),
        ]
    }

    /// Replaces the two dense layers by thinner pairs, for speed: of each the strongest directions are kept.
    ///
    /// - Parameter ranks: directions of the first and the second.
    public func compress(ranks: (first: Int, second: Int)) throws {
        guard let first = fc6 as? Linear, let second = fc7 as? Linear else { return }
        (fc6, fc7) = (try first.compressed(rank: ranks.first), try second.compressed(rank: ranks.second))
    }

    /// The outputs of the two dense layers, which bound the directions that can be kept.
    public var width: Int { score.weight.shape[1] }

    /// What the heads say of regions: logits [k, classes + 1], background first, and codes [k, classes + 1, 4].
    public func callAsFunction(_ maps: [Tensor], _ regions: [[HostBox]]) -> (logits: Tensor, codes: Tensor) {
        let x = fc7(fc6(features(maps, regions).flattened()))
        return (score(x), deltas(x).reshaped([-1, classes + 1, 4]))
    }

    /// Features of one size: [k, channels, size, size].
    func features(_ maps: [Tensor], _ regions: [[HostBox]]) -> Tensor {
        let rows = regions.enumerated().flatMap { image, boxes in boxes.map { (image: image, box: $0) } }
        func pooled(_ level: Int, _ rows: [(image: Int, box: HostBox)]) -> Tensor {
            let values = rows.flatMap { [Float($0.image), $0.box[0], $0.box[1], $0.box[2], $0.box[3]] }
            let boxes = Tensor(values, shape: [rows.count, 5]), size = Pair(options.size, options.size)
            let scale = 1 / Float(strides[level])
            switch options.pooling {
            case .pool: return maps[level].regionPooled(boxes, RegionPoolingOptions(size: size, scale: scale))
            case .align:
                return maps[level].regionAligned(
                    boxes, RegionAlignOptions(size: size, scale: scale, samplingRatio: options.samplingRatio))
            }
        }
        if strides.count == 1 { return pooled(0, rows) }
        // A region's size says which map it is taken from: 224 x 224 from the third of stride 4, 8, 16, 32.
        let levels = rows.map { level(of: $0.box) }
        var parts: [Tensor] = [], places = [Int32](repeating: 0, count: rows.count), next: Int32 = 0
        for level in strides.indices {
            let members = rows.indices.filter { levels[$0] == level }
            if members.isEmpty { continue }
            for member in members {
                places[member] = next
                next += 1
            }
            parts.append(pooled(level, members.map { rows[$0] }))
        }
        guard !parts.isEmpty else { return Tensor.zeros([0, maps[0].shape[1], options.size, options.size]) }
        return concatenate(parts).gathered(Tensor(places))
    }

    /// Regions to learn from, with their labels (0 is background) and what their boxes should become.
    struct Sample {
        var regions: [[HostBox]] = []
        var labels: [Int32] = []
        var positives: [Int32] = []
        var sources: [HostBox] = []
        var goals: [HostBox] = []
    }

    /// - Parameter labels: of the objects, from 0.
    func sample(
        _ proposals: [[HostBox]], _ truths: [[HostBox]], labels: [[Int]], _ random: inout StepRandom
    ) -> Sample {
        var sample = Sample(), row = 0
        for image in proposals.indices {
            // The objects' own boxes are good proposals.
            let candidates = proposals[image] + truths[image]
            let matches = BoxMatches(
                candidates, truths[image], high: options.foreground, low: options.foreground, keepsBest: false)
            var (positives, negatives) = matches.sampled(options.batch, positives: options.positives, &random)
            if options.leastBackground > 0 {
                let near = negatives.filter { index in
                    truths[image].contains { candidates[index].boxOverlap($0) >= options.leastBackground }
                }
                if !near.isEmpty || !positives.isEmpty { negatives = near }
            }
            sample.regions.append((positives + negatives).map { candidates[$0] })
            for (place, index) in positives.enumerated() {
                sample.labels.append(Int32(labels[image][matches.objects[index]] + 1))
                sample.positives.append(Int32(row + place))
                sample.sources.append(candidates[index])
                sample.goals.append(truths[image][matches.objects[index]])
            }
            sample.labels += negatives.map { _ in 0 }
            row += positives.count + negatives.count
        }
        return sample
    }

    /// The losses over sampled regions: of their classes, and of the boxes of those that show objects.
    func losses(_ maps: [Tensor], _ sample: Sample) -> (classes: Tensor, boxes: Tensor) {
        guard !sample.labels.isEmpty else {
            let zero = maps[0].sum() * 0
            return (zero, zero)
        }
        let (logits, codes) = self(maps, sample.regions)
        let classification = crossEntropy(logits, sample.labels)
        guard !sample.positives.isEmpty else { return (classification, codes.sum() * 0) }
        let goals = coding.encode(Tensor(boxes: sample.goals), Tensor(boxes: sample.sources))
        let rows = sample.positives.map { $0 * Int32(classes + 1) + sample.labels[Int($0)] }
        let found = codes.reshaped([-1, 4]).gathered(Tensor(rows))
        return (classification, smoothL1Loss(found, goals, beta: 1 / 9, reduction: .sum) / Float(sample.labels.count))
    }

    /// Of every region and class, background first: the probability [k * (classes + 1)], the codes, and the box that they stand for.
    private func outputs(_ maps: [Tensor], _ regions: [[HostBox]]) throws -> (
        scores: [Float], codes: Tensor, boxes: [HostBox]
    ) {
        let all = regions.flatMap { $0 }, (logits, codes) = self(maps, regions)
        let references = Tensor(boxes: all).expanded(axis: 1).broadcast(to: [all.count, classes + 1, 4])
        return (try logits.softmax().floats(), codes, try coding.decode(codes, references).hostBoxes())
    }

    /// What the heads say of regions of one image, for those who look.
    func judge(_ maps: [Tensor], _ regions: [HostBox]) throws -> RegionJudgement {
        guard !regions.isEmpty else { return RegionJudgement(classes: classes, scores: [], codes: [], boxes: []) }
        let (scores, codes, boxes) = try outputs(maps, [regions]), values = try codes.floats(), width = classes + 1
        // Background goes.
        let kept = scores.indices.filter { $0 % width != 0 }
        return RegionJudgement(
            classes: classes, scores: kept.map { scores[$0] },
            codes: kept.map { Array(values[4 * $0..<4 * $0 + 4]) }, boxes: kept.map { boxes[$0] })
    }

    /// The map that a region is taken from, by its number.
    func level(of box: HostBox) -> Int {
        if strides.count == 1 { return 0 }
        let level = (4 + log2(box.boxArea.squareRoot() / 224) + 1e-6).rounded(.down)
        return min(max(level.isFinite ? Int(level) - 2 : 0, 0), strides.count - 1)
    }

    /// Pixels of the image between two positions of the map that a region is taken from.
    public func stride(for box: HostBox) -> Int { strides[level(of: box)] }

    /// The detections among an image's regions, the surest first.
    ///
    /// - Parameter size: height and width of the image without padding.
    func detections(_ maps: [Tensor], _ regions: [[HostBox]], sizes: [Pair]) throws -> [[FoundBox]] {
        let count = regions.reduce(0) { $0 + $1.count }
        guard count > 0 else { return regions.map { _ in [] } }
        let width = classes + 1, (scores, _, boxes) = try outputs(maps, regions)
        var first = 0
        return try regions.indices.map { image in
            defer { first += regions[image].count }
            let (h, w) = (Float(sizes[image].y), Float(sizes[image].x))
            var found: [FoundBox] = []
            for row in first..<first + regions[image].count {
                for label in 1..<width where scores[row * width + label] > options.score {
                    let box = boxes[row * width + label].clamped(
                        lowerBound: HostBox(repeating: 0), upperBound: HostBox(w, h, w, h))
                    guard box.isAtLeast(1e-2) else { continue }
                    found.append(FoundBox(box: box, label: label - 1, score: scores[row * width + label]))
                }
            }
            guard !found.isEmpty else { return [] }
            let kept = nonMaximumSuppression(
                Tensor(boxes: found.map(\.box)), scores: Tensor(found.map(\.score)),
                groups: Tensor(found.map { Int32($0.label) }), threshold: options.suppression, capacity: options.detections)
            return try kept.numbers().map { found[$0] }
        }
    }
}
