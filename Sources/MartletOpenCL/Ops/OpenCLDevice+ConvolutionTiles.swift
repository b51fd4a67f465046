import MartletCore

/// Convolution on GPU-like devices; see `Kernels/ConvolutionTile.cl`. Each function returns false where none of the tiles runs
/// here, before it has enqueued anything.
extension OpenCLDevice {
    /// What the kernels over a raster are built for.
    private struct TileForm {
        /// Channels side by side in the raster: 4 or 1.
        var interleave: Int
        var isFar: Bool
        /// Whether there is one tap a channel, read from the image itself.
        var isPointwise = false
        /// 4 where weights are read in vectors.
        var weightVector = 4

        /// For images of `count` elements, `channels` in a group, multiplied with others of `others` elements.
        init(channels: Int, count: Int, others: Int = 0) {
            interleave = channels > 0 && channels % 4 == 0 ? 4 : 1
            isFar = max(count, others) * 4 >= 1 << 32
        }

        func defines(_ variant: MatmulTileVariant) -> Defines { add(to: variant.defines) }

        func add(to defines: Defines) -> Defines {
            var defines = defines
            if interleave > 1 { defines["CHANNELS"] = interleave }
            if isFar { defines["FAR"] = 1 }
            return defines
        }
    }

    /// Where taps lie: in the weights, in elements, and in the raster, in bytes; of each phase where there are several.
    private struct TilePlaces {
        var weights: OpenCLBuffer, raster: OpenCLBuffer
        var phases: TilePhases?
    }

    /// The phases of an input's gradient: what they are, and how many.
    private struct TilePhases {
        var buffer: OpenCLBuffer
        var count: Int
    }

    /// A product, the plan for it and its kernel.
    private struct ProductTiles {
        var product: TiledProduct
        var plan: TilePlan
        var kernel: Kernel
    }

    /// What the products read: weights `step` elements from a tap to the next, or from a row to the next in place, and a raster
    /// of pixels `y` and `x` elements apart, the bytes of a tap in `places`.
    private struct ProductSources {
        var weights: View, step: Int
        var raster: ConvolutionRaster
        var y: Int, x: Int
        var places: KernelArgument
        var phases: TilePhases?
    }

    func convolutionTiles(_ x: View, _ w: View, _ y: View, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?) throws -> Bool {
        let raster = ConvolutionRaster(view: x, y: shape.rasterY, x: shape.rasterX, channels: x.shape[1])
        let form = TileForm(channels: shape.inputs, count: shape.images * raster.imageSize)
        let result = ConvolutionResult(whole: y, shape)
        guard
            let tiles = try productTiles(
                form, tiledProduct(rows: shape.outputs, columns: shape.images * shape.pixels, taps: shape.taps, shape), result,
                epilogue, vectors: form.interleave == 4)
        else { return false }
        let filled = try tileRaster(raster, form, isPlain: shape.isPlain)
        let places = try tilePlaces(try tapTable(shape, filled), form, filled, taps: shape.taps, window: shape.kernel.area)
        let weights = ConvolutionWeights(
            view: w, rows: shape.outputs, taps: shape.taps, rowStep: shape.taps, groupStep: shape.outputs * shape.taps,
            isInOrder: true)
        let sources = try packedSources(weights, filled, form, places, shape)
        try multiplyParts(y, count: tiles.plan.parts, epilogue) { parts, epilogue in
            try multiplyTiles(
                sources, rows: weights.rows, taps: weights.taps, inputs: shape.inputs, parts.map(result.moved) ?? result, shape,
                epilogue, tiles, splitStep: y.count)
        }
        return true
    }

