import MartletCore

/// Convolution on CPU-like devices.
extension OpenCLDevice {
    /// Weights times raster positions, for every image and group; `rasterGroup` elements of the raster are a group's.
    func multiplyPanels(
        _ weights: ConvolutionWeights, _ raster: ConvolutionRaster, _ rasterGroup: Int, _ table: OpenCLBuffer,
        _ result: ConvolutionResult, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?,
        _ variant: ConvolutionPanelVariant
    ) throws {
        let positions = (result.extent.y - 1) * raster.pitch + result.extent.x
        let rows = variant.tileRows(weights.rows), vectors = variant.tileVectors(positions, rows: rows)
        let panels = (weights.rows + rows - 1) / rows, tiles = (positions + 16 * vectors - 1) / (16 * vectors)
        let wanted = properties.computeUnits * variant.itemsPerUnit, images = shape.images * shape.groups
        let tileGroups = min(max((wanted + images - 1) / images, 1), tiles), tilesEach = (tiles + tileGroups - 1) / tileGroups
        let items = images * ((tiles + tilesEach - 1) / tilesEach)
        let panelGroups = min(max((wanted + items - 1) / items, 1), panels), panelsEach = (panels + panelGroups - 1) / panelGroups
        // Copying the pixels of a tile pays for itself where several panels of rows read them, and then packing weights does.
        let copies = panelsEach >= variant.panelsWorthCopying && weights.taps >= variant.tapsWorthCopying
        let packs = copies || !weights.isInOrder
        var w = weights.view
        if packs, weights.taps > 0 {
            let packed = try scratch(byteCount: shape.groups * panels * rows * weights.taps * 4)
            w = View(packed, shape: [shape.groups, panels, weights.taps, rows])
            try launch(
                try convolutionKernel("Convolution", "convolutionWeights", ["MR": rows]), global: [panels, shape.groups],
                local: [1, 1], .tensor(weights.view), .buffer(packed), .buffer(table), .size(weights.rows),
                .size(weights.taps), .size(weights.rowStep), .size(weights.groupStep))
        }
        let kernel = try convolutionKernel(
            "Convolution", "convolutionPanels",
            [
                "MR": rows, "NV": vectors, "A_FORM": packs ? 0 : 1, "UNIT": result.x == 1 ? 1 : 0,
                "PANELS": copies ? variant.panelsKept : 1, "TAPS": variant.copiedPixels / (16 * vectors),
            ], epilogue)
        try launch(
            kernel, global: [(tiles + tilesEach - 1) / tilesEach, (panels + panelsEach - 1) / panelsEach, images],
            local: [1, 1, 1],
            arguments: [
                .tensor(w), .tensor(raster.view), .buffer(table), .tensor(result.view), .size(weights.rows), .size(weights.taps),
                .size(shape.groups), .size(raster.imageSize), .size(rasterGroup), .size(result.extent.y), .size(result.extent.x),
                .size(raster.pitch), .size(result.image), .size(result.channel), .size(result.y), .size(result.x),
                .size(tilesEach),
                .size(panelsEach),
            ] + (epilogue?.arguments ?? []))
    }

    /// The weights' gradient with output channels in the lanes.
    func weightPanels(
        _ raster: ConvolutionRaster, _ dy: View, _ dw: View, _ table: OpenCLBuffer, _ shape: ConvolutionShape,
        _ variant: ConvolutionPanelVariant
    ) throws {
        let vectors = min(2, variant.vectors, (shape.outputs + 15) / 16),
            channelPanels = (shape.outputs + 16 * vectors - 1) / (16 * vectors)
        let rows = variant.tileRows(shape.taps), tapPanels = (shape.taps + rows - 1) / rows
        let lanes = dy.reshaped([shape.images * shape.groups, shape.outputs, shape.pixels])
        let packed = try pack(
            MatmulOperand(lanes, laneAxis: 1, depthAxis: 2, prefersDeep: true), depths: shape.pixels,
            panel: 16 * vectors, batches: lanes.shape[0])
        guard let packed = packed.view.buffer as? OpenCLBuffer else { return }
        let kernel = try convolutionKernel("Convolution", "convolutionWeightPanels", ["MR": rows, "NV": vectors])
        try sumSplits(dw, shape, tiles: channelPanels * tapPanels, bytesPerImage: shape.pixels * 64 * vectors, variant) {
            out, splits, imagesEach in
            try launch(
                kernel, global: [channelPanels, tapPanels, splits * shape.groups], local: [1, 1, 1],
                .tensor(raster.view), .buffer(table), .buffer(packed), .tensor(out), .size(shape.outputs),
                .size(shape.taps), .size(shape.groups), .size(raster.imageSize), .size(shape.inputs * raster.channelSize),
                .size(shape.output.y), .size(shape.output.x), .size(raster.pitch), .size(shape.images), .size(imagesEach),
                .size(dw.count))
        }
    }

