/// Divides an image into regions of similar colour: pixels are joined along the least differences first, as long as a difference is
/// not large for the regions that it divides. Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", 2004.
struct Segmentation {
    /// The region of each pixel, from 0.
    private(set) var labels: [Int32]
    private(set) var count: Int

    /// - Parameters:
    ///   - planes: three channels of values about 0...255.
    ///   - scale: the larger, the larger the regions.
    ///   - smallest: pixels of a region at least.
    init(_ planes: ColorPlanes, scale: Float, smallest: Int) {
        let (width, height) = (planes.width, planes.height), total = width * height
        let smooth = planes.blurred(deviation: 0.8)
        let (keys, first, second) = Self.edges(smooth)
        let order = Self.sorted(keys)
        var forest = Forest(total)
        var threshold = [Float](repeating: scale, count: total)
        for edge in order {
            let a = forest.root(Int(first[edge])), b = forest.root(Int(second[edge]))
            if a == b { continue }
            let weight = Float(keys[edge]) / Self.steps
            guard weight <= threshold[a], weight <= threshold[b] else { continue }
            let joined = forest.join(a, b)
            threshold[joined] = weight + scale / Float(forest.size[joined])
        }
        for edge in order {
            let a = forest.root(Int(first[edge])), b = forest.root(Int(second[edge]))
            if a != b, min(forest.size[a], forest.size[b]) < smallest { _ = forest.join(a, b) }
        }
        labels = [Int32](repeating: -1, count: total)
        var numbers = [Int32](repeating: -1, count: total), next: Int32 = 0
        for pixel in 0..<total {
            let root = forest.root(pixel)
            if numbers[root] < 0 {
                numbers[root] = next
                next += 1
            }
            labels[pixel] = numbers[root]
        }
        count = Int(next)
    }

    /// Weights are kept as whole steps, so that they sort by bytes.
    private static let steps: Float = 64

    /// Differences between each pixel and its neighbours to the right, below, and diagonally below.
    private static func edges(_ planes: ColorPlanes) -> (keys: [UInt16], first: [Int32], second: [Int32]) {
        let (width, height) = (planes.width, planes.height)
        var keys: [UInt16] = [], first: [Int32] = [], second: [Int32] = []
        for list in [width * height * 4] {
            keys.reserveCapacity(list)
            first.reserveCapacity(list)
            second.reserveCapacity(list)
        }
        planes.values.withUnsafeBufferPointer { values in
            func add(_ a: Int, _ b: Int) {
                var sum: Float = 0
                for channel in 0..<3 {
                    let difference = values[3 * a + channel] - values[3 * b + channel]
                    sum += difference * difference
                }
                keys.append(UInt16(min(sum.squareRoot() * steps, 65535)))
                first.append(Int32(a))
                second.append(Int32(b))
            }
            for y in 0..<height {
                for x in 0..<width {
                    let at = y * width + x
                    if x + 1 < width { add(at, at + 1) }
                    if y + 1 < height { add(at, at + width) }
                    if x + 1 < width, y + 1 < height { add(at, at + width + 1) }
                    if x + 1 < width, y > 0 { add(at, at - width + 1) }
                }
            }
        }
        return (keys, first, second)
    }

    /// Positions by rising key, equal ones in order.
    private static func sorted(_ keys: [UInt16]) -> [Int] {
        var starts = [Int](repeating: 0, count: 65537)
        for key in keys { starts[Int(key) + 1] += 1 }
        for key in 0..<65536 { starts[key + 1] += starts[key] }
        var order = [Int](repeating: 0, count: keys.count)
        for (position, key) in keys.enumerated() {
            order[starts[Int(key)]] = position
            starts[Int(key)] += 1
        }
        return order
    }

    private struct Forest {
        private var parents: [Int32]
        private(set) var size: [Int]

        init(_ count: Int) {
            parents = (0..<Int32(count)).map { $0 }
            size = [Int](repeating: 1, count: count)
        }

        mutating func root(_ node: Int) -> Int {
            var node = node
            while parents[node] != Int32(node) {
                parents[node] = parents[Int(parents[node])]
                node = Int(parents[node])
            }
            return node
        }

        mutating func join(_ a: Int, _ b: Int) -> Int {
            let (large, small) = size[a] >= size[b] ? (a, b) : (b, a)
            parents[small] = Int32(large)
            size[large] += size[small]
            return large
        }
    }
}