    /// The convolution by one tap a channel without padding: pixels are read where they lie in the image, and weights too.
    func pointwiseTiles(_ x: View, _ w: View, _ y: View, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?) throws -> Bool {
        let image = RasterAxis(phases: 1, extent: shape.image.y, stride: 1, margin: 0)
        let row = RasterAxis(phases: 1, extent: shape.image.x, stride: 1, margin: 0)
        let raster = ConvolutionRaster(view: x, y: image, x: row, channels: x.shape[1])
        var form = TileForm(channels: 1, count: x.count)
        form.isPointwise = true
        form.weightVector = shape.inputs % 4 == 0 && w.offset % 4 == 0 ? 4 : 1
        let result = ConvolutionResult(whole: y, shape)
        guard
            let tiles = try productTiles(
                form, tiledProduct(rows: shape.outputs, columns: shape.images * shape.pixels, taps: shape.inputs, shape), result,
                epilogue, vectors: form.weightVector == 4)
        else { return false }
        let sources = ProductSources(
            weights: w, step: shape.inputs, raster: raster, y: shape.options.stride.y * shape.image.x,
            x: shape.options.stride.x, places: .size(shape.image.area * 4))
        try multiplyParts(y, count: tiles.plan.parts, epilogue) { parts, epilogue in
            try multiplyTiles(
                sources, rows: shape.outputs, taps: shape.inputs, inputs: shape.inputs, parts.map(result.moved) ?? result, shape,
                epilogue, tiles, splitStep: y.count)
        }
        return true
    }

    func inputGradientTiles(
        _ dy: View, _ w: View, _ dx: View, _ shape: ConvolutionShape, _ y: GradientAxis, _ x: GradientAxis
    ) throws -> Bool {
        let raster = ConvolutionRaster(view: dy, y: y.raster, x: x.raster, channels: dy.shape[1])
        let form = TileForm(channels: shape.outputs, count: shape.images * raster.imageSize)
        let stride = shape.options.stride, imageSize = shape.image.area, phases = y.phases.count * x.phases.count
        let taps = shape.outputs * y.phases.map(\.taps.count).reduce(0, +) * x.phases.map(\.taps.count).reduce(0, +)
        let extent = Pair(y.phases.map(\.extent).max() ?? 0, x.phases.map(\.extent).max() ?? 0)
        let result = ConvolutionResult(
            view: dx, extent: extent, image: shape.groups * shape.inputs * imageSize, channel: imageSize,
            y: stride.y * shape.image.x, x: stride.x, origin: dx.offset)
        // Of all phases: their pixels side by side, as many taps as they have on average.
        let product = tiledProduct(
            rows: shape.inputs, columns: shape.images * imageSize, taps: taps / max(phases, 1), shape)
        guard
            let tiles = try productTiles(form, product, result, nil, vectors: form.interleave == 4, isPhased: true)
        else { return false }
        guard phases > 0 else { return true }
        let filled = try tileRaster(raster, form, isPlain: false)
        let places = try tilePhases(form, filled, y, x, taps: taps, count: phases, shape)
        let weights = ConvolutionWeights(
            view: w, rows: shape.inputs, taps: taps, rowStep: shape.kernel.area, groupStep: shape.outputs * shape.taps,
            isInOrder: false)
        let sources = try packedSources(weights, filled, form, places, shape)
        try multiplyParts(dx, count: tiles.plan.parts, nil) { parts, _ in
            try multiplyTiles(
                sources, rows: shape.inputs, taps: taps, inputs: shape.outputs, parts.map(result.moved) ?? result, shape, nil,
                tiles, splitStep: dx.count)
        }
        return true
    }

