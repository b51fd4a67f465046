import MartletCore

/// How the kernels of `Recurrence.cl` share out a layer.
struct RecurrentPanels: RecurrentLaunches {
    let layer: RecurrentLayer
    private let device: OpenCLDevice
    private let name: String
    private let blocks: Int
    private let rowsEach: Int
    /// Whether a work-item goes through all blocks and steps, else a launch does one step.
    private let isWhole: Bool

    /// Steps from which it pays to pack the weights.
    private static let leastSteps = 4
    private let tile: RegisterTile
    private var sequence: RecurrentSequence { layer.sequence }

    /// Nil where a product and a pointwise pass a step do better.
    init?(_ layer: RecurrentLayer, _ name: String, on device: OpenCLDevice) {
        let sequence = layer.sequence
        guard sequence.t >= Self.leastSteps else { return nil }
        self.layer = layer
        self.device = device
        self.name = name
        tile = RegisterTile(registers: device.properties.registerVectors)
        let width = 16 * tile.vectors
        blocks = (sequence.h + width - 1) / width
        let units = device.properties.computeUnits, tiles = max(1, sequence.n / tile.rows)
        isWhole = tiles >= units
        // As few parts of the samples as occupy all compute units evenly; of one step also its blocks do.
        var parts = isWhole ? units : 1
        if !isWhole {
            while parts < min(tiles, 2 * units), blocks * parts % units != 0 { parts += 1 }
            if blocks * parts % units != 0 { parts = min(tiles, (units + blocks - 1) / blocks) }
        }
        rowsEach = (sequence.n + parts - 1) / parts
    }

    /// The arguments end with the direction, the steps, the first and the end of those of a launch, n, h, the samples of a work-item
    /// and the blocks.
    func runForward(_ arguments: [KernelArgument]) throws {
        let kernel = try kernel()
        for step in isWhole ? 0..<1 : 0..<sequence.t {
            try launch(kernel, arguments, from: step, to: isWhole ? sequence.t : step + 1)
        }
    }

    func runBackward(_ arguments: [KernelArgument]) throws {
        let kernel = try kernel(), last = sequence.t - 1
        for step in isWhole ? [last] : Array((-1...last).reversed()) {
            try launch(kernel, arguments, from: step, to: isWhole ? -1 : step)
        }
    }

    private func kernel() throws -> Kernel {
        try device.kernel(
            "Recurrence", name, ["GATES": layer.gateCount, "MR": tile.rows, "NV": tile.vectors, "VEC": 16, "GROUP": 1])
    }

    private func launch(_ kernel: Kernel, _ arguments: [KernelArgument], from begin: Int, to end: Int) throws {
        let parts = (sequence.n + rowsEach - 1) / rowsEach
        try device.launch(
            kernel, global: [isWhole ? 1 : blocks, parts], local: [1, 1],
            arguments: arguments + [
                .int(sequence.isReversed ? 1 : 0), .int(sequence.t), .int(begin), .int(end), .size(sequence.n),
                .size(sequence.h), .size(rowsEach), .size(blocks),
            ])
    }

    /// [gate][block][unit before][unit].
    func forwardWeight() throws -> KernelArgument {
        let (h, weight) = (sequence.h, layer.weight)
        return try pack(
            View(
                weight.buffer, .float32, offset: weight.offset, shape: [layer.gateCount, h, h], strides: [h * h, 1, h]),
            depths: h)
    }

    /// [block][unit of a gate][unit before].
    func backwardWeight() throws -> KernelArgument {
        let (h, weight) = (sequence.h, layer.weight), rows = layer.gateCount * h
        return try pack(
            View(weight.buffer, .float32, offset: weight.offset, shape: [1, rows, h], strides: [rows * h, h, 1]), depths: rows)
    }

    /// A batch of matrices [depths, lanes] in panels.
    private func pack(_ matrices: View, depths: Int) throws -> KernelArgument {
        let operand = MatmulOperand(matrices, laneAxis: 2, depthAxis: 1, prefersDeep: false)
        let packed = try device.pack(operand, depths: depths, panel: 16 * tile.vectors, batches: matrices.shape[0])
        return .buffer(device.own(packed.view.buffer))
    }
}
