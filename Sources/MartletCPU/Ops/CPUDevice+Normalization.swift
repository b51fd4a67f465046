import CMartletCPU
import MartletCore

/// Normalisation in three steps: partial statistics of pieces, their sums in a fixed order, and the elements. A task does all of
/// them for its statistics while their elements are in the caches; few statistics are done in three passes. With one position, pieces are blocks of rows (batch), or each row is done at once (layer, group).
extension CPUDevice {
    public func batchNorm(
        _ x: View, scale: View?, shift: View?, epsilon: Float, into y: View, mean: View,
        inverseDeviation: View
    ) {
        let results = [y, mean, inverseDeviation]
        guard begin(reading: [x] + [scale, shift].compactMap { $0 }, writing: results) else { return }
        let (m, inverse) = (mean.floats, inverseDeviation.floats)
        guard x.shape[2] == 1 else { return normalize(x, 0, scale, shift, epsilon, y, m, inverse, results) }
        let matrix = ColumnMatrix(x)
        guard let memory = scratch(floats: matrix.partialFloats, for: results) else { return }
        defer { withExtendedLifetime(memory) {} }
        let (source, result, a, b, partial) = (x.floats, y.floats, scale?.floats, shift?.floats, memory.start)
        let (n, c) = (Int64(matrix.rows), Int64(matrix.columns))
        pool.run(over: matrix.blocks, grain: 2, perWorker: 4) { blocks, _ in
            martlet_columns_moments(source, n, c, partial, blocks.low, blocks.high)
        }
        pool.run(over: matrix.columns, grain: matrix.columnGrain) { columns, _ in
            martlet_columns_combine(partial, n, c, epsilon, m, inverse, columns.low, columns.high)
        }
        pool.run(over: matrix.rows, grain: matrix.rowGrain, perWorker: 4) { rows, _ in
            martlet_columns_apply(source, c, a, b, m, inverse, result, rows.low, rows.high)
        }
    }

    public func batchNormGradient(
        _ dy: View, _ x: View, scale: View?, mean: View, inverseDeviation: View,
        into dx: View, dScale: View, dShift: View
    ) {
        let results = [dx, dScale, dShift]
        guard begin(reading: [dy, x, mean, inverseDeviation] + [scale].compactMap { $0 }, writing: results) else { return }
        guard x.shape[2] == 1 else {
            return normalizeGradient(dy, x, 0, scale, mean, inverseDeviation, dx, dScale, dShift, results)
        }
        let matrix = ColumnMatrix(x)
        guard let memory = scratch(floats: matrix.partialFloats, for: results) else { return }
        defer { withExtendedLifetime(memory) {} }
        let (m, inverse, a, partial) = (mean.floats, inverseDeviation.floats, scale?.floats, memory.start)
        let (gradient, source, result, da, db) = (dy.floats, x.floats, dx.floats, dScale.floats, dShift.floats)
        let (n, c) = (Int64(matrix.rows), Int64(matrix.columns))
        pool.run(over: matrix.blocks, grain: 2, perWorker: 4) { blocks, _ in
            martlet_columns_gradient_sums(gradient, source, n, c, m, inverse, partial, blocks.low, blocks.high)
        }
        pool.run(over: matrix.columns, grain: matrix.columnGrain) { columns, _ in
            martlet_columns_sum(partial, Int64(matrix.blocks), c, db, da, columns.low, columns.high)
        }
        pool.run(over: matrix.rows, grain: matrix.rowGrain, perWorker: 4) { rows, _ in
            martlet_columns_gradient_apply(gradient, source, n, c, a, m, inverse, db, da, result, rows.low, rows.high)
        }
    }

