import MartletCore
import MartletNN

/// A network that finds objects in images.
public protocol ObjectDetector: Module {
    /// The part whose weights a classification network's file may give, name for name, and the layer in it that the file's is not
    /// taken for; nil for none.
    var pretrained: (module: any Module, head: String?) { get }
    /// Without the background.
    var classes: Int { get }
    /// Whether regions must be proposed to it.
    var needsProposals: Bool { get }

    /// What the detector makes of whole images [n, 3, h, w], before it looks at any region: the maps of its backbone, the finest
    /// first; none for a detector that sees regions one by one.
    func maps(_ images: Tensor) -> [Tensor]

    /// The loss of images. May read from the device on the way.
    ///
    /// - Parameters:
    ///   - proposals: for each image; of no matter unless `needsProposals`.
    ///   - seed: of what is drawn.
    func loss(_ images: ImageFeatures, _ targets: [DetectionTarget], proposals: [[HostBox]], seed: UInt64) throws -> Tensor

    /// What is found in images, the surest first, and the proposals it was found among.
    func detect(_ images: ImageFeatures, proposals: [[HostBox]]) throws -> (found: [[FoundBox]], proposals: [[HostBox]])

    /// What is said of regions of one image, before any is left out.
    func judge(_ image: ImageFeatures, regions: [HostBox]) throws -> RegionJudgement
}

/// Images and what a detector makes of them once for all that follows.
public struct ImageFeatures {
    /// [n, 3, h, w].
    public let pixels: Tensor
    /// Height and width of each image without padding.
    public let sizes: [Pair]
    /// See `ObjectDetector.maps`.
    public let maps: [Tensor]

    /// Height and width of the pixels with their padding.
    public var extent: Pair { Pair(pixels.shape[2], pixels.shape[3]) }
}

extension ObjectDetector {
    /// Sees images [n, 3, h, w].
    ///
    /// - Parameter sizes: height and width of each image without padding.
    public func see(_ images: Tensor, sizes: [Pair]) -> ImageFeatures {
        ImageFeatures(pixels: images, sizes: sizes, maps: maps(images))
    }

    /// Sees images to look at them more than once, without a way back for gradients.
    public func observe(_ images: Tensor, sizes: [Pair]) -> ImageFeatures {
        withoutGradients { ImageFeatures(pixels: images, sizes: sizes, maps: maps(images).map { $0.evaluated() }) }
    }
}

/// What a detector says of regions of an image: for each region and class how sure it is, how it would move the box, and where to.
public struct RegionJudgement: Sendable {
    /// Without the background.
    public let classes: Int
    /// Region by region, and in it class by class.
    public let scores: [Float]
    /// Shifts and logarithms of scalings, times the coding's weights.
    public let codes: [[Float]]
    public let boxes: [HostBox]

    /// The regions' and classes' entries, the surest first.
    public var order: [(region: Int, label: Int, entry: Int)] {
        scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.map { ($0 / classes, $0 % classes, $0) }
    }
}

extension ObjectDetector {
    /// Freezes the normalisation that a backbone keeps as it was trained.
    public func freezeNormalization() {
        for case let body as ResidualBody in modules { body.freezeNormalization() }
    }

    /// Sets what batch normalisation adds to its variances.
    public func setNormalizationEpsilon(_ epsilon: Float) {
        for case let norm as BatchNorm2D in modules { norm.epsilon = epsilon }
    }
}

/// What an image shows, for training: boxes and classes (from 0).
public struct DetectionTarget: Sendable {
    public var boxes: [HostBox]
    public var labels: [Int]

    public init(boxes: [HostBox], labels: [Int]) {
        precondition(boxes.count == labels.count, "DetectionTarget: \(boxes.count) boxes, \(labels.count) labels")
        self.boxes = boxes
        self.labels = labels
    }
}

/// The backbones of detectors, and what goes with them.
public enum DetectorBackbone: String, Sendable, CaseIterable {
    case small, squeezenet, alexnet, vgg16, resnet50

    /// The part that sees the image, without weights of its own.
    public func backbone() -> any DetectionBackbone {
        switch self {
        case .small: SingleMapBackbone.small()
        case .squeezenet: SingleMapBackbone.squeezeNet()
        case .alexnet: SingleMapBackbone.alexNet()
        case .vgg16: SingleMapBackbone.vgg16()
        case .resnet50: PyramidBackbone()
        }
    }

    /// The whole classification network, for a detector that shows it regions one by one.
    func classifier(outputs: Int) -> any Chain {
        switch self {
        case .small:
            let body = SingleMapBackbone.small()
            return Sequential(named: [
                "features": body.features, "avgpool": GlobalAverage(), "fc": Linear(body.channels, outputs),
            ])
        case .squeezenet: return SqueezeNet(outputs: outputs)
        case .alexnet: return AlexNet(outputs: outputs)
        case .vgg16: return VGG(.sixteen, outputs: outputs)
        case .resnet50: return ResNet(.fifty, outputs: outputs)
        }
    }

    /// Square roots of the anchors' areas, map by map.
    public var anchorSizes: [[Float]] {
        switch self {
        case .small: [[16, 32, 64]]
        case .squeezenet: [[32, 64, 128, 256]]
        case .alexnet, .vgg16: [[64, 128, 256, 512]]
        case .resnet50: [[32], [64], [128], [256], [512]]
        }
    }

    /// Channels before the proposals' predictions, and the width of the heads' dense layers.
    public var widths: (proposals: Int?, heads: Int) {
        switch self {
        case .small: (128, 256)
        case .squeezenet: (128, 512)
        case .alexnet, .vgg16: (256, 1024)
        case .resnet50: (nil, 1024)
        }
    }
}
