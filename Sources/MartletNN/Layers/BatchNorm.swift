import MartletCore

/// Normalises each channel of [n, c, ...]: by the batch's statistics in training, by the running ones otherwise. Ioffe and
/// Szegedy, "Batch normalization", 2015. Names and the meaning of `momentum` (the share of the new) are PyTorch's.
///
/// One whose parameters are frozen keeps its statistics too, and normalises by them in training as well, as is done when a network is
/// fine-tuned: the layers behind it were trained on what they make. (Keras does so of itself; in PyTorch one calls `eval()` on it.)
public class BatchNorm: TrainingDependent {
    public let weight: Parameter?
    public let bias: Parameter?
    public let runningMean: Buffer
    public let runningVariance: Buffer
    public var epsilon: Float
    public let momentum: Float
    /// Applied to the result in the same pass; nil for none.
    public var activation: FusedActivation?
    private let ranks: ClosedRange<Int>

    fileprivate init(
        _ channels: Int, epsilon: Float, momentum: Float, affine: Bool, activation: FusedActivation?, ranks: ClosedRange<Int>
    ) {
        precondition(channels > 0, "BatchNorm: \(channels) channels")
        weight = affine ? Parameter(Initializer.ones([channels])) : nil
        bias = affine ? Parameter(Initializer.zeros([channels])) : nil
        runningMean = Buffer(Initializer.zeros([channels]))
        runningVariance = Buffer(Initializer.ones([channels]))
        self.epsilon = epsilon
        self.momentum = momentum
        self.activation = activation
        self.ranks = ranks
    }

    public var parts: Parts {
        ["weight": weight, "bias": bias, "running_mean": runningMean, "running_var": runningVariance]
    }

    private var isFrozen: Bool { (weight?.isFrozen ?? false) && (bias?.isFrozen ?? false) }
    public var dependsOnTraining: Bool { !isFrozen }

    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, adding: nil, activation: activation) }

    /// The normalised tensor, plus a residual of its shape, through an activation.
    public func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil, activation: FusedActivation?) -> Tensor {
        precondition(
            ranks.contains(x.rank) && x.shape[1] == runningMean.value.shape[0],
            "\(type(of: self)) of \(runningMean.value.shape) on \(x.shape)")
        guard TrainingMode.isOn, !isFrozen else {
            let (scale, shift) = runningAffine(rank: x.rank)
            let normalized = x * scale + shift
            let sum = residual.map { normalized + $0 } ?? normalized
            return activation.map { Tensor.pointwise($0.function, [sum]) } ?? sum
        }
        let result = batchNorm(
            x, scale: weight?.value, shift: bias?.value, epsilon: epsilon, adding: residual, activation: activation)
        let count = Float(x.count / x.shape[1])
        keep(result.mean, in: runningMean, scale: 1)
        keep(result.variance, in: runningVariance, scale: count / max(count - 1, 1))
        return result.output
    }

    private func keep(_ batch: Tensor, in buffer: Buffer, scale: Float) {
        let blend = Expression.input(0) * .scalar(0) + .input(1) * .scalar(1)
        buffer.value = Tensor.pointwise(blend, scalars: [1 - momentum, momentum * scale], [buffer.value, batch]).evaluated()
    }

    /// What a channel is multiplied by and what is then added, outside training; of shape [c, 1, ...], to be broadcast.
    func runningAffine(rank: Int) -> (scale: Tensor, shift: Tensor) {
        let shape = runningMean.value.shape + [Int](repeating: 1, count: rank - 2)
        let inverse = (runningVariance.value + epsilon).reciprocalSquareRoot
        let scale = weight.map { $0.value * inverse } ?? inverse
        let shift = bias.map { $0.value - runningMean.value * scale } ?? -(runningMean.value * scale)
        return (scale.reshaped(shape), shift.reshaped(shape))
    }
}

/// Batch normalisation of [n, c] or [n, c, length].
public final class BatchNorm1D: BatchNorm {
    public init(
        _ channels: Int, epsilon: Float = 1e-5, momentum: Float = 0.1, affine: Bool = true, activation: FusedActivation? = nil
    ) {
        super.init(channels, epsilon: epsilon, momentum: momentum, affine: affine, activation: activation, ranks: 2...3)
    }
}

/// Batch normalisation of [n, c, h, w].
public final class BatchNorm2D: BatchNorm {
    public init(
        _ channels: Int, epsilon: Float = 1e-5, momentum: Float = 0.1, affine: Bool = true, activation: FusedActivation? = nil
    ) {
        super.init(channels, epsilon: epsilon, momentum: momentum, affine: affine, activation: activation, ranks: 4...4)
    }
}
