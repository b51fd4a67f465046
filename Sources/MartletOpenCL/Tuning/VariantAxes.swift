import MartletCore

extension MatmulPanelVariant: KernelVariant {
    static let axes: [VariantAxis<MatmulPanelVariant>] = [
        VariantAxis("rows", \.rows, [3, 4, 6, 8, 10, 12]),
        VariantAxis("vectors", \.vectors, [1, 2, 3, 4]),
        VariantAxis("rowPanels", \.rowPanels, [4, 8, 16, 32]),
        VariantAxis("columnPanels", \.columnPanels, [1, 2, 4, 8]),
        VariantAxis("itemsPerUnit", \.itemsPerUnit, [1, 2, 4, 8, 16]),
        VariantAxis("rowsThatPackB", \.rowsThatPackB, [256, 512, 1024, 1 << 30]),
        VariantAxis("columnsThatPackA", \.columnsThatPackA, [64, 128, 192, 512, 1 << 30]),
        VariantAxis("rowsThatTransposeB", \.rowsThatTransposeB, [48, 128, 384, 1024]),
        VariantAxis("dotRows", \.dotRows, [2, 3, 4, 6]),
        VariantAxis("dotColumns", \.dotColumns, [1, 2, 4]),
        VariantAxis("leastSplitDepth", \.leastSplitDepth, [128, 256, 512, 1024]),
    ]

    /// Those that decide how a class of shapes is computed.
    static func axes(for shapeClass: MatmulClass) -> [VariantAxis<MatmulPanelVariant>] {
        let names: [String] =
            switch shapeClass {
            case .large:
                [
                    "rows", "vectors", "rowPanels", "columnPanels", "itemsPerUnit", "rowsThatPackB", "columnsThatPackA",
                    "rowsThatTransposeB",
                ]
            case .small:
                [
                    "rows", "vectors", "itemsPerUnit", "rowsThatPackB", "columnsThatPackA", "rowsThatTransposeB", "dotRows",
                    "dotColumns", "leastSplitDepth",
                ]
            case .narrow:
                ["rows", "vectors", "columnPanels", "itemsPerUnit", "dotRows", "dotColumns", "leastSplitDepth"]
            case .batched: ["rows", "vectors", "columnsThatPackA", "itemsPerUnit", "dotRows", "dotColumns"]
            }
        return axes.filter { names.contains($0.name) }
    }
}

extension MatmulTileVariant {
    /// The most promising values first: a search may be ended early.
    static let axes = space(items: [8, 4], rows: [128, 64, 32, 16], columns: [128, 64, 32, 16], depths: [8, 16, 32])

    /// Those worth trying for a class of products; for one of convolutions its name is another.
    static func axes(for shapeClass: String) -> [VariantAxis<MatmulTileVariant>] {
        switch shapeClass {
        case MatmulClass.large.rawValue: space(items: [8], rows: [128, 64], columns: [128, 64], depths: [8, 16])
        case MatmulClass.narrow.rawValue: space(items: [4], rows: [16, 32, 64], columns: [64, 32, 16], depths: [16, 32])
        case MatmulClass.small.rawValue, MatmulClass.batched.rawValue:
            space(items: [8, 4], rows: [64, 32, 128], columns: [64, 32, 128], depths: [8, 16])
        default: space(items: [8, 4], rows: [64, 128, 32], columns: [128, 64], depths: [8, 16])
        }
    }

    private static func space(
        items: [Int], rows: [Int], columns: [Int], depths: [Int]
    ) -> [VariantAxis<MatmulTileVariant>] {
        [
            VariantAxis("item", \.item, items), VariantAxis("rows", \.rows, rows), VariantAxis("columns", \.columns, columns),
            VariantAxis("depth", \.depth, depths),
        ]
    }

    var parameters: KernelParameters { ["rows": rows, "columns": columns, "item": item, "depth": depth] }

