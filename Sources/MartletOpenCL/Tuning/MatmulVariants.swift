/// The matrix product's parameters on CPU-like devices; see `Kernels/Matmul.cl`.
struct MatmulPanelVariant: Hashable, Sendable {
    /// Most rows of a register tile.
    var rows = 8
    /// Vectors of 16 columns of a register tile.
    var vectors = 2
    /// Rows and columns of a tile where both operands have k contiguous.
    var dotRows = 4, dotColumns = 4
    /// Rows of a from which on b is packed, or copied where it is not too deep, though its rows could be read in place.
    var rowsThatPackB = 1024
    /// Rows of a from which on b is transposed into panels where both operands have k contiguous.
    var rowsThatTransposeB = 384
    /// Rows of a, and elements between rows of b, from which on b is copied block by block where it could be read in place: rows so
    /// far apart share places in the caches.
    var rowsThatCopyB = 16, stepThatCopiesB = 512
    /// Vectors of b in such a block: a part of the first-level cache.
    var cachedVectors = 384
    /// Greatest depth at which b is neither packed nor cut: a work-item copies its panels whole, as many as make so many vectors, a
    /// part of the second-level cache, and takes so many row panels for them.
    var mostCopiedDepth = 800, copiedVectors = 2048, rowPanelsOfCopies = 64
    /// Columns of b from which on a is packed, though its columns could be read in place.
    var columnsThatPackA = 192
    /// Most row and column panels of a work-item.
    var rowPanels = 16, columnPanels = 4
    /// Most row panels where k is at most `fewDepths`.
    var rowPanelsOfFewDepths = 4, fewDepths = 64
    /// Work-items a compute unit that the work is divided into, where there is enough of it.
    var itemsPerUnit = 4
    /// Least depth of a part where k is split.
    var leastSplitDepth = 256

    static func shipped(registers: Int) -> MatmulPanelVariant {
        var variant = MatmulPanelVariant()
        if registers >= 32 { return variant }
        let tile = RegisterTile(registers: registers)
        (variant.rows, variant.vectors) = (tile.rows, tile.vectors)
        (variant.dotRows, variant.dotColumns) = registers >= 8 ? (3, 2) : (2, 1)
        variant.cachedVectors = 256
        variant.columnsThatPackA = 128
        variant.rowsThatPackB = 256
        variant.rowsThatTransposeB = 48
        return variant
    }
}
