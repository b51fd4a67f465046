import MartletCore

/// Pooling windows as PyTorch defines them, one output position at a time.
struct PoolingReference {
    /// For each output row (or column): the input positions of its window that lie inside the image, and what an average divides by
    /// along this axis when padding counts.
    struct Axis {
        var windows: [(positions: [Int], paddedCount: Int)]

        init(_ extent: Int, kernel: Int, stride: Int, padding: Int, dilation: Int, ceilMode: Bool) {
            windows = []
            var start = -padding
            while true {
                let last = start + dilation * (kernel - 1)
                let fits = last < extent + padding
                // A window that hangs over the end counts in ceil mode, if it begins in the image or the padding before it.
                if !fits, !(ceilMode && start < extent && start - stride + dilation * (kernel - 1) < extent + padding - 1) {
                    break
                }
                let positions = (0..<kernel).map { start + $0 * dilation }.filter { $0 >= 0 && $0 < extent }
                windows.append((positions, Swift.min(start + kernel, extent + padding) - start))
                start += stride
            }
        }

        /// Windows that divide the axis into `count` parts.
        init(_ extent: Int, parts count: Int) {
            windows = (0..<count).map { index in
                let first = index * extent / count, end = ((index + 1) * extent + count - 1) / count
                return (Array(first..<end), end - first)
            }
        }
    }

    let image: [Int]
    let rows: Axis
    let columns: Axis
    var output: [Int] { [image[0], image[1], rows.windows.count, columns.windows.count] }

    init(_ image: [Int], _ o: PoolingOptions) {
        self.image = image
        rows = Axis(
            image[2], kernel: o.kernel.y, stride: o.stride.y, padding: o.padding.y, dilation: o.dilation.y, ceilMode: o.ceilMode)
        columns = Axis(
            image[3], kernel: o.kernel.x, stride: o.stride.x, padding: o.padding.x, dilation: o.dilation.x, ceilMode: o.ceilMode)
    }

    init(_ image: [Int], parts: Pair) {
        self.image = image
        rows = Axis(image[2], parts: parts.y)
        columns = Axis(image[3], parts: parts.x)
    }

    /// The largest of each window and its position in the plane.
    func largest(_ x: Reference) -> (values: Reference, indices: Reference) {
        let positions = Reference(output) { index in
            var best = -1, bestValue = -Double.infinity
            for row in rows.windows[index[2]].positions {
                for column in columns.windows[index[3]].positions {
                    let value = x[[index[0], index[1], row, column]]
                    if best < 0 || (value.isNaN ? !bestValue.isNaN : value > bestValue) {
                        (best, bestValue) = (row * image[3] + column, value)
                    }
                }
            }
            return Double(best)
        }
        let values = Reference(output) { index in
            let position = Int(positions[index])
            return x[[index[0], index[1], position / image[3], position % image[3]]]
        }
        return (values, positions)
    }

    func average(_ x: Reference, countsPadding: Bool) -> Reference {
        Reference(output) { index in
            let rows = rows.windows[index[2]], columns = columns.windows[index[3]]
            var sum = 0.0
            for row in rows.positions { for column in columns.positions { sum += x[[index[0], index[1], row, column]] } }
            let count = countsPadding ? rows.paddedCount * columns.paddedCount : rows.positions.count * columns.positions.count
            return sum / Double(count)
        }
    }
}