    public func groupNorm(
        _ x: View, scale: View?, shift: View?, groups: Int, epsilon: Float,
        into y: View, mean: View, inverseDeviation: View
    ) {
        let results = [y, mean, inverseDeviation]
        guard begin(reading: [x] + [scale, shift].compactMap { $0 }, writing: results) else { return }
        let (m, inverse) = (mean.floats, inverseDeviation.floats)
        guard x.shape[2] == 1 else { return normalize(x, groups, scale, shift, epsilon, y, m, inverse, results) }
        let (source, result, a, b) = (x.floats, y.floats, scale?.floats, shift?.floats)
        let (length, streamed) = (x.shape[1] / groups, y.isStreamed)
        pool.run(over: x.shape[0] * groups, grain: max(1, 16384 / length), perWorker: 4) { rows, _ in
            martlet_rows_norm(
                source, Int64(groups), Int64(length), a, b, epsilon, result, m, inverse, streamed, rows.low, rows.high)
        }
    }

    public func groupNormGradient(
        _ dy: View, _ x: View, scale: View?, groups: Int, mean: View, inverseDeviation: View,
        into dx: View, dScale: View, dShift: View
    ) {
        let results = [dx, dScale, dShift]
        guard begin(reading: [dy, x, mean, inverseDeviation] + [scale].compactMap { $0 }, writing: results) else { return }
        guard x.shape[2] == 1 else {
            return normalizeGradient(dy, x, groups, scale, mean, inverseDeviation, dx, dScale, dShift, results)
        }
        let (samples, channels) = (x.shape[0], x.shape[1])
        let parts = max(1, min(pool.tasks(for: samples, grain: max(1, 16384 / channels), perWorker: 4), samples))
        guard let memory = scratch(floats: parts * 2 * channels, for: results) else { return }
        defer { withExtendedLifetime(memory) {} }
        let (m, inverse, a, partial) = (mean.floats, inverseDeviation.floats, scale?.floats, memory.start)
        let (gradient, source, result, da, db) = (dy.floats, x.floats, dx.floats, dScale.floats, dShift.floats)
        let streamed = dx.isStreamed
        pool.run(parts) { part, _ in
            martlet_rows_norm_gradient(
                gradient, source, Int64(groups), Int64(channels / groups), a, m, inverse, result, partial + part * 2 * channels,
                streamed, Int64(samples * part / parts), Int64(samples * (part + 1) / parts))
        }
        pool.run(over: channels, grain: max(64, 16384 / parts)) { columns, _ in
            martlet_columns_sum(partial, Int64(parts), Int64(channels), db, da, columns.low, columns.high)
        }
    }

    /// Statistics over many positions; `groups` is 0 for those of a channel over all samples.
    private func normalize(
        _ x: View, _ groups: Int, _ scale: View?, _ shift: View?, _ epsilon: Float, _ y: View,
        _ mean: UnsafeMutablePointer<Float>, _ inverse: UnsafeMutablePointer<Float>, _ results: [View]
    ) {
        let shape = NormShape(x, groups)
        guard let memory = scratch(floats: shape.items * 2, for: results) else { return }
        defer { withExtendedLifetime(memory) {} }
        let (source, result, a, b, partial) = (x.floats, y.floats, scale?.floats, shift?.floats, memory.start)
        let streamed = y.isStreamed
        withUnsafePointer(to: shape.c) { g in
            guard !shape.isCutByStatistic(pool.threads) else {
                return pool.run(over: shape.statistics, grain: shape.statisticShare, perWorker: 4) { statistics, _ in
                    martlet_norm_statistic(
                        g, source, a, b, epsilon, partial, result, mean, inverse, streamed, statistics.low, statistics.high)
                }
            }
            pool.run(over: shape.items, grain: shape.itemGrain, perWorker: 4) { items, _ in
                martlet_norm_moments(g, source, partial, items.low, items.high)
            }
            pool.run(over: shape.statistics, grain: shape.statisticGrain) { statistics, _ in
                martlet_norm_combine(g, partial, epsilon, mean, inverse, statistics.low, statistics.high)
            }
            pool.run(over: shape.items, grain: shape.itemGrain, perWorker: 4) { items, _ in
                martlet_norm_apply(g, source, a, b, mean, inverse, result, items.low, items.high)
            }
        }
    }

