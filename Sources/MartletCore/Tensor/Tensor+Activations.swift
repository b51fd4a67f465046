/// Activation functions, each one expression.
extension Tensor {
    public func relu() -> Tensor { Tensor.pointwise(Activations.relu, [self]) }
    /// x, or `slope` times x below 0.
    public func leakyReLU(_ slope: Float = 0.01) -> Tensor { Tensor.pointwise(Activations.leakyReLU, scalars: [slope], [self]) }
    /// x, or `alpha` (exp(x) - 1) below 0. Clevert, Unterthiner and Hochreiter, 2015.
    public func elu(_ alpha: Float = 1) -> Tensor { Tensor.pointwise(Activations.elu, scalars: [alpha], [self]) }
    /// x times the normal distribution function of x. Hendrycks and Gimpel, 2016.
    public func gelu() -> Tensor { Tensor.pointwise(Activations.gelu, [self]) }
    /// `gelu` approximated with a hyperbolic tangent, as GPT-2 has it.
    public func geluTanh() -> Tensor { Tensor.pointwise(Activations.geluTanh, [self]) }
    /// x times sigmoid(x).
    public func silu() -> Tensor { Tensor.pointwise(Activations.silu, [self]) }
    public func sigmoid() -> Tensor { Tensor.pointwise(Activations.sigmoid, [self]) }
    public func tanh() -> Tensor { Tensor.pointwise(Activations.tanh, [self]) }
    /// ln(1 + exp(x)).
    public func softplus() -> Tensor { Tensor.pointwise(Activations.softplus, [self]) }
}

/// The expressions of the activation functions; input 0 is the argument.
public enum Activations {
    private static let x = Expression.input(0)
    public static let relu = x.relu
    public static let leakyReLU = Expression.select(0 .< x, x, x * .scalar(0))
    public static let elu = Expression.select(0 .< x, x, .scalar(0) * .unary(.exponentialMinusOne, .select(0 .< x, 0, x)))
    public static let gelu = x * 0.5 * (1 + .unary(.errorFunction, x * .constant(Float(0.5).squareRoot())))
    public static let geluTanh: Expression = {
        let slope = (2 / Float.pi).squareRoot(), half = x * 0.5
        return half + half * (x * (.constant(slope) + .constant(0.044715 * slope) * x.square)).hyperbolicTangent
    }()
    public static let silu = x * x.sigmoid
    public static let sigmoid = x.sigmoid
    public static let tanh = x.hyperbolicTangent
    /// max(x, 0) + ln(1 + exp(-|x|)), which stays in range. `maximum` gives the slope 1/2 at 0 that `relu` would not.
    public static let softplus = x.maximum(0) + .unary(.logarithmOnePlus, (-x.absolute).exponential)
}
