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
        func direct(to sums: UnsafeMutablePointer<Float>, finish: Finish?, splits: Bool) {
            sum(
                grid, weights: w.floats, order: geometry.forwardWeights, source: x.floats, to: sums, for: y, finish: finish,
                splits: splits)
        }
        guard let tile = geometry.winogradTile(grid) else { return direct(to: sums, finish: finish, splits: usesMatrixUnit) }
        winograd(
            WinogradGrid(grid, kernel: geometry.kernel.y, tile: tile, on: self), weights: w.floats,
            order: geometry.forwardWeights, turned: false, source: x.floats, to: sums, for: y, finish: finish,
            direct: { direct(to: $0, finish: nil, splits: false) })
    }

    public func convolutionInputGradient(_ dy: View, _ w: View, into dx: View, options: ConvolutionOptions) {
        guard begin(reading: [dy, w], writing: [dx]) else { return }
        let geometry = ConvolutionGeometry(dx.shape, w.shape, dy.shape, options)
        func direct(to sums: UnsafeMutablePointer<Float>, splits: Bool) {
            for phase in geometry.inputGradientPhases {
                sum(
                    phase, weights: w.floats, order: geometry.inputGradientWeights, source: dy.floats, to: sums, for: dx,
                    finish: nil, splits: splits)
            }
        }
        // Of stride 1 there is one phase.
        guard let grid = geometry.inputGradientPhases.first, let tile = geometry.winogradTile(grid) else {
            return direct(to: dx.floats, splits: usesMatrixUnit)
        }
        winograd(
            WinogradGrid(grid, kernel: geometry.kernel.y, tile: tile, on: self), weights: w.floats,
            order: geometry.inputGradientWeights, turned: true, source: dy.floats, to: dx.floats, for: dx, finish: nil,
            direct: { direct(to: $0, splits: false) })
    }

    public func convolutionWeightGradient(_ x: View, _ dy: View, into dw: View, options: ConvolutionOptions) {
        guard begin(reading: [x, dy], writing: [dw]) else { return }
        let geometry = ConvolutionGeometry(x.shape, dw.shape, dy.shape, options), grid = geometry.forward
        if let tile = geometry.winogradTile(grid) {
            let tiles = WinogradGrid(grid, kernel: geometry.kernel.y, tile: tile, on: self)
            if winogradWeightGradient(tiles, sums: grid, source: x.floats, gradient: dy.floats, to: dw.floats, for: dw) { return }
        } else if usesMatrixUnit, weightGradient(grid, x, dy, into: dw, splits: true) {
            return
        }
        _ = weightGradient(grid, x, dy, into: dw, splits: false)
    }

    /// - Parameter splits: whether to use the matrix unit.
    /// - Returns: whether the result holds; not where the matrix unit does not suit the shape or something is not finite.
    private func weightGradient(_ grid: SumGrid, _ x: View, _ dy: View, into dw: View, splits: Bool) -> Bool {
        let (images, groups, depth) = (grid.images, grid.groups, grid.depth)
        var holds = true
        grid.withC { g in
            if splits, martlet_grid_splits(g) == 0 { return holds = false }
            let pitch = Int(martlet_weight_gradient_pitch(g.pointee.outputs))
            // A range of k takes all positions; where there are too few ranges for the threads, images are divided too.
            let least = (depth + 575) / 576
            let range = (depth + least - 1) / least, ranges = (depth + range - 1) / range
            let slabs = max(1, min(images, (2 * pool.threads + ranges * groups - 1) / (ranges * groups)))
            let each = Int(
                splits ? martlet_weight_gradient_parts_scratch(g) : martlet_weight_gradient_scratch(g, Int64(range)))
            let slabFloats = groups * depth * pitch
            guard let memory = scratch(floats: slabs * slabFloats + pool.threads * each, for: [dw]) else { return }
            defer { withExtendedLifetime(memory) {} }
            let partial = memory.start, scratch = partial + slabs * slabFloats
            let (source, gradient, result) = (x.floats, dy.floats, dw.floats)
            var finite = [Bool](repeating: true, count: slabs * groups * ranges)
            finite.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let finite = buffer
                pool.run(slabs * groups * ranges) { task, worker in
                    let slab = task / (groups * ranges), group = task / ranges % groups, first = task % ranges * range
                    let compute = splits ? martlet_weight_gradient_parts : martlet_weight_gradient
                    finite[task] =
                        compute(
                            g, source, gradient, partial + slab * slabFloats + (group * depth + first) * pitch, Int64(group),
                            Int64(first), Int64(min(depth, first + range)), Int64(images * slab / slabs),
                            Int64(images * (slab + 1) / slabs), scratch + worker * each) != 0
                }
            }
            holds = !finite.contains(false)
            if holds { sum(g, partial, slabs, to: result) }
        }
        return holds
    }
}
