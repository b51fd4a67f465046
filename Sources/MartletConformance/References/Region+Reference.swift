import Glibc
import MartletCore

/// Regions as torchvision defines them, one part at a time. Where a coordinate is rounded to whole elements or to a number of
/// samples, float32 arithmetic decides as it does there.
struct RegionReference {
    let image: [Int]
    let size: Pair
    let scale: Float

    /// Where the boxes [k, 5] put their parts.
    private func output(_ boxes: Reference, _ part: (_ image: Int?, _ box: [Float], _ index: [Int]) -> Double) -> Reference {
        Reference([boxes.shape[0], image[1], size.y, size.x]) { index in
            let row = (0..<5).map { Float(boxes[[index[0], $0]]) }
            let number = row[0] >= 0 && row[0] < Float(image[0]) ? Int(row[0]) : nil
            return part(number, Array(row[1...]), index)
        }
    }

    // MARK: Pooling

    private func range(_ low: Float, _ high: Float, _ part: Int, of parts: Int, in extent: Int) -> Range<Int> {
        let start = Int((low * scale).rounded(.toNearestOrAwayFromZero))
        let end = Int((high * scale).rounded(.toNearestOrAwayFromZero))
        let step = Float(max(end - start + 1, 1)) / Float(parts)
        let first = min(max(Int((Float(part) * step).rounded(.down)) + start, 0), extent)
        let last = min(max(Int((Float(part + 1) * step).rounded(.up)) + start, 0), extent)
        return first..<max(first, last)
    }

    func largest(_ x: Reference, _ boxes: Reference) -> (values: Reference, indices: Reference) {
        let indices = output(boxes) { number, box, index in
            guard let number else { return -1 }
            var best = -1.0, largest = 0.0
            for row in range(box[1], box[3], index[2], of: size.y, in: image[2]) {
                for column in range(box[0], box[2], index[3], of: size.x, in: image[3]) {
                    let value = x[[number, index[1], row, column]]
                    if best < 0 || value > largest || (value.isNaN && !largest.isNaN) {
                        (best, largest) = (Double(row * image[3] + column), value)
                    }
                }
            }
            return best
        }
        let values = output(boxes) { number, _, index in
            guard let number else { return .nan }
            let at = Int(indices[index])
            return at < 0 ? 0 : x[[number, index[1], at / image[3], at % image[3]]]
        }
        return (values, indices)
    }

    func largestGradient(_ dy: Reference, _ boxes: Reference, _ indices: Reference) -> Reference {
        var dx = Reference(image)
        let indexer = Indexer(dy.shape)
        for flat in 0..<dy.count {
            let index = indexer.index(flat), at = Int(indices.values[flat])
            if at >= 0 { dx[[Int(boxes[[index[0], 0]]), index[1], at / image[3], at % image[3]]] += dy.values[flat] }
        }
        return dx
    }

    // MARK: Alignment

    /// The elements and weights that a part's samples along an axis have: each sample a list, empty where it lies outside.
    private func samples(
        _ low: Float, _ high: Float, _ part: Int, of parts: Int, in extent: Int, _ options: RegionAlignOptions
    ) -> [[(at: Int, weight: Double)]] {
        let offset: Float = options.aligned ? 0.5 : 0
        let start = low * scale - offset
        var size = high * scale - offset - start
        if !options.aligned { size = max(size, 1) }
        let step = size / Float(parts), count = options.samplingRatio > 0 ? options.samplingRatio : Int(step.rounded(.up))
        return (0..<max(count, 0)).map { sample in
            var at = Double(start) + Double(part) * Double(step) + (Double(sample) + 0.5) * Double(step) / Double(count)
            if at < -1 || at > Double(extent) { return [] }
            at = min(max(at, 0), Double(extent - 1))
            let below = Int(at), rest = at - Double(below)
            return [(below, 1 - rest), (min(below + 1, extent - 1), rest)]
        }
    }

