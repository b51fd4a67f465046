import MartletCore

/// Normalises over the last axes, whose extents it is given, then scales and shifts. Ba, Kiros and Hinton, 2016.
public final class LayerNorm: Layer {
    public let weight: Parameter?
    public let bias: Parameter?
    public let shape: [Int]
    public let epsilon: Float

    public init(_ shape: [Int], epsilon: Float = 1e-5, affine: Bool = true) {
        precondition(!shape.isEmpty && shape.allSatisfy { $0 > 0 }, "LayerNorm over \(shape)")
        weight = affine ? Parameter(Initializer.ones(shape)) : nil
        bias = affine ? Parameter(Initializer.zeros(shape)) : nil
        self.shape = shape
        self.epsilon = epsilon
    }

    public convenience init(_ width: Int, epsilon: Float = 1e-5, affine: Bool = true) {
        self.init([width], epsilon: epsilon, affine: affine)
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        precondition(x.shape.suffix(shape.count) == shape[...], "LayerNorm over \(shape) on \(x.shape)")
        return layerNorm(x, axes: shape.count, scale: weight?.value, shift: bias?.value, epsilon: epsilon)
    }
}

/// Normalises groups of channels of [n, c, ...], then scales and shifts each channel. Wu and He, 2018.
public final class GroupNorm: Layer {
    public let weight: Parameter?
    public let bias: Parameter?
    public let groups: Int
    public let epsilon: Float

    public init(groups: Int, channels: Int, epsilon: Float = 1e-5, affine: Bool = true) {
        precondition(groups > 0 && channels > 0 && channels % groups == 0, "GroupNorm: \(channels) channels in \(groups) groups")
        weight = affine ? Parameter(Initializer.ones([channels])) : nil
        bias = affine ? Parameter(Initializer.zeros([channels])) : nil
        self.groups = groups
        self.epsilon = epsilon
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        groupNorm(x, groups: groups, scale: weight?.value, shift: bias?.value, epsilon: epsilon)
    }
}
