import CMartletCPU
import MartletCore

/// A convolution of stride and dilation 1, or its input gradient, as `martlet_winograd` takes it.
struct WinogradGrid {
    var c: martlet_winograd

    /// - Parameters:
    ///   - grid: whose taps are a whole kernel's, row by row, one element apart.
    ///   - kernel: the extent of that kernel, 3 or 5.
    ///   - tile: outputs of a tile on an axis, 2 or 4.
    ///   - device: whose threads divide the work, and which may have a matrix unit.
    init(_ grid: SumGrid, kernel: Int, tile: Int, on device: CPUDevice) {
        let top = grid.taps.map(\.y).min() ?? 0, left = grid.taps.map(\.x).min() ?? 0
        c = martlet_winograd()
        c.images = Int64(grid.images)
        c.groups = Int64(grid.groups)
        c.channels = Int64(grid.channels)
        c.height = Int64(grid.source.y)
        c.width = Int64(grid.source.x)
        c.outputs = Int64(grid.outputs)
        c.rows = Int64(grid.rows)
        c.columns = Int64(grid.columns)
        c.top = Int64(top)
        c.left = Int64(left)
        c.tile = Int32(tile)
        c.kernel = Int32(kernel)
        c.splits = device.usesMatrixUnit ? 1 : 0
        martlet_winograd_divide(&c, Int64(device.pool.threads))
    }

    /// Whether a task's positions are parts of short rows, which are better finished later and all together.
    var hasScatteredTasks: Bool { c.by_images != 0 && c.row_blocks > 1 }

    /// Calls `body` with the images, channels and ranges of positions that a task computes.
    func pieces(of task: Int, _ body: (_ image: Int, _ channels: Range<Int>, _ positions: Range<Int>) -> Void) {
        var c = c
        let range = martlet_winograd_task_range(&c, Int64(task))
        let (tile, tilesY, rows, columns) = (Int(c.tile), Int(c.tiles_y), Int(c.rows), Int(c.columns))
        let channels =
            Int(range.group * c.outputs + range.first_output)..<Int(range.group * c.outputs + range.last_output)
        if c.by_images != 0 {
            return tiles(range) { positions in
                for image in Int(range.first_column)..<Int(range.last_column) { body(image, channels, positions) }
            }
        }
        var row = Int(range.first_row)
        while row < Int(range.last_row) {
            let image = row / tilesY, first = row % tilesY, count = min(tilesY - first, Int(range.last_row) - row)
            let top = first * tile, bottom = min(rows, (first + count) * tile)
            if c.column_blocks == 1 {
                body(image, channels, top * columns..<bottom * columns)
            } else {
                let left = Int(range.first_column) * tile, right = min(columns, Int(range.last_column) * tile)
                for y in top..<bottom { body(image, channels, y * columns + left..<y * columns + right) }
            }
            row += count
        }
    }
}

extension WinogradGrid {
    /// The positions of a range of an image's tiles: whole rows of tiles together, parts of them row by row.
    private func tiles(_ range: martlet_winograd_range, _ body: (Range<Int>) -> Void) {
        let (tile, across, rows, columns) = (Int(c.tile), Int(c.tiles_x), Int(c.rows), Int(c.columns))
        let (first, last) = (Int(range.first_row), Int(range.last_row))
        var row = first / across
        while row * across < last {
            let left = max(first - row * across, 0) * tile, right = min(columns, min(last - row * across, across) * tile)
            let isWhole = left == 0 && right == columns, top = row * tile
            row += isWhole ? max(1, last / across - row) : 1
            let bottom = min(rows, row * tile)
            if isWhole {
                body(top * columns..<bottom * columns)
            } else {
                for y in top..<bottom { body(y * columns + left..<y * columns + right) }
            }
        }
    }
}

extension ConvolutionGeometry {
    /// The side of the tiles that the options and the shape ask for; nil for the direct way.
    ///
    /// The table behind `automatic` is in `channels`: with few of them the transforms cost more than the products they save.
    func winogradTile(_ grid: SumGrid) -> Int? {
        guard options.stride == 1, options.dilation == 1, kernel.y == kernel.x, grid.positions > 0, grid.depth > 0,
            grid.outputs > 0
        else { return nil }
        switch options.algorithm {
        case .direct: return nil
        case .winograd4x4: return kernel == 3 ? 4 : nil
        case .winograd2x2: return kernel == 3 || kernel == 5 ? 2 : nil
        case .automatic:
            guard kernel == 3 || kernel == 5 else { return nil }
            return min(grid.channels, grid.outputs) >= 24 && grid.rows > 2 && grid.columns > 2 ? 2 : nil
        }
    }
}