    /// All four parameters; nil where one is missing, unknown or (but for a trial) not of the space.
    init?(_ parameters: KernelParameters, isTrial: Bool) {
        guard parameters.count == 4, let rows = parameters["rows"], let columns = parameters["columns"],
            let item = parameters["item"], let depth = parameters["depth"],
            isTrial || MatmulTileVariant.axes.allSatisfy({ $0.values.contains(parameters[$0.name] ?? 0) }), item > 0
        else { return nil }
        self.init(rows: rows, columns: columns, item: item, depth: depth)
    }
}

extension ConvolutionPanelVariant: KernelVariant {
    static let axes: [VariantAxis<ConvolutionPanelVariant>] = [
        VariantAxis("rows", \.rows, [3, 4, 6, 8, 12]),
        VariantAxis("registers", \.registers, [3, 6, 16, 20, 24, 28]),
        VariantAxis("vectors", \.vectors, [1, 2, 3, 4, 6]),
        VariantAxis("itemsPerUnit", \.itemsPerUnit, [1, 2, 4, 8]),
        VariantAxis("channelsInLanes", \.channelsInLanes, [8, 12, 16, 24]),
        VariantAxis("dotChannels", \.dotChannels, [2, 4, 6, 8]),
        VariantAxis("bytesPerSplit", \.bytesPerSplit, [1 << 18, 1 << 19, 1 << 20, 1 << 21]),
        VariantAxis("mostSplitBytes", \.mostSplitBytes, [1 << 24, 1 << 26]),
        VariantAxis("panelsWorthCopying", \.panelsWorthCopying, [2, 3, 6, 1 << 20]),
        VariantAxis("tapsWorthCopying", \.tapsWorthCopying, [16, 64, 256]),
        VariantAxis("copiedPixels", \.copiedPixels, [3072, 6144, 9216]),
        VariantAxis("panelsKept", \.panelsKept, [16, 32]),
    ]

    static func axes(for shapeClass: ConvolutionClass) -> [VariantAxis<ConvolutionPanelVariant>] {
        let names =
            shapeClass == .images
            ? [
                "rows", "registers", "vectors", "itemsPerUnit", "panelsWorthCopying", "tapsWorthCopying", "copiedPixels",
                "panelsKept",
            ] : ["rows", "registers", "itemsPerUnit", "channelsInLanes", "dotChannels", "bytesPerSplit"]
        return axes.filter { names.contains($0.name) }
    }
}

extension WinogradPanelVariant: KernelVariant {
    static let axes: [VariantAxis<WinogradPanelVariant>] = [
        VariantAxis("rows", \.rows, [3, 4, 6, 8]),
        VariantAxis("vectors", \.vectors, [1, 2, 3, 4]),
        VariantAxis("blockBytes", \.blockBytes, [1 << 19, 3 << 18, 1 << 20, 3 << 19, 1 << 21]),
        VariantAxis("leastBlock", \.leastBlock, [24, 48, 64, 96]),
        VariantAxis("mostBlock", \.mostBlock, [96, 192, 384]),
        VariantAxis("mostItemsPerUnit", \.mostItemsPerUnit, [1, 2, 4]),
        VariantAxis("gradientVectors", \.gradientVectors, [1, 2, 3]),
        VariantAxis("gradientRows", \.gradientRows, [2, 4, 8]),
        VariantAxis("partBytes", \.partBytes, [4 << 20, 8 << 20, 12 << 20, 24 << 20]),
        VariantAxis("rangeTiles", \.rangeTiles, [32, 64, 128]),
    ]

    static func axes(for shapeClass: WinogradClass) -> [VariantAxis<WinogradPanelVariant>] {
        let names =
            shapeClass == .images
            ? ["rows", "vectors", "blockBytes", "leastBlock", "mostBlock", "mostItemsPerUnit"]
            : ["gradientRows", "gradientVectors", "partBytes", "rangeTiles"]
        return axes.filter { names.contains($0.name) }
    }
}

extension WinogradTileVariant: KernelVariant {
    static let axes: [VariantAxis<WinogradTileVariant>] = [
        VariantAxis("chunkBytes", \.chunkBytes, [1 << 26, 1 << 25, 1 << 28, 1 << 23])
    ]
}
