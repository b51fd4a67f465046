import MartletCore

/// How the kernels of `Recurrence.cl` share out a layer: a work-item has a block of units for some samples.
struct RecurrentLaunches {
    let sequence: RecurrentSequence
    let lengthInputs: [View]
    private let device: OpenCLDevice
    private let weight: View
    private let gateCount: Int
    private let blocks: Int
    private let rowsEach: Int

    /// Steps from which it pays to pack the weights.
    private static let leastSteps = 4
    /// Of a register tile.
    private static let tileRows = 8, vectors = 2

    /// Nil where a product and a pointwise pass a step do better.
    init?(_ gates: View, _ weight: View, _ lengths: View?, _ isReversed: Bool, on device: OpenCLDevice) {
        guard device.deviceClass == .cpuLike, gates.shape[0] >= Self.leastSteps else { return nil }
        gateCount = weight.shape[0] / weight.shape[1]
        sequence = RecurrentSequence(gates: gates, gateCount: gateCount, isReversed: isReversed)
        self.device = device
        self.weight = weight
        lengthInputs = lengths.map { [$0] } ?? []
        let width = 16 * Self.vectors
        blocks = (sequence.h + width - 1) / width
        // A tile of samples at the least; as few parts as occupy all compute units evenly.
        let units = device.properties.computeUnits, most = max(1, sequence.n / Self.tileRows)
        var parts = 1
        while parts < min(most, 2 * units), blocks * parts % units != 0 { parts += 1 }
        if blocks * parts % units != 0 { parts = min(most, (units + blocks - 1) / blocks) }
        rowsEach = (sequence.n + parts - 1) / parts
    }

    func kernel(_ name: String) throws -> Kernel {
        try device.kernel(
            "Recurrence", name, ["GATES": gateCount, "MR": Self.tileRows, "NV": Self.vectors, "VEC": 16, "GROUP": 1])
    }

    /// Puts a kernel into the queue whose last arguments are n, h and the samples of a work-item.
    func launch(_ kernel: Kernel, _ arguments: [KernelArgument]) throws {
        let parts = (sequence.n + rowsEach - 1) / rowsEach
        try device.launch(
            kernel, global: [blocks, parts], local: [1, 1],
            arguments: arguments + [.size(sequence.n), .size(sequence.h), .size(rowsEach)])
    }

    /// Runs a body for each step from the last computed to the first, and once more for the initial state (nil); it is also told
    /// the step that it was run for before.
    func eachBackward(_ body: (_ step: Int?, _ later: Int?) throws -> Void) throws {
        var later: Int?
        for step in sequence.backward {
            try body(step, later)
            later = step
        }
        try body(nil, later)
    }

    /// [gate][block][unit before][unit].
    func packForward() throws -> OpenCLBuffer {
        let h = sequence.h
        return try pack(
            View(
                weight.buffer, .float32, offset: weight.offset, shape: [gateCount, h, h], strides: [h * h, 1, h]),
            depths: h)
    }

    /// [block][unit of a gate][unit before].
    func packBackward() throws -> OpenCLBuffer {
        let h = sequence.h, rows = gateCount * h
        return try pack(
            View(weight.buffer, .float32, offset: weight.offset, shape: [1, rows, h], strides: [rows * h, h, 1]), depths: rows)
    }

    /// A batch of matrices [depths, lanes] in panels.
    private func pack(_ matrices: View, depths: Int) throws -> OpenCLBuffer {
        let operand = MatmulOperand(matrices, laneAxis: 2, depthAxis: 1, prefersDeep: false)
        let packed = try device.pack(operand, depths: depths, panel: 16 * Self.vectors, batches: matrices.shape[0])
        return device.own(packed.view.buffer)
    }
}
