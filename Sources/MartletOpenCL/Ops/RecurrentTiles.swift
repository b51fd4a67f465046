import MartletCore

/// How the kernels of `RecurrenceTile.cl` share out a layer: a launch does one step.
struct RecurrentTiles: RecurrentLaunches {
    let layer: RecurrentLayer
    private let device: OpenCLDevice
    private let kernel: Kernel
    private let shape: RecurrentTile

    /// Nil where a product and a pointwise pass a step do better, or where this device does not run such work-groups.
    ///
    /// - Parameter factors: what the weights are multiplied by.
    init?(_ layer: RecurrentLayer, _ name: String, _ factors: [View], on device: OpenCLDevice) {
        let (n, h) = (layer.sequence.n, layer.sequence.h), units = min(device.properties.computeUnits, RecurrentTile.mostUnits)
        guard n * h * h <= RecurrentTile.mostProducts * units else { return nil }
        self.layer = layer
        self.device = device
        shape = RecurrentTile(name, samples: n, units: h, computeUnits: units)
        let isAligned = h % 4 == 0 && ([layer.weight] + factors).allSatisfy { $0.offset % 4 == 0 }
        guard let kernel = try? device.kernel("RecurrenceTile", name, shape.defines(isAligned: isAligned)),
            kernel.runs(RecurrentTile.threads, on: device.properties)
        else { return nil }
        self.kernel = kernel
    }

    func forwardWeight() -> KernelArgument { .tensor(layer.weight) }
    func backwardWeight() -> KernelArgument { .tensor(layer.weight) }

    func runForward(_ arguments: [KernelArgument]) throws {
        for step in 0..<layer.sequence.t { try launch(arguments, step) }
    }

    func runBackward(_ arguments: [KernelArgument]) throws {
        for step in (-1..<layer.sequence.t).reversed() { try launch(arguments, step) }
    }

    private func launch(_ arguments: [KernelArgument], _ step: Int) throws {
        let sequence = layer.sequence, groups = shape.groups(samples: sequence.n, units: sequence.h)
        try device.launch(
            kernel, global: [groups.units * RecurrentTile.threads, groups.samples], local: [RecurrentTile.threads, 1],
            arguments: arguments + [
                .int(sequence.isReversed ? 1 : 0), .int(sequence.t), .int(step), .word(UInt32(sequence.n)),
                .word(UInt32(sequence.h)),
            ])
    }
}

/// What a work-group of `RecurrenceTile.cl` does at a time.
struct RecurrentTile {
    /// THREADS in `RecurrenceTile.cl`.
    static let threads = 128
    /// Products a gate, step and compute unit beyond which a tuned product does better.
    static let mostProducts = 280_000
    /// Places within a step are 32-bit numbers.
    static let mostUnits = 1024
    static let kernels = ["lstm_steps", "gru_steps", "lstm_back", "gru_back"]

    /// ITEM in `RecurrenceTile.cl`.
    private let item: Int
    /// Of a work-group.
    private let units: Int

    static func all(_ kernel: String) -> [RecurrentTile] { [4, 2, 1].map { RecurrentTile(kernel, item: $0) } }

    private init(_ kernel: String, item: Int) {
        self.item = item
        units = kernel.hasSuffix("steps") ? 4 : 8
    }

    /// As many samples a work-item as leave work-groups for three quarters of the compute units, and no more than there are.
    init(_ kernel: String, samples: Int, units: Int, computeUnits: Int) {
        let fitting = Self.all(kernel).first {
            let groups = $0.groups(samples: samples, units: units)
            return 4 * $0.item < samples && 4 * groups.samples * groups.units >= 3 * computeUnits
        }
        self = fitting ?? RecurrentTile(kernel, item: 1)
    }

    func groups(samples: Int, units: Int) -> (samples: Int, units: Int) {
        ((samples + 8 * item - 1) / (8 * item), (units + self.units - 1) / self.units)
    }

    func defines(isAligned: Bool) -> Defines {
        var defines: Defines = ["ITEM": item]
        if isAligned { defines["FOUR"] = 1 }
        return defines
    }
}