    private func normalizeGradient(
        _ dy: View, _ x: View, _ groups: Int, _ scale: View?, _ mean: View, _ inverse: View,
        _ dx: View, _ dScale: View, _ dShift: View, _ results: [View]
    ) {
        let shape = NormShape(x, groups)
        guard let memory = scratch(floats: (shape.items + shape.statistics) * 2, for: results) else { return }
        defer { withExtendedLifetime(memory) {} }
        let partial = memory.start, sums = partial + shape.items * 2
        let (m, deviation, a) = (mean.floats, inverse.floats, scale?.floats)
        let (gradient, source, result, da, db) = (dy.floats, x.floats, dx.floats, dScale.floats, dShift.floats)
        let streamed = dx.isStreamed
        withUnsafePointer(to: shape.c) { g in
            func sumChannels() {
                pool.run(over: x.shape[1], grain: max(1, 16384 * x.shape[1] / max(shape.items, 1))) { channels, _ in
                    martlet_norm_gradient_channels(g, partial, da, db, channels.low, channels.high)
                }
            }
            guard !shape.isCutByStatistic(pool.threads) else {
                pool.run(over: shape.statistics, grain: shape.statisticShare, perWorker: 4) { statistics, _ in
                    martlet_norm_gradient_statistic(
                        g, gradient, source, a, m, deviation, partial, sums, result, streamed, statistics.low, statistics.high)
                }
                return sumChannels()
            }
            pool.run(over: shape.items, grain: shape.itemGrain, perWorker: 4) { items, _ in
                martlet_norm_gradient_sums(g, gradient, source, m, deviation, partial, items.low, items.high)
            }
            sumChannels()
            pool.run(over: shape.statistics, grain: shape.statisticGrain) { statistics, _ in
                martlet_norm_gradient_combine(g, partial, a, sums, statistics.low, statistics.high)
            }
            pool.run(over: shape.items, grain: shape.itemGrain, perWorker: 4) { items, _ in
                martlet_norm_gradient_apply(g, gradient, source, a, m, deviation, sums, result, items.low, items.high)
            }
        }
    }
}

/// How x [n, c, s] is cut into pieces.
private struct NormShape {
    let c: martlet_norm
    let items: Int, statistics: Int
    let itemGrain: Int, statisticGrain: Int
    /// Statistics whose elements are worth a task.
    let statisticShare: Int

    /// Whether x leaves the caches between two passes over it, and there are enough statistics for each thread to do some from
    /// beginning to end.
    func isCutByStatistic(_ threads: Int) -> Bool { isLarge && statistics >= 8 * threads }
    private let isLarge: Bool

    init(_ x: View, _ groups: Int) {
        let norm = martlet_norm(
            samples: Int64(x.shape[0]), channels: Int64(x.shape[1]), positions: Int64(x.shape[2]),
            groups: Int64(groups))
        c = norm
        (items, statistics) = withUnsafePointer(to: norm) {
            (x.shape[0] * x.shape[1] * Int(martlet_norm_pieces($0)), Int(martlet_norm_statistics($0)))
        }
        itemGrain = max(1, 16384 * items / max(x.count, 1))
        statisticGrain = max(1, 16384 * statistics / max(items, 1))
        isLarge = x.isStreamed != 0
        statisticShare = max(1, 16384 * statistics / max(x.count, 1))
    }
}

/// How the columns of x [n, c, 1] are cut into blocks of rows.
private struct ColumnMatrix {
    let rows: Int, columns: Int, blocks: Int

    init(_ x: View) {
        rows = x.shape[0]
        columns = x.shape[1]
        let block = Int(martlet_columns_block(Int64(rows), Int64(columns)))
        blocks = (rows + block - 1) / block
    }

    var partialFloats: Int { blocks * 2 * columns }
    var columnGrain: Int { max(64, 16384 / max(blocks, 1)) }
    var rowGrain: Int { max(1, 16384 / columns) }
}

extension CPUBuffer {
    var start: UnsafeMutablePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
}

extension Range<Int> {
    var low: Int64 { Int64(lowerBound) }
    var high: Int64 { Int64(upperBound) }
}
