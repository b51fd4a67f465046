/// What a recurrent layer computes at each step.
public enum RecurrentCell: String, Hashable, Sendable, CaseIterable {
    /// Hochreiter and Schmidhuber, "Long short-term memory", 1997, with forget gates (Gers et al., 2000).
    case lstm
    /// Cho et al., 2014, in the form of cuDNN and PyTorch, whose reset gate is applied behind the recurrent product.
    case gru

    /// Blocks of h rows in a weight: input, forget, candidate, output of an LSTM; reset, update, candidate of a GRU.
    public var gates: Int { self == .lstm ? 4 : 3 }
}

/// The recurrent half of a layer, over a whole sequence in one direction: t steps, n samples, h units. The products of the
/// inputs were computed before, for all steps in one.
///
/// All views are float32 (lengths int32 [n]) and contiguous. Weights are [gates * h, h], gates in PyTorch's order. States
/// [t + 1, n, h] hold what each step began with and what the last one left: step s reads row s and writes row s + 1. A
/// reversed sequence begins with its last step: step s reads row s + 1 and writes row s, so that in both directions one row at
/// the end of the sequence holds the initial state, which the caller has written.
///
/// With `lengths`, steps from a sample's length on leave its state as it is; their gates are not to be used, and their
/// gradients are 0.
public protocol RecurrenceOps: AnyObject {
    /// For every step: a = gates + weight * hidden; i, f, o = sigmoid(a), g = tanh(a); cell' = f * cell + i * g; hidden' = o *
    /// tanh(cell').
    ///
    /// - Parameter gates: [t, n, 4 * h], input products with biases on entry; i, f, g, o on return.
    func lstm(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool)

    /// Backward through time.
    ///
    /// - Parameters:
    ///   - dHidden: [t + 1, n, h], from above, with respect to every row of the hidden states.
    ///   - dCell: the same of the cell states; nil for zeros.
    ///   - gates: i, f, g, o; with `cell`, what `lstm` left.
    ///   - dGates: [t, n, 4 * h], with respect to the input products. May be the same view as `gates`.
    ///   - dInitialHidden: [n, h], with respect to the initial state; so `dInitialCell`.
    func lstmGradient(
        dHidden: View, dCell: View?, gates: View, weight: View, lengths: View?, cell: View, into dGates: View,
        dInitialHidden: View, dInitialCell: View, isReversed: Bool)

    /// For every step, with q = weight * hidden + bias of the candidate's block: r, z = sigmoid(gates + weight * hidden), c =
    /// tanh(gates + r * q), hidden' = (1 - z) * c + z * hidden.
    ///
    /// - Parameters:
    ///   - gates: [t, n, 3 * h], input products with all other biases on entry; r, z, c on return.
    ///   - bias: [h], of the candidate's recurrent product; nil for zeros.
    ///   - candidate: [t, n, h], q on return.
    func gru(gates: View, weight: View, bias: View?, lengths: View?, hidden: View, candidate: View, isReversed: Bool)

    /// Backward through time.
    ///
    /// - Parameters:
    ///   - dHidden: [t + 1, n, h], from above, with respect to every row of the hidden states.
    ///   - gates: r, z, c; with `hidden` and `candidate`, what `gru` left.
    ///   - dGates: [t, n, 3 * h], with respect to the input products. May be the same view as `gates`.
    ///   - dCandidate: [t, n, h], with respect to q. May be the same view as `candidate`.
    ///   - dInitialHidden: [n, h], with respect to the initial state.
    func gruGradient(
        dHidden: View, gates: View, weight: View, lengths: View?, hidden: View, candidate: View, into dGates: View,
        dCandidate: View, dInitialHidden: View, isReversed: Bool)
}
