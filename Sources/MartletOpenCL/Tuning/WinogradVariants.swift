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

    static func shipped(registers: Int) -> WinogradPanelVariant {
        var variant = WinogradPanelVariant()
        if registers >= 32 { return variant }
        let tile = RegisterTile(registers: registers)
        (variant.rows, variant.vectors) = (tile.rows, tile.vectors)
        (variant.gradientRows, variant.gradientVectors) = (registers >= 8 ? 4 : 2, tile.vectors)
        return variant
    }

    /// Work-items a compute unit: one where its tiles are a block or two.
    func itemsPerUnit(_ tiles: Int) -> Int { max(min(tiles / mostBlock, mostItemsPerUnit), 1) }

    /// Most vectors of a register tile, at most `vectors`, that divide the panels of 16 channels.
    static func vectors(_ most: Int, panels: Int) -> Int {
        (1...max(most, 1)).last { panels % $0 == 0 } ?? 1
    }
}

/// The same on GPU-like devices; see `Kernels/WinogradTile.cl`.
struct WinogradTileVariant: Hashable, Sendable {
    /// Bytes of a chunk of images' transforms; a share of the last-level cache of a large device.
    var chunkBytes = 1 << 26

    static func shipped(registers: Int) -> WinogradTileVariant { WinogradTileVariant() }
}

extension WinogradShape {
    /// Whether the multiply-adds that are saved take longer than the memory traffic that comes instead. The weights' gradient
    /// moves and saves as much.
    var paysInTiles: Bool {
        let pairs = channels * outputs, planes = images * image.area
        let saved = pairs * (taps * taps * images * output.area - frequencies * tiles)
        // Written and read once each; a direct convolution copies the image to a raster.
        let moved = 8 * (frequencies * (tiles * (channels + outputs) + pairs) - planes * channels)
        return Double(saved) / WinogradShape.productsShare > Double(moved) * TiledProduct.operationsPerByte
    }

    /// Of the roof, what the products between the transforms reach.
    private static let productsShare = 0.75

    /// Bytes of one image's transforms of its channels or its outputs.
    var leastTileBytes: Int { frequencies * tilesY * tilesX * roundUp(max(channels, outputs), to: 4) * 4 }
}
