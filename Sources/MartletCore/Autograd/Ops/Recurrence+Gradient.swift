/// The parameters of one layer of recurrent cells in one direction, gates in PyTorch's order.
public struct RecurrentWeights {
    /// [gates * h, inputs].
    public var input: Tensor
    /// [gates * h, h].
    public var recurrent: Tensor
    /// [gates * h], added to the input's products; so `recurrentBias` to the recurrent ones.
    public var inputBias: Tensor?
    public var recurrentBias: Tensor?

    public init(input: Tensor, recurrent: Tensor, inputBias: Tensor? = nil, recurrentBias: Tensor? = nil) {
        self.input = input
        self.recurrent = recurrent
        self.inputBias = inputBias
        self.recurrentBias = recurrentBias
    }
}

/// What recurrent cells carry from step to step: [n, h] of one layer and direction, [layers * directions, n, h] of a whole
/// network.
public struct RecurrentState {
    public var hidden: Tensor
    /// Of an LSTM.
    public var cell: Tensor?

    public init(hidden: Tensor, cell: Tensor? = nil) {
        self.hidden = hidden
        self.cell = cell
    }

    /// The same values without a part in gradients: where back-propagation through time is cut off.
    public var detached: RecurrentState { RecurrentState(hidden: hidden.detached, cell: cell?.detached) }
}

/// A sequence that recurrent cells went through.
public struct RecurrenceResult {
    /// The hidden state after each step, [t, n, h]; zeros from a sample's length on.
    public var output: Tensor
    /// After each sample's last step (its first, if reversed), [n, h].
    public var state: RecurrentState
    /// Where it is traced, the gates of every step, [t, n, gates * h], and of an LSTM its cells, [t, n, h]. Neither says
    /// anything from a sample's length on. They have no gradient.
    public var gates: Tensor?
    public var cells: Tensor?
}

/// One layer of recurrent cells over a sequence x [t, n, inputs] of t steps of n samples, in one direction: the input's products
/// of all steps at once, then step by step.
///
/// - Parameters:
///   - initial: the state at the beginning (at the end, if reversed); zeros where nil.
///   - lengths: int32 [n], how many steps each sample has, from 0 to t; what x holds beyond does not count.
///   - isTraced: whether the result has `gates` and `cells`.
public func recurrence(
    _ x: Tensor, _ cell: RecurrentCell, _ weights: RecurrentWeights, initial: RecurrentState? = nil,
    lengths: Tensor? = nil, isReversed: Bool = false, isTraced: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
) -> RecurrenceResult {
    let name = cell.rawValue
    require(
        x.rank == 3 && x.shape[0] >= 1 && x.type == .float32, name, "float32 [t, n, inputs] wanted, not \(x.type) \(x.shape)",
        file,
        line)
    let t = x.shape[0], n = x.shape[1], h = weights.recurrent.shape.last ?? 0, rows = cell.gates * h
    require(
        h >= 1 && weights.recurrent.shape == [rows, h] && weights.input.shape == [rows, x.shape[2]]
            && [weights.inputBias, weights.recurrentBias].allSatisfy { $0 == nil || $0!.shape == [rows] },
        name,
        "x \(x.shape) with weights \(weights.input.shape) and \(weights.recurrent.shape), biases "
            + "\(weights.inputBias?.shape ?? []) and \(weights.recurrentBias?.shape ?? [])", file, line)
    let hidden = initial?.hidden ?? Tensor.zeros([n, h]), memory = initial?.cell ?? Tensor.zeros([n, h])
    require(
        hidden.shape == [n, h] && memory.shape == [n, h] && (cell == .lstm || initial?.cell == nil), name,
        "initial state \(hidden.shape), cell \(initial?.cell?.shape ?? []) for \(n) samples of \(h) units", file, line)
    require(
        lengths == nil || (lengths!.type == .int32 && lengths!.shape == [n]), name,
        "lengths are \(lengths?.type ?? .int32) \(lengths?.shape ?? []), not int32 [\(n)]", file, line)
    let device = Tensor.commonDevice(
        [x, weights.input, weights.recurrent, weights.inputBias, weights.recurrentBias, hidden, memory, lengths].compactMap {
            $0
        },
        name, file, line)
    let inside = lengths.map { Tensor(Array(0..<Int32(t)), shape: [t, 1, 1]) .< $0.reshaped([n, 1]) }
    let input = inside.map { Tensor.select($0, x, Tensor.zeros([1])) } ?? x
    let (bias, candidateBias) = weights.biases(of: cell, units: h)
    let sequence = RecordedSequence(
        cell: cell, products: linear(input, weights.input, bias: bias, file: file, line: line), weight: weights.recurrent,
        bias: candidateBias, initialHidden: hidden, initialCell: memory, lengths: lengths?.detached, isReversed: isReversed,
        keepsGates: isTraced, device: device)
    let (states, cells) = sequence.run()
    let after = isReversed ? 0..<t : 1..<t + 1, last = isReversed ? 0 : t
    let output = states.sliced(axis: 0, after)
    return RecurrenceResult(
        output: inside.map { Tensor.select($0, output, Tensor.zeros([1])) } ?? output,
        state: RecurrentState(
            hidden: states.sliced(axis: 0, last..<last + 1).squeezed(axis: 0),
            cell: cells?.sliced(axis: 0, last..<last + 1).squeezed(axis: 0)),
        gates: isTraced ? sequence.gates : nil, cells: isTraced ? cells?.detached.sliced(axis: 0, after) : nil)
}

