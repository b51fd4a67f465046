import MartletCore

extension OpenCLDevice {
    /// CPU-like: register tiles over panels that are packed, or read in place where packing does not pay.
    func multiplyPanels(_ problem: MatmulProblem, _ variant: MatmulPanelVariant) throws {
        let (m, n, k) = (problem.m, problem.n, problem.k)
        if problem.a.isDeep, problem.b.isDeep, k >= 32, m < variant.rowsThatTransposeB || n < 16 {
            let defines: Defines = ["MR": min(variant.dotRows, m), "DC": min(variant.dotColumns, n)]
            return try launchPanels(
                "matmulDot", defines, problem, problem.a, problem.b,
                rows: min(variant.dotRows, m), columns: min(variant.dotColumns, n), variant)
        }
        let rows = (m + (m + variant.rows - 1) / variant.rows - 1) / ((m + variant.rows - 1) / variant.rows)
        let vectors = min(variant.vectors, (n + 15) / 16), columns = 16 * vectors
        let packsA = !problem.a.isDeep && n >= variant.columnsThatPackA
        let wantsPanels = problem.b.isDeep || m >= variant.rowsThatPackB, isFarApart = problem.b.step >= variant.stepThatCopiesB
        let mayCopyB = n >= columns && m >= variant.rowsThatCopyB
        let copiesB = mayCopyB && k <= variant.mostCopiedDepth && (wantsPanels || isFarApart)
        let packsB = !copiesB && (wantsPanels || n < columns)
        let a = try packsA ? pack(problem.a, depths: k, panel: rows, batches: problem.batches) : problem.a
        let b = try packsB ? pack(problem.b, depths: k, panel: columns, batches: problem.batches) : problem.b
        var defines: Defines = ["MR": rows, "NV": vectors, "A_FORM": packsA ? 0 : problem.a.isDeep ? 1 : 2]
        var variant = variant
        if copiesB {
            variant.columnPanels = min(variant.columnPanels, max(variant.copiedVectors / (vectors * max(k, 1)), 1))
            variant.rowPanels = variant.rowPanelsOfCopies
            defines["B_FORM"] = problem.b.isDeep ? 3 : 2
            defines["HELD"] = max(variant.copiedVectors, variant.mostCopiedDepth * vectors) * 16
        } else if !packsB, mayCopyB, isFarApart {
            variant.columnPanels = 1
            defines["B_FORM"] = 2
            (defines["KEPT"], defines["DEPTH"]) = (variant.rowPanels, variant.cachedVectors / vectors)
            defines["HELD"] = variant.cachedVectors * 16
        } else {
            defines["B_FORM"] = packsB ? 0 : 1
        }
        try launchPanels("matmulPanels", defines, problem, a, b, rows: rows, columns: columns, variant)
    }

    private func launchPanels(
        _ name: String, _ defines: Defines, _ problem: MatmulProblem, _ a: MatmulOperand,
        _ b: MatmulOperand, rows: Int, columns: Int, _ variant: MatmulPanelVariant
    ) throws {
        let rowPanels = (problem.m + rows - 1) / rows, columnPanels = (problem.n + columns - 1) / columns
        let wanted = properties.computeUnits * variant.itemsPerUnit
        let tiles = rowPanels * columnPanels * problem.batches
        let split = problem.splits(tiles: tiles, wanted: tiles < wanted ? wanted : 1, leastDepth: variant.leastSplitDepth)
        // With few depths the result takes most of the time: pieces of few rows are written sooner.
        let mostRows = problem.k <= variant.fewDepths ? min(variant.rowPanels, variant.rowPanelsOfFewDepths) : variant.rowPanels
        var (rowGroup, columnGroup) = (min(mostRows, rowPanels), min(variant.columnPanels, columnPanels))
        func groups(_ panels: Int, _ group: Int) -> Int { (panels + group - 1) / group }
        while groups(rowPanels, rowGroup) * groups(columnPanels, columnGroup) * problem.batches * split.count < wanted,
            rowGroup * columnGroup > 1
        {
            if rowGroup >= columnGroup { rowGroup = (rowGroup + 1) / 2 } else { columnGroup = (columnGroup + 1) / 2 }
        }
        // As many groups as before, of even sizes: each copies or packs for itself.
        rowGroup = groups(rowPanels, groups(rowPanels, rowGroup))
        columnGroup = groups(columnPanels, groups(columnPanels, columnGroup))
        let epilogue = split.count == 1 ? problem.epilogue : nil
        let parts = try split.count == 1 ? nil : scratch(byteCount: split.count * problem.c.count * 4)
        try launch(
            try kernel("Matmul", name, defines, epilogue),
            global: [groups(columnPanels, columnGroup), groups(rowPanels, rowGroup), problem.batches * split.count],
            local: [1, 1, 1],
            arguments: [
                .tensor(a.view), .size(a.step), .size(a.batchStep), .tensor(b.view), .size(b.step), .size(b.batchStep),
                .tensor(parts.map { View($0, shape: problem.c.shape) } ?? problem.c),
                .size(problem.m), .size(problem.n), .size(problem.k), .size(rowGroup), .size(columnGroup),
                .size(problem.batches), .size(split.depth), .size(problem.c.count),
            ] + (epilogue?.arguments ?? []))
        guard let parts else { return }
        let allRows = problem.batches * problem.m, rowsEach = (allRows + wanted - 1) / wanted
        try launch(
            try kernel("Matmul", "matmulSumSplits", [:], problem.epilogue),
            global: [(allRows + rowsEach - 1) / rowsEach], local: [1],
            arguments: [
                .buffer(parts), .size(split.count), .tensor(problem.c), .size(allRows), .size(problem.m), .size(problem.n),
                .size(rowsEach),
            ] + (problem.epilogue?.arguments ?? []))
    }

    /// An operand copied into panels of `panel` lanes, [batch][panel][depth][lane], the last filled up with zeros. A repeated
    /// batch is packed once.
    ///
    /// - Returns: the packed operand; `isDeep` and `step` are no longer meant.
    func pack(_ operand: MatmulOperand, depths: Int, panel: Int, batches: Int) throws -> MatmulOperand {
        let packedBatches = operand.batchStep == 0 ? 1 : batches
        let panels = (operand.lanes + panel - 1) / panel, size = panels * panel * depths
        var packed = operand
        packed.view = View(try scratch(byteCount: packedBatches * size * 4), shape: [packedBatches, size])
        packed.batchStep = packedBatches == 1 ? 0 : size
        guard depths > 0, let buffer = packed.view.buffer as? OpenCLBuffer else { return packed }
        let chunk = 64, chunks = (depths + chunk - 1) / chunk
        let source: [KernelArgument] = [.tensor(operand.view), .size(operand.step), .size(operand.batchStep)]
        if operand.isDeep {
            try launch(
                try kernel("Matmul", "matmulPackTransposed", ["PANEL": panel]),
                global: [chunks, panels * panel / 16, packedBatches], local: [1, 1, 1],
                arguments: source + [.buffer(buffer), .size(operand.lanes), .size(depths), .size(chunk)])
        } else {
            let group = 16
            try launch(
                try kernel("Matmul", "matmulPack", ["PANEL": panel]),
                global: [chunks, (panels + group - 1) / group, packedBatches], local: [1, 1, 1],
                arguments: source + [.buffer(buffer), .size(operand.lanes), .size(depths), .size(chunk), .size(group)])
        }
        return packed
    }
}
