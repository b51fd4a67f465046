/// Where in the sequence of random numbers a draw begins. Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy
/// as 1, 2, 3", 2011) with the key (low, high word of `seed`); block b has the counter (low, high word of b, low, high word
/// of `stream`) and gives four 32-bit words. Element i of a draw takes word i % 4 of block i / 4.
public struct RandomKey: Hashable, Sendable {
    public var seed: UInt64
    public var stream: UInt64

    public init(seed: UInt64, stream: UInt64) {
        self.seed = seed
        self.stream = stream
    }
}

/// The distribution of a draw.
public enum Distribution: Hashable, Sendable {
    /// All 32 bits, as int32.
    case bits
    /// From `low` to below `high`: low + u * (high - low), with u = (word >> 8) * 2^-24. Rounded separately (no fused
    /// multiply-add), so that the bits are the same everywhere.
    case uniform(low: Float, high: Float)
    /// Box-Muller on the block's words in pairs: with u = ((w0 >> 8) + 1) * 2^-24 and v = (w1 >> 8) * 2^-24, the even element
    /// is sqrt(-2 ln u) cos(2 pi v), the odd one sqrt(-2 ln u) sin(2 pi v); then mean + deviation * that.
    case normal(mean: Float, deviation: Float)
    /// `scale` with this probability (u < probability, u as for uniform), else 0. A dropout mask has the scale
    /// 1 / probability.
    case bernoulli(probability: Float, scale: Float)

    public var resultType: DataType { self == .bits ? .int32 : .float32 }
}

/// Random numbers: the same on every device (normals within 1e-6).
public protocol RandomOps: AnyObject {
    /// Fills a contiguous view of the distribution's type.
    func random(_ distribution: Distribution, key: RandomKey, into output: View)
}
