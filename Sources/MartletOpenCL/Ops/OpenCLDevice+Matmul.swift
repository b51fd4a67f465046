import CMartletOpenCL
import MartletCore

extension OpenCLDevice: MatmulOps {
    public func matmul(_ a: View, _ b: View, into c: View, epilogue: Epilogue?) {
        guarded("matmul", inputs: [a, b] + (epilogue?.operands ?? []), outputs: [c]) {
            try multiply(MatmulProblem(a, b, c, epilogue))
        }
    }

    func multiply(_ problem: MatmulProblem) throws {
        if deviceClass == .gpuLike, try multiplyTiles(problem) { return }
        try multiplyPanels(problem, variants.matmul[problem.shapeClass])
    }

    /// The first of the plans whose kernel this device builds and runs with the work-group it asks for; nil for none. A
    /// trial's must run.
    func firstRunning(
        _ candidates: [TilePlan],
        _ kernel: (TilePlan) throws -> Kernel
    ) throws -> (TilePlan, Kernel)? {
        let isTrial = variants.isTrial && candidates.count == 1
        for plan in candidates {
            let variant = plan.variant
            do {
                if isTrial { try check(variant, most: properties.maxWorkGroupSize) }
                let built = try kernel(plan)
                if built.runs(variant.threads, on: properties) { return (plan, built) }
                if isTrial { try check(variant, most: built.maxWorkGroupSize) }
            } catch let error as OpenCLError where !error.isOutOfMemory && !isTrial {
                continue
            }
        }
        return nil
    }

    private func check(_ variant: MatmulTileVariant, most workGroup: Int) throws {
        guard variant.threads <= workGroup, variant.localMemoryBytes <= properties.localMemoryBytes else {
            throw OpenCLError(
                "a tile of \(variant.rows) x \(variant.columns)", CL_OUT_OF_RESOURCES,
                "\(variant.threads) work-items and \(variant.localMemoryBytes) bytes of local memory are more than the "
                    + "\(workGroup) and \(properties.localMemoryBytes) there are")
        }
    }

    /// The tiles to try, best first: those that tuning found, then the shipped ones; of a trial its own alone.
    func tilePlans(_ preferred: MatmulTileVariant?, _ product: TiledProduct, vectors: Bool) -> [TilePlan] {
        let shipped = knownPlans.plans(product, vectors: vectors, on: properties)
        guard let preferred, vectors || !preferred.needsVectors else { return shipped }
        return variants.isTrial ? [product.plan(preferred)] : [product.plan(preferred)] + shipped
    }
}

/// One operand of a product: lanes (rows of a, columns of b) times depths.
struct MatmulOperand {
    var view: View
    /// Whether depths are contiguous, else lanes are.
    var isDeep: Bool
    /// Elements between two lanes where depths are contiguous, else between two depths.
    var step: Int
    /// Elements between two batches; 0 repeats.
    var batchStep: Int
    var lanes: Int

    init(_ view: View, laneAxis: Int, depthAxis: Int, prefersDeep: Bool) {
        self.view = view
        lanes = view.shape[laneAxis]
        batchStep = view.shape[0] == 1 ? 0 : view.strides[0]
        let canBeDeep = view.strides[depthAxis] == 1 || view.shape[depthAxis] <= 1
        let canBeFlat = view.strides[laneAxis] == 1 || lanes <= 1
        precondition(canBeDeep || canBeFlat, "matmul: an operand of strides \(view.strides) has no contiguous axis")
        isDeep = canBeDeep && (prefersDeep || !canBeFlat || lanes == 1)
        step = view.strides[isDeep ? laneAxis : depthAxis]
    }

    /// Whether every run of four along the contiguous axis is aligned and whole.
    func isAligned(depths: Int) -> Bool {
        [view.offset, step, batchStep, isDeep ? depths : lanes].allSatisfy { $0 % 4 == 0 }
    }
}

/// A product as the kernels see it.
struct MatmulProblem {
    var a: MatmulOperand
    var b: MatmulOperand
    var c: View
    var batches: Int, m: Int, n: Int, k: Int
    var epilogue: FusedEpilogue?

    var shapeClass: MatmulClass { MatmulClass(batches: batches, m: m, n: n, k: k) }

    init(_ a: View, _ b: View, _ c: View, _ epilogue: Epilogue?) {
        var (a, c, epilogue) = (a, c, epilogue)
        MatmulProblem.joinBatches(&a, b, &c, &epilogue)
        (batches, m, n, k) = (c.shape[0], c.shape[1], c.shape[2], a.shape[2])
        self.a = MatmulOperand(a, laneAxis: 1, depthAxis: 2, prefersDeep: true)
        self.b = MatmulOperand(b, laneAxis: 2, depthAxis: 1, prefersDeep: false)
        self.c = c
        self.epilogue = FusedEpilogue(epilogue, rank: 3)
    }

