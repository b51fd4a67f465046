import MartletCore
import MartletNN

/// Proposes boxes that may hold objects: at each position of the feature maps, for each anchor, how likely it holds one and how it
/// should be moved. Ren et al., "Faster R-CNN", 2015; names and details as torchvision has them.
public final class RegionProposalNetwork: Module {
    public struct Options: Sendable, Hashable {
        /// An anchor that overlaps an object by at least this finds it, and below the other is background.
        public var foreground: Float = 0.7
        public var background: Float = 0.3
        /// Anchors of an image that count in a step, and the largest share of those that find objects.
        public var batch = 256
        public var positives: Float = 0.5
        /// The likeliest anchors of each map that go into suppression, and the proposals that an image keeps: in training, and otherwise.
        public var before = (training: 2000, test: 1000)
        public var after = (training: 2000, test: 1000)
        public var suppression = 0.7
        /// The shortest side of a proposal, in pixels.
        public var smallest: Float = 1e-3

        public init() {}

        public static func == (a: Options, b: Options) -> Bool {
            (a.foreground, a.background, a.batch, a.positives, a.suppression, a.smallest)
                == (b.foreground, b.background, b.batch, b.positives, b.suppression, b.smallest) && a.before == b.before
                && a.after == b.after
        }

        public func hash(into hasher: inout Hasher) {
            hasher.combine([foreground, background, positives, smallest])
            hasher.combine([batch, before.training, before.test, after.training, after.test])
            hasher.combine(suppression)
        }
    }

    public let options: Options
    public let anchors: Anchors
    private let conv, logits, deltas: Conv2D
    private let coding = BoxCoding()
    private var cached: (image: Pair, maps: [Pair], boxes: [HostBox], tensor: Tensor)?

    /// - Parameter width: channels between the maps and the predictions; nil for as many as the maps have.
    public init(channels: Int, anchors: Anchors, width: Int? = nil, options: Options = Options()) {
        self.options = options
        self.anchors = anchors
        let each = anchors.perPosition[0], width = width ?? channels
        precondition(
            anchors.perPosition.allSatisfy { $0 == each }, "RegionProposalNetwork: maps with different numbers of anchors")
        let initializer = Initializer.normal(deviation: 0.01)
        conv = Conv2D(
            channels, width, kernel: 3, padding: 1, initializer: initializer, biasInitializer: .zeros, activation: .relu)
        logits = Conv2D(width, each, kernel: 1, initializer: initializer, biasInitializer: .zeros)
        deltas = Conv2D(width, 4 * each, kernel: 1, initializer: initializer, biasInitializer: .zeros)
    }

    public var parts: Parts {
        let head: Sequential = Sequential(named: [
            "conv": Sequential(named: ["0": Sequential(named: ["0": conv])]), "cls_logits": logits, "bbox_pred": deltas,
        ])
        return ["head": head]
    }

    /// What the network says of every anchor of a batch.
    public struct Output {
        /// [n, anchors].
        let logits: Tensor
        /// [n, anchors, 4].
        let deltas: Tensor
        /// The anchors, on the host and on the device, and how many of them each map has.
        let anchors: [HostBox]
        let anchorTensor: Tensor
        let perMap: [Int]
    }

    /// - Parameter image: height and width of the batch's images with their padding.
    public func callAsFunction(_ maps: [Tensor], image: Pair) -> Output {
        let n = maps[0].shape[0], each = anchors.perPosition[0]
        var scores: [Tensor] = [], codes: [Tensor] = []
        for map in maps {
            let t = conv(map), h = map.shape[2], w = map.shape[3]
            scores.append(logits(t).permuted([0, 2, 3, 1]).reshaped([n, h * w * each]))
            codes.append(deltas(t).reshaped([n, each, 4, h, w]).permuted([0, 3, 4, 1, 2]).reshaped([n, h * w * each, 4]))
        }
        let sizes = maps.map { Pair($0.shape[2], $0.shape[3]) }
        if cached?.image != image || cached?.maps != sizes {
            let values = anchors.boxes(image: image, maps: sizes)
            let boxes = (0..<values.count / 4).map {
                HostBox(values[4 * $0], values[4 * $0 + 1], values[4 * $0 + 2], values[4 * $0 + 3])
            }
            cached = (image, sizes, boxes, Tensor(boxes: boxes))
        }
        let anchors = cached!
        return Output(
            logits: maps.count == 1 ? scores[0] : concatenate(scores, axis: 1),
            deltas: maps.count == 1 ? codes[0] : concatenate(codes, axis: 1), anchors: anchors.boxes,
            anchorTensor: anchors.tensor, perMap: sizes.map { $0.y * $0.x * each })
    }

