import MartletCore

/// Scales each step by the ratio of running root mean squares of past steps and gradients. Zeiler, 2012.
public final class Adadelta: Optimizer {
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 1, smoothing: Float = 0.9, epsilon: Float = 1e-6,
        weightDecay: Float = 0,
        clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: AdadeltaRule(smoothing: smoothing, epsilon: epsilon))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 1, smoothing: Float = 0.9, epsilon: Float = 1e-6,
        weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, smoothing: smoothing, epsilon: epsilon,
            weightDecay: weightDecay,
            clipping: clipping)
    }
}

private final class AdadeltaRule: UpdateRule {
    private let smoothing: Float
    private let epsilon: Float
    let stateCount = 2
    let expression: Expression

    init(smoothing: Float, epsilon: Float) {
        self.smoothing = smoothing
        self.epsilon = epsilon
        let p = Expression.input(0), kept = Expression.scalar(2), new = Expression.scalar(3), small = Expression.scalar(4)
        let gradient = .input(3) + .scalar(1) * p
        let square = kept * .input(1) + new * gradient.square
        let delta = (.input(2) + small).squareRoot / (square + small).squareRoot * gradient
        expression = .results([p - .scalar(0) * delta, square, kept * .input(2) + new * delta.square])
    }

    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        [learningRate, weightDecay, smoothing, 1 - smoothing, epsilon]
    }
}
