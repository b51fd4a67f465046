/// The matrix product's parameters on GPU-like devices; see `Kernels/MatmulTile.cl`.
struct MatmulTileVariant: Hashable, Sendable {
    /// Rows and columns of a work-group's tile, and of a work-item's.
    var tile: Int, item: Int
    /// Depths a tile holds.
    var depth: Int
    /// Whether it runs only on operands read in vectors of four: their addresses take fewer registers.
    var needsVectors = false

    /// Work-groups for so many rows or columns.
    func tiles(_ count: Int) -> Int { (count + tile - 1) / tile }

    var threads: Int { (tile / item) * (tile / item) }
    /// Two buffers of a tile of each operand, padded.
    var localMemoryBytes: Int { 2 * 2 * depth * (tile + 4) * 4 }

    var defines: Defines { ["TM": tile, "TN": tile, "TK": depth, "WM": item, "WN": item] }

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

    /// Largest first.
    static let standard = [
        MatmulTileVariant(tile: 128, item: 8, depth: 8, needsVectors: true),
        MatmulTileVariant(tile: 64, item: 4, depth: 16),
        MatmulTileVariant(tile: 32, item: 4, depth: 16),
    ]
    /// Least depth of a part where k is split.
    static let leastSplitDepth = 256

    /// The variants to try, best first: the largest tile that is not mostly empty and leaves a work-group for each compute
    /// unit, then the smaller ones. Empty where the device takes none of them.
    static func candidates(
        rows: Int, columns: Int, batches: Int, vectors: Bool,
        on properties: OpenCLProperties
    ) -> ArraySlice<MatmulTileVariant> {
        let possible = standard.filter {
            $0.threads <= properties.maxWorkGroupSize && $0.localMemoryBytes <= properties.localMemoryBytes
                && (vectors || !$0.needsVectors)
        }
        let best = possible.firstIndex { variant in
            min(rows, columns) > variant.tile / 2
                && variant.tiles(rows) * variant.tiles(columns) * batches >= properties.computeUnits
        }
        return possible[(best ?? max(possible.count - 1, 0))...]
    }
}
