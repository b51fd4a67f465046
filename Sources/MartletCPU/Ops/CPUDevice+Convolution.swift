import CMartletCPU
import MartletCore

/// Convolutions as sums over a kernel's taps (`martlet_grid`): blocks of positions, gathered into patches or read from a
/// padded copy where channels are few, times packed weights. The input gradient is the same sum over the output's gradient,
/// one for each residue of the stride; so nothing is scattered and no two tasks write the same element.
extension CPUDevice {
    public func convolution(_ x: View, _ w: View, into y: View, options: ConvolutionOptions, epilogue: Epilogue?) {
        guard begin(reading: [x, w] + (epilogue?.operands ?? []), writing: [y]) else { return }
        let geometry = ConvolutionGeometry(x.shape, w.shape, y.shape, options)
        guard let epilogue else { return forward(geometry, x, w, to: y.floats, for: y, finish: nil) }
        let area = y.shape[2] * y.shape[3], channels = y.shape[1]
        guard let tile = TileEpilogue(epilogue, result: y, as: (y.shape[0], channels, area), on: self) else { return }
        // Where the epilogue reads what the result holds, the sums are kept apart from it.
        var apart: CPUBuffer?
        if tile.readsResult {
            apart = scratch(floats: y.count, for: [y])
            if apart == nil { return }
        }
        defer { withExtendedLifetime(apart) {} }
        let sums = apart?.start ?? y.floats
        forward(geometry, x, w, to: sums, for: y) { image, rows, positions in
            tile.store(
                sums + (image * channels + rows.lowerBound) * area + positions.lowerBound, stride: area, batch: image,
                rows: rows, columns: positions)
        }
    }

    private func forward(
        _ geometry: ConvolutionGeometry, _ x: View, _ w: View, to sums: UnsafeMutablePointer<Float>, for y: View,
        finish: Finish?
    ) {
        let grid = geometry.forward
        func direct(to sums: UnsafeMutablePointer<Float>, finish: Finish?) {
            sum(grid, weights: w.floats, order: geometry.forwardWeights, source: x.floats, to: sums, for: y, finish: finish)
        }
        guard let tile = geometry.winogradTile(grid) else { return direct(to: sums, finish: finish) }
        winograd(
            WinogradGrid(grid, kernel: geometry.kernel.y, tile: tile, on: self), weights: w.floats,
            order: geometry.forwardWeights, turned: false, source: x.floats, to: sums, for: y, finish: finish,
            direct: { direct(to: $0, finish: nil) })
    }

    public func convolutionInputGradient(_ dy: View, _ w: View, into dx: View, options: ConvolutionOptions) {
        guard begin(reading: [dy, w], writing: [dx]) else { return }
        let geometry = ConvolutionGeometry(dx.shape, w.shape, dy.shape, options)
        func direct(to sums: UnsafeMutablePointer<Float>) {
            for phase in geometry.inputGradientPhases {
                sum(
                    phase, weights: w.floats, order: geometry.inputGradientWeights, source: dy.floats, to: sums, for: dx,
                    finish: nil)
            }
        }
        // Of stride 1 there is one phase.
        guard let grid = geometry.inputGradientPhases.first, let tile = geometry.winogradTile(grid) else {
            return direct(to: dx.floats)
        }
        winograd(
            WinogradGrid(grid, kernel: geometry.kernel.y, tile: tile, on: self), weights: w.floats,
            order: geometry.inputGradientWeights, turned: true, source: dy.floats, to: dx.floats, for: dx, finish: nil,
            direct: direct)
    }

