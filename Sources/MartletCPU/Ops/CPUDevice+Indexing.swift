import CMartletCPU
import MartletCore

/// Reading and adding by index, and order.
extension CPUDevice {
    public func gather(_ x: View, indices: View, into y: View) {
        guard begin(reading: [x, indices], writing: [y]) else { return }
        let (source, positions, result) = (x.words, indices.ints, y.words)
        let (n, m, inner) = (x.shape[1], y.shape[1], y.shape[2])
        let absent = x.absent
        pool.run(over: y.shape[0] * m, grain: max(1, 16384 / inner)) { rows, _ in
            martlet_gather_rows(
                source, positions, result, Int64(n), Int64(m), Int64(inner), absent,
                rows.low, rows.high)
        }
    }

    public func scatterAdd(_ y: View, indices: View, into x: View) {
        guard begin(reading: [y, indices], writing: [x]) else { return }
        let (n, m, inner) = (x.shape[1], indices.count, x.shape[2])
        guard let memory = scratch(floats: n + 1 + m, for: [x]) else { return }
        defer { withExtendedLifetime(memory) {} }
        let starts = memory.pointer.assumingMemoryBound(to: Int32.self), order = starts + n + 1
        let (source, result, streamed) = (y.floats, x.floats, x.isStreamed)
        martlet_group_indices(indices.ints, Int64(m), Int64(n), starts, order)
        let work = inner * (1 + m / n)
        pool.run(over: x.shape[0] * n, grain: max(1, 16384 / work), perWorker: 8) { rows, _ in
            martlet_scatter_rows(
                source, starts, order, result, Int64(n), Int64(m), Int64(inner), streamed,
                rows.low, rows.high)
        }
    }

    public func gatherElements(_ x: View, indices: View, into y: View) {
        guard begin(reading: [x, indices], writing: [y]) else { return }
        let (source, positions, result) = (x.words, indices.ints, y.words)
        let (n, m) = (x.shape[1], y.shape[1])
        let absent = x.absent
        pool.run(over: y.shape[0], grain: max(1, 16384 / m)) { rows, _ in
            martlet_gather_elements(
                source, positions, result, Int64(n), Int64(m), absent,
                rows.low, rows.high)
        }
    }

    public func scatterAddElements(_ y: View, indices: View, into x: View) {
        guard begin(reading: [y, indices], writing: [x]) else { return }
        let (source, positions, result) = (y.floats, indices.ints, x.floats)
        let (n, m) = (x.shape[1], y.shape[1])
        pool.run(over: x.shape[0], grain: max(1, 16384 / (n + m))) { rows, _ in
            martlet_scatter_elements(
                source, positions, result, Int64(n), Int64(m),
                rows.low, rows.high)
        }
    }

    public func sort(_ x: View, descending: Bool, into values: View, indices: View) {
        guard begin(reading: [x], writing: [values, indices]) else { return }
        let (n, m) = (x.shape[1], values.shape[1])
        let each = Int(martlet_sort_scratch(Int64(n), Int64(m)))
        guard let memory = scratch(floats: pool.threads * each * 2, for: [values, indices]) else { return }
        defer { withExtendedLifetime(memory) {} }
        let words = memory.pointer.assumingMemoryBound(to: UInt64.self)
        let (source, result, positions) = (x.floats, values.floats, indices.ints)
        pool.run(over: x.shape[0], grain: max(1, 2048 / n), perWorker: 4) { rows, worker in
            martlet_sort(
                source, result, positions, Int64(n), Int64(m), descending ? 1 : 0,
                rows.low, rows.high, words + worker * each)
        }
    }
}

extension View {
    fileprivate var words: UnsafeMutablePointer<UInt32> { address.assumingMemoryBound(to: UInt32.self) }

    /// The bits that an index outside reads: NaN, or 0 for integers.
    fileprivate var absent: UInt32 { type == .float32 ? Float.nan.bitPattern : 0 }
}
