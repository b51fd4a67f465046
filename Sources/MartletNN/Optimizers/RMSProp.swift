import MartletCore

/// Divides each step by the root of a running mean of squared gradients (Tieleman and Hinton, 2012); centred, by the running
/// deviation (Graves, 2013).
public final class RMSProp: Optimizer {
    /// - Parameters:
    ///   - smoothing: the share of the running means kept from step to step.
    ///   - momentum: of the steps; 0 for none.
    ///   - centred: whether the running mean's square is taken off the mean square.
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 0.01, smoothing: Float = 0.99, epsilon: Float = 1e-8,
        momentum: Float = 0,
        centred: Bool = false, weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: RMSPropRule(smoothing: smoothing, epsilon: epsilon, momentum: momentum, centred: centred))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 0.01, smoothing: Float = 0.99, epsilon: Float = 1e-8,
        momentum: Float = 0, centred: Bool = false, weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, smoothing: smoothing, epsilon: epsilon, momentum: momentum,
            centred: centred, weightDecay: weightDecay, clipping: clipping)
    }
}

private final class RMSPropRule: UpdateRule {
    private let constants: [Float]
    let stateCount: Int
    let expression: Expression

    init(smoothing: Float, epsilon: Float, momentum: Float, centred: Bool) {
        constants = [smoothing, 1 - smoothing, epsilon, momentum]
        stateCount = 1 + (centred ? 1 : 0) + (momentum > 0 ? 1 : 0)
        let p = Expression.input(0), kept = Expression.scalar(2), new = Expression.scalar(3)
        let gradient = .input(stateCount + 1) + .scalar(1) * p
        let square = kept * .input(1) + new * gradient.square
        var state = [square], spread = square
        if centred {
            let mean = kept * .input(2) + new * gradient
            state.append(mean)
            spread = square - mean.square
        }
        var direction = gradient / (spread.squareRoot + .scalar(4))
        if momentum > 0 {
            direction = .scalar(5) * .input(stateCount) + direction
            state.append(direction)
        }
        expression = .results([p - .scalar(0) * direction] + state)
    }

    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        Array(([learningRate, weightDecay] + constants).prefix(expression.scalarCount))
    }
}
