import Foundation
import MartletCore
import MartletData
import MartletModels

/// What a fine-tuned network makes of every region of a data set, a file an image in the run's folder, computed once. One image's
/// features are in memory at a time.
struct RegionFeatures {
    /// Regions of an image with their features: first the objects' own boxes, then the proposals.
    struct OfImage {
        /// In the original image.
        let boxes: [BoundingBox]
        /// Objects among them.
        let truths: [ObjectAnnotation]
        /// What machines see: row-major, as many values a region as `vectorWidth`.
        let vectors: [Float]
        /// What regressions see.
        let maps: [Float]
        /// The factors that brought the original to what the network saw.
        let scale: (x: Float, y: Float)
    }

    let data: any DetectionDataset
    private let detector: RCNN
    private let folder: String
    private let key: String
    var vectorWidth: Int { detector.machines.inputs }
    var mapsWidth: Int { detector.regressions.inputs }

    private static let metadataKey = "martlet.network"

    init(_ detector: RCNN, of data: any DetectionDataset, in run: RunFolder) throws {
        (self.detector, self.data) = (detector, data)
        folder = run.path + "/features"
        try Folder.create(folder, .unwritable, remedy: "remove what is there: it is for the regions' features")
        // Features of other weights are of no use.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for tensor in try ModelState.tensors(of: detector.network) {
            guard case .floats(let values) = tensor.values else { continue }
            for value in values { hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3 }
        }
        key = String(hash, radix: 16)
    }

    private func path(_ index: Int) -> String { "\(folder)/\(index).safetensors" }

    /// Computes what is missing.
    func complete(_ recipe: DetectionRecipe, _ proposals: ProposalCache, _ run: RunContext) throws {
        for index in 0..<data.count {
            try run.checkStop()
            run.report("features of regions", index + 1, data.count)
            if stored(index) != nil { continue }
            let annotation = data.annotation(at: index), image = try data.image(at: index)
            let boxes = Self.truths(annotation).map(\.box) + proposals.boxes(annotation.name, image)
            let prepared = recipe.prepare(image, [], augmented: nil)
            var vectors: [Float] = [], maps: [Float] = []
            if !boxes.isEmpty {
                let found = detector.features(recipe.batch([prepared]).tensor, prepared.regions(boxes))
                vectors = try found.vectors.floats()
                if !detector.sharesFeatures { maps = try found.maps.floats() }
            }
            var tensors = [
                TensorToStore(
                    "boxes", shape: [boxes.count, 4], .floats(boxes.flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] })),
                TensorToStore("vectors", shape: [boxes.count, vectorWidth], .floats(vectors)),
                TensorToStore("scale", shape: [2], .floats([prepared.scaleX, prepared.scaleY])),
            ]
            if !detector.sharesFeatures {
                tensors.append(TensorToStore("maps", shape: [boxes.count, mapsWidth], .floats(maps)))
            }
            try SafeTensors.write(tensors, metadata: [Self.metadataKey: key], to: path(index))
        }
    }

    private static func truths(_ annotation: ImageAnnotation) -> [ObjectAnnotation] {
        annotation.objects.filter { !$0.isCrowd && !$0.isDifficult }
    }

    private func stored(_ index: Int) -> SafeTensors? {
        guard FileManager.default.fileExists(atPath: path(index)), let file = try? SafeTensors.read(path(index)),
            file.metadata[Self.metadataKey] == key, file["vectors"]?.shape.last == vectorWidth,
            (file["maps"] ?? file["vectors"])?.shape.last == mapsWidth, file["boxes"] != nil, file["scale"]?.shape == [2]
        else { return nil }
        return file
    }

    /// Reads an image's features.
    func image(_ index: Int) throws -> OfImage {
        guard let file = stored(index), let boxes = file["boxes"], let vectors = file["vectors"], let scale = file["scale"] else {
            throw TrainingError(.failed, "\(path(index)): the features have gone or been damaged; go on with --resume")
        }
        let values = try boxes.floats(), rows = try vectors.floats(), factors = try scale.floats()
        return OfImage(
            boxes: (0..<values.count / 4).map {
                BoundingBox(values[4 * $0], values[4 * $0 + 1], values[4 * $0 + 2], values[4 * $0 + 3])
            }, truths: Self.truths(data.annotation(at: index)), vectors: rows, maps: try file["maps"]?.floats() ?? rows,
            scale: (factors[0], factors[1]))
    }

    /// The factors that bring features to a mean length of `norm`: of the machines', and of the regressions'.
    func scales(norm: Float) throws -> (vectors: Float, maps: Float) {
        func lengths(_ values: [Float], _ width: Int) -> Double {
            stride(from: 0, to: values.count, by: width).reduce(0) { sum, start in
                sum + Double(values[start..<start + width].reduce(0) { $0 + $1 * $1 }).squareRoot()
            }
        }
        var vectors = 0.0, maps = 0.0, count = 0
        for index in 0..<data.count {
            let image = try image(index)
            vectors += lengths(image.vectors, vectorWidth)
            maps += detector.sharesFeatures ? 0 : lengths(image.maps, mapsWidth)
            count += image.boxes.count
        }
        if detector.sharesFeatures { maps = vectors }
        func factor(_ sum: Double) -> Float { sum > 0 ? Float(Double(norm) * Double(count) / sum) : 1 }
        return (factor(vectors), factor(maps))
    }
}
