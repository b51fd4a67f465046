import MartletCore

/// Two-dimensional convolution: [n, inputs, h, w] to [n, outputs, oh, ow]. Weight [outputs, inputs / groups, kh, kw], bias
/// [outputs].
public final class Conv2D: Layer {
    public let weight: Parameter
    public let bias: Parameter?
    public private(set) var options: ConvolutionOptions
    /// How the sums are computed.
    public var algorithm: ConvolutionAlgorithm {
        get { options.algorithm }
        set { options.algorithm = newValue }
    }
    /// Applied to the result in the same pass; nil for none.
    public var activation: FusedActivation?

    public init(
        _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, groups: Int = 1,
        bias: Bool = true, initializer: Initializer = .torch, biasInitializer: Initializer? = nil,
        activation: FusedActivation? = nil,
        algorithm: ConvolutionAlgorithm = .automatic
    ) {
        precondition(
            inputs > 0 && outputs > 0 && groups > 0 && inputs % groups == 0 && outputs % groups == 0,
            "Conv2D: \(inputs) to \(outputs) channels in \(groups) groups")
        options = ConvolutionOptions(stride: stride, padding: padding, dilation: dilation, groups: groups, algorithm: algorithm)
        weight = Parameter(initializer([outputs, inputs / groups, kernel.y, kernel.x]))
        self.bias =
            bias ? Parameter((biasInitializer ?? .torchBias(fanIn: inputs / groups * kernel.y * kernel.x))([outputs])) : nil
        self.activation = activation
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        convolution(x, weight.value, bias: bias?.value, options: options, activation: activation)
    }
}

extension Conv2D {
    /// This convolution, then batch normalisation, a residual of the result's shape and an activation. Outside training, where nothing
    /// is recorded, all of it is one pass.
    public func callAsFunction(
        _ x: Tensor, then norm: BatchNorm2D, adding residual: Tensor? = nil, activation after: FusedActivation? = nil
    ) -> Tensor {
        guard !TrainingMode.isOn, !Recording.isOn, activation == nil else {
            return norm(self(x), adding: residual, activation: after)
        }
        let (scale, shift) = norm.runningAffine(rank: 4)
        let moved = bias.map { shift + $0.value.reshaped(scale.shape) * scale } ?? shift
        return convolution(x, weight.value, options: options, scale: scale, shift: moved, adding: residual, activation: after)
    }
}
