import MartletCore
import MartletNN

/// The Fast R-CNN detector: one pass of a backbone over the image, then for each of the regions proposed to it features of one size, a
/// class and a better box. Girshick, 2015.
public final class FastRCNN: ObjectDetector {
    public let backbone: any DetectionBackbone
    public let heads: RegionHeads
    public let classes: Int
    public var needsProposals: Bool { true }

    /// The paper's options: regions pooled with rounding, 64 of an image in a step, a quarter of them objects, the rest such that overlap
    /// an object by at least 0.1.
    public static var paperOptions: RegionHeads.Options {
        var options = RegionHeads.Options()
        (options.pooling, options.batch, options.positives, options.leastBackground) = (.pool, 64, 0.25, 0.1)
        options.suppression = 0.3
        return options
    }

    /// - Parameters:
    ///   - classes: without the background.
    ///   - device: where the parameters are; the default device where nil.
    public init(
        _ backbone: DetectorBackbone, classes: Int, heads: RegionHeads.Options = FastRCNN.paperOptions,
        on device: (any Device)? = nil
    ) {
        precondition(classes >= 1, "FastRCNN: \(classes) classes")
        func build() -> (any DetectionBackbone, RegionHeads) {
            let body = backbone.backbone()
            let strides = body.strides.count > 1 ? Array(body.strides.dropLast()) : body.strides
            return (
                body,
                RegionHeads(
                    channels: body.channels, strides: strides, classes: classes, width: backbone.widths.heads, options: heads)
            )
        }
        (self.backbone, self.heads) = device.map { withDevice($0, build) } ?? build()
        self.classes = classes
    }

    public var pretrained: (module: any Module, head: String?) { (backbone.convolutions, nil) }
    public var parts: Parts { ["backbone": backbone, "roi_heads": heads] }

    public func maps(_ images: Tensor) -> [Tensor] { backbone.maps(images) }

    public func loss(
        _ images: ImageFeatures, _ targets: [DetectionTarget], proposals: [[HostBox]], seed: UInt64
    ) throws -> Tensor {
        var random = StepRandom(seed)
        let sample = heads.sample(proposals, targets.map(\.boxes), labels: targets.map(\.labels), &random)
        let losses = heads.losses(images.maps, sample)
        return losses.classes + losses.boxes
    }

    public func detect(_ images: ImageFeatures, proposals: [[HostBox]]) throws -> (
        found: [[FoundBox]], proposals: [[HostBox]]
    ) {
        try withoutGradients { (try heads.detections(images.maps, proposals, sizes: images.sizes), proposals) }
    }

    public func judge(_ image: ImageFeatures, regions: [HostBox]) throws -> RegionJudgement {
        try withoutGradients { try heads.judge(image.maps, regions) }
    }
}