extension RecurrentWeights {
    /// The bias of the input's products, with all of the recurrent one that may be added there; and what may not: a GRU's reset gate
    /// is applied to its candidate's recurrent product and bias.
    fileprivate func biases(of cell: RecurrentCell, units h: Int) -> (input: Tensor?, candidate: Tensor?) {
        guard let recurrentBias else { return (inputBias, nil) }
        if cell == .lstm { return (inputBias.map { $0 + recurrentBias } ?? recurrentBias, nil) }
        let isSwitch = Tensor((0..<3 * h).map { $0 < 2 * h ? Float(1) : 0 })
        let switches = recurrentBias * isSwitch
        return (inputBias.map { $0 + switches } ?? switches, recurrentBias.sliced(axis: 0, 2 * h..<3 * h))
    }
}

/// The steps of one layer and what their gradient needs.
private struct RecordedSequence {
    let cell: RecurrentCell
    /// [t, n, gates * h]; overwritten by the gates, and those by their gradients.
    let products: Tensor
    let weight: Tensor
    let bias: Tensor?
    let initialHidden: Tensor
    let initialCell: Tensor
    let lengths: Tensor?
    let isReversed: Bool
    let keepsGates: Bool
    let device: any Device

    var gates: Tensor { products.detached }

    private var t: Int { products.shape[0] }
    private var n: Int { products.shape[1] }
    private var h: Int { weight.shape[1] }

    /// A gradient that reaches the cells, which the hidden states' node takes along.
    private final class CellGradient { var value: Tensor? }

    /// The hidden states, and of an LSTM the cells, [t + 1, n, h].
    func run() -> (states: Tensor, cells: Tensor?) {
        let hidden = states(from: initialHidden), kernel = weight.detached
        let lengths = lengths?.contiguousView(on: device), gates = gates
        if cell == .gru {
            let candidate = Tensor(empty: [t, n, h], on: device)
            if candidate.count > 0 {
                device.gru(
                    gates: gates.view(on: device), weight: kernel.contiguousView(on: device),
                    bias: bias?.contiguousView(on: device), lengths: lengths, hidden: hidden.view(on: device),
                    candidate: candidate.view(on: device), isReversed: isReversed)
            }
            let inputs = [products, weight, initialHidden] + (bias.map { [$0] } ?? [])
            return (
                hidden.recorded(inputs, named: "gru") { gradient, needed in
                    gruGradients(gradient, needed, gates, kernel, lengths, hidden, candidate)
                }, nil
            )
        }
        let cells = states(from: initialCell), above = CellGradient()
        if cells.count > 0, n > 0 {
            device.lstm(
                gates: gates.view(on: device), weight: kernel.contiguousView(on: device), lengths: lengths,
                hidden: hidden.view(on: device), cell: cells.view(on: device), isReversed: isReversed)
        }
        let recorded = hidden.recorded([products, weight, initialHidden, initialCell], named: "lstm") { gradient, needed in
            lstmGradients(gradient, above.value, needed, gates, kernel, lengths, hidden, cells)
        }
        // The cells' node is the younger one, so its gradient is known when the hidden states' is asked for.
        return (
            recorded,
            cells.recorded([recorded], named: "lstm") { gradient, _ in
                above.value = gradient
                return [Tensor.zeros(hidden.shape)]
            }
        )
    }

