import MartletCore

/// Recurrent layers. CPU-like devices go through the whole sequence in one launch, or with few samples do a step in one, with
/// weights packed once; others, and all where a sequence is so short that packing does not pay, a product and a pointwise pass a
/// step.
extension OpenCLDevice: RecurrenceOps {
    public func lstm(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool) {
        guard let steps = RecurrentLaunches(gates, weight, lengths, isReversed, on: self) else {
            return lstmBySteps(
                gates: gates, weight: weight, lengths: lengths, hidden: hidden, cell: cell, isReversed: isReversed)
        }
        guarded("lstm", inputs: [weight] + steps.lengthInputs, outputs: [gates, hidden, cell]) {
            try steps.runForward(
                "lstm_steps",
                [
                    .tensor(gates), .buffer(try steps.packForward()), .tensor(hidden), .tensor(cell),
                    .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1),
                ])
        }
    }

    public func lstmGradient(
        dHidden: View, dCell: View?, gates: View, weight: View, lengths: View?, cell: View, into dGates: View,
        dInitialHidden: View, dInitialCell: View, isReversed: Bool
    ) {
        guard let steps = RecurrentLaunches(gates, weight, lengths, isReversed, on: self) else {
            return lstmGradientBySteps(
                dHidden: dHidden, dCell: dCell, gates: gates, weight: weight, lengths: lengths, cell: cell, into: dGates,
                dInitialHidden: dInitialHidden, dInitialCell: dInitialCell, isReversed: isReversed)
        }
        for result in [dInitialHidden, dInitialCell] { pointwise(0, scalars: [], inputs: [], outputs: [result]) }
        let inputs = [dHidden, gates, weight, cell] + (dCell.map { [$0] } ?? []) + steps.lengthInputs
        guarded("lstmGradient", inputs: inputs, outputs: [dGates, dInitialHidden, dInitialCell]) {
            try steps.runBackward(
                "lstm_back",
                [
                    .tensor(dHidden), .tensor(dCell ?? dHidden), .tensor(gates), .tensor(cell), .tensor(dGates),
                    .tensor(dInitialHidden), .tensor(dInitialCell), .buffer(try steps.packBackward()),
                    .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1), .int(dCell == nil ? 0 : 1),
                ])
        }
    }

    public func gru(gates: View, weight: View, bias: View?, lengths: View?, hidden: View, candidate: View, isReversed: Bool) {
        guard let steps = RecurrentLaunches(gates, weight, lengths, isReversed, on: self) else {
            return gruBySteps(
                gates: gates, weight: weight, bias: bias, lengths: lengths, hidden: hidden, candidate: candidate,
                isReversed: isReversed)
        }
        let inputs = [weight] + (bias.map { [$0] } ?? []) + steps.lengthInputs
        guarded("gru", inputs: inputs, outputs: [gates, hidden, candidate]) {
            try steps.runForward(
                "gru_steps",
                [
                    .tensor(gates), .buffer(try steps.packForward()), .tensor(hidden), .tensor(candidate),
                    .tensor(bias ?? weight), .tensor(lengths ?? gates), .int(bias == nil ? 0 : 1),
                    .int(lengths == nil ? 0 : 1),
                ])
        }
    }

    public func gruGradient(
        dHidden: View, gates: View, weight: View, lengths: View?, hidden: View, candidate: View, into dGates: View,
        dCandidate: View, dInitialHidden: View, isReversed: Bool
    ) {
        guard let steps = RecurrentLaunches(gates, weight, lengths, isReversed, on: self) else {
            return gruGradientBySteps(
                dHidden: dHidden, gates: gates, weight: weight, lengths: lengths, hidden: hidden, candidate: candidate,
                into: dGates, dCandidate: dCandidate, dInitialHidden: dInitialHidden, isReversed: isReversed)
        }
        pointwise(0, scalars: [], inputs: [], outputs: [dInitialHidden])
        let inputs = [dHidden, gates, weight, hidden, candidate] + steps.lengthInputs
        guarded("gruGradient", inputs: inputs, outputs: [dGates, dCandidate, dInitialHidden]) {
            try steps.runBackward(
                "gru_back",
                [
                    .tensor(dHidden), .tensor(gates), .tensor(hidden), .tensor(candidate), .tensor(dGates),
                    .tensor(dCandidate), .tensor(dInitialHidden), .buffer(try steps.packBackward()),
                    .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1),
                ])
        }
    }
}
