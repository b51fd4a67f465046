import MartletCore

/// The taps of a kernel along one axis: tap j is the kernel's `first + j * step`, and reads `start + j * slope` pixels, before
/// division into `stride` phases, from an output's origin in the raster.
struct TapAxis {
    var count: Int
    var first = 0, step = 1
    var start = 0, slope: Int
    var stride = 1
}

/// One axis of the copy of an image that a convolution reads: `phases` images of `extent`, the first element of the first
/// being pixel `-margin`.
struct RasterAxis {
    var phases: Int
    var extent: Int
    var stride: Int
    var margin: Int

    /// For the products of a forward convolution: `output` positions and the reach of the kernel.
    init(kernel: Int, output: Int, stride: Int, padding: Int, dilation: Int) {
        phases = ((0..<min(kernel, stride)).map { $0 * dilation % stride }.max() ?? 0) + 1
        extent = output + max(kernel - 1, 0) * dilation / stride
        self.stride = stride
        margin = padding
    }

    init(phases: Int, extent: Int, stride: Int, margin: Int) {
        (self.phases, self.extent, self.stride, self.margin) = (phases, extent, stride, margin)
    }
}

/// One axis of a convolution's input gradient: dx at `stride * u + phase` is the sum over the phase's taps of dy at
/// `u + offset`, a convolution of stride 1 for each phase.
struct GradientAxis {
    struct Phase {
        var index: Int
        /// Positions u of this phase.
        var extent: Int
        var taps: TapAxis
    }

    var phases: [Phase]
    var raster: RasterAxis
    /// From a phase's tap to the next, in taps of the kernel.
    var step: Int

    init(image: Int, kernel: Int, output: Int, stride: Int, padding: Int, dilation: Int) {
        var phases: [Phase] = []
        var lowest = Int.max, highest = Int.min
        step = stride / GradientAxis.commonDivisor(stride, dilation)
        let slope = -step * dilation / stride
        for index in 0..<min(stride, image) {
            let extent = (image - index + stride - 1) / stride
            var taps = TapAxis(count: 0, slope: 0)
            let first = (0..<min(kernel, step)).first { (index + padding - $0 * dilation) % stride == 0 }
            if let first, output > 0 {
                taps = TapAxis(
                    count: (kernel - first + step - 1) / step, first: first, step: step,
                    start: (index + padding - first * dilation) / stride, slope: slope)
                lowest = min(lowest, taps.start + (taps.count - 1) * slope)
                highest = max(highest, extent - 1 + taps.start)
            }
            phases.append(Phase(index: index, extent: extent, taps: taps))
        }
        if lowest > highest { (lowest, highest) = (0, 0) }
        for index in phases.indices where phases[index].taps.count > 0 { phases[index].taps.start -= lowest }
        self.phases = phases
        // A phase without taps has positions too.
        let extent = max(highest - lowest + 1, phases.map(\.extent).max() ?? 1)
        raster = RasterAxis(phases: 1, extent: extent, stride: 1, margin: -lowest)
    }

    private static func commonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : commonDivisor(b, a % b) }
}

extension Pair {
    var area: Int { y * x }
}

/// The sizes of a convolution.
struct ConvolutionShape {
    var images: Int, groups: Int
    /// Channels of a group.
    var inputs: Int, outputs: Int
    var image: Pair, kernel: Pair, output: Pair
    var options: ConvolutionOptions

    init(x: [Int], w: [Int], y: [Int], _ options: ConvolutionOptions) {
        images = x[0]
        groups = options.groups
        inputs = w[1]
        outputs = w[0] / max(groups, 1)
        image = Pair(x[2], x[3])
        kernel = Pair(w[2], w[3])
        output = Pair(y[2], y[3])
        self.options = options
    }

    var taps: Int { inputs * kernel.y * kernel.x }
    var pixels: Int { output.y * output.x }

    var rasterY: RasterAxis {
        RasterAxis(
            kernel: kernel.y, output: output.y, stride: options.stride.y, padding: options.padding.y,
            dilation: options.dilation.y)
    }
    var rasterX: RasterAxis {
        RasterAxis(
            kernel: kernel.x, output: output.x, stride: options.stride.x, padding: options.padding.x,
            dilation: options.dilation.x)
    }
    var tapsY: TapAxis { TapAxis(count: kernel.y, slope: options.dilation.y, stride: options.stride.y) }
    var tapsX: TapAxis { TapAxis(count: kernel.x, slope: options.dilation.x, stride: options.stride.x) }

    /// Whether an image is its own raster.
    var isPlain: Bool { options.stride == 1 && options.padding == 0 }
    /// Whether it is a matrix product of channels.
    var isPointwise: Bool { isPlain && kernel == 1 && groups == 1 }
    /// Whether it is one of chosen or padded pixels.
    var isSampledPointwise: Bool { !isPlain && kernel == 1 && groups == 1 }
}

/// An image laid out for the products: [image][channel][phase y][phase x][row][pitch].
struct ConvolutionRaster {
    var view: View
    var y: RasterAxis, x: RasterAxis
    /// Channels of an image.
    var channels: Int

    var pitch: Int { x.extent }
    /// Elements of a phase of a channel, of a channel, of an image.
    var phaseSize: Int { y.extent * x.extent }
    var channelSize: Int { y.phases * x.phases * phaseSize }
    var imageSize: Int { channels * channelSize }
}

/// Where a product's results go: element (image, channel, y, x) lies at these steps from the view's offset on.
struct ConvolutionResult {
    var view: View
    var extent: Pair
    var image: Int, channel: Int, y: Int, x: Int
    /// The offset of the tensor that the results are a part of.
    var origin = 0
}

/// What is multiplied: `rows` output channels of each group times `taps`, weight `(group, row, tap)` being at
/// `group * groupStep + row * rowStep + table[tap]`.
struct ConvolutionWeights {
    var view: View
    var rows: Int, taps: Int
    var rowStep: Int, groupStep: Int
    /// Whether `table[tap]` is `tap`, and `rowStep` the number of taps.
    var isInOrder: Bool
}
