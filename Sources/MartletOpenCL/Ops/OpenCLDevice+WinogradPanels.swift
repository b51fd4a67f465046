import MartletCore
import MartletKernels

/// Winograd's convolution on CPU-like devices.
extension OpenCLDevice {
    func winogradPanels(
        _ x: View, _ w: View, _ y: View, _ shape: WinogradShape, isGradient: Bool, _ epilogue: FusedEpilogue?,
        _ variant: WinogradPanelVariant
    ) throws {
        let (channels, outputs, frequencies) = (shape.channels, shape.outputs, shape.frequencies)
        let inPanels = (channels + 15) / 16, outPanels = (outputs + 15) / 16
        let weights = try winogradWeights(w, shape, isGradient: isGradient, variant)
        let steps = shape.weightSteps(isGradient: isGradient)
        let items = min(properties.computeUnits * variant.itemsPerUnit(shape.tiles / properties.computeUnits), shape.tiles)
        var tilesEach = (shape.tiles + items - 1) / items
        let fitting = variant.blockBytes / (frequencies * (inPanels + outPanels) * 64)
        let wanted = min(max(fitting, variant.leastBlock), variant.mostBlock)
        let blocks = (tilesEach + wanted - 1) / wanted
        let block = roundUp((tilesEach + blocks - 1) / blocks, to: variant.rows)
        tilesEach = min(tilesEach, blocks * block)
        let inStep = (inPanels * block + 1) * 16, outStep = (outPanels * block + 1) * 16
        let slabStep = frequencies * (inStep + outStep) + turnedPixels(shape, tiles: block, patch: shape.span) * 16
        let slab = try scratch(byteCount: items * slabStep * 4)
        let vectors = WinogradPanelVariant.vectors(variant.vectors, panels: outPanels)
        let kernel = try winogradKernel(
            "winogradConvolution", ["TILE": shape.tile, "TAPS": shape.taps, "MR": variant.rows, "NV": vectors], epilogue)
        try launch(
            kernel, global: [(shape.tiles + tilesEach - 1) / tilesEach], local: [1],
            arguments: [
                .tensor(x), .buffer(weights), .buffer(slab), .tensor(y), .size(shape.images), .size(channels), .size(outputs),
                .size(shape.image.y), .size(shape.image.x), .size(shape.output.y), .size(shape.output.x),
                .int(shape.margin.y), .int(shape.margin.x), .size(shape.tilesY), .size(shape.tilesX), .size(tilesEach),
                .size(block), .size(inStep), .size(outStep), .size(slabStep), .tensor(w), .size(steps.output),
                .size(steps.channel), .int(isGradient ? 1 : 0),
            ] + (epilogue?.arguments ?? []))
    }

    func winogradWeightPanels(
        _ x: View, _ dy: View, _ dw: View, _ shape: WinogradShape, _ variant: WinogradPanelVariant
    ) throws {
        let (channels, outputs, frequencies) = (shape.channels, shape.outputs, shape.frequencies)
        let inPanels = (channels + 15) / 16, outPanels = (outputs + 15) / 16
        let fitting = max(variant.partBytes / (frequencies * (inPanels + outPanels) * 64), variant.rangeTiles)
        let parts = (shape.tiles + fitting - 1) / fitting, tilesEach = (shape.tiles + parts - 1) / parts
        let sums = try scratch(byteCount: frequencies * outPanels * inPanels * 256 * 4)
        let vectors = WinogradPanelVariant.vectors(variant.gradientVectors, panels: outPanels)
        let products = try winogradKernel(
            "winogradWeightProducts", ["TILE": shape.tile, "TAPS": shape.taps, "MR": variant.gradientRows, "NV": vectors])
        let wanted = properties.computeUnits * 16, rows = frequencies * outPanels / vectors
        let groups = min(max((wanted + rows - 1) / rows, 1), inPanels), panelsEach = (inPanels + groups - 1) / groups
        for start in stride(from: 0, to: shape.tiles, by: tilesEach) {
            let tiles = start..<min(start + tilesEach, shape.tiles)
            let (v, inStep) = try winogradTransform(x, shape, isOutput: false, tiles, variant)
            let (u, outStep) = try winogradTransform(dy, shape, isOutput: true, tiles, variant)
            try launch(
                products, global: [outPanels / vectors, frequencies, (inPanels + panelsEach - 1) / panelsEach],
                local: [1, 1, 1], .buffer(v), .buffer(u), .buffer(sums), .size(shape.tilesY), .size(shape.tilesX),
                .int(shape.cut.y), .int(shape.cut.x), .size(tiles.lowerBound), .size(tiles.count), .size(inPanels),
                .size(outPanels), .size(inStep), .size(outStep), .size(panelsEach), .int(start == 0 ? 1 : 0))
        }
        let channelGroups = min(max((wanted + outPanels - 1) / outPanels, 1), channels)
        let channelsEach = (channels + channelGroups - 1) / channelGroups
        try launch(
            try winogradKernel("winogradWeightGradient", ["TILE": shape.tile, "TAPS": shape.taps]),
            global: [outPanels, (channels + channelsEach - 1) / channelsEach], local: [1, 1], .buffer(sums), .tensor(dw),
            .size(outputs), .size(channels), .size(channelsEach), .tensor(x), .tensor(dy), .size(shape.images),
            .size(shape.image.y), .size(shape.image.x), .size(shape.output.y), .size(shape.output.x), .int(shape.margin.y),
            .int(shape.margin.x))
    }

