import Glibc
import MartletCore
import MartletNN

/// The R-CNN detector: each proposed region is cut out of the image, warped to one size and shown to a classification network by
/// itself. Linear support vector machines on the network's features tell the classes, linear regressions move the boxes. Girshick,
/// Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic segmentation", 2014.
///
/// Training has two stages. The first fine-tunes `network` on the regions' classes; `machines` and `regressions` are then fitted to
/// what it makes of regions, and are zero before.
public final class RCNN: ObjectDetector {
    public struct Options: Sendable, Hashable {
        /// Height and width that regions are warped to, in pixels.
        public var cropSize = 227
        /// Pixels of the warped region that show what lies around it, on each side.
        public var context = 16
        /// Rows and columns that the network's maps are averaged to before they count as features; 0 for the maps as they are.
        public var positions = 0
        /// A region that overlaps an object by at least this shows it in fine-tuning; any other is background.
        public var foreground: Float = 0.5
        /// The share of the regions of a step that show objects.
        public var positives: Float = 0.25
        /// Detections below this score, the logistic function of the machine's margin, are left out.
        public var score: Float = 0.05
        public var suppression = 0.3
        /// The most detections in an image.
        public var detections = 100

        public init() {}
    }

    /// Tells what a warped region [k, 3, s, s] shows: logits [k, classes + 1], background first.
    public let network: any Chain
    /// A class's margin from the features of its region.
    public let machines: FittedLinear
    /// How a class's box should be moved, four codes a class, from the features of its region.
    public let regressions: FittedLinear
    public let classes: Int
    public let options: Options
    /// The name of the network's last layer, which depends on the classes.
    public let head: String
    public var needsProposals: Bool { true }

    private let toMaps, toVector: Sequential
    /// Whether machines and regressions see the same features.
    public let sharesFeatures: Bool
    private let coding = BoxCoding()
    /// Regions that are looked at together; it bounds the memory of detection.
    private static let chunk = 64

    /// - Parameters:
    ///   - classes: without the background.
    ///   - device: where the parameters are; the default device where nil.
    public init(
        _ backbone: DetectorBackbone, classes: Int, options: Options = Options(), on device: (any Device)? = nil
    ) {
        precondition(classes >= 1, "RCNN: \(classes) classes")
        precondition(
            options.context >= 0 && 2 * options.context < options.cropSize,
            "RCNN: \(options.context) pixels of context in \(options.cropSize)")
        self.classes = classes
        self.options = options
        func build() -> (any Chain, Layout, FittedLinear, FittedLinear) {
            let network = backbone.classifier(outputs: classes + 1)
            let layout = Layout(network, cropSize: options.cropSize, positions: options.positions)
            return (
                network, layout, FittedLinear(layout.vectorSize, classes), FittedLinear(layout.mapsSize, 4 * classes)
            )
        }
        let layout: Layout
        (network, layout, machines, regressions) = device.map { withDevice($0, build) } ?? build()
        (toMaps, toVector, head, sharesFeatures) = (layout.toMaps, layout.toVector, layout.head, layout.sharesFeatures)
    }

    public var pretrained: (module: any Module, head: String?) { (network, head) }
    public var parts: Parts { ["network": network, "svm": machines, "bbox_reg": regressions] }

    /// Where a network is cut: before its last map, and before the layer that tells the classes.
    private struct Layout {
        let toMaps, toVector: Sequential
        let head: String
        let mapsSize, vectorSize: Int
        let sharesFeatures: Bool

        init(_ network: any Chain, cropSize: Int, positions: Int) {
            let links = network.flatLinks
            let end = links.lastIndex { !$0.layer.parameters.isEmpty } ?? links.count - 1
            let (x, maps, cut) = withoutGradients {
                var x = Tensor.zeros([1, 3, cropSize, cropSize]), maps = x, cut = 0
                for (index, link) in links[..<end].enumerated() {
                    x = link.layer(x)
                    if x.rank == 4 { (maps, cut) = (x, index + 1) }
                }
                return (x, maps, cut)
            }
            toMaps = Sequential(named: Array(links[..<cut]))
            toVector = Sequential(named: Array(links[cut..<end]))
            head = links[end].name
            sharesFeatures = x.rank == 4
            mapsSize = RCNN.flat(maps, positions).shape[1]
            vectorSize = sharesFeatures ? mapsSize : x.flattened().shape[1]
        }
    }

    private static func flat(_ maps: Tensor, _ positions: Int) -> Tensor {
        let isSmaller = positions > 0 && positions < min(maps.shape[2], maps.shape[3])
        return (isSmaller ? maps.adaptiveAveragePooled(Pair(positions, positions)) : maps).flattened()
    }

    /// Regions of an image [1, 3, h, w], warped: [k, 3, s, s]. What lies outside the image is 0, the mean of normalised images.
    public func warped(_ image: Tensor, _ regions: [HostBox]) -> Tensor {
        let rows = Tensor(regions.flatMap { [0, $0[0], $0[1], $0[2], $0[3]] }, shape: [regions.count, 5])
        return image.cropped(rows, to: Pair(options.cropSize, options.cropSize), context: options.context)
    }