    /// The proposals of each image, the likeliest first.
    ///
    /// - Parameter sizes: height and width of each image without padding.
    public func proposals(_ output: Output, sizes: [Pair]) throws -> [[HostBox]] {
        try withoutGradients { try sizes.indices.map { try proposals(output, image: $0, size: sizes[$0]).kept } }
    }

    /// The proposals of an image before and after suppression, with their logits.
    public func proposals(_ output: Output, image: Int, size: Pair) throws -> (
        before: [HostBox], scores: [Float], kept: [HostBox], numbers: [Int]
    ) {
        let (before, after) =
            TrainingMode.isOn
            ? (options.before.training, options.after.training) : (options.before.test, options.after.test)
        let total = output.anchors.count
        let logits = output.logits.detached.sliced(axis: 0, image..<image + 1).reshaped([total])
        let deltas = output.deltas.detached.sliced(axis: 0, image..<image + 1).reshaped([total, 4])
        var scores: [Tensor] = [], boxes: [Tensor] = [], levels: [Int32] = [], start = 0
        for (level, count) in output.perMap.enumerated() {
            let range = start..<start + count, kept = min(before, count)
            start += count
            let top = logits.sliced(axis: 0, range).top(kept)
            scores.append(top.values)
            boxes.append(
                coding.decode(
                    deltas.sliced(axis: 0, range).gathered(top.indices),
                    output.anchorTensor.sliced(axis: 0, range).gathered(top.indices)))
            levels += [Int32](repeating: Int32(level), count: kept)
        }
        let found = try Boxes.clipped(concatenate(boxes), to: size).hostBoxes()
        let values = try concatenate(scores).floats()
        let large = found.indices.filter { found[$0].isAtLeast(options.smallest) && values[$0].isFinite }
        guard !large.isEmpty else { return ([], [], [], []) }
        let candidates = large.map { found[$0] }, logit = large.map { values[$0] }
        // As probabilities: what is equal there is a tie there.
        let kept = nonMaximumSuppression(
            Tensor(boxes: candidates), scores: Tensor(logit).sigmoid(), groups: Tensor(large.map { levels[$0] }),
            threshold: options.suppression, capacity: after)
        let numbers = try kept.numbers()
        return (candidates, logit, numbers.map { candidates[$0] }, numbers)
    }

    /// Which object each anchor is to find; background and neither by `BoxMatches`.
    func matches(_ output: Output, _ truths: [HostBox]) -> BoxMatches {
        BoxMatches(output.anchors, truths, high: options.foreground, low: options.background, keepsBest: true)
    }

    /// The losses over sampled anchors: of telling objects from background, and of the shifts of those that find objects.
    func losses(_ output: Output, _ truths: [[HostBox]], _ random: inout StepRandom) -> (objectness: Tensor, boxes: Tensor) {
        let total = output.anchors.count
        var rows: [Int32] = [], targets: [Float] = [], positiveRows: [Int32] = [], anchors: [HostBox] = [], wanted: [HostBox] = []
        for (image, boxes) in truths.enumerated() {
            let matches = matches(output, boxes)
            let (positives, negatives) = matches.sampled(options.batch, positives: options.positives, &random)
            rows += (positives + negatives).map { Int32(image * total + $0) }
            targets += positives.map { _ in 1 } + negatives.map { _ in 0 }
            positiveRows += positives.map { Int32(image * total + $0) }
            anchors += positives.map { output.anchors[$0] }
            wanted += positives.map { boxes[matches.objects[$0]] }
        }
        guard !rows.isEmpty else { return (output.logits.sum() * 0, output.deltas.sum() * 0) }
        let logits = output.logits.reshaped([-1]).gathered(Tensor(rows))
        let objectness = binaryCrossEntropyWithLogits(logits, Tensor(targets))
        guard !positiveRows.isEmpty else { return (objectness, output.deltas.sum() * 0) }
        let goals = coding.encode(Tensor(boxes: wanted), Tensor(boxes: anchors))
        let deltas = output.deltas.reshaped([-1, 4]).gathered(Tensor(positiveRows))
        return (objectness, smoothL1Loss(deltas, goals, beta: 1 / 9, reduction: .sum) / Float(rows.count))
    }
}
