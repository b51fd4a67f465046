/// Which keys a query sees, and how their values are weighed.
public struct AttentionOptions: Hashable, Sendable {
    /// What the products of queries and keys are multiplied by; 1 / sqrt(d) for a head width d where nil.
    public var scale: Float?
    /// Where set, query i sees the keys 0...i + `causalOffset` only. 0 for queries and keys of the same positions; the number of
    /// keys that were there before the first query where earlier ones are kept (`KeyValueCache`).
    public var causalOffset: Int?
    /// Weights dropped in training; nil for none.
    public var dropout: AttentionDropout?

    public init(scale: Float? = nil, causalOffset: Int? = nil, dropout: AttentionDropout? = nil) {
        self.scale = scale
        self.causalOffset = causalOffset
        self.dropout = dropout
    }

    /// What products are multiplied by for heads of this width.
    public func scale(width: Int) -> Float { scale ?? 1 / Float(width).squareRoot() }

    /// Each query sees the keys up to its own position.
    public static let causal = AttentionOptions(causalOffset: 0)
}

/// Weights set to 0 with a probability, the others divided by what is left. The weight of query i for key j of head h in batch
/// element b is element ((b * heads + h) * queries + i) * keys + j of the draw `Distribution.bernoulli`, on every device.
public struct AttentionDropout: Hashable, Sendable {
    /// From 0 to below 1.
    public var probability: Float
    public var key: RandomKey

    public init(probability: Float, key: RandomKey) {
        self.probability = probability
        self.key = key
    }
}
