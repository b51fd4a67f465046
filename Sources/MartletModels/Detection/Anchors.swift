import MartletCore

/// The boxes that a region proposal network starts from: at each position of a feature map some of fixed sizes and shapes. Ren et al.,
/// "Faster R-CNN", 2015; rounded as torchvision rounds them.
public struct Anchors: Sendable, Hashable {
    /// The sizes (square roots of areas) for each feature map, in pixels of the image.
    public var sizes: [[Float]]
    /// Height over width, for each feature map.
    public var ratios: [[Float]]

    public init(sizes: [[Float]], ratios: [[Float]]) {
        precondition(
            sizes.count == ratios.count && !sizes.isEmpty && (sizes + ratios).allSatisfy { !$0.isEmpty },
            "Anchors: sizes \(sizes), ratios \(ratios)")
        self.sizes = sizes
        self.ratios = ratios
    }

    /// Anchors at each position, map by map.
    public var perPosition: [Int] { zip(sizes, ratios).map { $0.count * $1.count } }

    /// The boxes x1, y1, x2, y2 of all maps, position by position in rows, for an image (with its padding) of this size.
    public func boxes(image: Pair, maps: [Pair]) -> [Float] {
        precondition(maps.count == sizes.count, "Anchors.boxes: \(maps.count) feature maps for \(sizes.count) sets of sizes")
        var result: [Float] = []
        for (level, map) in maps.enumerated() {
            let base = shapes(level)
            let (strideY, strideX) = (image.y / map.y, image.x / map.x)
            result.reserveCapacity(result.count + map.y * map.x * base.count * 4)
            for row in 0..<map.y {
                for column in 0..<map.x {
                    let (x, y) = (Float(column * strideX), Float(row * strideY))
                    for box in base { result += [x + box[0], y + box[1], x + box[2], y + box[3]] }
                }
            }
        }
        return result
    }

    private func shapes(_ level: Int) -> [[Float]] {
        ratios[level].flatMap { ratio in
            sizes[level].map { size in
                let height = ratio.squareRoot(), width = 1 / height
                let (w, h) = (width * size, height * size)
                return [-w / 2, -h / 2, w / 2, h / 2].map { $0.rounded(.toNearestOrEven) }
            }
        }
    }
}
