import Glibc
import MartletCore

/// Adam that waits with dividing by the mean square until its variance is known well enough. Liu et al., 2020.
public final class RAdam: Optimizer {
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 1e-3, betas: (Float, Float) = (0.9, 0.999), epsilon: Float = 1e-8,
        weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: RAdamRule(betas: betas, epsilon: epsilon))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 1e-3, betas: (Float, Float) = (0.9, 0.999),
        epsilon: Float = 1e-8, weightDecay: Float = 0, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
            clipping: clipping)
    }
}

private final class RAdamRule: UpdateRule {
    private let betas: (Float, Float)
    private let epsilon: Float
    let stateCount = 2
    let expression: Expression

    init(betas: (Float, Float), epsilon: Float) {
        self.betas = betas
        self.epsilon = epsilon
        let p = Expression.input(0)
        let gradient = .input(3) + .scalar(1) * p
        let moments = Moments(gradient, first: 4)
        let adapted = .scalar(2) / (moments.square.squareRoot + .scalar(3))
        let factor = Expression.select(0 .< .scalar(2), adapted, 1)
        expression = .results([p - .scalar(0) * moments.mean * factor, moments.mean, moments.square])
    }

    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        let beta2 = Double(betas.1), correction = Moments.correction(betas.1, step), t = Double(step)
        let longest = 2 / (1 - beta2) - 1
        let length = longest - 2 * t * pow(beta2, t) / correction
        var adapted = 0.0
        if length > 5 {
            let rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            adapted = rectified.squareRoot() * correction.squareRoot()
        }
        let size = Double(learningRate) / Moments.correction(betas.0, step)
        return [Float(size), weightDecay, Float(adapted), epsilon] + Moments.scalars(betas)
    }
}