    func weightGradientTiles(_ x: View, _ dy: View, _ dw: View, _ shape: ConvolutionShape) throws -> Bool {
        let raster = ConvolutionRaster(view: x, y: shape.rasterY, x: shape.rasterX, channels: x.shape[1])
        let form = TileForm(channels: shape.inputs, count: shape.images * raster.imageSize, others: dy.count)
        let vector = shape.pixels % 4 == 0 && dy.offset % 4 == 0 ? 4 : 1
        let depths = shape.images * shape.pixels
        let product = TiledProduct(
            rows: shape.outputs, columns: shape.taps, depth: depths, batches: shape.groups, bytes: 4 * (x.count + dy.count),
            on: properties)
        let plans = tilePlans(
            variants.convolutionTiles[.weightGradient], product, vectors: vector * form.interleave == 16)
        let running = try firstRunning(plans) {
            var defines = form.defines($0.variant)
            defines["A_VEC"] = vector
            return try convolutionKernel("ConvolutionTile", "convolutionWeightTiles", defines)
        }
        guard let (plan, kernel) = running else { return false }
        let variant = plan.variant
        guard dw.count > 0 else { return true }
        let filled = try tileRaster(raster, form, isPlain: shape.isPlain)
        let taps = try tilePlaces(try tapTable(shape, filled), form, filled, taps: shape.taps, window: shape.kernel.area)
        let pixels = try pixelPlaces(form, filled, depths: depths, dyImage: dy.shape[1] * shape.pixels, shape)
        let parts = try plan.parts == 1 ? nil : scratch(byteCount: plan.parts * dw.count * 4)
        try launch(
            kernel,
            global: [product.columnTiles(variant) * variant.threads, product.rowTiles(variant), plan.parts * shape.groups],
            local: [variant.threads, 1, 1], .tensor(dy), .tensor(filled.view), .buffer(taps.weights), .buffer(taps.raster),
            .buffer(pixels), .tensor(parts.map { View($0, shape: dw.shape) } ?? dw), .size(shape.outputs), .size(shape.taps),
            .size(shape.groups), .size(shape.inputs * filled.channelSize), .size(shape.pixels), .size(depths),
            .size(plan.depth), .size(dw.count))
        if let parts {
            let sum = try self.kernel("MatmulTile", "matmulSumSplits")
            let local = min(64, sum.maxWorkGroupSize), rows = dw.shape[0]
            try launch(
                sum, global: [roundUp(shape.taps, to: local), rows, 1], local: [local, 1, 1], .buffer(parts),
                .size(plan.parts), .tensor(dw), .size(rows), .size(rows), .size(shape.taps))
        }
        return true
    }

    /// The product of a group's weights, `taps` for a row, with so many pixels.
    private func tiledProduct(rows: Int, columns: Int, taps: Int, _ shape: ConvolutionShape) -> TiledProduct {
        let images = shape.images * (shape.inputs + shape.outputs) * shape.groups
        return TiledProduct(
            rows: rows, columns: columns, depth: taps, batches: shape.groups,
            bytes: 4 * (images * max(shape.image.area, shape.pixels) + shape.groups * rows * taps), on: properties)
    }

    private func productTiles(
        _ form: TileForm, _ product: TiledProduct, _ result: ConvolutionResult, _ epilogue: FusedEpilogue?, vectors: Bool,
        isPhased: Bool = false
    ) throws -> ProductTiles? {
        let plans = tilePlans(variants.convolutionTiles[.images], product, vectors: vectors)
        let running = try firstRunning(plans) {
            var defines = form.defines($0.variant)
            defines["A_VEC"] = form.weightVector
            if form.isPointwise { defines["POINTWISE"] = 1 }
            if isPhased { defines["PHASED"] = 1 }
            if result.isWhole { defines["OUT_VEC"] = 4 }
            return try convolutionKernel(
                "ConvolutionTile", "convolutionTiles", defines, $0.parts == 1 ? epilogue : nil)
        }
        return running.map { ProductTiles(product: product, plan: $0, kernel: $1) }
    }

    /// Runs `products`, whose results go to `y` with the epilogue, or in `count` parts to other memory and are then added up.
    private func multiplyParts(
        _ y: View, count: Int, _ epilogue: FusedEpilogue?, _ products: (OpenCLBuffer?, FusedEpilogue?) throws -> Void
    ) throws {
        guard count > 1, y.count > 0 else { return try products(nil, epilogue) }
        let parts = try scratch(byteCount: count * y.count * 4)
        try products(parts, nil)
        let sum = try convolutionKernel("ConvolutionTile", "convolutionTileSumSplits", [:], epilogue)
        let pixels = y.shape[2] * y.shape[3], local = min(64, sum.maxWorkGroupSize)
        try launch(
            sum, global: [roundUp(pixels, to: local), y.shape[1], y.shape[0]], local: [local, 1, 1],
            arguments: [.buffer(parts), .size(count), .tensor(y), .size(pixels), .size(y.shape[3])] + (epilogue?.arguments ?? []))
    }

