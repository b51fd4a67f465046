import MartletCore
import MartletKernels

extension OpenCLDevice: ConvolutionOps {
    public func convolution(_ x: View, _ w: View, into y: View, options: ConvolutionOptions, epilogue: Epilogue?) {
        guarded("convolution", inputs: [x, w] + (epilogue?.operands ?? []), outputs: [y]) {
            let shape = ConvolutionShape(x: x.shape, w: w.shape, y: y.shape, options)
            if shape.isPointwise, let problem = MatmulProblem(pointwise: x, w, y, epilogue) { return try multiply(problem) }
            if shape.isSampledPointwise, shape.options.padding == 0, deviceClass == .gpuLike,
                try pointwiseTiles(x, w, y, shape, FusedEpilogue(epilogue, rank: 4))
            {
                return
            }
            if shape.isSampledPointwise, MatmulProblem(pointwise: y, w, y, epilogue) != nil {
                let sampled = try raster(x, shape.rasterY, shape.rasterX, isPlain: false).view
                let source = View(sampled.buffer, shape: [x.shape[0], x.shape[1], shape.output.y, shape.output.x])
                guard let problem = MatmulProblem(pointwise: source, w, y, epilogue) else { return }
                return try multiply(problem)
            }
            if let winograd = winogradShape(shape) {
                return try winogradConvolution(
                    x, w, y, winograd, isGradient: false, FusedEpilogue(epilogue, rank: 4))
            }
            let epilogue = FusedEpilogue(epilogue, rank: 4)
            if deviceClass == .gpuLike, try convolutionTiles(x, w, y, shape, epilogue) { return }
            // Vectors that begin in the raster must end in it.
            let isWide = (shape.output.y - 1) * shape.image.x + shape.output.x >= 64
            let raster = try raster(x, shape.rasterY, shape.rasterX, isPlain: shape.isPlain && isWide)
            let table = try tapTable(shape, raster)
            let weights = ConvolutionWeights(
                view: w, rows: shape.outputs, taps: shape.taps, rowStep: shape.taps,
                groupStep: shape.outputs * shape.taps, isInOrder: true)
            let channels = shape.groups * shape.outputs
            let result = ConvolutionResult(
                view: y, extent: shape.output, image: channels * shape.pixels,
                channel: shape.pixels, y: shape.output.x, x: 1)
            try multiply(weights, raster, table, result, shape, rasterChannels: shape.inputs, epilogue)
        }
    }

    public func convolutionInputGradient(_ dy: View, _ w: View, into dx: View, options: ConvolutionOptions) {
        guarded("convolutionInputGradient", inputs: [dy, w], outputs: [dx]) {
            let shape = ConvolutionShape(x: dx.shape, w: w.shape, y: dy.shape, options)
            if shape.isPointwise { return try multiply(MatmulProblem(pointwiseGradient: dy, w, dx)) }
            if shape.isSampledPointwise { return try spreadInputGradient(dy, w, dx, shape) }
            if let winograd = winogradShape(shape)?.inputGradient {
                return try winogradConvolution(dy, w, dx, winograd, isGradient: true, nil)
            }
            let (stride, padding, dilation) = (options.stride, options.padding, options.dilation)
            let output = shape.outputs == 0 ? 0 : shape.output
            let y = GradientAxis(
                image: shape.image.y, kernel: shape.kernel.y, output: output.y, stride: stride.y,
                padding: padding.y, dilation: dilation.y)
            let x = GradientAxis(
                image: shape.image.x, kernel: shape.kernel.x, output: output.x, stride: stride.x,
                padding: padding.x, dilation: dilation.x)
            if deviceClass == .gpuLike, try inputGradientTiles(dy, w, dx, shape, y, x) { return }
            let raster = try raster(dy, y.raster, x.raster, isPlain: false)
            let kernelSize = shape.kernel.y * shape.kernel.x, imageSize = shape.image.y * shape.image.x
            for py in y.phases {
                for px in x.phases {
                    let table = try tapTable(
                        shape.outputs, py.taps, px.taps, raster, weightChannel: shape.taps,
                        kernelWidth: shape.kernel.x)
                    let taps = shape.outputs * py.taps.count * px.taps.count
                    let weights = ConvolutionWeights(
                        view: w, rows: shape.inputs, taps: taps, rowStep: kernelSize,
                        groupStep: shape.outputs * shape.taps, isInOrder: false)
                    var view = dx
                    view.offset += py.index * shape.image.x + px.index
                    let result = ConvolutionResult(
                        view: view, extent: Pair(py.extent, px.extent),
                        image: shape.groups * shape.inputs * imageSize, channel: imageSize,
                        y: stride.y * shape.image.x, x: stride.x)
                    try multiply(weights, raster, table, result, shape, rasterChannels: shape.outputs, nil)
                }
            }
        }
    }

