import MartletCore

/// What a decoder layer keeps between the tokens it generates: the target's own keys and values, and the memory's.
public final class DecoderCache {
    public let target: KeyValueCache
    public let memory: KeyValueCache

    /// - Parameter capacity: target positions to take memory for at first.
    public init(capacity: Int = 128) {
        target = KeyValueCache(capacity: capacity)
        memory = KeyValueCache(capacity: capacity)
    }

    /// Makes batch element i what `rows[i]` was (int32 [n]).
    public func select(_ rows: Tensor) {
        target.select(rows)
        memory.select(rows)
    }
}

/// What a decoder may see of its two sequences; see `MultiHeadAttention`.
public struct DecoderMasks {
    /// Broadcastable to [b, heads, t, t], and lengths int32 [b].
    public var target: Tensor?
    public var targetLengths: Tensor?
    /// Broadcastable to [b, heads, t, s], and lengths int32 [b].
    public var memory: Tensor?
    public var memoryLengths: Tensor?
    /// Whether a target position sees none behind it.
    public var isCausal: Bool

    public init(
        target: Tensor? = nil, targetLengths: Tensor? = nil, memory: Tensor? = nil, memoryLengths: Tensor? = nil,
        isCausal: Bool = true
    ) {
        self.target = target
        self.targetLengths = targetLengths
        self.memory = memory
        self.memoryLengths = memoryLengths
        self.isCausal = isCausal
    }
}

/// Masked self-attention, cross-attention to the encoder's result, then two linear layers, each added to its input. Vaswani et
/// al., 2017. Named as PyTorch's `nn.TransformerDecoderLayer`.
public final class TransformerDecoderLayer: Module {
    public let selfAttention: MultiHeadAttention
    public let crossAttention: MultiHeadAttention
    private let feedForward: FeedForward
    private let norms: [LayerNorm]
    private let dropout: Dropout
    private let normFirst: Bool

    public init(_ options: TransformerOptions) {
        selfAttention = options.attention()
        crossAttention = options.attention()
        feedForward = FeedForward(options)
        norms = (0..<3).map { _ in options.norm() }
        dropout = Dropout(options.dropout)
        normFirst = options.normFirst
    }

    public var parts: Parts {
        [
            "self_attn": selfAttention, "multihead_attn": crossAttention, "linear1": feedForward.first,
            "linear2": feedForward.second, "norm1": norms[0], "norm2": norms[1], "norm3": norms[2],
        ]
    }

    /// x [b, t, width] and the encoder's result [b, s, width]. With a cache x follows the positions kept there.
    public func callAsFunction(_ x: Tensor, memory: Tensor, masks: DecoderMasks = .init(), cache: DecoderCache? = nil) -> Tensor {
        func attend(_ x: Tensor) -> Tensor {
            dropout(
                selfAttention(
                    x, mask: masks.target, lengths: masks.targetLengths, isCausal: masks.isCausal, cache: cache?.target))
        }
        func look(_ x: Tensor) -> Tensor {
            dropout(
                crossAttention(x, keys: memory, mask: masks.memory, lengths: masks.memoryLengths, cache: cache?.memory))
        }
        if normFirst {
            var x = x + attend(norms[0](x))
            x = x + look(norms[1](x))
            return x + dropout(feedForward(norms[2](x)))
        }
        var x = norms[0](x + attend(x))
        x = norms[1](x + look(x))
        return norms[2](x + dropout(feedForward(x)))
    }
}

/// Decoder layers one after the other, and a normalisation behind them if there is one: PyTorch's `nn.TransformerDecoder`.
public final class TransformerDecoder: Module {
    public let layers: [TransformerDecoderLayer]
    public let norm: LayerNorm?

    public init(_ options: TransformerOptions, layers count: Int, finalNorm: Bool = true) {
        precondition(count >= 0, "TransformerDecoder: \(count) layers")
        layers = (0..<count).map { _ in TransformerDecoderLayer(options) }
        norm = finalNorm ? options.norm() : nil
    }

    public var parts: Parts { ["layers": ModuleList(layers), "norm": norm] }

    /// - Parameter caches: one for each layer.
    public func callAsFunction(
        _ x: Tensor, memory: Tensor, masks: DecoderMasks = .init(), caches: [DecoderCache]? = nil
    ) -> Tensor {
        precondition(caches.map { $0.count == layers.count } ?? true, "TransformerDecoder: a cache for each layer wanted")
        var x = x
        for (index, layer) in layers.enumerated() { x = layer(x, memory: memory, masks: masks, cache: caches?[index]) }
        return norm?(x) ?? x
    }
}
