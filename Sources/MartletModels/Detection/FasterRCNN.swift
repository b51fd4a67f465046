import MartletCore
import MartletNN

/// The Faster R-CNN detector: a backbone, a network that proposes regions, and heads that say what they show; trained together
/// ("approximate joint training"). Ren et al., 2015. With the pyramid backbone it is torchvision's `fasterrcnn_resnet50_fpn`, name for
/// name.
public final class FasterRCNN: ObjectDetector {
    public typealias Backbone = DetectorBackbone
    public typealias Target = DetectionTarget

    public let backbone: any DetectionBackbone
    public let proposer: RegionProposalNetwork
    public let heads: RegionHeads
    public let classes: Int

    /// - Parameters:
    ///   - classes: without the background.
    ///   - anchors: nil for the backbone's.
    ///   - device: where the parameters are; the default device where nil.
    public init(
        _ backbone: Backbone, classes: Int, anchors: Anchors? = nil,
        proposals: RegionProposalNetwork.Options = .init(), heads: RegionHeads.Options = .init(),
        on device: (any Device)? = nil
    ) {
        precondition(classes >= 1, "FasterRCNN: \(classes) classes")
        func build() -> (any DetectionBackbone, RegionProposalNetwork, RegionHeads) {
            let body = backbone.backbone(), sizes = backbone.anchorSizes, widths = backbone.widths
            let anchors = anchors ?? Anchors(sizes: sizes, ratios: sizes.map { _ in [0.5, 1, 2] })
            // The coarsest map of a pyramid only proposes.
            let strides = body.strides.count > 1 ? Array(body.strides.dropLast()) : body.strides
            return (
                body,
                RegionProposalNetwork(
                    channels: body.channels, anchors: anchors, width: widths.proposals, options: proposals),
                RegionHeads(channels: body.channels, strides: strides, classes: classes, width: widths.heads, options: heads)
            )
        }
        (self.backbone, proposer, self.heads) = device.map { withDevice($0, build) } ?? build()
        self.classes = classes
    }

    public var pretrained: (module: any Module, head: String?) { (backbone.convolutions, nil) }
    public var parts: Parts { ["backbone": backbone, "rpn": proposer, "roi_heads": heads] }

    /// The four losses of a step, each a mean.
    public struct Losses {
        public let objectness, proposals, classes, boxes: Tensor
        public var sum: Tensor { objectness + proposals + classes + boxes }
    }

    /// The losses of images. Reads the proposals from the device on the way.
    ///
    /// - Parameter seed: of the anchors and regions that are drawn.
    public func losses(_ images: ImageFeatures, _ targets: [DetectionTarget], seed: UInt64) throws -> Losses {
        var random = StepRandom(seed)
        let output = proposer(images.maps, image: images.extent)
        let first = proposer.losses(output, targets.map(\.boxes), &random)
        let proposals = try proposer.proposals(output, sizes: images.sizes)
        let sample = heads.sample(proposals, targets.map(\.boxes), labels: targets.map(\.labels), &random)
        let second = heads.losses(images.maps, sample)
        return Losses(objectness: first.objectness, proposals: first.boxes, classes: second.classes, boxes: second.boxes)
    }

    public var needsProposals: Bool { false }

    public func maps(_ images: Tensor) -> [Tensor] { backbone.maps(images) }

    public func loss(
        _ images: ImageFeatures, _ targets: [DetectionTarget], proposals: [[HostBox]], seed: UInt64
    ) throws -> Tensor {
        try losses(images, targets, seed: seed).sum
    }

    public func detect(_ images: ImageFeatures, proposals: [[HostBox]] = []) throws -> (
        found: [[FoundBox]], proposals: [[HostBox]]
    ) {
        try withoutGradients {
            let proposals = try proposer.proposals(proposer(images.maps, image: images.extent), sizes: images.sizes)
            return (try heads.detections(images.maps, proposals, sizes: images.sizes), proposals)
        }
    }

    public func judge(_ image: ImageFeatures, regions: [HostBox]) throws -> RegionJudgement {
        try withoutGradients { try heads.judge(image.maps, regions) }
    }

    /// What the proposal network does with one image, for those who look.
    public struct ProposalTrace: Sendable {
        public let anchors: [HostBox]
        /// The object that each anchor is to find; -1 for background, -2 for anchors that count for nothing.
        public let objects: [Int]
        /// How likely each anchor holds an object.
        public let objectness: [Float]
        /// Rows and columns of each map, with `perPosition` anchors at each place.
        public let maps: [Pair]
        public let perPosition: Int
        /// The likeliest boxes before suppression with their probabilities, and those that stay.
        public let before: [HostBox]
        public let probabilities: [Float]
        public let kept: [HostBox]
    }

    /// - Parameter truths: the objects' boxes; none where they are not known.
    public func trace(_ image: ImageFeatures, truths: [HostBox]) throws -> ProposalTrace {
        try withoutGradients {
            let output = proposer(image.maps, image: image.extent)
            let (before, logits, kept, _) = try proposer.proposals(output, image: 0, size: image.sizes[0])
            return ProposalTrace(
                anchors: output.anchors, objects: proposer.matches(output, truths).objects,
                objectness: try output.logits.sigmoid().floats(), maps: image.maps.map { Pair($0.shape[2], $0.shape[3]) },
                perPosition: proposer.anchors.perPosition[0], before: before,
                probabilities: try Tensor(logits).sigmoid().floats(), kept: kept)
        }
    }
}
