/// Long short-term memory, as PyTorch's `nn.LSTM`: gates i, f, g, o; c' = f c + i g; h' = o tanh(c').
///
///     let lstm = LSTM(65, 256, layers: 2)
///     var state = lstm.zeroState(32)
///     for chunk in chunks {                                // [64, 32, 65]
///         let result = lstm(chunk, state: state)
///         state = result.state.detached
///     }
public final class LSTM: Recurrent {
    /// - Parameters:
    ///   - dropout: of what each layer but the last hands to the next, in training.
    ///   - batchFirst: whether sequences are [n, t, ...] instead of [t, n, ...]. States never are.
    public init(
        _ inputs: Int, _ hidden: Int, layers: Int = 1, bias: Bool = true, dropout: Float = 0, bidirectional: Bool = false,
        batchFirst: Bool = false
    ) {
        super.init(
            .lstm, inputs, hidden, layers: layers, bias: bias, dropout: dropout, bidirectional: bidirectional,
            batchFirst: batchFirst)
    }
}

/// Gated recurrent units, as PyTorch's `nn.GRU`: gates r, z; c = tanh(W x + r (U h + b)); h' = (1 - z) c + z h.
public final class GRU: Recurrent {
    /// - Parameters: as `LSTM`'s.
    public init(
        _ inputs: Int, _ hidden: Int, layers: Int = 1, bias: Bool = true, dropout: Float = 0, bidirectional: Bool = false,
        batchFirst: Bool = false
    ) {
        super.init(
            .gru, inputs, hidden, layers: layers, bias: bias, dropout: dropout, bidirectional: bidirectional,
            batchFirst: batchFirst)
    }
}
