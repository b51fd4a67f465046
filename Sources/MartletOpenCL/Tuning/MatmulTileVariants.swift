/// The matrix product's parameters on GPU-like devices; see `Kernels/MatmulTile.cl`.
struct MatmulTileVariant: Hashable, Sendable {
    /// Rows and columns of a work-group's tile.
    var rows: Int, columns: Int
    /// Rows, and columns, of a work-item's tile.
    var item: Int
    /// Depths a tile holds.
    var depth: Int

    /// Whether it runs only on operands read in vectors of four: their addresses take fewer registers.
    var needsVectors: Bool { item >= 8 }
    var threads: Int { (rows / item) * (columns / item) }
    /// Two buffers of a tile of each operand, padded.
    var localMemoryBytes: Int { 2 * depth * (rows + columns + 8) * 4 }
    /// Work-items that a compute unit holds at a time: compilers give those of small groups more registers.
    var residentThreads: Int { item < 8 ? 1024 : threads < 256 ? 384 : 512 }
    /// Of the multiply-adds that a compute unit full of work-groups could do, those that it does, as measured on an H200.
    var share: Double { item < 8 ? 0.68 : threads >= 256 ? 0.85 : columns >= 128 ? 0.75 : 0.65 }

    var defines: Defines { ["TM": rows, "TN": columns, "TK": depth, "WM": item, "WN": item] }

    /// How a product's operands lie in memory: whether depths are contiguous, and 4 where all of a matrix's vectors of four are
    /// aligned and whole, else 1.
    struct Form {
        var aDeep: Bool, aVector: Int
        var bDeep: Bool, bVector: Int
        var cVector: Int
        /// Whether a tile spans 4 GiB or more.
        var isFar = false
    }

    /// The parameters of the kernel for operands of a form.
    func defines(_ form: Form) -> Defines {
        var defines = defines
        (defines["A_DEEP"], defines["A_VEC"]) = (form.aDeep ? 1 : 0, form.aVector)
        (defines["B_DEEP"], defines["B_VEC"]) = (form.bDeep ? 1 : 0, form.bVector)
        if form.cVector > 1 { defines["C_VEC"] = form.cVector }
        if form.isFar { defines["FAR"] = 1 }
        return defines
    }

    static let standard = [
        MatmulTileVariant(rows: 128, columns: 128, item: 8, depth: 8),
        MatmulTileVariant(rows: 64, columns: 128, item: 8, depth: 8),
        MatmulTileVariant(rows: 128, columns: 64, item: 8, depth: 8),
        MatmulTileVariant(rows: 64, columns: 64, item: 8, depth: 8),
        MatmulTileVariant(rows: 64, columns: 64, item: 4, depth: 16),
        MatmulTileVariant(rows: 32, columns: 64, item: 4, depth: 16),
        MatmulTileVariant(rows: 64, columns: 32, item: 4, depth: 16),
        MatmulTileVariant(rows: 32, columns: 32, item: 4, depth: 16),
        MatmulTileVariant(rows: 16, columns: 64, item: 4, depth: 16),
        MatmulTileVariant(rows: 64, columns: 16, item: 4, depth: 16),
    ]
}
