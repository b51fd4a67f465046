import CMartletCPU
import MartletCore

/// Recurrent layers. All threads go through a sequence together, their weights packed once for all its steps; a sequence so
/// short that packing does not pay is done step by step.
extension CPUDevice: RecurrenceOps {
    public func lstm(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool) {
        guard let run = RecurrenceRun(gates, weight, lengths, isReversed, results: [gates, hidden, cell], on: self) else {
            return lstmBySteps(
                gates: gates, weight: weight, lengths: lengths, hidden: hidden, cell: cell, isReversed: isReversed)
        }
        run.withSequence(reading: []) { martlet_lstm(pool.handle, $0, gates.floats, hidden.floats, cell.floats, $1) }
    }

    public func lstmGradient(
        dHidden: View, dCell: View?, gates: View, weight: View, lengths: View?, cell: View, into dGates: View,
        dInitialHidden: View, dInitialCell: View, isReversed: Bool
    ) {
        let results = [dGates, dInitialHidden, dInitialCell]
        guard let run = RecurrenceRun(gates, weight, lengths, isReversed, results: results, on: self) else {
            return lstmGradientBySteps(
                dHidden: dHidden, dCell: dCell, gates: gates, weight: weight, lengths: lengths, cell: cell, into: dGates,
                dInitialHidden: dInitialHidden, dInitialCell: dInitialCell, isReversed: isReversed)
        }
        run.withSequence(reading: [dHidden, gates, cell] + (dCell.map { [$0] } ?? [])) {
            martlet_lstm_gradient(
                pool.handle, $0, dHidden.floats, dCell?.floats, gates.floats, cell.floats, dGates.floats,
                dInitialHidden.floats, dInitialCell.floats, $1)
        }
    }

    public func gru(gates: View, weight: View, bias: View?, lengths: View?, hidden: View, candidate: View, isReversed: Bool) {
        guard let run = RecurrenceRun(gates, weight, lengths, isReversed, results: [gates, hidden, candidate], on: self) else {
            return gruBySteps(
                gates: gates, weight: weight, bias: bias, lengths: lengths, hidden: hidden, candidate: candidate,
                isReversed: isReversed)
        }
        run.withSequence(reading: bias.map { [$0] } ?? []) {
            martlet_gru(pool.handle, $0, gates.floats, bias?.floats, hidden.floats, candidate.floats, $1)
        }
    }

    public func gruGradient(
        dHidden: View, gates: View, weight: View, lengths: View?, hidden: View, candidate: View, into dGates: View,
        dCandidate: View, dInitialHidden: View, isReversed: Bool
    ) {
        let results = [dGates, dCandidate, dInitialHidden]
        guard let run = RecurrenceRun(gates, weight, lengths, isReversed, results: results, on: self) else {
            return gruGradientBySteps(
                dHidden: dHidden, gates: gates, weight: weight, lengths: lengths, hidden: hidden, candidate: candidate,
                into: dGates, dCandidate: dCandidate, dInitialHidden: dInitialHidden, isReversed: isReversed)
        }
        run.withSequence(reading: [dHidden, gates, hidden, candidate]) {
            martlet_gru_gradient(
                pool.handle, $0, dHidden.floats, gates.floats, hidden.floats, candidate.floats, dGates.floats,
                dCandidate.floats, dInitialHidden.floats, $1)
        }
    }
}

/// One pass over a sequence.
private struct RecurrenceRun {
    private let device: CPUDevice
    private let weight: View
    private let lengths: View?
    private let results: [View]
    private var sequence: martlet_recurrence

    /// Steps from which it pays to pack the weights.
    private static let leastSteps = 4

    /// Nil for a sequence that is better done step by step.
    init?(_ gates: View, _ weight: View, _ lengths: View?, _ isReversed: Bool, results: [View], on device: CPUDevice) {
        guard gates.shape[0] >= Self.leastSteps else { return nil }
        self.device = device
        self.weight = weight
        self.lengths = lengths
        self.results = results
        sequence = martlet_recurrence(
            steps: Int64(gates.shape[0]), samples: Int64(gates.shape[1]), units: Int64(weight.shape[1]),
            gates: Int64(weight.shape[0] / weight.shape[1]), is_reversed: isReversed ? 1 : 0,
            lengths: lengths.map { UnsafePointer($0.ints) }, weight: UnsafePointer(weight.floats),
            splits: device.usesMatrixUnit ? 1 : 0)
    }

    /// Runs a C function on the sequence and its scratch memory, unless an operand carries a fault.
    func withSequence(reading inputs: [View], _ body: (UnsafePointer<martlet_recurrence>, UnsafeMutablePointer<Float>) -> Void) {
        let read = inputs + [weight] + (lengths.map { [$0] } ?? [])
        guard device.begin(reading: read, writing: results) else { return }
        withUnsafePointer(to: sequence) { sequence in
            let floats = Int(martlet_recurrence_scratch(sequence, Int32(device.pool.threads)))
            guard let memory = device.scratch(floats: floats, for: results) else { return }
            body(sequence, memory.start)
            withExtendedLifetime(memory) {}
        }
    }
}