    public func convolutionWeightGradient(_ x: View, _ dy: View, into dw: View, options: ConvolutionOptions) {
        guard begin(reading: [x, dy], writing: [dw]) else { return }
        let geometry = ConvolutionGeometry(x.shape, dw.shape, dy.shape, options), grid = geometry.forward
        if let tile = geometry.winogradTile(grid),
            winogradWeightGradient(
                WinogradGrid(grid, kernel: geometry.kernel.y, tile: tile, on: self), sums: grid, source: x.floats,
                gradient: dy.floats, to: dw.floats, for: dw)
        {
            return
        }
        let (images, groups, depth) = (grid.images, grid.groups, grid.depth)
        grid.withC { g in
            let pitch = Int(martlet_weight_gradient_pitch(g.pointee.outputs))
            // A range of k takes all positions; where there are too few ranges for the threads, images are divided too.
            let least = (depth + 575) / 576
            let range = (depth + least - 1) / least, ranges = (depth + range - 1) / range
            let slabs = max(1, min(images, (2 * pool.threads + ranges * groups - 1) / (ranges * groups)))
            let each = Int(martlet_weight_gradient_scratch(g, Int64(range)))
            let slabFloats = groups * depth * pitch
            guard let memory = scratch(floats: slabs * slabFloats + pool.threads * each, for: [dw]) else { return }
            defer { withExtendedLifetime(memory) {} }
            let partial = memory.start, scratch = partial + slabs * slabFloats
            let (source, gradient, result) = (x.floats, dy.floats, dw.floats)
            pool.run(slabs * groups * ranges) { task, worker in
                let slab = task / (groups * ranges), group = task / ranges % groups, first = task % ranges * range
                martlet_weight_gradient(
                    g, source, gradient, partial + slab * slabFloats + (group * depth + first) * pitch, Int64(group),
                    Int64(first), Int64(min(depth, first + range)), Int64(images * slab / slabs),
                    Int64(images * (slab + 1) / slabs), scratch + worker * each)
            }
            sum(g, partial, slabs, to: result)
        }
    }

    /// What a task does to a part of the result as soon as it is there: an image, its channels, their positions.
    typealias Finish = (_ image: Int, _ channels: Range<Int>, _ positions: Range<Int>) -> Void

    /// Computes all sums of a grid; where there is no memory for that, the view they are for is marked.
    private func sum(
        _ grid: SumGrid, weights: UnsafePointer<Float>, order: WeightOrder, source: UnsafePointer<Float>,
        to result: UnsafeMutablePointer<Float>, for target: View, finish: Finish?
    ) {
        guard grid.positions > 0, grid.outputs > 0 else { return }
        grid.withC { g in
            guard grid.depth > 0 else {
                // No tap reaches these positions.
                martlet_grid_zero(g, result)
                for image in 0..<grid.images { finish?(image, 0..<grid.groups * grid.outputs, 0..<grid.area) }
                return
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
        let positions = grid.positions, area = grid.area, groups = grid.groups
        let most = Int(martlet_implicit_gemm_block)
        let wanted = max((positions + most - 1) / most, min(3 * pool.threads, (positions + 31) / 32))
        let block = ((positions + wanted - 1) / wanted + 31) / 32 * 32, blocks = (positions + block - 1) / block
        // Where there are too few blocks for the threads, the output channels are divided too.
        let panels = Int(martlet_grid_panels(g.pointee.outputs))
        let parts = max(1, min(panels, (2 * pool.threads + blocks * groups - 1) / (blocks * groups)))
        pool.run(blocks * groups * parts) { task, worker in
            let part = task % parts, group = task / parts % groups, first = task / parts / groups * block
            let last = min(positions, first + block)
            let (low, high) = (Int64(panels * part / parts), Int64(panels * (part + 1) / parts))
            martlet_implicit_gemm(
                g, source, packed, result, Int64(group), Int64(first), Int64(last), low, high,
                scratch + worker * each)
            guard let finish else { return }
            let channels =
                group * grid.outputs + Int(martlet_grid_first_output(g.pointee.outputs, low))..<group * grid.outputs
                + Int(martlet_grid_first_output(g.pointee.outputs, high))
            for image in first / area...(last - 1) / area {
                finish(image, channels, max(first - image * area, 0)..<min(last - image * area, area))
            }
        }
    }
}
