import MartletCore
import MartletNN

/// Four-step alternating training, as in the paper's section 3.2: its two parts are trained in turn until they share one backbone.
extension FasterRCNN {
    public enum AlternatingStep: Int, Sendable, CaseIterable {
        /// The proposal network with the backbone.
        case proposer
        /// The heads with a backbone of their own, on the first step's proposals.
        case detector
        /// The proposal network on the heads' backbone, which stays as it is.
        case sharedProposer
        /// The heads on the same backbone, on the third step's proposals.
        case sharedDetector

        var trainsProposer: Bool { self == .proposer || self == .sharedProposer }
    }

    /// Freezes what a step leaves as it is.
    public func freeze(for step: AlternatingStep) {
        var parts: [any Module] = [step.trainsProposer ? heads : proposer]
        if step == .sharedProposer || step == .sharedDetector { parts.append(backbone) }
        for part in parts { for parameter in part.parameters { parameter.isFrozen = true } }
    }

    /// The loss of a step. May read from the device on the way.
    ///
    /// - Parameters:
    ///   - source: in the second step the backbone that the proposals come from; nil for the model's own.
    ///   - seed: of the anchors and regions that are drawn.
    public func loss(
        of step: AlternatingStep, _ images: ImageFeatures, _ targets: [DetectionTarget],
        proposalsFrom source: (any DetectionBackbone)?, seed: UInt64
    ) throws -> Tensor {
        var random = StepRandom(seed)
        let maps = images.maps
        if step.trainsProposer {
            let losses = proposer.losses(proposer(maps, image: images.extent), targets.map(\.boxes), &random)
            return losses.objectness + losses.boxes
        }
        let proposals = try withoutGradients {
            try proposer.proposals(
                proposer(source?.maps(images.pixels) ?? maps.map(\.detached), image: images.extent), sizes: images.sizes)
        }
        let losses = heads.losses(
            maps, heads.sample(proposals, targets.map(\.boxes), labels: targets.map(\.labels), &random))
        return losses.classes + losses.boxes
    }
}
