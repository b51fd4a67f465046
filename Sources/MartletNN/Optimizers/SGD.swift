import MartletCore

/// Stochastic gradient descent; with momentum (Polyak, 1964) or Nesterov's accelerated gradient (Sutskever et al., 2013).
public final class SGD: Optimizer {
    /// - Parameters:
    ///   - momentum: the share of the velocity kept from step to step; 0 for none.
    ///   - dampening: the share of the gradient that does not enter the velocity (from the second step on, as in PyTorch).
    ///   - nesterov: whether the step looks ahead along the velocity. Needs momentum and no dampening.
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 0.01, momentum: Float = 0, dampening: Float = 0, nesterov: Bool = false,
        weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        precondition(!nesterov || (momentum > 0 && dampening == 0), "SGD: Nesterov needs momentum and no dampening")
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: SGDRule(momentum: momentum, dampening: dampening, nesterov: nesterov))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 0.01, momentum: Float = 0, dampening: Float = 0,
        nesterov: Bool = false, weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, momentum: momentum, dampening: dampening,
            nesterov: nesterov,
            weightDecay: weightDecay, clipping: clipping)
    }
}

private final class SGDRule: UpdateRule {
    private let momentum: Float
    private let dampening: Float
    let expression: Expression
    let stateCount: Int

    init(momentum: Float, dampening: Float, nesterov: Bool) {
        self.momentum = momentum
        self.dampening = dampening
        stateCount = momentum == 0 ? 0 : 1
        let p = Expression.input(0), rate = Expression.scalar(0), decay = Expression.scalar(1)
        if momentum == 0 {
            expression = p - rate * (.input(1) + decay * p)
        } else {
            let gradient = .input(2) + decay * p
            let velocity = .scalar(2) * .input(1) + .scalar(3) * gradient
            let direction = nesterov ? gradient + .scalar(2) * velocity : velocity
            expression = .results([p - rate * direction, velocity])
        }
    }

    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        momentum == 0 ? [learningRate, weightDecay] : [learningRate, weightDecay, momentum, step == 1 ? 1 : 1 - dampening]
    }
}
