import Glibc
import MartletCore

/// Adam with Nesterov's look ahead. Dozat, 2016.
public final class NAdam: Optimizer {
    /// - Parameter momentumDecay: how fast the momentum approaches its full value.
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 2e-3, betas: (Float, Float) = (0.9, 0.999), epsilon: Float = 1e-8,
        weightDecay: Float = 0, momentumDecay: Float = 4e-3, clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: NAdamRule(betas: betas, epsilon: epsilon, momentumDecay: momentumDecay))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 2e-3, betas: (Float, Float) = (0.9, 0.999),
        epsilon: Float = 1e-8, weightDecay: Float = 0, momentumDecay: Float = 4e-3, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
            momentumDecay: momentumDecay, clipping: clipping)
    }
}

private final class NAdamRule: UpdateRule {
    private let betas: (Float, Float)
    private let epsilon: Float
    private let momentumDecay: Double
    private var product = (step: 0, value: 1.0)
    let stateCount = 2
    let expression: Expression

    init(betas: (Float, Float), epsilon: Float, momentumDecay: Float) {
        self.betas = betas
        self.epsilon = epsilon
        self.momentumDecay = Double(momentumDecay)
        let p = Expression.input(0)
        let gradient = .input(3) + .scalar(1) * p
        let moments = Moments(gradient, first: 5)
        let spread = moments.square.squareRoot * .scalar(3) + .scalar(4)
        let moved = p - .scalar(0) * gradient / spread - .scalar(2) * moments.mean / spread
        expression = .results([moved, moments.mean, moments.square])
    }

    private func momentum(_ step: Int) -> Double { Double(betas.0) * (1 - 0.5 * pow(0.96, Double(step) * momentumDecay)) }

    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        if product.step > step { product = (0, 1) }
        while product.step < step {
            product.step += 1
            product.value *= momentum(product.step)
        }
        let now = momentum(step), next = momentum(step + 1)
        let gradientSize = Double(learningRate) * (1 - now) / (1 - product.value)
        let meanSize = Double(learningRate) * next / (1 - product.value * next)
        return [
            Float(gradientSize), weightDecay, Float(meanSize), Float(1 / Moments.correction(betas.1, step).squareRoot()), epsilon,
        ]
            + Moments.scalars(betas)
    }
}