    public func convolutionWeightGradient(_ x: View, _ dy: View, into dw: View, options: ConvolutionOptions) {
        guarded("convolutionWeightGradient", inputs: [x, dy], outputs: [dw]) {
            let shape = ConvolutionShape(x: x.shape, w: dw.shape, y: dy.shape, options)
            if let winograd = winogradShape(shape) { return try winogradWeightGradient(x, dy, dw, winograd) }
            if deviceClass == .gpuLike, try weightGradientTiles(x, dy, dw, shape) { return }
            let variant = variants.convolution[.weightGradient]
            let isDot = shape.outputs < variant.channelsInLanes
            let raster = try raster(x, shape.rasterY, shape.rasterX, isPlain: shape.isPlain && !isDot)
            let table = try tapTable(shape, raster)
            if isDot {
                try weightDot(raster, dy, dw, table, shape, variant)
            } else {
                try weightPanels(raster, dy, dw, table, shape, variant)
            }
        }
    }

    /// The input gradient where every output reads one pixel: a product, spread out over the image with zeros between.
    private func spreadInputGradient(_ dy: View, _ w: View, _ dx: View, _ shape: ConvolutionShape) throws {
        let sampled = [dx.shape[0], dx.shape[1], shape.output.y, shape.output.x], count = sampled.reduce(1, *)
        let buffer = try scratch(byteCount: (count + 16) * 4)
        if count > 0 { try multiply(MatmulProblem(pointwiseGradient: dy, w, View(buffer, shape: sampled))) }
        let (stride, padding, planes) = (shape.options.stride, shape.options.padding, dx.shape[0] * dx.shape[1])
        let kernel = try convolutionKernel("Convolution", "convolutionSpread", [:])
        let global: WorkSize, local: WorkSize
        var planesEach = 1
        if deviceClass == .cpuLike {
            planesEach = max(planes / (properties.computeUnits * 8), 1)
            (global, local) = ([(planes + planesEach - 1) / planesEach], [1])
        } else {
            (global, local) = planeItems(kernel, rows: shape.image.y, columns: shape.image.x, planes: planes)
        }
        try launch(
            kernel, global: global, local: local, .buffer(buffer), .tensor(dx), .size(planes), .size(planesEach),
            .int(shape.image.y), .int(shape.image.x), .int(shape.output.y), .int(shape.output.x), .int(padding.y),
            .int(padding.x), .int(stride.y), .int(stride.x))
    }

    private func multiply(
        _ weights: ConvolutionWeights, _ raster: ConvolutionRaster, _ table: OpenCLBuffer,
        _ result: ConvolutionResult, _ shape: ConvolutionShape, rasterChannels: Int,
        _ epilogue: FusedEpilogue?
    ) throws {
        let group = rasterChannels * raster.channelSize
        try multiplyPanels(weights, raster, group, table, result, shape, epilogue, variants.convolution[.images])
    }

    /// A kernel of the family, with the text that it builds on.
    func convolutionKernel(
        _ family: String, _ name: String, _ defines: Defines,
        _ epilogue: FusedEpilogue? = nil
    ) throws -> Kernel {
        var defines = defines
        epilogue?.add(to: &defines)
        return try kernel(family, name, defines, expression: epilogue?.expression) {
            let tiles = Kernels.source(family == "Convolution" ? "Matmul" : "MatmulTile") ?? ""
            return (epilogue?.text ?? FusedEpilogue.none(rank: 4)) + tiles
        }
    }

    /// The image as the products read it; the image itself where `isPlain`.
    func raster(_ x: View, _ y: RasterAxis, _ x1: RasterAxis, isPlain: Bool) throws -> ConvolutionRaster {
        var raster = ConvolutionRaster(view: x, y: y, x: x1, channels: x.shape[1])
        if isPlain { return raster }
        let planes = x.shape[0] * x.shape[1]
        // Vectors may begin at the last element.
        let buffer = try scratch(byteCount: (planes * raster.channelSize + 64) * 4)
        raster.view = View(buffer, shape: [x.shape[0], raster.imageSize])
        guard planes * raster.channelSize > 0 else { return raster }
        let kernel = try convolutionKernel("Convolution", "convolutionRaster", [:])
        let global: WorkSize, local: WorkSize
        var planesEach = 1
        if deviceClass == .cpuLike {
            planesEach = max(planes / (properties.computeUnits * 8), 1)
            (global, local) = ([(planes + planesEach - 1) / planesEach], [1])
        } else {
            (global, local) = planeItems(
                kernel, rows: y.phases * x1.phases * y.extent, columns: raster.pitch, planes: planes)
        }
        try launch(
            kernel, global: global, local: local, .tensor(x), .buffer(buffer), .size(planes), .size(planesEach),
            .int(x.shape[2]), .int(x.shape[3]), .int(y.margin), .int(x1.margin), .int(y.stride), .int(x1.stride),
            .int(y.phases), .int(x1.phases), .int(y.extent), .int(x1.extent))
        return raster
    }

