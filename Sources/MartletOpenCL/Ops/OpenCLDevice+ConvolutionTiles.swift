import MartletCore

/// Convolution on GPU-like devices; see `Kernels/ConvolutionTile.cl`. Each function returns false where none of the tiles runs
/// here, before it has enqueued anything.
extension OpenCLDevice {
    /// What the kernels over a raster are built for.
    private struct TileForm {
        /// Channels side by side in the raster: 4 or 1.
        var interleave: Int
        var isFar: Bool

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

    /// Where taps lie: in the weights, in elements, and in the raster, in bytes.
    private struct TilePlaces {
        var weights: OpenCLBuffer, raster: OpenCLBuffer
    }

    func convolutionTiles(_ x: View, _ w: View, _ y: View, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?) throws -> Bool {
        let raster = ConvolutionRaster(view: x, y: shape.rasterY, x: shape.rasterX, channels: x.shape[1])
        let form = TileForm(channels: shape.inputs, count: shape.images * raster.imageSize)
        let result = ConvolutionResult(
            view: y, extent: shape.output, image: y.shape[1] * shape.pixels, channel: shape.pixels, y: shape.output.x, x: 1)
        guard let tiles = try productTiles(form, rows: shape.outputs, result, shape, epilogue) else { return false }
        let filled = try tileRaster(raster, form, isPlain: shape.isPlain)
        let places = try tilePlaces(try tapTable(shape, filled), form, filled, taps: shape.taps, window: shape.kernel.area)
        let weights = ConvolutionWeights(
            view: w, rows: shape.outputs, taps: shape.taps, rowStep: shape.taps, groupStep: shape.outputs * shape.taps,
            isInOrder: true)
        try multiplyTiles(weights, filled, shape.inputs, places, result, shape, epilogue, tiles)
        return true
    }

    func inputGradientTiles(
        _ dy: View, _ w: View, _ dx: View, _ shape: ConvolutionShape, _ y: GradientAxis, _ x: GradientAxis
    ) throws -> Bool {
        let raster = ConvolutionRaster(view: dy, y: y.raster, x: x.raster, channels: dy.shape[1])
        let form = TileForm(channels: shape.outputs, count: shape.images * raster.imageSize)
        let stride = shape.options.stride, imageSize = shape.image.area
        let phases = y.phases.flatMap { py in x.phases.map { px in (py, px) } }
        let results = phases.map { py, px in
            var view = dx
            view.offset += py.index * shape.image.x + px.index
            return ConvolutionResult(
                view: view, extent: Pair(py.extent, px.extent), image: shape.groups * shape.inputs * imageSize,
                channel: imageSize, y: stride.y * shape.image.x, x: stride.x)
        }
        let tiles = try results.compactMap { try productTiles(form, rows: shape.inputs, $0, shape, nil) }
        guard tiles.count == results.count else { return false }
        let filled = try tileRaster(raster, form, isPlain: false)
        for (((py, px), result), tiles) in zip(zip(phases, results), tiles) {
            let table = try tapTable(
                shape.outputs, py.taps, px.taps, filled, weightChannel: shape.taps, kernelWidth: shape.kernel.x)
            let window = py.taps.count * px.taps.count
            let weights = ConvolutionWeights(
                view: w, rows: shape.inputs, taps: shape.outputs * window, rowStep: shape.kernel.area,
                groupStep: shape.outputs * shape.taps, isInOrder: false)
            let places = try tilePlaces(table, form, filled, taps: weights.taps, window: window)
            try multiplyTiles(weights, filled, shape.outputs, places, result, shape, nil, tiles)
        }
        return true
    }

