import MartletCore

/// What a recurrent network gives for a sequence.
public struct RecurrentOutput {
    /// The last layer's hidden states, [t, n, directions * hidden] ([n, t, ...] where the batch comes first); zeros from a sample's
    /// length on.
    public var output: Tensor
    /// Of every layer and direction (forward, then reverse) after its last step, [layers * directions, n, hidden].
    public var state: RecurrentState
}

/// Layers of recurrent cells over sequences: [t, n, inputs] to [t, n, directions * hidden], or [n, t, ...] where the batch comes
/// first. Parameters have PyTorch's names, shapes, gate order and first values: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`,
/// `bias_hh_l0`, those of the reverse direction with `_reverse` behind, then those of layer 1.
public class Recurrent: Layer {
    public let cell: RecurrentCell
    public let inputs: Int
    public let hidden: Int
    public let layers: Int
    public let isBidirectional: Bool
    /// Whether sequences are [n, t, ...]; [t, n, ...] saves a transposition on the way in and out.
    public let batchFirst: Bool
    private let dropout: Dropout?
    /// Layer by layer, forward before reverse.
    private let runs: [Run]

    /// One layer in one direction.
    private struct Run {
        let suffix: String
        let isReversed: Bool
        let inputWeight: Parameter, recurrentWeight: Parameter
        let inputBias: Parameter?, recurrentBias: Parameter?

        var weights: RecurrentWeights {
            RecurrentWeights(
                input: inputWeight.value, recurrent: recurrentWeight.value, inputBias: inputBias?.value,
                recurrentBias: recurrentBias?.value)
        }
    }

    init(
        _ cell: RecurrentCell, _ inputs: Int, _ hidden: Int, layers: Int, bias: Bool, dropout: Float, bidirectional: Bool,
        batchFirst: Bool
    ) {
        precondition(
            inputs > 0 && hidden > 0 && layers > 0, "\(cell.rawValue): \(inputs) inputs, \(hidden) units, \(layers) layers")
        self.cell = cell
        self.inputs = inputs
        self.hidden = hidden
        self.layers = layers
        isBidirectional = bidirectional
        self.batchFirst = batchFirst
        self.dropout = dropout == 0 ? nil : Dropout(dropout)
        let bound = 1 / Float(hidden).squareRoot(), initializer = Initializer.uniform(-bound, bound)
        let directions = bidirectional ? 2 : 1
        runs = (0..<layers * directions).map { index in
            let layer = index / directions, width = layer == 0 ? inputs : directions * hidden, rows = cell.gates * hidden
            let isReversed = index % directions == 1
            return Run(
                suffix: "_l\(layer)" + (isReversed ? "_reverse" : ""), isReversed: isReversed,
                inputWeight: Parameter(initializer([rows, width])), recurrentWeight: Parameter(initializer([rows, hidden])),
                inputBias: bias ? Parameter(initializer([rows])) : nil,
                recurrentBias: bias ? Parameter(initializer([rows])) : nil)
        }
    }

    public var parts: Parts {
        Parts(
            runs.flatMap { run -> [(name: String, part: any Part)] in
                let all: [(String, Parameter?)] = [
                    ("weight_ih", run.inputWeight), ("weight_hh", run.recurrentWeight), ("bias_ih", run.inputBias),
                    ("bias_hh", run.recurrentBias),
                ]
                return all.compactMap { name, parameter in parameter.map { (name + run.suffix, $0) } }
            })
    }

    public var directions: Int { isBidirectional ? 2 : 1 }

    /// Zeros for n samples, which a sequence begins with unless told otherwise.
    public func zeroState(_ n: Int) -> RecurrentState {
        let zeros = Tensor.zeros([layers * directions, n, hidden])
        return RecurrentState(hidden: zeros, cell: cell == .lstm ? zeros : nil)
    }

    /// The output alone, from a state of zeros.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, state: nil).output }

    /// - Parameters:
    ///   - state: what the sequence begins with; zeros where nil. To carry a state from one piece of a long sequence to the next,
    ///     pass the last one's; `detached`, gradients end between the pieces (truncated back-propagation through time).
    ///   - lengths: int32 [n], how many steps each sample has, from 0 to t, in any order.
    public func callAsFunction(
        _ x: Tensor, state: RecurrentState?, lengths: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> RecurrentOutput {
        run(x, state, lengths, isTraced: false, file, line).result
    }

    /// One step, as generation takes it: x [n, inputs] to [n, hidden]. Not for layers that read their sequence backward too.
    public func step(
        _ x: Tensor, state: RecurrentState?, file: StaticString = #fileID, line: UInt = #line
    ) -> RecurrentOutput {
        require(!isBidirectional, cell.rawValue, "a reverse direction has no single steps", file, line)
        require(x.rank == 2, cell.rawValue, "a step of shape \(x.shape), not [n, \(inputs)]", file, line)
        var result = self(x.expanded(axis: batchFirst ? 1 : 0), state: state, file: file, line: line)
        result.output = result.output.squeezed(axis: batchFirst ? 1 : 0)
        return result
    }

    /// The insides of every layer and direction at every step. Nothing is recorded for gradients.
    public func trace(
        _ x: Tensor, state: RecurrentState? = nil, lengths: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> [RecurrentTrace] {
        withoutGradients { run(x, state, lengths, isTraced: true, file, line).traces }
    }

    private func run(
        _ x: Tensor, _ state: RecurrentState?, _ lengths: Tensor?, isTraced: Bool, _ file: StaticString, _ line: UInt
    ) -> (result: RecurrentOutput, traces: [RecurrentTrace]) {
        require(
            x.rank == 3 && x.shape[2] == inputs, cell.rawValue,
            "\(x.shape), not [\(batchFirst ? "n, t" : "t, n"), \(inputs)]", file, line)
        var x = batchFirst ? x.transposed(0, 1) : x
        let wanted = [layers * directions, x.shape[1], hidden]
        require(
            state == nil || (state!.hidden.shape == wanted && (cell != .lstm || state!.cell?.shape == wanted)), cell.rawValue,
            "state \(state?.hidden.shape ?? []), cell \(state?.cell?.shape ?? []), not \(wanted)", file, line)
        var last: [RecurrentState] = [], traces: [RecurrentTrace] = []
        for layer in 0..<layers {
            if layer > 0, let dropout { x = dropout(x) }
            var outputs: [Tensor] = []
            for (index, run) in runs.enumerated() where index / directions == layer {
                func part(_ states: Tensor) -> Tensor { states.sliced(axis: 0, index..<index + 1).squeezed(axis: 0) }
                let result = recurrence(
                    x, cell, run.weights,
                    initial: state.map { RecurrentState(hidden: part($0.hidden), cell: $0.cell.map(part)) }, lengths: lengths,
                    isReversed: run.isReversed, isTraced: isTraced, file: file, line: line)
                outputs.append(result.output)
                last.append(result.state)
                if isTraced { traces.append(RecurrentTrace(layer, run.isReversed, cell, result, batchFirst: batchFirst)) }
            }
            x = outputs.count == 1 ? outputs[0] : concatenate(outputs, axis: 2)
        }
        func joined(_ states: [Tensor]) -> Tensor { concatenate(states.map { $0.expanded(axis: 0) }) }
        let state = RecurrentState(
            hidden: joined(last.map(\.hidden)), cell: cell == .lstm ? joined(last.compactMap(\.cell)) : nil)
        return (RecurrentOutput(output: batchFirst ? x.transposed(0, 1) : x, state: state), traces)
    }
}
