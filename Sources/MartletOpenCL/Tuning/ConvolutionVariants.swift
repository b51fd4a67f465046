/// Convolution's parameters on CPU-like devices; see `Kernels/Convolution.cl`.
struct ConvolutionPanelVariant: Hashable, Sendable {
    /// Most rows of a register tile, and most vectors of 16 that it may hold.
    var rows = 8, registers = 24
    /// Most vectors side by side.
    var vectors = 4
    /// Output channels of a group from which on the weights' gradient runs with channels in the lanes of a vector.
    var channelsInLanes = 12
    /// Most channels of a register tile of the weights' gradient with pixels in the lanes.
    var dotChannels = 6
    /// Work-items a compute unit that the work is divided into, where there is enough of it.
    var itemsPerUnit = 4
    /// Bytes of dy that one part of the weights' gradient passes over again and again; a share of the second-level cache.
    var bytesPerSplit = 1 << 19
    /// Most bytes that all parts of a weights' gradient take.
    var mostSplitBytes = 1 << 26

    /// Panels of rows, and taps, from which on a tile's pixels are copied for them.
    var panelsWorthCopying = 3, tapsWorthCopying = 64
    /// Pixels that are copied at a time: a part of the first-level cache.
    var copiedPixels = 6144
    /// Most panels whose sums are kept meanwhile.
    var panelsKept = 32

    static func shipped(registers: Int) -> ConvolutionPanelVariant {
        var variant = ConvolutionPanelVariant()
        if registers >= 32 { return variant }
        let tile = RegisterTile(registers: registers)
        (variant.rows, variant.registers, variant.vectors) = (tile.rows, tile.rows * tile.vectors, tile.vectors)
        variant.dotChannels = 2
        return variant
    }

    /// Rows of a tile, so that none of the equal panels is mostly empty.
    func tileRows(_ rows: Int) -> Int {
        let panels = (rows + self.rows - 1) / self.rows
        return (rows + panels - 1) / panels
    }

    /// Vectors of a tile of `rows`: those that cover `positions` with the fewest, and of these the most.
    func tileVectors(_ positions: Int, rows: Int) -> Int {
        let widest = max(min(vectors, registers / rows), 1)
        return (1...widest).min { a, b in
            let x = roundUp(positions, to: 16 * a), y = roundUp(positions, to: 16 * b)
            return x < y || (x == y && a > b)
        } ?? 1
    }
}
