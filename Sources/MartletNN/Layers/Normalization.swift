import MartletCore

/// Normalises over the last axes, whose extents it is given, then scales and shifts. Ba, Kiros and Hinton, 2016.
public final class LayerNorm: Layer {
    public let weight: Parameter?
    public let bias: Parameter?
    public let shape: [Int]
    public let epsilon: Float

    /// - Parameter bias: whether an affine one shifts too.
    public init(_ shape: [Int], epsilon: Float = 1e-5, affine: Bool = true, bias: Bool = true) {
        precondition(!shape.isEmpty && shape.allSatisfy { $0 > 0 }, "LayerNorm over \(shape)")
        weight = affine ? Parameter(Initializer.ones(shape)) : nil
        self.bias = affine && bias ? Parameter(Initializer.zeros(shape)) : nil
        self.shape = shape
        self.epsilon = epsilon
    }

    public convenience init(_ width: Int, epsilon: Float = 1e-5, affine: Bool = true, bias: Bool = true) {
        self.init([width], epsilon: epsilon, affine: affine, bias: bias)
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

/// Divides by the root of the mean square over the last axes, then scales. Zhang and Sennrich, 2019.
public final class RMSNorm: Layer {
    public let weight: Parameter?
    public let shape: [Int]
    public let epsilon: Float

    /// - Parameter epsilon: added to the mean square; PyTorch's default is the distance from 1 to the next float.
    public init(_ shape: [Int], epsilon: Float = .ulpOfOne, affine: Bool = true) {
        precondition(!shape.isEmpty && shape.allSatisfy { $0 > 0 }, "RMSNorm over \(shape)")
        weight = affine ? Parameter(Initializer.ones(shape)) : nil
        self.shape = shape
        self.epsilon = epsilon
    }

    public convenience init(_ width: Int, epsilon: Float = .ulpOfOne, affine: Bool = true) {
        self.init([width], epsilon: epsilon, affine: affine)
    }

    public var parts: Parts { ["weight": weight] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        precondition(x.shape.suffix(shape.count) == shape[...], "RMSNorm over \(shape) on \(x.shape)")
        let axes = Array(x.rank - shape.count..<x.rank)
        let scaled = x * (x.square.mean(axes, keepingDimensions: true) + epsilon).reciprocalSquareRoot
        return weight.map { scaled * $0.value } ?? scaled
    }
}
