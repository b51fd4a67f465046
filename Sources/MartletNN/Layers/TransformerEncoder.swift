import MartletCore

/// Self-attention, then two linear layers, each added to its input. Vaswani et al., 2017. [b, t, width], named as PyTorch's
/// `nn.TransformerEncoderLayer`. With `isCausal` it is the layer of a decoder-only model.
public final class TransformerEncoderLayer: Module {
    public let attention: MultiHeadAttention
    private let feedForward: FeedForward
    private let norms: [LayerNorm]
    private let dropout: Dropout
    private let normFirst: Bool

    public init(_ options: TransformerOptions) {
        attention = options.attention()
        feedForward = FeedForward(options)
        norms = (0..<2).map { _ in options.norm() }
        dropout = Dropout(options.dropout)
        normFirst = options.normFirst
    }

    public var parts: Parts {
        [
            "self_attn": attention, "linear1": feedForward.first, "linear2": feedForward.second, "norm1": norms[0],
            "norm2": norms[1],
        ]
    }

    /// The parameters of `MultiHeadAttention`'s call.
    public func callAsFunction(
        _ x: Tensor, mask: Tensor? = nil, lengths: Tensor? = nil, isCausal: Bool = false, cache: KeyValueCache? = nil
    ) -> Tensor {
        func attend(_ x: Tensor) -> Tensor {
            dropout(attention(x, mask: mask, lengths: lengths, isCausal: isCausal, cache: cache))
        }
        if normFirst {
            let x = x + attend(norms[0](x))
            return x + dropout(feedForward(norms[1](x)))
        }
        let x = norms[0](x + attend(x))
        return norms[1](x + dropout(feedForward(x)))
    }
}

/// Encoder layers one after the other, and a normalisation behind them if there is one: PyTorch's `nn.TransformerEncoder`.
public final class TransformerEncoder: Module {
    public let layers: [TransformerEncoderLayer]
    public let norm: LayerNorm?

    public init(_ options: TransformerOptions, layers count: Int, finalNorm: Bool = true) {
        precondition(count >= 0, "TransformerEncoder: \(count) layers")
        layers = (0..<count).map { _ in TransformerEncoderLayer(options) }
        norm = finalNorm ? options.norm() : nil
    }

    public var parts: Parts { ["layers": ModuleList(layers), "norm": norm] }

    /// - Parameter caches: one for each layer.
    public func callAsFunction(
        _ x: Tensor, mask: Tensor? = nil, lengths: Tensor? = nil, isCausal: Bool = false, caches: [KeyValueCache]? = nil
    ) -> Tensor {
        precondition(caches.map { $0.count == layers.count } ?? true, "TransformerEncoder: a cache for each layer wanted")
        var x = x
        for (index, layer) in layers.enumerated() {
            x = layer(x, mask: mask, lengths: lengths, isCausal: isCausal, cache: caches?[index])
        }
        return norm?(x) ?? x
    }
}
