/// A small deterministic generator (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014),
/// the source of orders of samples and of their augmentation. The same everywhere, whatever the thread.
public struct SampleRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A sequence of its own for each combination of `seed` and `streams`.
    public init(seed: UInt64, _ streams: UInt64...) {
        state = streams.reduce(SampleRandom.mix(seed &+ 0x9E37_79B9_7F4A_7C15)) { state, stream in
            SampleRandom.mix(state ^ SampleRandom.mix(stream &+ 0x9E37_79B9_7F4A_7C15))
        }
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SampleRandom.mix(state)
    }

    /// A whole number from 0 to below `bound`, each as likely as the others to within 2^-64 `bound`: the high word of the
    /// product with 64 random bits.
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "integer(below:): the bound \(bound) is not positive")
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number from 0 to below 1, a multiple of 2^-24.
    public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// A number from `range`.
    public mutating func uniform(in range: ClosedRange<Float>) -> Float {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// The order in which an epoch visits the samples.
package enum EpochOrder {
    /// The stream that splits draw from; no epoch has this number.
    package static let splitStream = Int.min

    /// A permutation of 0..<count: Fisher-Yates from the last position down, position i exchanged with
    /// `integer(below: i + 1)` of the `SampleRandom` of the seed and the epoch. A function of its
    /// arguments alone, so that any epoch can be entered anywhere.
    package static func permutation(of count: Int, seed: UInt64, epoch: Int) -> [Int] {
        var random = SampleRandom(seed: seed, UInt64(bitPattern: Int64(epoch)))
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, random.integer(below: last + 1))
        }
        return order
    }
}
