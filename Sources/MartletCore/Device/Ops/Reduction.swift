/// What a reduction computes over its axis of `n` elements.
///
/// NaN propagates through all of them: the largest of values with a NaN is NaN, and its position that of the first NaN.
/// Ties take the first position. Over no elements the sum is 0, the norm 0, the mean and variance NaN; the others are
/// refused before they reach a device.
public enum ReductionKind: Hashable, Sendable {
    case sum, mean, max, min
    /// Positions, as int32.
    case argMax, argMin
    /// The mean square distance from the mean, divided by `n - correction`, computed in two passes or Welford's way
    /// (never as the difference of large sums).
    case variance(correction: Int)
    /// The Euclidean norm.
    case norm

    public var resultType: DataType { self == .argMax || self == .argMin ? .int32 : .float32 }
}

/// Reductions.
public protocol ReductionOps: AnyObject {
    /// Reduces the middle axis: `input` is float32 [outer, n, inner], contiguous; `output` is [outer, inner], contiguous, of
    /// the kind's result type. The order of additions is fixed by the shape, the device and its thread count.
    func reduce(_ kind: ReductionKind, _ input: View, into output: View)
}
