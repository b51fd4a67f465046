import MartletCore
import MartletData
import MartletModels

/// The regions of a data set that fine-tuning shows: which of them show an object, and which are background.
struct RegionSamples {
    struct Region {
        var image: Int
        var box: BoundingBox
        /// 0 is background.
        var label: Int32
    }

    private(set) var positives: [Region] = []
    private(set) var negatives: [Region] = []

    /// - Parameter foreground: a region that overlaps an object by at least this shows it.
    init(_ data: any DetectionDataset, foreground: Float, proposals: (ImageAnnotation) -> [BoundingBox]) {
        for image in 0..<data.count {
            let annotation = data.annotation(at: image), truths = annotation.objects.filter { !$0.isCrowd && !$0.isDifficult }
            // The objects' own boxes are good regions.
            for box in proposals(annotation) + truths.map(\.box) where box.width >= 1 && box.height >= 1 {
                var best: (overlap: Float, label: Int32) = (0, 0)
                for truth in truths {
                    let overlap = box.overlap(with: truth.box)
                    if overlap > best.overlap { best = (overlap, Int32(truth.label + 1)) }
                }
                if best.overlap >= foreground, best.label > 0 {
                    positives.append(Region(image: image, box: box, label: best.label))
                } else if !annotation.objects.contains(where: {
                    ($0.isCrowd || $0.isDifficult) && box.overlap(with: $0.box) >= foreground
                }) {
                    negatives.append(Region(image: image, box: box, label: 0))
                }
            }
        }
    }

    /// The regions of a batch: a share of them positive, the others background, image by image. The epochs' batches go through both
    /// lists in the orders given.
    func batch(_ number: Int, size: Int, positives share: Float, orders: (positives: [Int], negatives: [Int])) -> [Region] {
        func some(_ regions: [Region], _ order: [Int], _ count: Int) -> [Region] {
            regions.isEmpty ? [] : (0..<count).map { regions[order[(number * count + $0) % order.count]] }
        }
        let wanted = negatives.isEmpty ? size : Int((Float(size) * share).rounded())
        let first = some(positives, orders.positives, wanted)
        let all = first + some(negatives, orders.negatives, size - first.count)
        return all.indices.sorted { (all[$0].image, $0) < (all[$1].image, $1) }.map { all[$0] }
    }
}

/// The last images read, as many as a quarter of a gibibyte holds.
final class ImageCache {
    private let data: any DetectionDataset
    private var images: [Int: Image] = [:]
    private var order: [Int] = []
    private var bytes = 0
    private static let limit = 1 << 28

    init(_ data: any DetectionDataset) { self.data = data }

    func image(_ index: Int) throws -> Image {
        if let known = images[index] { return known }
        let image = try data.image(at: index)
        images[index] = image
        order.append(index)
        bytes += image.pixels.count
        while bytes > Self.limit, order.count > 1 { bytes -= images.removeValue(forKey: order.removeFirst())?.pixels.count ?? 0 }
        return image
    }
}
