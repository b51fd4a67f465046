import MartletCore

/// Winograd's convolution's parameters on CPU-like devices; see `Kernels/WinogradPanels.cl`.
struct WinogradPanelVariant: Hashable, Sendable {
    /// Rows (tiles) and most vectors of 16 output channels of a register tile.
    var rows = 8, vectors = 2
    /// The same of the weights' gradient: input channels, of which 16 are a multiple, and vectors of output channels.
    var gradientRows = 8, gradientVectors = 2
    /// Bytes that a block of transformed tiles and their products takes; a share of the second-level cache.
    var blockBytes = 1 << 20
    /// Tiles of a block, where there are as many.
    var leastBlock = 64, mostBlock = 192
    /// Most work-items a compute unit that the tiles are divided into.
    var mostItemsPerUnit = 2
    /// Bytes of transformed tiles of a part of the weights' gradient; a share of the last-level cache.
    var partBytes = 12 << 20
    /// Tiles that a work-item transforms at a time for the weights' gradient.
    var rangeTiles = 64
    /// Least channels and outputs with which `automatic` takes F(2x2).
    var leastChannels = 32

    static let standard = WinogradPanelVariant()

    /// Work-items a compute unit: one where its tiles are a block or two.
    func itemsPerUnit(_ tiles: Int) -> Int { max(min(tiles / mostBlock, mostItemsPerUnit), 1) }

    /// Most vectors of a register tile, at most `vectors`, that divide the panels of 16 channels.
    static func vectors(_ most: Int, panels: Int) -> Int {
        (1...max(most, 1)).last { panels % $0 == 0 } ?? 1
    }
}
