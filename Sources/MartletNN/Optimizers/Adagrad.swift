import MartletCore

/// Divides each step by the root of the sum of all squared gradients so far. Duchi, Hazan and Singer, 2011.
public final class Adagrad: Optimizer {
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 0.01, learningRateDecay: Float = 0, initialSum: Float = 0,
        epsilon: Float = 1e-10, weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: AdagradRule(learningRateDecay: learningRateDecay, initialSum: initialSum, epsilon: epsilon))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 0.01, learningRateDecay: Float = 0, initialSum: Float = 0,
        epsilon: Float = 1e-10, weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, learningRateDecay: learningRateDecay,
            initialSum: initialSum,
            epsilon: epsilon, weightDecay: weightDecay, clipping: clipping)
    }
}

private final class AdagradRule: UpdateRule {
    private let learningRateDecay: Float
    private let initialSum: Float
    private let epsilon: Float
    let stateCount = 1
    let expression: Expression

    init(learningRateDecay: Float, initialSum: Float, epsilon: Float) {
        self.learningRateDecay = learningRateDecay
        self.initialSum = initialSum
        self.epsilon = epsilon
        let p = Expression.input(0)
        let gradient = .input(2) + .scalar(1) * p
        let sum = .input(1) + gradient.square
        expression = .results([p - .scalar(0) * gradient / (sum.squareRoot + .scalar(2)), sum])
    }

    func initialState(_ index: Int) -> Float { initialSum }

    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        [learningRate / (1 + Float(step - 1) * learningRateDecay), weightDecay, epsilon]
    }
}
