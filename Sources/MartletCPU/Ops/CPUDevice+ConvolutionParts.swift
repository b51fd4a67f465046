import CMartletCPU
import MartletCore

/// Sums over patches on the matrix unit (`ConvolutionParts.c`).
extension CPUDevice {
    /// As `sum`, whose other arguments these are. Tasks whose sums are not all finite are computed again by `plain`, which writes the
    /// sums of the whole grid to its argument and applies nothing.
    func sumParts(
        _ grid: SumGrid, _ g: UnsafePointer<martlet_grid>, weights: UnsafePointer<Float>, order: WeightOrder,
        source: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, for target: View, finish: Finish?,
        plain: (UnsafeMutablePointer<Float>) -> Void
    ) {
        let packedFloats = Int(martlet_grid_parts(g)), each = Int(martlet_grid_parts_scratch(g))
        guard let memory = scratch(floats: packedFloats + pool.threads * each, for: [target]) else { return }
        defer { withExtendedLifetime(memory) {} }
        let packed = memory.start, scratch = packed + packedFloats
        let tapIndex = grid.taps.map { Int32($0.index) }
        let halves = Int(martlet_grid_parts_halves(g.pointee.outputs))
        pool.run(over: grid.groups * halves, grain: max(1, 16384 * halves / (grid.outputs * grid.depth))) { halves, worker in
            martlet_grid_pack_parts(
                g, weights, Int64(order.count), Int64(order.group), Int64(order.output), Int64(order.channel), tapIndex, packed,
                halves.low, halves.high, scratch + worker * each)
        }
        let tasks = PatchTasks(grid, panels: Int(martlet_grid_parts_panels(g.pointee.outputs)), threads: pool.threads)
        var marked = [Bool](repeating: false, count: tasks.count)
        marked.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let marked = buffer
            pool.run(tasks.count) { task, worker in
                let part = tasks.part(task)
                let isFinite = martlet_grid_multiply_parts(
                    g, source, packed, result, Int64(part.group), part.positions.low, part.positions.high, part.panels.low,
                    part.panels.high, scratch + worker * each)
                if isFinite == 0 {
                    marked[task] = true
                } else if let finish {
                    tasks.pieces(of: task, panelStart: martlet_grid_parts_first_output, finish)
                }
            }
        }
        guard marked.contains(true) else { return }
        guard let finish else { return plain(result) }
        computeAgain(
            marked, images: grid.images, channels: grid.groups * grid.outputs, area: grid.area, to: result, for: target,
            plain: plain, pieces: { tasks.pieces(of: $0, panelStart: martlet_grid_parts_first_output, $1) }, finish: finish)
    }
}

/// How a sum over patches is cut: a task takes a block of positions, of one group and some of its panels of outputs.
struct PatchTasks {
    private let grid: SumGrid, panels: Int
    private let block: Int, blocks: Int, parts: Int

    init(_ grid: SumGrid, panels: Int, threads: Int) {
        self.grid = grid
        self.panels = panels
        let positions = grid.positions, most = Int(martlet_implicit_gemm_block)
        let wanted = max((positions + most - 1) / most, min(3 * threads, (positions + 31) / 32))
        block = ((positions + wanted - 1) / wanted + 31) / 32 * 32
        blocks = (positions + block - 1) / block
        // Where there are too few blocks for the threads, the output channels are divided too.
        parts = max(1, min(panels, (2 * threads + blocks * grid.groups - 1) / (blocks * grid.groups)))
    }

    var count: Int { blocks * grid.groups * parts }

    func part(_ task: Int) -> (group: Int, positions: Range<Int>, panels: Range<Int>) {
        let part = task % parts, first = task / parts / grid.groups * block
        return (
            task / parts % grid.groups, first..<min(grid.positions, first + block),
            panels * part / parts..<panels * (part + 1) / parts
        )
    }

    /// The images, channels and positions of a task, `panelStart` being the first output of a panel.
    func pieces(of task: Int, panelStart: (_ outputs: Int64, _ panel: Int64) -> Int64, _ body: CPUDevice.Finish) {
        let (group, positions, panels) = part(task), outputs = Int64(grid.outputs), area = grid.area
        let low = Int(panelStart(outputs, panels.low)), high = Int(panelStart(outputs, panels.high))
        for image in positions.lowerBound / area...(positions.upperBound - 1) / area {
            body(
                image, group * grid.outputs + low..<group * grid.outputs + high,
                max(positions.lowerBound - image * area, 0)..<min(positions.upperBound - image * area, area))
        }
    }
}
