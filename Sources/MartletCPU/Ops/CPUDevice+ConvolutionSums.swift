import CMartletCPU
import MartletCore

/// The ways to compute the sums of a `martlet_grid`.
extension CPUDevice {
    /// What a task does to a part of the result as soon as it is there: an image, its channels, their positions.
    typealias Finish = (_ image: Int, _ channels: Range<Int>, _ positions: Range<Int>) -> Void

    /// Computes all sums of a grid; where there is no memory for that, the view they are for is marked.
    /// - Parameter splits: whether to use the matrix unit where that is the faster way.
    func sum(
        _ grid: SumGrid, weights: UnsafePointer<Float>, order: WeightOrder, source: UnsafePointer<Float>,
        to result: UnsafeMutablePointer<Float>, for target: View, finish: Finish?, splits: Bool
    ) {
        guard grid.positions > 0, grid.outputs > 0 else { return }
        grid.withC { g in
            guard grid.depth > 0 else {
                // No tap reaches these positions.
                martlet_grid_zero(g, result)
                for image in 0..<grid.images { finish?(image, 0..<grid.groups * grid.outputs, 0..<grid.area) }
                return
            }
            if splits, martlet_grid_splits(g) != 0 {
                return sumParts(
                    grid, g, weights: weights, order: order, source: source, to: result, for: target, finish: finish
                ) {
                    sum(grid, weights: weights, order: order, source: source, to: $0, for: target, finish: nil, splits: false)
                }
            }
            let direct = martlet_direct_fits(g) != 0
            let packedFloats = (grid.groups * grid.outputs * grid.depth + 15) / 16 * 16
            let each = Int(direct ? martlet_direct_scratch(g) : martlet_implicit_gemm_scratch(g))
            guard let memory = scratch(floats: packedFloats + pool.threads * each, for: [target]) else { return }
            defer { withExtendedLifetime(memory) {} }
            let packed = memory.start, scratch = packed + packedFloats
            let tapIndex = grid.taps.map { Int32($0.index) }
            let panels = Int(martlet_grid_panels(g.pointee.outputs)), depth = martlet_grid_depth(g, direct ? 1 : 0)
            pool.run(over: grid.groups * panels, grain: max(1, 32768 * panels / (grid.outputs * grid.depth))) { panels, _ in
                martlet_grid_pack(
                    g, weights, Int64(order.count), Int64(order.group), Int64(order.output), Int64(order.channel), tapIndex,
                    depth,
                    packed, panels.low, panels.high)
            }
            if direct {
                sumDirectly(grid, g, source, packed, result, scratch, each, finish)
            } else {
                sumPatches(grid, g, source, packed, result, scratch, each, finish)
            }
        }
    }

    private func sumDirectly(
        _ grid: SumGrid, _ g: UnsafePointer<martlet_grid>, _ source: UnsafePointer<Float>,
        _ packed: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>,
        _ scratch: UnsafeMutablePointer<Float>, _ each: Int, _ finish: Finish?
    ) {
        let (rows, columns) = (Int(g.pointee.rows), Int(g.pointee.columns))
        let band = Int(martlet_direct_band(g)), bands = (rows + band - 1) / band
        pool.run(over: grid.images * grid.groups * bands, grain: 1, perWorker: 8) { items, worker in
            for item in items {
                martlet_direct_products(g, source, packed, result, Int64(item), scratch + worker * each)
                guard let finish else { continue }
                let first = item % bands * band, group = item / bands % grid.groups
                finish(
                    item / bands / grid.groups, group * grid.outputs..<(group + 1) * grid.outputs,
                    first * columns..<min(rows, first + band) * columns)
            }
        }
    }

    private func sumPatches(
        _ grid: SumGrid, _ g: UnsafePointer<martlet_grid>, _ source: UnsafePointer<Float>,
        _ packed: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>,
        _ scratch: UnsafeMutablePointer<Float>, _ each: Int, _ finish: Finish?
    ) {
        let tasks = PatchTasks(grid, panels: Int(martlet_grid_panels(g.pointee.outputs)), threads: pool.threads)
        pool.run(tasks.count) { task, worker in
            let part = tasks.part(task)
            martlet_implicit_gemm(
                g, source, packed, result, Int64(part.group), part.positions.low, part.positions.high, part.panels.low,
                part.panels.high, scratch + worker * each)
            if let finish { tasks.pieces(of: task, panelStart: martlet_grid_first_output, finish) }
        }
    }

    /// Computes the parts of a result [images, channels, area] that are some tasks' again, by `plain`, which writes all of a result's sums
    /// to its argument and applies nothing, and finishes them. What is finished already stays, since finishing may have read what the
    /// result held before.
    func computeAgain(
        _ marked: [Bool], images: Int, channels: Int, area: Int, to result: UnsafeMutablePointer<Float>, for target: View,
        plain: (UnsafeMutablePointer<Float>) -> Void, pieces: (_ task: Int, Finish) -> Void, finish: @escaping Finish
    ) {
        guard let whole = scratch(floats: images * channels * area, for: [target]) else { return }
        plain(whole.start)
        for task in marked.indices where marked[task] {
            pieces(task) { image, rows, positions in
                for row in rows {
                    let at = (image * channels + row) * area + positions.lowerBound
                    (result + at).update(from: whole.start + at, count: positions.count)
                }
                finish(image, rows, positions)
            }
        }
        withExtendedLifetime(whole) {}
    }
}