    func weightGradientTiles(_ x: View, _ dy: View, _ dw: View, _ shape: ConvolutionShape) throws -> Bool {
        let raster = ConvolutionRaster(view: x, y: shape.rasterY, x: shape.rasterX, channels: x.shape[1])
        let form = TileForm(channels: shape.inputs, count: shape.images * raster.imageSize, others: dy.count)
        let vector = shape.pixels % 4 == 0 && dy.offset % 4 == 0 ? 4 : 1
        let candidates = tileCandidates(
            variants.convolutionTiles[.weightGradient], rows: shape.outputs, columns: shape.taps, batches: 1,
            vectors: vector * form.interleave == 16)
        let running = try firstRunning(candidates) {
            var defines = form.defines($0)
            defines["A_VEC"] = vector
            return try convolutionKernel("ConvolutionTile", "convolutionWeightTiles", defines)
        }
        guard let (variant, kernel) = running else { return false }
        guard dw.count > 0 else { return true }
        let filled = try tileRaster(raster, form, isPlain: shape.isPlain)
        let taps = try tilePlaces(try tapTable(shape, filled), form, filled, taps: shape.taps, window: shape.kernel.area)
        let depths = shape.images * shape.pixels
        let pixels = try pixelPlaces(form, filled, depths: depths, dyImage: dy.shape[1] * shape.pixels, shape)
        let rowTiles = variant.tiles(shape.outputs), columnTiles = variant.tiles(shape.taps)
        let split = MatmulProblem.splits(
            depth: depths, tiles: rowTiles * columnTiles * shape.groups, wanted: 2 * properties.computeUnits,
            leastDepth: MatmulTileVariant.leastSplitDepth)
        let parts = try split.count == 1 ? nil : scratch(byteCount: split.count * dw.count * 4)
        try launch(
            kernel, global: [columnTiles * variant.threads, rowTiles, split.count * shape.groups],
            local: [variant.threads, 1, 1], .tensor(dy), .tensor(filled.view), .buffer(taps.weights), .buffer(taps.raster),
            .buffer(pixels), .tensor(parts.map { View($0, shape: dw.shape) } ?? dw), .size(shape.outputs), .size(shape.taps),
            .size(shape.groups), .size(shape.inputs * filled.channelSize), .size(shape.pixels), .size(depths),
            .size(split.depth), .size(dw.count))
        if let parts {
            let sum = try self.kernel("MatmulTile", "matmulSumSplits")
            let local = min(64, sum.maxWorkGroupSize), rows = dw.shape[0]
            try launch(
                sum, global: [roundUp(shape.taps, to: local), rows, 1], local: [local, 1, 1], .buffer(parts),
                .size(split.count), .tensor(dw), .size(rows), .size(rows), .size(shape.taps))
        }
        return true
    }

    private func productTiles(
        _ form: TileForm, rows: Int, _ result: ConvolutionResult, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?
    ) throws -> (MatmulTileVariant, Kernel)? {
        let candidates = tileCandidates(
            variants.convolutionTiles[.images], rows: rows, columns: shape.images * result.extent.area, batches: shape.groups,
            vectors: form.interleave == 4)
        return try firstRunning(candidates) {
            var defines = form.defines($0)
            if result.isWhole { defines["OUT_VEC"] = 4 }
            return try convolutionKernel("ConvolutionTile", "convolutionTiles", defines, epilogue)
        }
    }

    /// Weights times the pixels of all images, for every group of `channels` of the raster's.
    private func multiplyTiles(
        _ weights: ConvolutionWeights, _ raster: ConvolutionRaster, _ channels: Int, _ places: TilePlaces,
        _ result: ConvolutionResult, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?,
        _ tiles: (MatmulTileVariant, Kernel)
    ) throws {
        let (variant, kernel) = tiles
        let columns = shape.images * result.extent.area, rowsEach = roundUp(weights.rows, to: 4)
        guard columns > 0, weights.rows > 0 else { return }
        let packed = try scratch(byteCount: shape.groups * weights.taps * rowsEach * 4)
        if weights.taps > 0 {
            let pack = try convolutionKernel("ConvolutionTile", "convolutionTileWeights", [:])
            let local = min(64, pack.maxWorkGroupSize)
            try launch(
                pack, global: [roundUp(rowsEach, to: local), weights.taps, shape.groups], local: [local, 1, 1],
                .tensor(weights.view), .buffer(places.weights), .buffer(packed), .size(weights.rows), .size(rowsEach),
                .size(weights.rowStep), .size(weights.groupStep))
        }
        try launch(
            kernel, global: [variant.tiles(columns) * variant.threads, variant.tiles(weights.rows), shape.groups],
            local: [variant.threads, 1, 1],
            arguments: [
                .buffer(packed), .tensor(raster.view), .buffer(places.raster), .tensor(result.view), .size(weights.rows),
                .size(rowsEach), .size(weights.taps), .size(shape.images), .size(raster.imageSize),
                .size(channels * raster.channelSize), .size(result.extent.y), .size(result.extent.x), .size(raster.pitch),
                .size(result.image), .size(result.channel), .size(result.y), .size(result.x),
            ] + (epilogue?.arguments ?? []))
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
        let width = min(raster.pitch > 32 ? 64 : 16, kernel.maxWorkGroupSize), planes = x.shape[0] * x.shape[1] / 4
        try launch(
            kernel, global: [roundUp(raster.pitch, to: width), raster.y.phases * raster.x.phases * raster.y.extent, planes],
            local: [width, 1, 1], .tensor(x), .buffer(buffer), .int(x.shape[2]), .int(x.shape[3]), .int(raster.y.margin),
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
    /// Whether pixels lie side by side, in whole and aligned vectors of four.
    fileprivate var isWhole: Bool {
        x == 1 && (y == extent.x || extent.y == 1) && [extent.area, view.offset, channel, image].allSatisfy { $0 % 4 == 0 }
    }
}
