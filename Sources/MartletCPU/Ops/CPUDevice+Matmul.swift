import CMartletCPU
import MartletCore

extension CPUDevice: MatmulOps {
    public func matmul(_ a: View, _ b: View, into c: View, epilogue: Epilogue?) {
        guard begin(reading: [a, b] + (epilogue?.operands ?? []), writing: [c]) else { return }
        precondition(
            a.rank == 3 && b.rank == 3 && c.shape == [a.shape[0], a.shape[1], b.shape[2]] && a.shape[0] == b.shape[0]
                && a.shape[2] == b.shape[1] && c.isContiguous,
            "CPUDevice.matmul: \(a.shape) times \(b.shape) into \(c.shape)")
        // Adding to what the result holds needs no epilogue.
        let accumulates = epilogue?.accumulates(into: c) ?? false
        var ready: TileEpilogue?
        if let epilogue, !accumulates {
            let shape = (batch: a.shape[0], rows: a.shape[1], columns: b.shape[2])
            ready = TileEpilogue(epilogue, result: c, as: shape, on: self)
            if ready == nil { return }
        }
        if multiplyTiles(a, b, into: c, accumulates: accumulates, epilogue: ready) { return }
        var product = MatrixProduct(a, b, target: c.floats)
        product.keepsTarget = accumulates
        guard let ready, ready.readsResult else { return multiply(product, for: c, epilogue: ready) }
        guard let apart = scratch(floats: c.count, for: [c]) else { return }
        product.target = apart.pointer.assumingMemoryBound(to: Float.self)
        multiply(product, for: c, epilogue: ready)
        withExtendedLifetime(apart) {}
    }

    /// By the tiles of `Matmul.c`; false where OpenBLAS is the faster.
    private func multiplyTiles(_ a: View, _ b: View, into c: View, accumulates: Bool, epilogue: TileEpilogue?) -> Bool {
        var product = martlet_product(
            batch: Int64(c.shape[0]), rows: Int64(c.shape[1]), columns: Int64(c.shape[2]), depth: Int64(a.shape[2]),
            left: UnsafePointer(a.floats), left_batch: Int64(a.strides[0]), left_row: Int64(a.strides[1]),
            left_depth: Int64(a.strides[2]), right: UnsafePointer(b.floats), right_batch: Int64(b.strides[0]),
            right_depth: Int64(b.strides[1]), right_column: Int64(b.strides[2]), result: c.floats,
            accumulates: accumulates ? 1 : 0, reads_result: epilogue?.readsResult == true ? 1 : 0, epilogue: epilogue?.handle,
            splits: usesMatrixUnit ? 1 : 0)
        guard martlet_product_suits(&product) != 0 else { return false }
        let floats = Int(martlet_product_scratch(&product, Int32(pool.threads)))
        guard let memory = scratch(floats: floats, for: [c]) else { return true }
        martlet_product_run(pool.handle, &product, memory.pointer.assumingMemoryBound(to: Float.self))
        withExtendedLifetime((memory, epilogue)) {}
        return true
    }

    private func multiply(_ product: MatrixProduct, for c: View, epilogue: TileEpilogue?) {
        let cut = MatrixCut(product, threads: pool.threads)
        if cut.segments > 1 { return multiplyInSegments(product, cut, for: c, epilogue: epilogue) }
        let perTask = cut.unitsPerTask
        pool.run((cut.units + perTask - 1) / perTask) { task, _ in
            for unit in task * perTask..<min(cut.units, (task + 1) * perTask) {
                let (batch, rows, columns) = cut.part(unit)
                guard let epilogue else {
                    product.run(batch: batch, rows: rows, columns: columns)
                    continue
                }
                // Bands that are still in the second-level cache when the epilogue reads them, but long enough to be worth
                // that BLAS packs the other operand for each.
                let band = max(64, 2 * product.k, MatrixCut.cachedFloats / max(columns.count, 1))
                for first in stride(from: rows.lowerBound, to: rows.upperBound, by: band) {
                    let some = first..<min(first + band, rows.upperBound)
                    product.run(batch: batch, rows: some, columns: columns)
                    product.apply(epilogue, batch: batch, rows: some, columns: columns)
                }
            }
        }
    }

    /// Few results of long sums: each task sums a part of k, and the parts are added in their order.
    private func multiplyInSegments(_ product: MatrixProduct, _ cut: MatrixCut, for c: View, epilogue: TileEpilogue?) {
        let size = product.m * product.n
        guard let memory = scratch(floats: cut.segments * size * product.batch, for: [c]) else { return }
        let parts = memory.pointer.assumingMemoryBound(to: Float.self)
        let share = (product.k + cut.segments - 1) / cut.segments
        pool.run(cut.segments * product.batch) { task, _ in
            let batch = task / cut.segments, segment = task % cut.segments
            var part = product
            part.target = parts + task * size - batch * size
            part.keepsTarget = false
            part.run(
                batch: batch, rows: 0..<product.m, columns: 0..<product.n,
                terms: segment * share..<min(product.k, (segment + 1) * share))
        }
        pool.run(over: product.batch * size, grain: 32768, alignment: 16) { range, _ in
            for index in range {
                let first = index / size * cut.segments * size + index % size
                var sum = product.keepsTarget ? product.target[index] : 0
                for segment in 0..<cut.segments { sum += parts[first + segment * size] }
                product.target[index] = sum
            }
        }
        if let epilogue {
            for batch in 0..<product.batch {
                product.apply(epilogue, batch: batch, rows: 0..<product.m, columns: 0..<product.n)
            }
        }
        withExtendedLifetime(memory) {}
    }
}

extension Epilogue {
    /// Whether this is the product plus what the result holds.
    fileprivate func accumulates(into c: View) -> Bool {
        guard operands.count == 1, operands[0].buffer === c.buffer, operands[0].offset == c.offset, operands[0].isContiguous,
            operands[0].type == .float32
        else { return false }
        return expression == .input(0) + .input(1) || expression == .input(1) + .input(0)
    }
}
