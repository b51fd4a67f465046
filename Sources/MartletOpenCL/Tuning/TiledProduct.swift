/// A product for which tiles are chosen, and the parts that its depths are divided into: by what the tiles would take on a device
/// of so many compute units, estimated from their numbers and never measured.
struct TiledProduct: Sendable {
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
    private static let operationsPerLaunch = 6e5, operationsAround = 2e5
    /// Work-items a compute unit that keep it busy: with reads in flight, and with products.
    private static let threadsThatRead = 1024.0, threadsThatMultiply = 512.0
    /// Least depth of a part, and most rounds of work-groups a compute unit that dividing the depths is for.
    private static let leastDepth = 64, mostRounds = 16

    func rowTiles(_ variant: MatmulTileVariant) -> Int { (rows + variant.rows - 1) / variant.rows }
    func columnTiles(_ variant: MatmulTileVariant) -> Int { (columns + variant.columns - 1) / variant.columns }

    /// How many parts the depths are divided into, and the depth of one, a multiple of 16 where there are several.
    func split(_ variant: MatmulTileVariant) -> (count: Int, depth: Int) {
        let parts = best(variant).parts
        guard parts > 1 else { return (1, max(depth, 1)) }
        let each = roundUp((depth + parts - 1) / parts, to: 16)
        return ((depth + each - 1) / each, each)
    }

    /// The variants to try, best first. Empty where the device takes none of them.
    func candidates(vectors: Bool, on properties: OpenCLProperties) -> ArraySlice<MatmulTileVariant> {
        let possible = MatmulTileVariant.standard.filter {
            $0.threads <= properties.maxWorkGroupSize && $0.localMemoryBytes <= properties.localMemoryBytes
                && (vectors || !$0.needsVectors)
        }
        return possible.map { ($0, best($0).cost) }.sorted { $0.1 < $1.1 }.map(\.0)[...]
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
        let sum = parts == 1 ? 0 : 4 * Double(parts + 1) * results * perByte + TiledProduct.operationsPerLaunch
        return max(products + TiledProduct.unhidden * cached + around, moved) + sum
    }
}