    /// The transformed weights in panels of 16 output channels.
    private func winogradWeights(
        _ w: View, _ shape: WinogradShape, isGradient: Bool, _ variant: WinogradPanelVariant
    ) throws -> OpenCLBuffer {
        let (channels, panels) = (shape.channels, (shape.outputs + 15) / 16)
        let weights = try scratch(byteCount: shape.frequencies * panels * channels * 64)
        let steps = shape.weightSteps(isGradient: isGradient)
        let wanted = properties.computeUnits * 16, groups = min(max((wanted + panels - 1) / panels, 1), channels)
        let rowsEach = (channels + groups - 1) / groups
        try launch(
            try winogradKernel("winogradWeights", ["TILE": shape.tile, "TAPS": shape.taps]),
            global: [panels, (channels + rowsEach - 1) / rowsEach], local: [1, 1], .tensor(w), .buffer(weights),
            .size(shape.outputs), .size(channels), .size(steps.output),
            .size(steps.channel), .int(isGradient ? 1 : 0), .size(rowsEach))
        return weights
    }

    /// Some tiles of an image or, as `isOutput`, of an output's gradient, transformed, and the elements of a frequency.
    private func winogradTransform(
        _ view: View, _ shape: WinogradShape, isOutput: Bool, _ tiles: Range<Int>, _ variant: WinogradPanelVariant
    ) throws -> (OpenCLBuffer, Int) {
        let channels = isOutput ? shape.outputs : shape.channels, panels = (channels + 15) / 16
        let size = isOutput ? shape.output : shape.image, margin = isOutput ? 0 : shape.margin
        let patch = isOutput ? shape.tile : shape.span, range = min(variant.rangeTiles, tiles.count)
        let step = (panels * tiles.count + 1) * 16, items = properties.computeUnits * 4
        let slabStep = turnedPixels(shape, tiles: range, patch: patch) * 16
        let slab = try scratch(byteCount: items * slabStep * 4), to = try scratch(byteCount: shape.frequencies * step * 4)
        try launch(
            try winogradKernel("winogradTransform", ["TILE": shape.tile, "TAPS": shape.taps, "PATCH": patch]), global: [items],
            local: [1],
            .tensor(view), .buffer(slab), .buffer(to), .size(shape.images), .size(channels), .size(size.y), .size(size.x),
            .int(margin.y), .int(margin.x), .size(shape.tilesY), .size(shape.tilesX), .int(shape.cut.y), .int(shape.cut.x),
            .size(tiles.lowerBound), .size(tiles.count), .size(range), .size(step), .size(slabStep), .size(items))
        return (to, step)
    }

    /// Most pixels that `tiles` successive tiles take as they are turned, and what is written behind them.
    private func turnedPixels(_ shape: WinogradShape, tiles: Int, patch: Int) -> Int {
        let reach = patch - shape.tile, rows = min(shape.tilesY, (tiles + shape.tilesX - 2) / shape.tilesX + 1)
        let wholeRows = (rows * shape.tile + reach) * (shape.tilesX * shape.tile + reach)
        return max(wholeRows, shape.tile * shape.tile * shape.tilesX) + 16
    }

    private func winogradKernel(_ name: String, _ defines: Defines, _ epilogue: FusedEpilogue? = nil) throws -> Kernel {
        var defines = defines
        epilogue?.add(to: &defines)
        return try kernel("WinogradPanels", name, defines, expression: epilogue?.expression) {
            let shared = ["Matmul", "Winograd"].map { Kernels.source($0) ?? "" }.joined(separator: "\n")
            return (epilogue?.text ?? FusedEpilogue.none(rank: 4)) + shared
        }
    }
}
