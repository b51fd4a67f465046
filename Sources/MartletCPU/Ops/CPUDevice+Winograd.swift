import CMartletCPU
import MartletCore

/// Winograd's convolutions: the weights are transformed once a call, the rest block by block of tiles.
extension CPUDevice {
    /// Computes all sums of a grid as `sum` does, whose other arguments these are.
    ///
    /// A tile mixes its sums, so that one infinity or NaN of the source would reach all of them: tasks that meet one are computed
    /// again by `direct`, which writes the sums of the whole grid to its argument and applies nothing.
    func winograd(
        _ grid: WinogradGrid, weights: UnsafePointer<Float>, order: WeightOrder, turned: Bool, source: UnsafePointer<Float>,
        to result: UnsafeMutablePointer<Float>, for target: View, finish: Finish?,
        direct: (UnsafeMutablePointer<Float>) -> Void
    ) {
        var c = grid.c
        let groups = Int(c.groups), outputs = Int(c.outputs), area = Int(c.rows * c.columns)
        let tasks = Int(martlet_winograd_tasks(&c)), panels = Int(martlet_winograd_panels(&c))
        let packedFloats = (Int(martlet_winograd_packed(&c)) + 15) / 16 * 16, each = Int(martlet_winograd_scratch(&c))
        let sharedFloats = Int(martlet_winograd_shared(&c)), channels = Int(c.channels)
        guard let memory = scratch(floats: packedFloats + sharedFloats + pool.threads * each, for: [target]) else { return }
        defer { withExtendedLifetime(memory) {} }
        let packed = memory.start, shared = packed + packedFloats, scratch = shared + sharedFloats
        var given = martlet_winograd_weights(
            values: weights, limit: Int64(order.count), group_stride: Int64(order.group), output_stride: Int64(order.output),
            channel_stride: Int64(order.channel), rotated: turned ? 1 : 0)
        let products = Int(c.outputs * c.channels) / panels
        var marked = [Bool](repeating: false, count: tasks)
        withUnsafePointers(&c, &given) { c, given in
            if sharedFloats > 0 {
                pool.run(over: channels, grain: 8, perWorker: 4, alignment: 2) { channels, worker in
                    martlet_winograd_share(c, source, shared, channels.low, channels.high, scratch + worker * each)
                }
                pool.run(over: Int(martlet_winograd_shared_pieces(c)), grain: 1, perWorker: 8) { pieces, _ in
                    martlet_winograd_share_parts(c, shared, pieces.low, pieces.high)
                }
            } else {
                pool.run(over: groups * panels, grain: max(1, 2048 / max(1, products)), perWorker: 8) { panels, _ in
                    martlet_winograd_pack(c, given, packed, panels.low, panels.high)
                }
            }
            marked.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let marked = buffer
                pool.run(tasks) { task, worker in
                    let isMixed = martlet_winograd_products(
                        c, source, given, packed, shared, result, Int64(task), scratch + worker * each)
                    if isMixed != 0 {
                        marked[task] = true
                    } else if let finish, !grid.hasScatteredTasks {
                        grid.pieces(of: task, finish)
                    }
                }
            }
        }
        let isMixed = marked.contains(true)
        guard let finish else { return isMixed ? direct(result) : () }
        if grid.hasScatteredTasks {
            if isMixed { direct(result) }
            let all = groups * outputs, images = Int(grid.c.images)
            pool.run(over: images * all, grain: max(1, 16384 / area), perWorker: 8) { planes, _ in
                var plane = planes.lowerBound
                while plane < planes.upperBound {
                    let image = plane / all, end = min(planes.upperBound, (image + 1) * all)
                    finish(image, plane - image * all..<end - image * all, 0..<area)
                    plane = end
                }
            }
            return
        }
        guard isMixed else { return }
        computeAgain(
            marked, images: Int(grid.c.images), channels: groups * outputs, area: area, to: result, for: target,
            plain: direct, pieces: grid.pieces, finish: finish)
    }

    /// The weight gradient by the transposed form, of the forward grid.
    /// - Returns: whether it holds; where something is not finite it has to be computed directly.
    func winogradWeightGradient(
        _ grid: WinogradGrid, sums: SumGrid, source: UnsafePointer<Float>, gradient: UnsafePointer<Float>,
        to result: UnsafeMutablePointer<Float>, for target: View
    ) -> Bool {
        var c = grid.c
        let groups = Int(c.groups), channels = Int(c.channels), items = Int(martlet_winograd_gradient_items(&c))
        let ranges = (channels + 127) / 128, widest = (channels + ranges - 1) / ranges
        let slabs = max(1, min(items, (2 * pool.threads + ranges * groups - 1) / (ranges * groups)))
        let each = Int(martlet_winograd_gradient_scratch(&c, Int64(widest)))
        let groupFloats = sums.depth * Int(martlet_weight_gradient_pitch(c.outputs)), slabFloats = groups * groupFloats
        guard let memory = scratch(floats: slabs * slabFloats + pool.threads * each, for: [target]) else { return true }
        defer { withExtendedLifetime(memory) {} }
        let partial = memory.start, scratch = partial + slabs * slabFloats
        let tasks = slabs * groups * ranges
        var marked = [Bool](repeating: false, count: tasks)
        withUnsafePointer(to: &c) { c in
            marked.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let marked = buffer
                pool.run(tasks) { task, worker in
                    let slab = task / (groups * ranges), group = task / ranges % groups, range = task % ranges
                    marked[task] =
                        martlet_winograd_gradient(
                            c, source, gradient, partial + slab * slabFloats + group * groupFloats, Int64(group),
                            Int64(channels * range / ranges), Int64(channels * (range + 1) / ranges), Int64(items * slab / slabs),
                            Int64(items * (slab + 1) / slabs), scratch + worker * each) != 0
                }
            }
        }
        if marked.contains(true) { return false }
        sums.withC { g in sum(g, partial, slabs, to: result) }
        return true
    }

    /// Adds up the partial results of a weight gradient.
    func sum(
        _ g: UnsafePointer<martlet_grid>, _ partial: UnsafePointer<Float>, _ slabs: Int,
        to result: UnsafeMutablePointer<Float>
    ) {
        let depth = Int(g.pointee.taps * g.pointee.channels), rows = Int(g.pointee.groups * g.pointee.outputs)
        pool.run(over: rows, grain: max(16, 65536 / (depth * slabs)), alignment: 16) { rows, _ in
            martlet_weight_gradient_sum(g, partial, Int64(slabs), result, rows.low, rows.high)
        }
    }
}

/// Pointers to two values.
private func withUnsafePointers<A, B>(_ a: inout A, _ b: inout B, _ body: (UnsafePointer<A>, UnsafePointer<B>) -> Void) {
    withUnsafePointer(to: &a) { a in withUnsafePointer(to: &b) { b in body(a, b) } }
}