    /// The weights with their rows side by side, in the order of the taps in the raster.
    private func packedSources(
        _ weights: ConvolutionWeights, _ raster: ConvolutionRaster, _ form: TileForm, _ places: TilePlaces,
        _ shape: ConvolutionShape
    ) throws -> ProductSources {
        let rowsEach = roundUp(weights.rows, to: 4), count = shape.groups * weights.taps * rowsEach
        let packed = try scratch(byteCount: count * 4)
        if count > 0 {
            let pack = try convolutionKernel("ConvolutionTile", "convolutionTileWeights", [:])
            let local = min(64, pack.maxWorkGroupSize)
            try launch(
                pack, global: [roundUp(rowsEach, to: local), weights.taps, shape.groups], local: [local, 1, 1],
                .tensor(weights.view), .buffer(places.weights), .buffer(packed), .size(weights.rows), .size(rowsEach),
                .size(weights.rowStep), .size(weights.groupStep))
        }
        return ProductSources(
            weights: View(packed, shape: [count]), step: rowsEach, raster: raster, y: raster.pitch * form.interleave,
            x: form.interleave, places: .buffer(places.raster), phases: places.phases)
    }

    /// Weights times the pixels of all images, for every group of `inputs` of the raster's channels.
    private func multiplyTiles(
        _ sources: ProductSources, rows: Int, taps: Int, inputs: Int, _ result: ConvolutionResult, _ shape: ConvolutionShape,
        _ epilogue: FusedEpilogue?, _ tiles: ProductTiles, splitStep: Int
    ) throws {
        let (product, plan, raster) = (tiles.product, tiles.plan, sources.raster), variant = plan.variant
        guard product.columns > 0, rows > 0 else { return }
        let columns = shape.images * result.extent.area, phases = sources.phases
        let ofPhases: [KernelArgument] =
            phases.map { [.buffer($0.buffer), .size(taps), .size(plan.parts)] }
            ?? [.size(taps), .size(result.extent.y), .size(result.extent.x), .size(plan.depth)]
        try launch(
            tiles.kernel,
            global: [
                (columns + variant.columns - 1) / variant.columns * variant.threads, product.rowTiles(variant),
                (phases?.count ?? 1) * plan.parts * shape.groups,
            ], local: [variant.threads, 1, 1],
            arguments: [
                .tensor(sources.weights), .size(sources.step), .tensor(raster.view), sources.places, .tensor(result.view),
                .size(rows), .size(shape.groups), .size(shape.images), .size(raster.imageSize),
                .size(inputs * raster.channelSize), .size(sources.y), .size(sources.x), .size(result.image),
                .size(result.channel), .size(result.y), .size(result.x), .size(splitStep),
            ] + ofPhases + (epilogue?.arguments ?? []))
    }

    /// The raster's elements, from the image that is its view; the image itself where `isPlain` and its channels stay apart.
    private func tileRaster(_ raster: ConvolutionRaster, _ form: TileForm, isPlain: Bool) throws -> ConvolutionRaster {
        let x = raster.view
        guard form.interleave == 4 else { return try self.raster(x, raster.y, raster.x, isPlain: isPlain) }
        var filled = raster
        let count = x.shape[0] * raster.imageSize
        let buffer = try scratch(byteCount: count * 4)
        filled.view = View(buffer, shape: [x.shape[0], raster.imageSize])
        guard count > 0 else { return filled }
        let kernel = try convolutionKernel("ConvolutionTile", "convolutionTileRaster", [:])
        let (global, local) = planeItems(
            kernel, rows: raster.y.phases * raster.x.phases * raster.y.extent, columns: raster.pitch,
            planes: x.shape[0] * x.shape[1] / 4)
        try launch(
            kernel, global: global, local: local, .tensor(x), .buffer(buffer), .int(x.shape[2]), .int(x.shape[3]),
            .int(raster.y.margin),
            .int(raster.x.margin), .int(raster.y.stride), .int(raster.x.stride), .int(raster.y.phases), .int(raster.x.phases),
            .int(raster.y.extent), .int(raster.x.extent))
        return filled
    }

