import MartletCore

/// What happened inside one layer and direction of a recurrent network, step by step. All are [t, n, hidden] ([n, t, hidden]
/// where the batch comes first) and say nothing from a sample's length on.
public struct RecurrentTrace {
    public let layer: Int
    public let isReversed: Bool
    /// An LSTM's `input`, `forget`, `candidate` and `output`; a GRU's `reset`, `update` and `candidate`. Gates lie between 0 and 1,
    /// candidates between -1 and 1.
    public let gates: [(name: String, values: Tensor)]
    /// An LSTM's cells after each step.
    public let cell: Tensor?
    /// The hidden states after each step.
    public let hidden: Tensor

    /// A gate by its name.
    public subscript(_ name: String) -> Tensor? { gates.first { $0.name == name }?.values }

    init(_ layer: Int, _ isReversed: Bool, _ cell: RecurrentCell, _ result: RecurrenceResult, batchFirst: Bool) {
        self.layer = layer
        self.isReversed = isReversed
        let names = cell == .lstm ? ["input", "forget", "candidate", "output"] : ["reset", "update", "candidate"]
        let h = result.output.shape[2]
        func turned(_ x: Tensor) -> Tensor { batchFirst ? x.transposed(0, 1) : x }
        gates = names.enumerated().map { index, name in
            (name, turned(result.gates!.sliced(axis: 2, index * h..<(index + 1) * h)))
        }
        self.cell = result.cells.map(turned)
        hidden = turned(result.output)
    }
}
