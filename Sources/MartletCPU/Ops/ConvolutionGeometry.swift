import CMartletCPU
import MartletCore

/// One tap of a kernel: where it reads, relative to a position times the source's steps, and which weight it has.
struct Tap {
    var y: Int
    var x: Int
    var index: Int
}

/// How weights [groups * outputs, channels, taps] are read: the distances between groups, outputs and channels.
struct WeightOrder {
    var group: Int
    var output: Int
    var channel: Int
    /// All weights there are.
    var count: Int
}

/// What `martlet_grid` describes, with Swift's integers and arrays. Channels and outputs are those of a group.
struct SumGrid {
    var images: Int, groups: Int
    var channels: Int, source: Pair
    var outputs: Int, target: Pair
    var rows: Int, columns: Int
    var first = Pair(0, 0), step = Pair(1, 1)
    var sourceStep: Pair
    var taps: [Tap]

    var area: Int { rows * columns }
    var positions: Int { images * area }
    /// Products in a sum.
    var depth: Int { taps.count * channels }

    /// Where every position reads its own place, an image is one long row.
    private var isPointwise: Bool {
        taps.count == 1 && taps[0].y == 0 && taps[0].x == 0 && step == 1 && sourceStep == 1 && source == target
            && source == Pair(rows, columns)
    }

    /// Runs `body` with the description that C takes.
    func withC(_ body: (UnsafePointer<martlet_grid>) -> Void) {
        let flat = isPointwise
        let source = flat ? Pair(1, area) : source, target = flat ? Pair(1, area) : target
        let rows = flat ? 1 : rows, columns = flat ? area : columns
        taps.map { Int32($0.y) }.withUnsafeBufferPointer { tapY in
            taps.map { Int32($0.x) }.withUnsafeBufferPointer { tapX in
                var g = martlet_grid(
                    images: Int64(images), groups: Int64(groups), channels: Int64(channels), height: Int64(source.y),
                    width: Int64(source.x), outputs: Int64(outputs), target_height: Int64(target.y),
                    target_width: Int64(target.x), rows: Int64(rows), columns: Int64(columns), first_y: Int64(first.y),
                    first_x: Int64(first.x), step_y: Int64(step.y), step_x: Int64(step.x), source_step_y: Int64(sourceStep.y),
                    source_step_x: Int64(sourceStep.x), taps: Int64(taps.count), tap_y: tapY.baseAddress,
                    tap_x: tapX.baseAddress)
                body(&g)
            }
        }
    }
}

/// A convolution's shapes, and the sums it and its input gradient are.
struct ConvolutionGeometry {
    private let images: Int, groups: Int, channels: Int, outputs: Int
    let kernel: Pair
    let options: ConvolutionOptions
    private let image: Pair, result: Pair

    /// From the shapes of x [n, c, h, w], w [o, c / groups, kh, kw] and y [n, o, oh, ow].
    init(_ x: [Int], _ w: [Int], _ y: [Int], _ options: ConvolutionOptions) {
        images = x[0]
        groups = options.groups
        channels = w[1]
        outputs = w[0] / options.groups
        image = Pair(x[2], x[3])
        kernel = Pair(w[2], w[3])
        result = Pair(y[2], y[3])
        self.options = options
    }

    var forward: SumGrid {
        let taps = (0..<kernel.y).flatMap { ky in
            (0..<kernel.x).map { kx in
                Tap(
                    y: ky * options.dilation.y - options.padding.y, x: kx * options.dilation.x - options.padding.x,
                    index: ky * kernel.x + kx)
            }
        }
        return SumGrid(
            images: images, groups: groups, channels: channels, source: image, outputs: outputs, target: result,
            rows: result.y, columns: result.x, sourceStep: options.stride, taps: taps)
    }

    var forwardWeights: WeightOrder {
        let area = kernel.y * kernel.x
        return WeightOrder(
            group: outputs * channels * area, output: channels * area, channel: area,
            count: groups * outputs * channels * area)
    }

    /// The input gradient: the input's positions of each residue of the stride meet the same taps.
    var inputGradientPhases: [SumGrid] {
        let stride = options.stride
        return (0..<min(stride.y, image.y)).flatMap { y in
            (0..<min(stride.x, image.x)).map { x in
                let rows = taps(kernel.y, y, stride.y, options.padding.y, options.dilation.y)
                let columns = taps(kernel.x, x, stride.x, options.padding.x, options.dilation.x)
                let taps = rows.flatMap { row in
                    columns.map { Tap(y: row.offset, x: $0.offset, index: row.index * kernel.x + $0.index) }
                }
                return SumGrid(
                    images: images, groups: groups, channels: outputs, source: result, outputs: channels, target: image,
                    rows: (image.y - y + stride.y - 1) / stride.y, columns: (image.x - x + stride.x - 1) / stride.x,
                    first: Pair(y, x), step: stride, sourceStep: 1, taps: taps)
            }
        }
    }

    var inputGradientWeights: WeightOrder {
        let area = kernel.y * kernel.x
        return WeightOrder(
            group: outputs * channels * area, output: area, channel: channels * area,
            count: groups * outputs * channels * area)
    }

    /// The taps of one axis that reach input positions of a residue, and the output position they read, relative to
    /// (position - residue) / stride.
    private func taps(
        _ kernel: Int, _ residue: Int, _ stride: Int, _ padding: Int,
        _ dilation: Int
    ) -> [(index: Int, offset: Int)] {
        (0..<kernel).compactMap { index in
            let distance = residue + padding - index * dilation
            return distance % stride == 0 ? (index, distance / stride) : nil
        }
    }
}
