/// Tiles for a product, and the parts that its depths are divided into.
struct TilePlan: Sendable {
    var variant: MatmulTileVariant
    var parts: Int
    /// Depths of a part, a multiple of 16 where there are several.
    var depth: Int
    /// As it was estimated, in multiply-adds that a compute unit could do in the time.
    var cost: Double
}

/// The plans of products that a device has met, since a step has the same ones again and again.
struct TilePlans {
    private struct Key: Hashable {
        var product: TiledProduct
        var vectors: Bool
    }
    private var found: [Key: [TilePlan]] = [:]
    private static let most = 4096

    mutating func plans(_ product: TiledProduct, vectors: Bool, on properties: OpenCLProperties) -> [TilePlan] {
        let key = Key(product: product, vectors: vectors)
        if let plans = found[key] { return plans }
        if found.count >= TilePlans.most { found.removeAll() }
        let plans = product.plans(vectors: vectors, on: properties)
        found[key] = plans
        return plans
    }
}

/// A product for which tiles are chosen, and the parts that its depths are divided into: by what the tiles would take on a device
/// of so many compute units, estimated from their numbers and never measured.
struct TiledProduct: Hashable, Sendable {
    var rows: Int, columns: Int, depth: Int
    /// Products of these sizes at once.
    var batches: Int
    /// Bytes that are read at least; for patches of images, of the images.
    var bytes: Int
    var computeUnits: Int

    init(rows: Int, columns: Int, depth: Int, batches: Int, bytes: Int? = nil, on properties: OpenCLProperties) {
        (self.rows, self.columns, self.depth, self.batches) = (rows, columns, depth, batches)
        self.bytes = bytes ?? 4 * batches * depth * (rows + columns)
        computeUnits = max(properties.computeUnits, 1)
    }

    /// Multiply-adds that a device does while it reads a byte of its memory, and of its last-level cache; between those of cards
    /// with fast and with slow memory.
    static let operationsPerByte = 12.0, operationsPerCachedByte = 5.0
    /// What of the cache's traffic is not hidden behind products.
    private static let unhidden = 0.3
    /// Multiply-adds that a compute unit does in the time of a launch, and while a tile begins and ends.
    private static let operationsPerLaunch = 1e6, operationsAround = 3e5
    /// Work-items a compute unit that keep it busy: with reads in flight, and with products.
    private static let threadsThatRead = 1024.0, threadsThatMultiply = 512.0
    /// Least depth of a part, and most rounds of work-groups a compute unit that dividing the depths is for.
    private static let leastDepth = 64, mostRounds = 16

    func rowTiles(_ variant: MatmulTileVariant) -> Int { (rows + variant.rows - 1) / variant.rows }
    func columnTiles(_ variant: MatmulTileVariant) -> Int { (columns + variant.columns - 1) / variant.columns }

    /// A variant with the best number of parts.
    func plan(_ variant: MatmulTileVariant) -> TilePlan {
        let (parts, cost) = best(variant)
        guard parts > 1 else { return TilePlan(variant: variant, parts: 1, depth: max(depth, 1), cost: cost) }
        let each = roundUp((depth + parts - 1) / parts, to: 16)
        return TilePlan(variant: variant, parts: (depth + each - 1) / each, depth: each, cost: cost)
    }

    /// The plans to try, best first. Empty where the device takes none of the variants.
    func plans(vectors: Bool, on properties: OpenCLProperties) -> [TilePlan] {
        let possible = MatmulTileVariant.standard.filter {
            $0.threads <= properties.maxWorkGroupSize && $0.localMemoryBytes <= properties.localMemoryBytes
                && (vectors || !$0.needsVectors)
        }
        return possible.map(plan).sorted { $0.cost < $1.cost }
    }

    private func best(_ variant: MatmulTileVariant) -> (parts: Int, cost: Double) {
        let tiles = max(rowTiles(variant) * columnTiles(variant) * batches, 1), most = max(depth / TiledProduct.leastDepth, 1)
        // Parts that fill whole rounds.
        let rounds = (1...TiledProduct.mostRounds).map { $0 * computeUnits / tiles }
        let parts = [1] + rounds.filter { $0 > 1 && $0 <= most }
        return parts.map { ($0, cost(variant, parts: $0)) }.min { $0.1 < $1.1 } ?? (1, 0)
    }

    /// In multiply-adds that a compute unit could do in the time.
    private func cost(_ variant: MatmulTileVariant, parts: Int) -> Double {
        let units = Double(computeUnits), results = Double(rows * columns * batches)
        let each = Double((depth + parts - 1) / parts), threads = Double(variant.threads)
        let most = Double(variant.residentThreads), enough = TiledProduct.threadsThatMultiply
        let groups = Double(rowTiles(variant) * columnTiles(variant) * batches * parts), rounds = (groups / units).rounded(.up)
        let resident = min(rounds * threads, most), busy = min(1.375 * resident / (resident + 0.375 * enough), 1)
        let products = rounds * Double(variant.rows * variant.columns) * each / (variant.share * busy)
        let cached = 4 * groups * each * Double(variant.rows + variant.columns) * TiledProduct.operationsPerCachedByte / units
        let around = (rounds * threads / most).rounded(.up) * TiledProduct.operationsAround
        let reading = min(groups * threads / units, most), perByte = TiledProduct.operationsPerByte / units
        let moved = (Double(bytes) + 4 * Double(parts) * results) * perByte * max(TiledProduct.threadsThatRead / reading, 1)
        // Parts are written and read again.
        let sum = parts == 1 ? 0 : 4 * Double(2 * parts + 1) * results * perByte + TiledProduct.operationsPerLaunch
        return max(products + TiledProduct.unhidden * cached + around, moved) + sum
    }
}
