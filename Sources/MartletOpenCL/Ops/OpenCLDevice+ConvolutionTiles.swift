import MartletCore

/// Convolution on GPU-like devices.
extension OpenCLDevice {
    /// Weights times the pixels of all images, for every group; `rasterGroup` elements of the raster are a group's.
    func multiplyTiles(
        _ weights: ConvolutionWeights, _ raster: ConvolutionRaster, _ rasterGroup: Int, _ table: OpenCLBuffer,
        _ result: ConvolutionResult, _ shape: ConvolutionShape, _ epilogue: FusedEpilogue?,
        _ tiles: (MatmulTileVariant, Kernel)
    ) throws {
        let (variant, kernel) = tiles
        let columns = shape.images * result.extent.y * result.extent.x
        let rowTiles = (weights.rows + variant.tile - 1) / variant.tile
        let columnTiles = (columns + variant.tile - 1) / variant.tile
        try launch(
            kernel, global: [columnTiles * variant.threads, rowTiles, shape.groups], local: [variant.threads, 1, 1],
            arguments: [
                .tensor(weights.view), .tensor(raster.view), .buffer(table), .tensor(result.view), .size(weights.rows),
                .size(weights.taps), .size(shape.images), .size(weights.rowStep), .size(weights.groupStep),
                .size(raster.imageSize),
                .size(rasterGroup), .size(result.extent.y), .size(result.extent.x), .size(raster.pitch), .size(result.image),
                .size(result.channel), .size(result.y), .size(result.x),
            ] + (epilogue?.arguments ?? []))
    }

    /// The weights' gradient: the images are divided into parts whose gradients are added in order.
    func weightTiles(
        _ raster: ConvolutionRaster, _ dy: View, _ dw: View, _ table: OpenCLBuffer, _ shape: ConvolutionShape,
        _ running: (MatmulTileVariant, Kernel)
    ) throws {
        let (variant, kernel) = running
        let rowTiles = (shape.outputs + variant.tile - 1) / variant.tile
        let columnTiles = (shape.taps + variant.tile - 1) / variant.tile
        let tiles = rowTiles * columnTiles * shape.groups, wanted = 2 * properties.computeUnits
        let most = max(min((wanted + tiles - 1) / tiles, shape.images), 1)
        let imagesEach = max((shape.images + most - 1) / most, 1), splits = max((shape.images + imagesEach - 1) / imagesEach, 1)
        let places = try scratch(byteCount: shape.pixels * 4)
        if shape.pixels > 0 {
            let fill = try convolutionKernel("ConvolutionTile", "convolutionPlaces", [:])
            let local = min(64, fill.maxWorkGroupSize)
            try launch(
                fill, global: [roundUp(shape.pixels, to: local)], local: [local], .buffer(places), .int(shape.pixels),
                .int(shape.output.x), .int(raster.pitch))
        }
        let parts = try splits == 1 ? nil : scratch(byteCount: splits * dw.count * 4)
        try launch(
            kernel, global: [columnTiles * variant.threads, rowTiles, splits * shape.groups],
            local: [variant.threads, 1, 1], .tensor(dy), .tensor(raster.view), .buffer(table), .buffer(places),
            .tensor(parts.map { View($0, shape: dw.shape) } ?? dw), .size(shape.outputs), .size(shape.taps),
            .size(shape.groups), .size(raster.imageSize), .size(shape.inputs * raster.channelSize), .size(shape.pixels),
            .size(shape.images), .size(imagesEach), .size(dw.count))
        guard let parts else { return }
        let sum = try self.kernel("MatmulTile", "matmulSumSplits")
        let local = min(64, sum.maxWorkGroupSize), rows = dw.shape[0]
        try launch(
            sum, global: [roundUp(shape.taps, to: local), rows, 1], local: [local, 1, 1], .buffer(parts), .size(splits),
            .tensor(dw), .size(rows), .size(rows), .size(shape.taps))
    }
}