    /// Throws where the places of `channels` channels' taps are no 32-bit numbers.
    func checkReach(_ channels: Int, weightChannel: Int, _ raster: ConvolutionRaster) throws {
        guard max(channels * weightChannel, channels * raster.channelSize) <= Int(Int32.max) else {
            throw DeviceError(
                .kernel,
                "convolution on \(info.id): an image of \(channels) channels of \(raster.channelSize) "
                    + "elements is above 2^31; use smaller images or more groups")
        }
    }

    /// Where the taps of a forward convolution lie.
    func tapTable(_ shape: ConvolutionShape, _ raster: ConvolutionRaster) throws -> OpenCLBuffer {
        try tapTable(
            shape.inputs, shape.tapsY, shape.tapsX, raster, weightChannel: shape.kernel.y * shape.kernel.x,
            kernelWidth: shape.kernel.x)
    }

    /// Where the taps of `channels` channels lie, first in the weights, then in the raster.
    func tapTable(
        _ channels: Int, _ y: TapAxis, _ x: TapAxis, _ raster: ConvolutionRaster, weightChannel: Int,
        kernelWidth: Int
    ) throws -> OpenCLBuffer {
        let count = channels * y.count * x.count
        try checkReach(channels, weightChannel: weightChannel, raster)
        let table = try scratch(byteCount: 2 * count * 4)
        guard count > 0 else { return table }
        let kernel = try convolutionKernel("Convolution", "convolutionTable", [:])
        let local = deviceClass == .cpuLike ? 1 : min(64, kernel.maxWorkGroupSize)
        try launch(
            kernel, global: [deviceClass == .cpuLike ? 1 : roundUp(count, to: local)], local: [local], .buffer(table),
            .int(count), .int(y.count), .int(x.count), .int(weightChannel), .int(kernelWidth), .int(y.first),
            .int(y.step), .int(x.first), .int(x.step), .int(raster.channelSize), .int(y.start), .int(y.slope),
            .int(y.stride), .int(x.start), .int(x.slope), .int(x.stride), .int(raster.x.phases),
            .int(raster.phaseSize), .int(raster.pitch))
        return table
    }
}

extension MatmulProblem {
    /// A convolution of 1 x 1 taps: for every image the weights times the image's channels. Nil where an operand of the
    /// epilogue has no single step along the pixels.
    init?(pointwise x: View, _ w: View, _ y: View, _ epilogue: Epilogue?) {
        let (images, channels, pixels) = (y.shape[0], y.shape[1], y.shape[2] * y.shape[3])
        var joined = epilogue
        if let epilogue {
            var operands: [View] = []
            for view in epilogue.operands {
                let (sy, sx) = (view.strides[2], view.strides[3])
                guard y.shape[2] == 1 || y.shape[3] == 1 || sy == y.shape[3] * sx else { return nil }
                operands.append(
                    View(
                        view.buffer, view.type, offset: view.offset, shape: [images, channels, pixels],
                        strides: [view.strides[0], view.strides[1], y.shape[3] == 1 ? sy : sx]))
            }
            joined = Epilogue(epilogue.expression, scalars: epilogue.scalars, operands: operands)
        }
        let a = View(w.buffer, w.type, offset: w.offset, shape: [images, channels, x.shape[1]], strides: [0, x.shape[1], 1])
        self.init(a, x.reshaped([images, x.shape[1], pixels]), y.reshaped([images, channels, pixels]), joined)
    }

    /// Its input gradient: for every image the transposed weights times the channels of dy.
    init(pointwiseGradient dy: View, _ w: View, _ dx: View) {
        let (images, channels, pixels) = (dx.shape[0], dx.shape[1], dx.shape[2] * dx.shape[3])
        let a = View(w.buffer, w.type, offset: w.offset, shape: [images, channels, dy.shape[1]], strides: [0, 1, channels])
        self.init(a, dy.reshaped([images, dy.shape[1], pixels]), dx.reshaped([images, channels, pixels]), nil)
    }
}