    /// What the network makes of regions of an image [1, 3, h, w]: the features that machines see, [k, f], and those that regressions
    /// see, [k, g].
    public func features(_ image: Tensor, _ regions: [HostBox]) -> (vectors: Tensor, maps: Tensor) {
        withoutGradients {
            var vectors: [Tensor] = [], maps: [Tensor] = []
            for start in stride(from: 0, to: regions.count, by: Self.chunk) {
                let found = toMaps(warped(image, Array(regions[start..<min(start + Self.chunk, regions.count)]))).evaluated()
                maps.append(Self.flat(found, options.positions).evaluated())
                if !sharesFeatures { vectors.append(toVector(found).flattened().evaluated()) }
            }
            let all = concatenate(maps)
            return (sharesFeatures ? all : concatenate(vectors), all)
        }
    }

    /// Of every region and class: the logistic function of the margin [k * classes], the codes, and the box that they stand for.
    private func outputs(_ features: (vectors: Tensor, maps: Tensor), _ regions: [HostBox]) throws -> (
        scores: [Float], codes: Tensor, boxes: [HostBox]
    ) {
        let codes = regressions(features.maps).reshaped([regions.count, classes, 4])
        let references = Tensor(boxes: regions).expanded(axis: 1).broadcast(to: [regions.count, classes, 4])
        return (
            try machines(features.vectors).floats().map { 1 / (1 + exp(-$0)) }, codes,
            try coding.decode(codes, references).hostBoxes()
        )
    }

    public func maps(_ images: Tensor) -> [Tensor] { [] }

    public func judge(_ image: ImageFeatures, regions: [HostBox]) throws -> RegionJudgement {
        guard !regions.isEmpty else { return RegionJudgement(classes: classes, scores: [], codes: [], boxes: []) }
        return try withoutGradients {
            let (scores, codes, boxes) = try outputs(features(image.pixels, regions), regions), values = try codes.floats()
            return RegionJudgement(
                classes: classes, scores: scores, codes: scores.indices.map { Array(values[4 * $0..<4 * $0 + 4]) }, boxes: boxes)
        }
    }

    /// What is found among regions by their features, the surest first.
    ///
    /// - Parameter size: height and width of the image without padding.
    public func detections(_ features: (vectors: Tensor, maps: Tensor), _ regions: [HostBox], size: Pair) throws -> [FoundBox] {
        try withoutGradients {
            let (scores, _, boxes) = try outputs(features, regions)
            let limit = HostBox(Float(size.x), Float(size.y), Float(size.x), Float(size.y))
            var found: [FoundBox] = []
            for (index, score) in scores.enumerated() {
                let box = boxes[index].clamped(lowerBound: HostBox(repeating: 0), upperBound: limit)
                guard score > options.score, box.isAtLeast(1e-2) else { continue }
                found.append(FoundBox(box: box, label: index % classes, score: score))
            }
            guard !found.isEmpty else { return [] }
            let kept = nonMaximumSuppression(
                Tensor(boxes: found.map(\.box)), scores: Tensor(found.map(\.score)),
                groups: Tensor(found.map { Int32($0.label) }), threshold: options.suppression, capacity: options.detections)
            return try kept.numbers().map { found[$0] }
        }
    }

    public func detect(_ images: ImageFeatures, proposals: [[HostBox]]) throws -> (
        found: [[FoundBox]], proposals: [[HostBox]]
    ) {
        let found = try images.sizes.indices.map { image -> [FoundBox] in
            guard !proposals[image].isEmpty else { return [] }
            let pixels = images.pixels.sliced(axis: 0, image..<image + 1)
            return try detections(features(pixels, proposals[image]), proposals[image], size: images.sizes[image])
        }
        return (found, proposals)
    }

    /// The loss of fine-tuning over 32 regions of each image.
    public func loss(
        _ images: ImageFeatures, _ targets: [DetectionTarget], proposals: [[HostBox]], seed: UInt64
    ) throws -> Tensor {
        var random = StepRandom(seed), crops: [Tensor] = [], labels: [Int32] = []
        for image in images.sizes.indices {
            let target = targets[image], candidates = proposals[image] + target.boxes
            let matches = BoxMatches(
                candidates, target.boxes, high: options.foreground, low: options.foreground, keepsBest: false)
            let (positives, negatives) = matches.sampled(32, positives: options.positives, &random)
            guard !positives.isEmpty || !negatives.isEmpty else { continue }
            crops.append(
                warped(images.pixels.sliced(axis: 0, image..<image + 1), (positives + negatives).map { candidates[$0] }))
            labels += positives.map { Int32(target.labels[matches.objects[$0]] + 1) } + negatives.map { _ in 0 }
        }
        guard !labels.isEmpty else { return parameters[0].value.sum() * 0 }
        return crossEntropy(network(concatenate(crops)), labels)
    }

    /// Whether the second stage has been done.
    public func isFitted() throws -> Bool {
        try (machines.weight.value.floats() + machines.bias.value.floats()).contains { $0 != 0 }
    }
}

/// x * weight^T + bias, whose values are solved for and not trained by gradients: [n, inputs] to [n, outputs]. Weight [outputs, inputs]
/// and bias [outputs], zero at first.
public final class FittedLinear: Layer {
    public let weight: Buffer
    public let bias: Buffer

    public init(_ inputs: Int, _ outputs: Int) {
        weight = Buffer(Tensor.zeros([outputs, inputs]))
        bias = Buffer(Tensor.zeros([outputs]))
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }
    public var inputs: Int { weight.value.shape[1] }

    public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight.value, bias: bias.value) }
}
