import MartletCore

/// Recurrent layers. CPU-like devices do a step in one launch, with weights packed once for the whole sequence; others, and all
/// where a sequence is so short that packing does not pay, a product and a pointwise pass.
extension OpenCLDevice: RecurrenceOps {
    public func lstm(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool) {
        guard let steps = RecurrentLaunches(gates, weight, lengths, isReversed, on: self) else {
            return lstmBySteps(
                gates: gates, weight: weight, lengths: lengths, hidden: hidden, cell: cell, isReversed: isReversed)
        }
        guarded("lstm", inputs: [weight] + steps.lengthInputs, outputs: [gates, hidden, cell]) {
            let packed = try steps.packForward(), kernel = try steps.kernel("lstm_step"), sequence = steps.sequence
            for step in sequence.forward {
                let from = sequence.before(step), to = sequence.after(step)
                try steps.launch(
                    kernel,
                    [
                        .tensor(gates.row(step)), .buffer(packed), .tensor(hidden.row(from)), .tensor(hidden.row(to)),
                        .tensor(cell.row(from)), .tensor(cell.row(to)), .tensor(lengths ?? gates),
                        .int(lengths == nil ? 0 : 1), .int(step),
                    ])
            }
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
            let packed = try steps.packBackward(), kernel = try steps.kernel("lstm_back"), sequence = steps.sequence
            try steps.eachBackward { step, later in
                let from = step.map(sequence.before) ?? sequence.initial, to = step.map(sequence.after) ?? sequence.initial
                try steps.launch(
                    kernel,
                    [
                        .tensor(dHidden.row(to)), .tensor((dCell ?? dHidden).row(to)), .tensor(gates.row(step ?? 0)),
                        .tensor(cell.row(from)), .tensor(cell.row(to)), .tensor(dGates.row(later ?? 0)),
                        .tensor(dGates.row(step ?? 0)), .tensor(dInitialHidden), .tensor(dInitialCell), .buffer(packed),
                        .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1), .int(dCell == nil ? 0 : 1),
                        .int(later == nil ? 0 : 1), .int(step ?? -1),
                    ])
            }
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
            let packed = try steps.packForward(), kernel = try steps.kernel("gru_step"), sequence = steps.sequence
            for step in sequence.forward {
                try steps.launch(
                    kernel,
                    [
                        .tensor(gates.row(step)), .buffer(packed), .tensor(hidden.row(sequence.before(step))),
                        .tensor(hidden.row(sequence.after(step))), .tensor(candidate.row(step)), .tensor(bias ?? weight),
                        .tensor(lengths ?? gates), .int(bias == nil ? 0 : 1), .int(lengths == nil ? 0 : 1), .int(step),
                    ])
            }
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
            let packed = try steps.packBackward(), kernel = try steps.kernel("gru_back"), sequence = steps.sequence
            try steps.eachBackward { step, later in
                let from = step.map(sequence.before) ?? sequence.initial, to = step.map(sequence.after) ?? sequence.initial
                try steps.launch(
                    kernel,
                    [
                        .tensor(dHidden.row(to)), .tensor(gates.row(step ?? 0)), .tensor(hidden.row(from)),
                        .tensor(candidate.row(step ?? 0)), .tensor(dGates.row(later ?? 0)),
                        .tensor(dCandidate.row(later ?? 0)), .tensor(dGates.row(step ?? 0)),
                        .tensor(dCandidate.row(step ?? 0)), .tensor(dInitialHidden), .buffer(packed),
                        .tensor(lengths ?? gates), .int(lengths == nil ? 0 : 1), .int(later == nil ? 0 : 1),
                        .int(step ?? -1),
                    ])
            }
        }
    }
}
