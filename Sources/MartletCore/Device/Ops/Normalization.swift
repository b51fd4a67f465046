/// Normalisation to mean 0 and variance 1, then scale and shift. All views are float32 and contiguous:
/// x, y, dy, dx [n, c, s] (batch, channels, positions); scale, shift and their gradients [c].
///
/// y = (x - mean) * inverseDeviation * scale + shift, with inverseDeviation = 1 / sqrt(variance + epsilon) and the variance
/// divided by the count (not one less), computed without the difference of large sums.
public protocol NormalizationOps: AnyObject {
    /// Batch normalisation in training: statistics of each channel over n and s; mean and inverseDeviation are [c].
    func batchNorm(_ x: View, scale: View?, shift: View?, epsilon: Float, into y: View, mean: View, inverseDeviation: View)
    /// The gradients of `batchNorm`, through the statistics. dScale and dShift are always written.
    func batchNormGradient(
        _ dy: View, _ x: View, scale: View?, mean: View, inverseDeviation: View,
        into dx: View, dScale: View, dShift: View)
    /// Group normalisation: statistics of each sample over its group's c / groups channels and all positions; mean and
    /// inverseDeviation are [n, groups]. Layer normalisation is groups = 1, s = 1.
    func groupNorm(
        _ x: View, scale: View?, shift: View?, groups: Int, epsilon: Float,
        into y: View, mean: View, inverseDeviation: View)
    /// The gradients of `groupNorm`. dScale and dShift are always written.
    func groupNormGradient(
        _ dy: View, _ x: View, scale: View?, groups: Int, mean: View, inverseDeviation: View,
        into dx: View, dScale: View, dShift: View)
}