    /// The weights' gradient with pixels in the lanes.
    func weightDot(
        _ raster: ConvolutionRaster, _ dy: View, _ dw: View, _ table: OpenCLBuffer, _ shape: ConvolutionShape,
        _ variant: ConvolutionPanelVariant
    ) throws {
        let blocks = (shape.outputs + variant.dotChannels - 1) / variant.dotChannels
        let channels = (shape.outputs + blocks - 1) / blocks
        let tapBlocks = (shape.taps * channels + variant.registers - 1) / variant.registers
        let taps = (shape.taps + tapBlocks - 1) / tapBlocks, pitch = roundUp(shape.output.x, to: 16)
        let filled = try self.raster(
            dy, RasterAxis(phases: 1, extent: shape.output.y, stride: 1, margin: 0),
            RasterAxis(phases: 1, extent: pitch, stride: 1, margin: 0), isPlain: pitch == shape.output.x)
        let kernel = try convolutionKernel("Convolution", "convolutionWeightDot", ["DO": channels, "DT": taps])
        try sumSplits(
            dw, shape, tiles: blocks * ((shape.taps + taps - 1) / taps),
            bytesPerImage: shape.output.y * pitch * channels * 4, variant
        ) { out, splits, imagesEach in
            try launch(
                kernel, global: [blocks, (shape.taps + taps - 1) / taps, splits * shape.groups], local: [1, 1, 1],
                .tensor(raster.view), .buffer(table), .tensor(filled.view), .tensor(out), .size(shape.outputs),
                .size(shape.taps), .size(shape.groups), .size(raster.imageSize), .size(shape.inputs * raster.channelSize),
                .size(shape.output.y), .size(shape.output.x), .size(raster.pitch), .size(shape.images), .size(imagesEach),
                .size(dw.count), .size(pitch))
        }
    }

    /// Divides the images into parts whose gradients are added in order.
    private func sumSplits(
        _ dw: View, _ shape: ConvolutionShape, tiles: Int, bytesPerImage: Int,
        _ variant: ConvolutionPanelVariant, _ part: (View, Int, Int) throws -> Void
    ) throws {
        let wanted = properties.computeUnits * variant.itemsPerUnit, tiles = tiles * shape.groups
        let forUnits = (wanted + tiles - 1) / tiles, forCache = shape.images * bytesPerImage / variant.bytesPerSplit
        let most = max(min(max(forUnits, forCache), shape.images, variant.mostSplitBytes / (dw.count * 4)), 1)
        let imagesEach = max((shape.images + most - 1) / most, 1), splits = max((shape.images + imagesEach - 1) / imagesEach, 1)
        guard splits > 1 else { return try part(dw, 1, imagesEach) }
        let parts = try scratch(byteCount: splits * dw.count * 4)
        try part(View(parts, shape: dw.shape), splits, imagesEach)
        let rows = dw.shape[0], rowsEach = (rows + wanted - 1) / wanted
        try launch(
            try kernel("Matmul", "matmulSumSplits"), global: [(rows + rowsEach - 1) / rowsEach], local: [1],
            .buffer(parts), .size(splits), .tensor(dw), .size(rows), .size(rows), .size(shape.taps), .size(rowsEach))
    }
}
