import MartletCore
import MartletKernels

/// Winograd's convolution on GPU-like devices; see `Kernels/WinogradTile.cl`. Images are taken a chunk at a time, so that what is
/// transformed of them stays in the caches of most devices, and within their memory.
extension OpenCLDevice {
    func winogradTiles(
        _ x: View, _ w: View, _ y: View, _ shape: WinogradShape, isGradient: Bool, _ epilogue: FusedEpilogue?,
        _ variant: WinogradTileVariant
    ) throws {
        let (channels, frequencies) = (shape.channels, shape.frequencies), rows = roundUp(shape.outputs, to: 4)
        let steps = shape.weightSteps(isGradient: isGradient), isReversed = isGradient ? 1 : 0
        let weights = try scratch(byteCount: frequencies * channels * rows * 4)
        let transform = try winogradTileKernel("winogradTileWeights", shape)
        let local = min(64, transform.maxWorkGroupSize)
        try launch(
            transform, global: [roundUp(rows, to: local), channels], local: [local, 1], .tensor(w), .buffer(weights),
            .size(shape.outputs), .size(rows), .size(steps.output), .size(steps.channel), .int(isReversed))
        let chunk = WinogradChunk(shape, bytes: variant.chunkBytes)
        let v = try scratch(byteCount: frequencies * channels * chunk.columns * 4)
        let p = try scratch(byteCount: frequencies * rows * chunk.columns * 4)
        let isWhole = shape.output.x % shape.tile == 0 && y.offset % shape.tile == 0
        let out = try winogradTileKernel("winogradTileOut", shape, ["OUT_VEC": isWhole ? shape.tile : 1], epilogue)
        let u = View(
            weights, .float32, offset: 0, shape: [frequencies, rows, channels], strides: [channels * rows, 1, rows])
        let width = min(64, out.maxWorkGroupSize)
        for first in stride(from: 0, to: shape.images, by: chunk.images) {
            let part = WinogradChunk(shape, first: first, most: chunk.images), columns = part.columns
            try transformTiles(x, to: v, shape, part, isOutput: false)
            try multiply(
                MatmulProblem(
                    u, View(v, shape: [frequencies, channels, columns]), View(p, shape: [frequencies, rows, columns]), nil))
            try launch(
                out, global: [roundUp(part.tiles, to: width), shape.outputs], local: [width, 1],
                arguments: [
                    .buffer(p), .tensor(y), .size(rows), .int(shape.output.y), .int(shape.output.x), .int(shape.tilesY),
                    .int(shape.tilesX), .size(first), .int(part.tiles), .int(columns), .tensor(x), .tensor(w), .size(channels),
                    .int(shape.image.y), .int(shape.image.x), .int(shape.margin.y), .int(shape.margin.x), .size(steps.output),
                    .size(steps.channel), .int(isReversed),
                ] + (epilogue?.arguments ?? []))
        }
    }

    func winogradWeightTiles(_ x: View, _ dy: View, _ dw: View, _ shape: WinogradShape, _ variant: WinogradTileVariant) throws {
        let (channels, outputs, frequencies) = (shape.channels, shape.outputs, shape.frequencies)
        let chunk = WinogradChunk(shape, bytes: variant.chunkBytes), parts = (shape.images + chunk.images - 1) / chunk.images
        let v = try scratch(byteCount: frequencies * channels * chunk.columns * 4)
        let g = try scratch(byteCount: frequencies * outputs * chunk.columns * 4)
        let sums = try scratch(byteCount: parts * frequencies * outputs * channels * 4)
        for part in 0..<parts {
            let chunk = WinogradChunk(shape, first: part * chunk.images, most: chunk.images), columns = chunk.columns
            try transformTiles(x, to: v, shape, chunk, isOutput: false)
            try transformTiles(dy, to: g, shape, chunk, isOutput: true)
            let lanes = View(
                v, .float32, offset: 0, shape: [frequencies, columns, channels], strides: [channels * columns, 1, columns])
            var sum = View(sums, shape: [frequencies, outputs, channels])
            sum.offset = part * sum.count
            try multiply(MatmulProblem(View(g, shape: [frequencies, outputs, columns]), lanes, sum, nil))
        }
        let kernel = try winogradTileKernel("winogradTileWeightGradient", shape), local = min(64, kernel.maxWorkGroupSize)
        try launch(
            kernel, global: [roundUp(channels, to: local), outputs], local: [local, 1], .buffer(sums), .size(parts), .tensor(dw),
            .size(channels), .tensor(x), .tensor(dy), .size(shape.images), .int(shape.image.y), .int(shape.image.x),
            .int(shape.output.y), .int(shape.output.x), .int(shape.margin.y), .int(shape.margin.x))
    }

    /// The tiles of a chunk of an image or, as `isOutput`, of an output's gradient, by frequency.
    private func transformTiles(
        _ view: View, to buffer: OpenCLBuffer, _ shape: WinogradShape, _ chunk: WinogradChunk, isOutput: Bool
    ) throws {
        let channels = isOutput ? shape.outputs : shape.channels, size = isOutput ? shape.output : shape.image
        let margin = isOutput ? 0 : shape.margin
        let kernel = try winogradTileKernel("winogradTileIn", shape, ["PATCH": isOutput ? shape.tile : shape.span])
        let local = min(64, kernel.maxWorkGroupSize)
        try launch(
            kernel, global: [roundUp(chunk.columns, to: local), channels], local: [local, 1], .tensor(view), .buffer(buffer),
            .size(channels), .int(size.y), .int(size.x), .int(margin.y), .int(margin.x), .int(shape.tilesY), .int(shape.tilesX),
            .size(chunk.first), .int(chunk.tiles), .int(chunk.columns))
    }

    private func winogradTileKernel(
        _ name: String, _ shape: WinogradShape, _ defines: Defines = [:], _ epilogue: FusedEpilogue? = nil
    ) throws -> Kernel {
        var defines = defines
        (defines["TILE"], defines["TAPS"]) = (shape.tile, shape.taps)
        epilogue?.add(to: &defines)
        return try kernel("WinogradTile", name, defines, expression: epilogue?.expression) {
            (epilogue?.text ?? FusedEpilogue.none(rank: 4)) + (Kernels.source("Winograd") ?? "")
        }
    }
}

/// Some images of a convolution, transformed together.
private struct WinogradChunk {
    var first = 0
    var images: Int
    /// Tiles of an image.
    private let each: Int

    /// As many of the images as fit into so many bytes, or one.
    init(_ shape: WinogradShape, bytes: Int) {
        each = shape.tilesY * shape.tilesX
        let image = shape.frequencies * (shape.channels + shape.outputs) * each * 4
        let chunks = min(max((image * shape.images + bytes - 1) / bytes, 1), shape.images)
        images = (shape.images + chunks - 1) / chunks
    }

    init(_ shape: WinogradShape, first: Int, most: Int) {
        each = shape.tilesY * shape.tilesX
        self.first = first
        images = min(most, shape.images - first)
    }

    var tiles: Int { images * each }
    /// The tiles, filled up to whole vectors of four.
    var columns: Int { roundUp(tiles, to: 4) }
}
