import Glibc
import MartletCore

/// Adam (Kingma and Ba, 2015), and by option AMSGrad (Reddi, Kale and Kumar, 2018): the running mean of gradients divided by the
/// root of the running mean of their squares, both corrected for their start at 0.
public final class Adam: Optimizer {
    /// - Parameter amsgrad: whether to divide by the largest mean square so far.
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 1e-3, betas: (Float, Float) = (0.9, 0.999), epsilon: Float = 1e-8,
        weightDecay: Float = 0, amsgrad: Bool = false, clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: AdamRule(betas: betas, epsilon: epsilon, amsgrad: amsgrad, decoupled: false))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 1e-3, betas: (Float, Float) = (0.9, 0.999),
        epsilon: Float = 1e-8, weightDecay: Float = 0, amsgrad: Bool = false, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
            amsgrad: amsgrad, clipping: clipping)
    }
}

/// Adam whose weight decay shrinks the parameters themselves and does not enter the gradient. Loshchilov and Hutter, 2019.
public final class AdamW: Optimizer {
    /// - Parameter amsgrad: whether to divide by the largest mean square so far.
    public init(
        _ groups: [ParameterGroup], learningRate: Float = 1e-3, betas: (Float, Float) = (0.9, 0.999), epsilon: Float = 1e-8,
        weightDecay: Float = 0.01, amsgrad: Bool = false, clipping: GradientClipping? = nil
    ) {
        super.init(
            groups, learningRate: learningRate, weightDecay: weightDecay, clipping: clipping,
            rule: AdamRule(betas: betas, epsilon: epsilon, amsgrad: amsgrad, decoupled: true))
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Float = 1e-3, betas: (Float, Float) = (0.9, 0.999),
        epsilon: Float = 1e-8, weightDecay: Float = 0.01, amsgrad: Bool = false, clipping: GradientClipping? = nil
    ) {
        self.init(
            [ParameterGroup(parameters)], learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
            amsgrad: amsgrad, clipping: clipping)
    }
}

/// The running means of the gradient (input 1) and its square (input 2), with the shares kept in scalars `first` to `first` + 3.
struct Moments {
    let mean: Expression
    let square: Expression

    init(_ gradient: Expression, first: Int) {
        mean = .scalar(first) * .input(1) + .scalar(first + 1) * gradient
        square = .scalar(first + 2) * .input(2) + .scalar(first + 3) * gradient.square
    }

    static func scalars(_ betas: (Float, Float)) -> [Float] { [betas.0, 1 - betas.0, betas.1, 1 - betas.1] }

    /// 1 - beta^step.
    static func correction(_ beta: Float, _ step: Int) -> Double { 1 - pow(Double(beta), Double(step)) }
}

private final class AdamRule: UpdateRule {
    private let betas: (Float, Float)
    private let epsilon: Float
    private let decoupled: Bool
    let stateCount: Int
    let expression: Expression

    init(betas: (Float, Float), epsilon: Float, amsgrad: Bool, decoupled: Bool) {
        self.betas = betas
        self.epsilon = epsilon
        self.decoupled = decoupled
        stateCount = amsgrad ? 3 : 2
        let p = Expression.input(0)
        let gradient = decoupled ? .input(stateCount + 1) : .input(stateCount + 1) + .scalar(1) * p
        let moments = Moments(gradient, first: 3)
        let largest = Expression.input(3).maximum(moments.square)
        let spread = (amsgrad ? largest : moments.square).squareRoot + .scalar(2)
        let start = decoupled ? p * .scalar(1) : p
        let moved = start - .scalar(0) * (moments.mean / spread)
        expression = .results([moved, moments.mean, moments.square] + (amsgrad ? [largest] : []))
    }

    /// The roots' correction is in the rate and the epsilon (the paper, section 2).
    func scalars(step: Int, learningRate: Float, weightDecay: Float) -> [Float] {
        let root = Moments.correction(betas.1, step).squareRoot()
        let size = Double(learningRate) * root / Moments.correction(betas.0, step)
        let decay = decoupled ? 1 - learningRate * weightDecay : weightDecay
        return [Float(size), decay, Float(Double(epsilon) * root)] + Moments.scalars(betas)
    }
}
