import Foundation
import MartletCore
import MartletData
import MartletModels

/// How a detector comes to its boxes in one image, stage by stage. All boxes are in pixels of the image.
package struct DetectionTrace {
    /// What the image shows; nil where it is not known.
    package let truths: [ObjectAnnotation]?
    package let segments: (width: Int, height: Int, labels: [Int32], count: Int)
    /// What selective search proposes.
    package let searched: [BoundingBox]
    /// What the proposal network does; nil where the detector has none.
    package let proposer: FasterRCNN.ProposalTrace?
    /// The regions that were judged.
    package let regions: [BoundingBox]
    package let judgement: RegionJudgement
    package let found: [DetectedObject]
    /// What each thing found is, and the object it is about; empty where the objects are not known.
    package let verdicts: [(verdict: DetectionMistakes.Verdict?, object: Int?)]
    /// How regions become features of one size; nil for a detector that warps them.
    package let pooling: (size: Int, samples: Int, isAligned: Bool)?
    /// What regions are warped to, in pixels, with this context; nil for a detector that pools features.
    package let warp: (size: Int, context: Int)?
    /// The factors that brought the image to what the detector sees.
    package let scale: (x: Float, y: Float)
    private let strides: (HostBox) -> Int

    init(_ trained: TrainedDetector, _ image: Image, truths: [ObjectAnnotation]?) throws {
        let recipe = trained.recipe, network = trained.network
        let prepared = recipe.prepare(image.rgb(), truths ?? [], augmented: nil), (tensor, sizes) = recipe.batch([prepared])
        let (x, y) = (prepared.scaleX, prepared.scaleY)
        func original(_ box: HostBox) -> BoundingBox {
            BoundingBox(box[0], box[1], box[2], box[3]).scaled(x: 1 / x, y: 1 / y)
        }
        self.truths = truths
        scale = (x, y)
        segments = recipe.search.segments(in: image)
        searched = recipe.search.boxes(in: image)
        let seen = network.observe(tensor, sizes: sizes)
        proposer = try (network as? FasterRCNN)?.trace(seen, truths: prepared.target.boxes)
        let (boxes, proposals) = try network.detect(
            seen, proposals: [network.needsProposals ? prepared.regions(searched) : []])
        judgement = try network.judge(seen, regions: proposals[0])
        regions = proposals[0].map(original)
        found = boxes[0].map { prepared.original($0) }
        verdicts = truths.map { DetectionMistakes.verdicts($0, boxes[0].map { prepared.original($0) }) } ?? []
        let heads = (network as? FastRCNN)?.heads ?? (network as? FasterRCNN)?.heads
        pooling = heads.map { ($0.options.size, $0.options.samplingRatio, $0.options.pooling == .align) }
        warp = (network as? RCNN).map { ($0.options.cropSize, $0.options.context) }
        strides = { heads?.stride(for: $0) ?? 1 }
    }

    /// A box of what the detector sees in the image.
    package func original(_ box: HostBox) -> BoundingBox {
        BoundingBox(box[0], box[1], box[2], box[3]).scaled(x: 1 / scale.x, y: 1 / scale.y)
    }

    /// A box of the image in what the detector sees, and the pixels there between two positions of the map that it is taken from.
    package func seen(_ box: BoundingBox) -> (box: HostBox, stride: Int) {
        let moved = box.scaled(x: scale.x, y: scale.y), host = HostBox(moved.x1, moved.y1, moved.x2, moved.y2)
        return (host, strides(host))
    }
}

extension TrainedDetector {
    /// How it comes to its boxes in an image.
    ///
    /// - Parameter truths: what the image shows; nil where that is not known.
    package func trace(_ image: Image, truths: [ObjectAnnotation]?) throws -> DetectionTrace {
        try DetectionTrace(self, image, truths: truths)
    }

    /// Regions as R-CNN's network sees them, warped: pictures of one size. None for other detectors.
    package func warped(_ image: Image, _ boxes: [BoundingBox]) throws -> [Image] {
        guard let detector = network as? RCNN, !boxes.isEmpty else { return [] }
        let prepared = recipe.prepare(image.rgb(), [], augmented: nil)
        let pixels = Tensor(prepared.floats(), shape: [1, 3, prepared.height, prepared.width])
        let side = detector.options.cropSize, values = try detector.warped(pixels, prepared.regions(boxes)).floats()
        return boxes.indices.map { number in
            var bytes = [UInt8](repeating: 0, count: side * side * 3)
            for channel in 0..<3 {
                for place in 0..<side * side {
                    let value = values[(number * 3 + channel) * side * side + place]
                    bytes[place * 3 + channel] = UInt8(min(max(value, 0), 1) * 255 + 0.5)
                }
            }
            return Image(width: side, height: side, channels: 3, pixels: bytes)
        }
    }
}

extension TrainedSource {
    /// What is known of an image by the annotations of some data; nil for an image that is not in it.
    ///
    /// - Parameter data: as `--data` takes it; nil for the run's own, which may be gone.
    package func objects(in file: String, data: String?) throws -> [ObjectAnnotation]? {
        var spec = data
        if spec == nil, case .run(_, let configuration) = self { spec = configuration.data }
        guard let spec else { return nil }
        let splits: DetectionSplits
        do {
            splits = try DataSpec.parse(spec).loadDetection()
        } catch {
            if data != nil { throw error }
            return nil
        }
        let name = URL(fileURLWithPath: file).lastPathComponent
        for part in [splits.training, splits.validation, splits.test].compactMap({ $0 }) {
            for index in 0..<part.count {
                let annotation = part.annotation(at: index)
                if URL(fileURLWithPath: annotation.name).lastPathComponent == name { return annotation.objects }
            }
        }
        return nil
    }
}