    private func tilePlaces(
        _ table: OpenCLBuffer, _ form: TileForm, _ raster: ConvolutionRaster, taps: Int, window: Int
    ) throws -> TilePlaces {
        let places = TilePlaces(
            weights: try scratch(byteCount: taps * 4),
            raster: try scratch(byteCount: taps / form.interleave * (form.isFar ? 8 : 4)))
        guard taps > 0 else { return places }
        let kernel = try convolutionKernel("ConvolutionTile", "convolutionTileTable", form.add(to: [:]))
        let local = min(64, kernel.maxWorkGroupSize)
        try launch(
            kernel, global: [roundUp(taps, to: local)], local: [local], .buffer(table), .buffer(places.weights),
            .buffer(places.raster), .int(taps), .int(window), .int(raster.channelSize))
        return places
    }

    /// The phases of an input's gradient, of `taps` taps in all.
    private func tilePhases(
        _ form: TileForm, _ raster: ConvolutionRaster, _ y: GradientAxis, _ x: GradientAxis, taps: Int, count: Int,
        _ shape: ConvolutionShape
    ) throws -> TilePlaces {
        try checkReach(shape.outputs, weightChannel: shape.taps, raster)
        let phases = TilePhases(buffer: try scratch(byteCount: count * 20), count: count)
        let places = TilePlaces(
            weights: try scratch(byteCount: taps * 4),
            raster: try scratch(byteCount: taps / form.interleave * (form.isFar ? 8 : 4)), phases: phases)
        let kernel = try convolutionKernel("ConvolutionTile", "convolutionTilePhases", form.add(to: [:]))
        let local = min(64, kernel.maxWorkGroupSize), options = shape.options
        let most = shape.outputs * (y.phases.map(\.taps.count).max() ?? 0) * (x.phases.map(\.taps.count).max() ?? 0)
        func axis(_ axis: GradientAxis, _ size: KeyPath<Pair, Int>) -> [KernelArgument] {
            let kernel = shape.output[keyPath: size] > 0 ? shape.kernel[keyPath: size] : 0
            return [
                kernel, shape.image[keyPath: size], options.stride[keyPath: size], options.padding[keyPath: size],
                options.dilation[keyPath: size], axis.step, axis.raster.margin,
            ].map { .int($0) }
        }
        try launch(
            kernel, global: [roundUp(max(most, 1), to: local), count], local: [local, 1],
            arguments: [
                .buffer(phases.buffer), .buffer(places.weights), .buffer(places.raster), .int(shape.outputs), .int(shape.taps),
                .int(raster.channelSize), .int(raster.pitch), .int(x.phases.count),
            ] + axis(y, \.y) + axis(x, \.x))
        return places
    }

    /// Where the pixels of all images lie in the raster and in dy.
    private func pixelPlaces(
        _ form: TileForm, _ raster: ConvolutionRaster, depths: Int, dyImage: Int, _ shape: ConvolutionShape
    ) throws -> OpenCLBuffer {
        let places = try scratch(byteCount: 2 * depths * (form.isFar ? 8 : 4))
        guard depths > 0 else { return places }
        let kernel = try convolutionKernel("ConvolutionTile", "convolutionTilePixels", form.add(to: [:]))
        let local = min(64, kernel.maxWorkGroupSize)
        try launch(
            kernel, global: [roundUp(depths, to: local)], local: [local], .buffer(places), .size(depths), .size(shape.pixels),
            .size(shape.output.x), .size(raster.pitch), .size(raster.imageSize), .size(dyImage))
        return places
    }
}

extension ConvolutionResult {
    /// All of an output.
    fileprivate init(whole y: View, _ shape: ConvolutionShape) {
        self.init(
            view: y, extent: shape.output, image: y.shape[1] * shape.pixels, channel: shape.pixels, y: shape.output.x, x: 1)
        origin = y.offset
    }

    /// The same place in other memory of the same shape.
    fileprivate func moved(to buffer: OpenCLBuffer) -> ConvolutionResult {
        var moved = self
        moved.view = View(buffer, shape: view.shape)
        moved.view.offset = view.offset - origin
        return moved
    }

    /// Whether pixels lie side by side, in whole and aligned vectors of four.
    fileprivate var isWhole: Bool {
        x == 1 && (y == extent.x || extent.y == 1) && [extent.area, view.offset, channel, image].allSatisfy { $0 % 4 == 0 }
    }
}
