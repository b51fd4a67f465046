/// How a convolution's sums are computed. The results differ by rounding only.
public enum ConvolutionAlgorithm: String, Hashable, Sendable, CaseIterable {
    /// The device's table chooses, by shape alone, between `direct` and `winograd2x2`.
    case automatic
    /// Every product of the definition.
    case direct
    /// Winograd's F(2x2, 3x3), its weight gradient F(3x3, 2x2): 2.25 times fewer products (with 5 x 5 taps 2.8 times), at most twice
    /// `direct`'s rms error. Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016.
    case winograd2x2
    /// Winograd's F(4x4, 3x3), for 3 x 3 taps only: 4 times fewer products, at most 12 times `direct`'s rms error; only where it is
    /// asked for.
    case winograd4x4

    @TaskLocal static var scoped = ConvolutionAlgorithm.automatic
}

/// Runs `body` with this algorithm for every convolution that names none of its own, and for those convolutions' gradients. Where a
/// Winograd form does not apply (kernels other than 3 x 3 and 5 x 5, strides or dilations other than 1) convolutions stay direct.
public func withConvolutionAlgorithm<Result>(_ algorithm: ConvolutionAlgorithm, _ body: () throws -> Result) rethrows -> Result {
    try ConvolutionAlgorithm.$scoped.withValue(algorithm, operation: body)
}

extension ConvolutionOptions {
    /// The options with the algorithm of the scope, where they name none.
    var scoped: ConvolutionOptions {
        guard algorithm == .automatic else { return self }
        var options = self
        options.algorithm = ConvolutionAlgorithm.scoped
        return options
    }
}
