/// Element-by-element operations on tensors, broadcast by NumPy's rule.
extension Tensor {
    private static let sum: Expression = .input(0) + .input(1)
    private static let difference: Expression = .input(0) - .input(1)
    private static let product: Expression = .input(0) * .input(1)
    private static let quotient: Expression = .input(0) / .input(1)
    private static let plusScalar: Expression = .input(0) + .scalar(0)
    private static let minusScalar: Expression = .input(0) - .scalar(0)
    private static let scalarMinus: Expression = .scalar(0) - .input(0)
    private static let timesScalar: Expression = .input(0) * .scalar(0)
    private static let overScalar: Expression = .input(0) / .scalar(0)
    private static let scalarOver: Expression = .scalar(0) / .input(0)

    public static func + (x: Tensor, y: Tensor) -> Tensor { pointwise(sum, [x, y], operation: "+") }
    public static func - (x: Tensor, y: Tensor) -> Tensor { pointwise(difference, [x, y], operation: "-") }
    public static func * (x: Tensor, y: Tensor) -> Tensor { pointwise(product, [x, y], operation: "*") }
    public static func / (x: Tensor, y: Tensor) -> Tensor { pointwise(quotient, [x, y], operation: "/") }
    public static func + (x: Tensor, y: Float) -> Tensor { pointwise(plusScalar, scalars: [y], [x]) }
    public static func + (x: Float, y: Tensor) -> Tensor { pointwise(plusScalar, scalars: [x], [y]) }
    public static func - (x: Tensor, y: Float) -> Tensor { pointwise(minusScalar, scalars: [y], [x]) }
    public static func - (x: Float, y: Tensor) -> Tensor { pointwise(scalarMinus, scalars: [x], [y]) }
    public static func * (x: Tensor, y: Float) -> Tensor { pointwise(timesScalar, scalars: [y], [x]) }
    public static func * (x: Float, y: Tensor) -> Tensor { pointwise(timesScalar, scalars: [x], [y]) }
    public static func / (x: Tensor, y: Float) -> Tensor { pointwise(overScalar, scalars: [y], [x]) }
    public static func / (x: Float, y: Tensor) -> Tensor { pointwise(scalarOver, scalars: [x], [y]) }
    public static prefix func - (x: Tensor) -> Tensor { pointwise(.unary(.negate, .input(0)), [x]) }

    /// Comparisons give 1 where they hold, else 0.
    public static func .< (x: Tensor, y: Tensor) -> Tensor { pointwise(.input(0) .< .input(1), [x, y], operation: ".<") }
    public static func .<= (x: Tensor, y: Tensor) -> Tensor { pointwise(.input(0) .<= .input(1), [x, y], operation: ".<=") }
    public static func .> (x: Tensor, y: Tensor) -> Tensor { pointwise(.input(0) .> .input(1), [x, y], operation: ".>") }
    public static func .>= (x: Tensor, y: Tensor) -> Tensor { pointwise(.input(0) .>= .input(1), [x, y], operation: ".>=") }
    public static func .== (x: Tensor, y: Tensor) -> Tensor { pointwise(.input(0) .== .input(1), [x, y], operation: ".==") }
    public static func .!= (x: Tensor, y: Tensor) -> Tensor { pointwise(.input(0) .!= .input(1), [x, y], operation: ".!=") }
    public static func .< (x: Tensor, y: Float) -> Tensor { pointwise(.input(0) .< .scalar(0), scalars: [y], [x]) }
    public static func .<= (x: Tensor, y: Float) -> Tensor { pointwise(.input(0) .<= .scalar(0), scalars: [y], [x]) }
    public static func .> (x: Tensor, y: Float) -> Tensor { pointwise(.input(0) .> .scalar(0), scalars: [y], [x]) }
    public static func .>= (x: Tensor, y: Float) -> Tensor { pointwise(.input(0) .>= .scalar(0), scalars: [y], [x]) }
    public static func .== (x: Tensor, y: Float) -> Tensor { pointwise(.input(0) .== .scalar(0), scalars: [y], [x]) }
    public static func .!= (x: Tensor, y: Float) -> Tensor { pointwise(.input(0) .!= .scalar(0), scalars: [y], [x]) }

    /// `x` where `condition` is not 0, else `y`.
    public static func select(_ condition: Tensor, _ x: Tensor, _ y: Tensor) -> Tensor {
        pointwise(.select(.input(0), .input(1), .input(2)), [condition, x, y], operation: "select")
    }

    public var absolute: Tensor { applying(.absolute) }
    public var sign: Tensor { applying(.sign) }
    public var reciprocal: Tensor { applying(.reciprocal) }
    public var square: Tensor { applying(.square) }
    public var squareRoot: Tensor { applying(.squareRoot) }
    public var reciprocalSquareRoot: Tensor { applying(.reciprocalSquareRoot) }
    public var exponential: Tensor { applying(.exponential) }
    /// exp(x) - 1, exact near 0.
    public var exponentialMinusOne: Tensor { applying(.exponentialMinusOne) }
    public var logarithm: Tensor { applying(.logarithm) }
    /// ln(1 + x), exact near 0.
    public var logarithmOnePlus: Tensor { applying(.logarithmOnePlus) }
    public var sine: Tensor { applying(.sine) }
    public var cosine: Tensor { applying(.cosine) }
    public var errorFunction: Tensor { applying(.errorFunction) }
    public var floor: Tensor { applying(.floor) }
    public var ceiling: Tensor { applying(.ceiling) }
    /// To the nearest integer, half to even.
    public var rounded: Tensor { applying(.round) }
    public var isNaN: Tensor { applying(.isNaN) }
    public var isFinite: Tensor { applying(.isFinite) }

    public func power(_ exponent: Tensor) -> Tensor {
        Tensor.pointwise(.input(0).power(.input(1)), [self, exponent], operation: "power")
    }
    public func power(_ exponent: Float) -> Tensor { Tensor.pointwise(.input(0).power(.scalar(0)), scalars: [exponent], [self]) }
    /// NaN where either is NaN.
    public func maximum(_ other: Tensor) -> Tensor {
        Tensor.pointwise(.input(0).maximum(.input(1)), [self, other], operation: "maximum")
    }
    /// NaN where either is NaN.
    public func minimum(_ other: Tensor) -> Tensor {
        Tensor.pointwise(.input(0).minimum(.input(1)), [self, other], operation: "minimum")
    }

    /// Values below `low` become `low`, above `high` become `high`; their gradient is 0.
    public func clamped(_ low: Float, _ high: Float) -> Tensor {
        let inner = Expression.select(
            .input(0) .< .scalar(0), .scalar(0), .select(.scalar(1) .< .input(0), .scalar(1), .input(0)))
        return Tensor.pointwise(inner, scalars: [low, high], [self])
    }

    /// The same numbers in another type; toward int32 the fraction is dropped. Float to float is nothing; no gradient to int32.
    public func converted(to type: DataType) -> Tensor {
        if type == self.type { return self }
        let result = Tensor.pointwise(.input(0), [self], type: type)
        return type == .int32 ? result.detached : result
    }

    private func applying(_ operation: Expression.Unary) -> Tensor { Tensor.pointwise(.unary(operation, .input(0)), [self]) }
}