    /// Room for the states before and after every step, the initial one in its place.
    private func states(from initial: Tensor) -> Tensor {
        let states = Tensor(empty: [t + 1, n, h], on: device), place = isReversed ? t : 0
        states.sliced(axis: 0, place..<place + 1).write(initial.detached.expanded(axis: 0), on: device)
        return states
    }

    private func lstmGradients(
        _ gradient: Tensor, _ cellGradient: Tensor?, _ needed: [Bool], _ gates: Tensor, _ weight: Tensor, _ lengths: View?,
        _ hidden: Tensor, _ cells: Tensor
    ) -> [Tensor?] {
        let dGates = room(for: gates), dHidden = Tensor(empty: [n, h], on: device), dCell = Tensor(empty: [n, h], on: device)
        if n > 0 {
            device.lstmGradient(
                dHidden: gradient.contiguousView(on: device), dCell: cellGradient?.contiguousView(on: device),
                gates: gates.view(on: device), weight: weight.contiguousView(on: device), lengths: lengths,
                cell: cells.view(on: device), into: dGates.view(on: device), dInitialHidden: dHidden.view(on: device),
                dInitialCell: dCell.view(on: device), isReversed: isReversed)
        }
        return [dGates, needed[1] ? weightGradient(dGates.reshaped([t * n, 4 * h]), hidden) : nil, dHidden, dCell]
    }

    private func gruGradients(
        _ gradient: Tensor, _ needed: [Bool], _ gates: Tensor, _ weight: Tensor, _ lengths: View?, _ hidden: Tensor,
        _ candidate: Tensor
    ) -> [Tensor?] {
        let dGates = room(for: gates), dHidden = Tensor(empty: [n, h], on: device)
        if n > 0 {
            device.gruGradient(
                dHidden: gradient.contiguousView(on: device), gates: gates.view(on: device),
                weight: weight.contiguousView(on: device), lengths: lengths, hidden: hidden.view(on: device),
                candidate: candidate.view(on: device), into: dGates.view(on: device),
                dCandidate: candidate.view(on: device), dInitialHidden: dHidden.view(on: device), isReversed: isReversed)
        }
        var parts: [Tensor?] = [dGates, nil, dHidden]
        if needed[1] {
            let switches = dGates.reshaped([t * n, 3 * h]).sliced(axis: 1, 0..<2 * h)
            let content = candidate.reshaped([t * n, h])
            parts[1] = concatenate([weightGradient(switches, hidden), weightGradient(content, hidden)])
        }
        if bias != nil { parts.append(needed[3] ? candidate.summed(to: [h]) : nil) }
        return parts
    }

    /// The gates' own place, unless somebody still wants to see them.
    private func room(for gates: Tensor) -> Tensor { keepsGates ? Tensor(empty: gates.shape, on: device) : gates }

    /// Of some rows of the weight, from the gradients [t * n, rows] of their products: one product over all steps.
    private func weightGradient(_ gradients: Tensor, _ hidden: Tensor) -> Tensor {
        let before = hidden.sliced(axis: 0, isReversed ? 1..<t + 1 : 0..<t)
        return matmul(gradients.transposed(), before.reshaped([t * n, h]))
    }
}
