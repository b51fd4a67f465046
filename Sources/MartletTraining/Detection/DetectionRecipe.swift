import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// How images are brought to what a detector sees, and the detector's options, from settings.
struct DetectionRecipe: Sendable {
    static let backbone = Settings.Key(
        "backbone", "",
        "\(DetectorBackbone.allCases.map(\.rawValue).joined(separator: ", ")); small for scenes, else squeezenet")
    static let backboneWeights = Settings.Key("backbone_weights", "", "a weight file that the backbone's convolutions start from")
    static let shortSide = Settings.Key(
        "short_side", "", "what the shorter side of an image is scaled to; empty for 128 with scenes, 800 with resnet50, else 480"
    )
    static let longSide = Settings.Key("long_side", "1333", "the longest side that this may lead to")
    static let flip = Settings.Key(
        "flip", "", "share of training images mirrored left to right; empty for 0 with scenes, else 0.5")
    static let jitter = Settings.Key("scale_jitter", "0", "training images are scaled by up to this share more or less")
    static let pooling = Settings.Key(
        "roi", "",
        "how regions become features: align, or pool with the paper's rounding; empty for align with faster-rcnn, else pool")
    static let anchorBatch = Settings.Key("anchor_batch", "256", "anchors of an image that count in a step")
    static let regionBatch = Settings.Key(
        "region_batch", "", "regions of an image that count in a step; empty for 64, 512 with resnet50")
    static let proposals = Settings.Key(
        "proposals", "",
        "proposals that an image keeps; empty for 400 with rcnn (2000 with its recipe of the paper), 2000 with fast-rcnn, 300 with faster-rcnn (with resnet50 1000, and 2000 in training)"
    )
    static let before = Settings.Key(
        "proposals_before", "", "proposals of a map before suppression; empty for 1000, with resnet50 2000 in training")
    static let training = Settings.Key(
        "training", "joint",
        "joint, or the paper's alternating: a quarter of the epochs each for the proposal network, the heads on its proposals, and both again on the heads' backbone (--schedule cosine-restarts lets the learning rate start anew in each)"
    )
    static let score = Settings.Key("score", "0.05", "detections below this score are left out")
    static let suppression = Settings.Key(
        "nms", "", "detections of a class that overlap a surer one by more are left out; empty for 0.3 with rcnn, else 0.5")
    static let search = Settings.Key("search", "fast", "selective search that proposes regions: fast or quality")
    static let epsilon = Settings.Key(
        "norm_epsilon", "1e-5", "what batch normalisation adds to its variances; 0 for torchvision's detectors trained on COCO")
    private static let common = [backbone, backboneWeights, epsilon, shortSide, longSide, flip, proposals, score, suppression]

    static func keys(_ method: Method) -> [Settings.Key] {
        switch method {
        case .regions: common + [search] + RCNNRecipe.keys
        case .fast: common + [jitter, pooling, regionBatch, search]
        case .faster: common + [jitter, pooling, regionBatch, anchorBatch, before, training]
        }
    }

    /// The detectors.
    enum Method: String, Sendable {
        case regions = "rcnn"
        case fast = "fast-rcnn"
        case faster = "faster-rcnn"
    }

    let method: Method
    let kind: DetectorBackbone
    let sizing: DetectionSizing
    let augmentation: DetectionJitter
    /// What proposes regions, where the detector does not do it itself.
    let search: SelectiveSearch
    /// What R-CNN has beside; nil for the others.
    let regions: RCNNRecipe?
    private let settings: Settings

    init(_ method: Method, _ settings: Settings, data: DataSpec) throws {
        self.method = method
        self.settings = settings
        let isScenes = data == .scenes
        if settings.string(Self.backbone).isEmpty {
            kind = isScenes ? .small : .squeezenet
        } else {
            let name = try settings.choice(Self.backbone, of: DetectorBackbone.allCases.map(\.rawValue))
            kind = DetectorBackbone(rawValue: name) ?? .squeezenet
        }
        func given<Value>(_ key: Settings.Key, _ standard: Value, _ read: () throws -> Value) throws -> Value {
            settings.string(key).isEmpty ? standard : try read()
        }
        let side = try given(Self.shortSide, isScenes ? 128 : kind == .resnet50 ? 800 : 480) {
            try settings.integer(Self.shortSide, in: 32...4096)
        }
        sizing = DetectionSizing(shortSide: side, longest: try settings.integer(Self.longSide, in: 32...8192))
        let flip = try given(Self.flip, isScenes ? 0 : 0.5) { try settings.number(Self.flip, in: 0...1) }
        let jitter = Float(try settings.number(Self.jitter, in: 0...0.9))
        augmentation = DetectionJitter(flip: Float(flip), scale: 1 - jitter...1 + jitter)
        regions = method == .regions ? try RCNNRecipe(settings) : nil
        let mode = SelectiveSearch.Mode(rawValue: try settings.choice(Self.search, of: ["fast", "quality"])) ?? .fast
        let most = try given(Self.proposals, regions?.proposals ?? 2000) { try settings.integer(Self.proposals, in: 1...100_000) }
        search = SelectiveSearch(mode, smallest: isScenes ? 8 : 16, most: most)
    }

    /// Builds the detector on the default device, from the current `Randomness`.
    func build(classes: Int) throws -> any ObjectDetector {
        let detector = try assemble(classes: classes)
        detector.setNormalizationEpsilon(Float(try settings.number(Self.epsilon, in: 0...1)))
        return detector
    }

