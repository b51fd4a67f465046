import MartletCore

/// Recurrent layers. CPU-like devices go through the whole sequence in one launch, or with few samples do a step in one, with
/// weights packed once; GPU-like ones do a step in one. Where that does not pay, for short sequences and for large steps, a step is
/// a product and a pointwise pass.
extension OpenCLDevice: RecurrenceOps {
    public func lstm(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool) {
        guard let steps = recurrentLaunches("lstm_steps", gates, weight, lengths, isReversed, factors: [hidden]) else {
            return lstmBySteps(
                gates: gates, weight: weight, lengths: lengths, hidden: hidden, cell: cell, isReversed: isReversed)
        }
        guarded("lstm", inputs: [weight] + steps.lengthInputs, outputs: [gates, hidden, cell]) {
            try steps.runForward([
                .tensor(gates), try steps.forwardWeight(), .tensor(hidden), .tensor(cell),
                .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1),
            ])
        }
    }

    public func lstmGradient(
        dHidden: View, dCell: View?, gates: View, weight: View, lengths: View?, cell: View, into dGates: View,
        dInitialHidden: View, dInitialCell: View, isReversed: Bool
    ) {
        guard let steps = recurrentLaunches("lstm_back", gates, weight, lengths, isReversed, factors: [dGates]) else {
            return lstmGradientBySteps(
                dHidden: dHidden, dCell: dCell, gates: gates, weight: weight, lengths: lengths, cell: cell, into: dGates,
                dInitialHidden: dInitialHidden, dInitialCell: dInitialCell, isReversed: isReversed)
        }
        let inputs = [dHidden, gates, weight, cell] + (dCell.map { [$0] } ?? []) + steps.lengthInputs
        guarded("lstmGradient", inputs: inputs, outputs: [dGates, dInitialHidden, dInitialCell]) {
            try steps.runBackward([
                .tensor(dHidden), .tensor(dCell ?? dHidden), .tensor(gates), .tensor(cell), .tensor(dGates),
                .tensor(dInitialHidden), .tensor(dInitialCell), try steps.backwardWeight(),
                .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1), .int(dCell == nil ? 0 : 1),
            ])
        }
    }

    public func gru(gates: View, weight: View, bias: View?, lengths: View?, hidden: View, candidate: View, isReversed: Bool) {
        guard let steps = recurrentLaunches("gru_steps", gates, weight, lengths, isReversed, factors: [hidden]) else {
            return gruBySteps(
                gates: gates, weight: weight, bias: bias, lengths: lengths, hidden: hidden, candidate: candidate,
                isReversed: isReversed)
        }
        let inputs = [weight] + (bias.map { [$0] } ?? []) + steps.lengthInputs
        guarded("gru", inputs: inputs, outputs: [gates, hidden, candidate]) {
            try steps.runForward([
                .tensor(gates), try steps.forwardWeight(), .tensor(hidden), .tensor(candidate),
                .tensor(bias ?? weight), .tensor(lengths ?? gates), .int(bias == nil ? 0 : 1),
                .int(lengths == nil ? 0 : 1),
            ])
        }
    }

    public func gruGradient(
        dHidden: View, gates: View, weight: View, lengths: View?, hidden: View, candidate: View, into dGates: View,
        dCandidate: View, dInitialHidden: View, isReversed: Bool
    ) {
        guard let steps = recurrentLaunches("gru_back", gates, weight, lengths, isReversed, factors: [dGates, dCandidate]) else {
            return gruGradientBySteps(
                dHidden: dHidden, gates: gates, weight: weight, lengths: lengths, hidden: hidden, candidate: candidate,
                into: dGates, dCandidate: dCandidate, dInitialHidden: dInitialHidden, isReversed: isReversed)
        }
        let inputs = [dHidden, gates, weight, hidden, candidate] + steps.lengthInputs
        guarded("gruGradient", inputs: inputs, outputs: [dGates, dCandidate, dInitialHidden]) {
            try steps.runBackward([
                .tensor(dHidden), .tensor(gates), .tensor(hidden), .tensor(candidate), .tensor(dGates),
                .tensor(dCandidate), .tensor(dInitialHidden), try steps.backwardWeight(),
                .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1),
            ])
        }
    }

    /// The launches of one of the kernels; nil where a product and a pointwise pass a step do better.
    ///
    /// - Parameter factors: what the weights are multiplied by.
    private func recurrentLaunches(
        _ kernel: String, _ gates: View, _ weight: View, _ lengths: View?, _ isReversed: Bool, factors: [View]
    ) -> (any RecurrentLaunches)? {
        let layer = RecurrentLayer(gates, weight, lengths, isReversed)
        return switch deviceClass {
        case .cpuLike: RecurrentPanels(layer, kernel, on: self)
        case .gpuLike: RecurrentTiles(layer, kernel, factors, on: self)
        }
    }
}
