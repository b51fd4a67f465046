import MartletCore

/// A convolution that Winograd's transforms apply to, of stride 1: `taps` x `taps` taps, the output in tiles of `tile` x `tile`.
struct WinogradShape {
    var tile: Int, taps: Int
    var images: Int
    var channels: Int, outputs: Int
    var image: Pair, output: Pair
    /// Rows and columns of zeros before the image; negative where it begins outside.
    var margin: Pair

    /// Nil where it does not apply or another form is asked for.
    init?(_ shape: ConvolutionShape, automatic: (ConvolutionShape) -> Bool) {
        let options = shape.options
        guard shape.kernel == 3 || shape.kernel == 5, options.stride == 1, options.dilation == 1, shape.groups == 1,
            min(shape.images, shape.inputs, shape.outputs) > 0, min(shape.image.y, shape.image.x) > 0, shape.pixels > 0
        else { return nil }
        switch options.algorithm {
        case .direct: return nil
        case .automatic:
            guard automatic(shape) else { return nil }
            tile = 2
        case .winograd2x2: tile = 2
        case .winograd4x4:
            guard shape.kernel == 3 else { return nil }
            tile = 4
        }
        taps = shape.kernel.x
        (images, channels, outputs) = (shape.images, shape.inputs, shape.outputs)
        (image, output, margin) = (shape.image, shape.output, options.padding)
    }

    /// The input's gradient: a convolution of dy by the reversed taps.
    var inputGradient: WinogradShape {
        var shape = self
        (shape.channels, shape.outputs) = (outputs, channels)
        (shape.image, shape.output) = (output, image)
        shape.margin = Pair(taps - 1 - margin.y, taps - 1 - margin.x)
        return shape
    }

    var span: Int { tile + taps - 1 }
    /// Products of a tile.
    var frequencies: Int { span * span }
    /// Elements of the weights from an output to the next, and from a channel; the weights' own order is the other way round for
    /// an input gradient.
    func weightSteps(isGradient: Bool) -> (output: Int, channel: Int) {
        isGradient ? (taps * taps, outputs * taps * taps) : (channels * taps * taps, taps * taps)
    }
    var tilesY: Int { (output.y + tile - 1) / tile }
    var tilesX: Int { (output.x + tile - 1) / tile }
    /// 1 along an axis where the last tile's last output lies outside.
    var cut: Pair { Pair(output.y % tile == 0 ? 0 : 1, output.x % tile == 0 ? 0 : 1) }
    /// Tiles of all images.
    var tiles: Int { images * tilesY * tilesX }
}

extension OpenCLDevice {
    /// Winograd's form of a convolution, where it is asked for and applies, or the table prefers it.
    func winogradShape(_ shape: ConvolutionShape) -> WinogradShape? {
        if deviceClass == .cpuLike {
            let leastChannels = variants.winograd[.images].leastChannels
            return WinogradShape(shape) { min($0.inputs, $0.outputs) >= leastChannels }
        }
        let found = WinogradShape(shape) { shape in
            var asked = shape
            asked.options.algorithm = .winograd2x2
            return WinogradShape(asked) { _ in true }?.paysInTiles ?? false
        }
        // One image's transforms are the least that is held.
        return found.flatMap { $0.leastTileBytes <= properties.maxAllocationBytes ? $0 : nil }
    }

    /// y = epilogue(x * w), or the same with the taps in reverse and input and output channels exchanged in w.
    func winogradConvolution(
        _ x: View, _ w: View, _ y: View, _ shape: WinogradShape, isGradient: Bool, _ epilogue: FusedEpilogue?
    ) throws {
        if deviceClass == .gpuLike {
            let variant = variants.winogradTiles[.images]
            return try winogradTiles(x, w, y, shape, isGradient: isGradient, epilogue, variant)
        }
        try winogradPanels(x, w, y, shape, isGradient: isGradient, epilogue, variants.winograd[.images])
    }

    /// The weights' gradient.
    func winogradWeightGradient(_ x: View, _ dy: View, _ dw: View, _ shape: WinogradShape) throws {
        if deviceClass == .gpuLike {
            return try winogradWeightTiles(x, dy, dw, shape, variants.winogradTiles[.weightGradient])
        }
        try winogradWeightPanels(x, dy, dw, shape, variants.winograd[.weightGradient])
    }
}
