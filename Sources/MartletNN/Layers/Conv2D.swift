import MartletCore

/// Two-dimensional convolution: [n, inputs, h, w] to [n, outputs, oh, ow]. Weight [outputs, inputs / groups, kh, kw], bias
/// [outputs].
public final class Conv2D: Layer {
    public let weight: Parameter
    public let bias: Parameter?
    public let options: ConvolutionOptions
    /// Applied to the result in the same pass; nil for none.
    public var activation: FusedActivation?

    public init(
        _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, groups: Int = 1,
        bias: Bool = true, initializer: Initializer = .torch, activation: FusedActivation? = nil,
        algorithm: ConvolutionAlgorithm = .automatic
    ) {
        precondition(
            inputs > 0 && outputs > 0 && groups > 0 && inputs % groups == 0 && outputs % groups == 0,
            "Conv2D: \(inputs) to \(outputs) channels in \(groups) groups")
        options = ConvolutionOptions(stride: stride, padding: padding, dilation: dilation, groups: groups, algorithm: algorithm)
        weight = Parameter(initializer([outputs, inputs / groups, kernel.y, kernel.x]))
        self.bias = bias ? Parameter(Initializer.torchBias(fanIn: inputs / groups * kernel.y * kernel.x)([outputs])) : nil
        self.activation = activation
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        convolution(x, weight.value, bias: bias?.value, options: options, activation: activation)
    }
}