    /// Calls `take` with each element that a part reads and its share.
    private func eachShare(_ box: [Float], _ index: [Int], _ options: RegionAlignOptions, _ take: (Int, Int, Double) -> Void) {
        let down = samples(box[1], box[3], index[2], of: size.y, in: image[2], options)
        let across = samples(box[0], box[2], index[3], of: size.x, in: image[3], options)
        let count = Double(max(down.count * across.count, 1))
        for vertical in down {
            for horizontal in across {
                for (row, v) in vertical { for (column, h) in horizontal { take(row, column, v * h / count) } }
            }
        }
    }

    func average(_ x: Reference, _ boxes: Reference, _ options: RegionAlignOptions) -> Reference {
        output(boxes) { number, box, index in
            guard let number else { return .nan }
            var sum = 0.0
            eachShare(box, index, options) { row, column, share in sum += x[[number, index[1], row, column]] * share }
            return sum
        }
    }

    func averageGradient(_ dy: Reference, _ boxes: Reference, _ options: RegionAlignOptions) -> Reference {
        var dx = Reference(image)
        _ = output(boxes) { number, box, index in
            guard let number else { return 0 }
            eachShare(box, index, options) { row, column, share in dx[[number, index[1], row, column]] += dy[index] * share }
            return 0
        }
        return dx
    }

    // MARK: Boxes

    /// The numbers of the boxes [n, 4] that stay, by decreasing score, then -1; and how many there are.
    static func suppress(
        _ boxes: Reference, _ scores: Reference, _ groups: Reference?, threshold: Double, capacity: Int
    ) -> [Reference] {
        let n = scores.count
        let order = (0..<n).sorted { a, b in
            let x = scores.values[a], y = scores.values[b]
            if x.isNaN || y.isNaN { return x.isNaN && y.isNaN ? a < b : x.isNaN }
            return x == y ? a < b : x > y
        }
        func box(_ i: Int) -> [Float] { (0..<4).map { Float(boxes[[i, $0]]) } }
        var kept: [Int] = []
        for candidate in order {
            let b = box(candidate)
            let isGone = kept.contains { other in
                if let groups, groups.values[other] != groups.values[candidate] { return false }
                let a = box(other)
                let width = max(0, min(a[2], b[2]) - max(a[0], b[0])), height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
                let shared = width * height
                let sum = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
                return Double(shared / (sum - shared)) > threshold
            }
            if !isGone { kept.append(candidate) }
        }
        let length = min(capacity, n), first = kept.prefix(length).map(Double.init)
        return [
            Reference([length], first + Array(repeating: -1, count: length - first.count)), Reference([1], [Double(first.count)]),
        ]
    }

    static func overlaps(_ a: Reference, _ b: Reference) -> Reference {
        Reference([a.shape[0], b.shape[0]]) { index in
            let p = (0..<4).map { a[[index[0], $0]] }, q = (0..<4).map { b[[index[1], $0]] }
            let shared = max(0, min(p[2], q[2]) - max(p[0], q[0])) * max(0, min(p[3], q[3]) - max(p[1], q[1]))
            return shared / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - shared)
        }
    }

    static func encode(_ boxes: Reference, _ references: Reference, _ weights: [Double]) -> Reference {
        Reference(boxes.shape) { index in
            let axis = index[1] % 2
            let (low, high) = (boxes[[index[0], axis]], boxes[[index[0], axis + 2]])
            let (from, to) = (references[[index[0], axis]], references[[index[0], axis + 2]])
            if index[1] < 2 { return weights[axis] * ((low + high) / 2 - (from + to) / 2) / (to - from) }
            return weights[axis + 2] * log((high - low) / (to - from))
        }
    }

    static func decode(_ codes: Reference, _ references: Reference, _ weights: [Double]) -> Reference {
        Reference(codes.shape) { index in
            let axis = index[1] % 2
            let (from, to) = (references[[index[0], axis]], references[[index[0], axis + 2]])
            let center = codes[[index[0], axis]] / weights[axis] * (to - from) + (from + to) / 2
            let extent = exp(min(codes[[index[0], axis + 2]] / weights[axis + 2], log(1000.0 / 16))) * (to - from)
            return index[1] < 2 ? center - extent / 2 : center + extent / 2
        }
    }
}
