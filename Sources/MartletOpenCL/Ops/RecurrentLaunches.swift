import MartletCore

/// How a device does a layer by kernels of its own, forward or backward.
protocol RecurrentLaunches {
    var layer: RecurrentLayer { get }

    /// The weights as the kernel takes them, to be multiplied by states.
    func forwardWeight() throws -> KernelArgument
    /// The weights as the kernel takes them, to be multiplied by the gradients of gates.
    func backwardWeight() throws -> KernelArgument
    /// Runs the kernel over all steps; its last arguments are added.
    func runForward(_ arguments: [KernelArgument]) throws
    /// As `runForward`, from the last step computed down to the initial state, whose number is -1.
    func runBackward(_ arguments: [KernelArgument]) throws
}

extension RecurrentLaunches {
    var lengthInputs: [View] { layer.lengths.map { [$0] } ?? [] }
}

/// What every kernel is told of a layer.
struct RecurrentLayer {
    let weight: View
    let lengths: View?
    let gateCount: Int
    let sequence: RecurrentSequence

    init(_ gates: View, _ weight: View, _ lengths: View?, _ isReversed: Bool) {
        self.weight = weight
        self.lengths = lengths
        gateCount = weight.shape[0] / weight.shape[1]
        sequence = RecurrentSequence(gates: gates, gateCount: gateCount, isReversed: isReversed)
    }
}