    /// Batches that share b become rows of one product where a's rows and the epilogue's follow one another.
    private static func joinBatches(_ a: inout View, _ b: View, _ c: inout View, _ epilogue: inout Epilogue?) {
        let (batches, m) = (c.shape[0], c.shape[1])
        func joins(_ view: View) -> Bool { m == 1 || view.strides[0] == m * view.strides[1] }
        guard batches > 1, b.strides[0] == 0, joins(a), a.strides[2] == 1,
            (epilogue?.operands ?? []).allSatisfy(joins)
        else { return }
        func join(_ view: View) -> View {
            let step = m == 1 ? view.strides[0] : view.strides[1]
            return View(
                view.buffer, view.type, offset: view.offset, shape: [1, batches * m, view.shape[2]],
                strides: [0, step, view.strides[2]])
        }
        a = join(a)
        c = join(c)
        epilogue = epilogue.map { Epilogue($0.expression, scalars: $0.scalars, operands: $0.operands.map(join)) }
    }

    /// How many parts k is divided into so that `tiles` independent ones occupy `wanted` work-items, and the depth of one.
    func splits(tiles: Int, wanted: Int, leastDepth: Int) -> (count: Int, depth: Int) {
        let most = min((wanted + tiles - 1) / max(tiles, 1), k / leastDepth)
        guard most > 1 else { return (1, max(k, 1)) }
        let each = roundUp((k + most - 1) / most, to: 16)
        return ((k + each - 1) / each, each)
    }
}

extension OpenCLDevice {
    /// A kernel of a product, its epilogue put before it.
    func kernel(_ family: String, _ name: String, _ defines: Defines, _ epilogue: FusedEpilogue?) throws -> Kernel {
        guard let epilogue else { return try kernel(family, name, defines) }
        var defines = defines
        epilogue.add(to: &defines)
        return try kernel(family, name, defines, expression: epilogue.expression) { epilogue.text }
    }

    /// GPU-like: tiles in local memory. False where none of the variants runs here.
    private func multiplyTiles(_ problem: MatmulProblem) throws -> Bool {
        let (a, b, m, n) = (problem.a, problem.b, problem.m, problem.n)
        let aVector = a.isAligned(depths: problem.k) ? 4 : 1, bVector = b.isAligned(depths: problem.k) ? 4 : 1
        let product = TiledProduct(rows: m, columns: n, depth: problem.k, batches: problem.batches, on: properties)
        let plans = tilePlans(variants.matmulTiles[problem.shapeClass], product, vectors: aVector * bVector == 16)
        let running = try firstRunning(plans) { plan in
            let variant = plan.variant
            let form = MatmulTileVariant.Form(
                aDeep: a.isDeep, aVector: aVector, bDeep: b.isDeep, bVector: bVector,
                cVector: n % 4 == 0 && problem.c.offset % 4 == 0 ? 4 : 1,
                isFar: max(a.step, b.step) * 4 * max(variant.rows, variant.columns, variant.depth) >= 1 << 32)
            let epilogue = plan.parts == 1 ? problem.epilogue : nil
            return try kernel("MatmulTile", "matmulTiles", variant.defines(form), epilogue)
        }
        guard let (plan, kernel) = running else { return false }
        let variant = plan.variant
        let parts = try plan.parts == 1 ? nil : scratch(byteCount: plan.parts * problem.c.count * 4)
        try launch(
            kernel,
            global: [product.columnTiles(variant) * variant.threads, product.rowTiles(variant), problem.batches * plan.parts],
            local: [variant.threads, 1, 1],
            arguments: [
                .tensor(a.view), .size(a.step), .size(a.batchStep), .tensor(b.view), .size(b.step), .size(b.batchStep),
                .tensor(parts.map { View($0, shape: problem.c.shape) } ?? problem.c), .size(m), .size(n), .size(problem.k),
                .size(problem.batches), .size(plan.depth), .size(problem.c.count),
            ] + (parts == nil ? problem.epilogue?.arguments ?? [] : []))
        guard let parts else { return true }
        let sum = try self.kernel("MatmulTile", "matmulSumSplits", [:], problem.epilogue)
        let local = min(64, sum.maxWorkGroupSize)
        try launch(
            sum, global: [roundUp(n, to: local), problem.batches * m, 1], local: [local, 1, 1],
            arguments: [
                .buffer(parts), .size(plan.parts), .tensor(problem.c), .size(problem.batches * m), .size(m), .size(n),
            ] + (problem.epilogue?.arguments ?? []))
        return true
    }
}