    private func assemble(classes: Int) throws -> any ObjectDetector {
        guard classes >= 1 else {
            throw TrainingError(.input, "\(method.rawValue): the data has no classes; give images with boxes")
        }
        let isPyramid = kind == .resnet50
        let score = Float(try settings.number(Self.score, in: 0...1))
        func suppression(_ standard: Double) throws -> Double {
            settings.string(Self.suppression).isEmpty ? standard : try settings.number(Self.suppression, in: 0...1)
        }
        if var options = regions?.options {
            (options.score, options.suppression) = (score, try suppression(0.3))
            return RCNN(kind, classes: classes, options: options)
        }
        var heads = method == .fast ? FastRCNN.paperOptions : RegionHeads.Options()
        func given(_ key: Settings.Key, _ standard: (Int, Int)) throws -> (Int, Int) {
            if settings.string(key).isEmpty { return standard }
            let count = try settings.integer(key, in: 1...100_000)
            return (count, count)
        }
        heads.batch = try given(Self.regionBatch, isPyramid ? (512, 512) : (64, 64)).0
        if !settings.string(Self.pooling).isEmpty {
            heads.pooling = .init(rawValue: try settings.choice(Self.pooling, of: ["align", "pool"])) ?? .align
        }
        (heads.score, heads.suppression) = (score, try suppression(0.5))
        if method == .fast { return FastRCNN(kind, classes: classes, heads: heads) }
        var proposals = RegionProposalNetwork.Options()
        proposals.batch = try settings.integer(Self.anchorBatch, in: 1...100_000)
        proposals.before = try given(Self.before, isPyramid ? (2000, 1000) : (1000, 1000))
        proposals.after = try given(Self.proposals, isPyramid ? (2000, 1000) : (300, 300))
        return FasterRCNN(kind, classes: classes, proposals: proposals, heads: heads)
    }

    /// Whether Faster R-CNN's parts are trained in turn.
    func alternates() throws -> Bool {
        method == .faster ? try settings.choice(Self.training, of: ["joint", "alternating"]) == "alternating" : false
    }

    /// Takes a classification network's weights for the part that they are of, where the settings name a file.
    func loadBackbone(into model: any ObjectDetector) throws {
        let path = settings.string(Self.backboneWeights)
        if path.isEmpty { return }
        let file = try WeightFile.read(path)
        let stored = Dictionary(file.entries.map { ($0.name, $0) }) { first, _ in first }
        let (root, head) = model.pretrained
        var missing: [String] = []
        for (name, parameter) in root.namedParameters where head.map({ !name.hasPrefix($0 + ".") }) ?? true {
            guard let entry = stored[name], entry.shape == parameter.shape else {
                missing.append(name)
                continue
            }
            parameter.value = Tensor(try entry.floats(), shape: entry.shape)
        }
        for (name, buffer) in root.namedBuffers {
            guard let entry = stored[name], entry.shape == buffer.value.shape else {
                missing.append(name)
                continue
            }
            buffer.value = Tensor(try entry.floats(), shape: entry.shape)
        }
        guard missing.isEmpty else {
            throw TrainingError(
                .input,
                "\(path): has no fitting \(missing.prefix(4).joined(separator: ", ")) of the backbone \(kind.rawValue); give weights of that network"
            )
        }
    }

    /// An image as the detector sees it.
    func prepare(_ image: Image, _ objects: [ObjectAnnotation], augmented seed: SampleRandom?) -> PreparedImage {
        var random = seed ?? SampleRandom(seed: 0)
        return PreparedImage(
            image, objects, sizing: sizing, jitter: seed == nil ? .none : augmentation, exact: kind == .resnet50,
            random: &random)
    }

    /// Prepared images as one tensor [n, 3, h, w] with zeros behind smaller ones, and their sizes. Heights and widths are brought to
    /// multiples of 32.
    func batch(_ images: [PreparedImage]) -> (tensor: Tensor, sizes: [Pair]) {
        func whole(_ side: (PreparedImage) -> Int) -> Int { (images.map(side).max()! + 31) / 32 * 32 }
        let (h, w) = (whole(\.height), whole(\.width))
        var values = [Float](repeating: 0, count: images.count * 3 * h * w)
        for (number, image) in images.enumerated() {
            let floats = image.floats(normalization: .imageNet)
            for row in 0..<3 * image.height {
                let to = (number * 3 + row / image.height) * h + row % image.height
                values.replaceSubrange(
                    to * w..<to * w + image.width, with: floats[row * image.width..<(row + 1) * image.width])
            }
        }
        return (Tensor(values, shape: [images.count, 3, h, w]), images.map { Pair($0.height, $0.width) })
    }
}

extension PreparedImage {
    /// What the detector is to find.
    var target: DetectionTarget {
        let plain = objects.filter { !$0.isCrowd && !$0.isDifficult }
        return DetectionTarget(
            boxes: plain.map { HostBox($0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2) }, labels: plain.map(\.label))
    }

    /// Regions proposed in the original, where they lie now.
    func regions(_ boxes: [BoundingBox]) -> [HostBox] {
        boxes.map { box in
            let moved = place(box)
            return HostBox(moved.x1, moved.y1, moved.x2, moved.y2)
        }
    }

    /// What was found, in the coordinates of the image before it was prepared.
    func original(_ found: FoundBox) -> DetectedObject {
        let box = BoundingBox(found.box[0], found.box[1], found.box[2], found.box[3])
        return DetectedObject(box: box.scaled(x: 1 / scaleX, y: 1 / scaleY), label: found.label, score: found.score)
    }
}
