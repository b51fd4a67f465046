import Glibc
import MartletCore

extension Expression.Unary {
    /// The function in float64.
    func reference(_ x: Double) -> Double {
        switch self {
        case .negate: -x
        case .absolute: abs(x)
        case .sign: x > 0 ? 1 : (x < 0 ? -1 : 0)
        case .reciprocal: 1 / x
        case .square: x * x
        case .squareRoot: sqrt(x)
        case .reciprocalSquareRoot: 1 / sqrt(x)
        case .exponential: exp(x)
        case .exponentialMinusOne: expm1(x)
        case .logarithm: log(x)
        case .logarithmOnePlus: log1p(x)
        case .sine: sin(x)
        case .cosine: cos(x)
        case .tanh: Glibc.tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .errorFunction: erf(x)
        case .floor: Glibc.floor(x)
        case .ceiling: ceil(x)
        case .round: x.rounded(.toNearestOrEven)
        case .relu: x <= 0 ? 0 : x
        case .isNaN: x.isNaN ? 1 : 0
        case .isFinite: x.isFinite ? 1 : 0
        }
    }

    /// Whether its results have no rounding: they are exact on every device.
    var isExact: Bool {
        switch self {
        case .negate, .absolute, .sign, .floor, .ceiling, .round, .relu, .isNaN, .isFinite: true
        default: false
        }
    }

    /// Where its derivative is compared with differences: smooth, and of moderate size.
    var domain: ClosedRange<Float> {
        switch self {
        case .squareRoot, .reciprocalSquareRoot, .logarithm, .reciprocal: 0.2...3
        case .logarithmOnePlus: -0.5...3
        case .absolute, .relu, .sign: 0.1...2
        case .floor, .ceiling: 0.1...0.9
        case .round: 0.6...1.4
        default: -2...2
        }
    }
}

extension Expression.Binary {
    /// The function in float64.
    func reference(_ x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .power: pow(x, y)
        case .maximum: x.isNaN || y.isNaN ? .nan : (x > y ? x : y)
        case .minimum: x.isNaN || y.isNaN ? .nan : (x < y ? x : y)
        case .equal: x == y ? 1 : 0
        case .notEqual: x != y ? 1 : 0
        case .less: x < y ? 1 : 0
        case .lessOrEqual: x <= y ? 1 : 0
        }
    }

    var isExact: Bool {
        switch self {
        case .maximum, .minimum, .equal, .notEqual, .less, .lessOrEqual: true
        default: false
        }
    }
}

extension Expression {
    /// The results at one place, step by step in float64.
    func reference(_ inputs: [Double], scalars: [Double] = []) -> [Double] {
        var values: [Double] = []
        for operation in operations {
            switch operation {
            case .input(let index): values.append(inputs[index])
            case .scalar(let index): values.append(scalars[index])
            case .constant(let bits): values.append(Double(Float(bitPattern: bits)))
            case .unary(let unary, let x): values.append(unary.reference(values[x]))
            case .binary(let binary, let x, let y): values.append(binary.reference(values[x], values[y]))
            case .select(let c, let x, let y): values.append(values[c] != 0 ? values[x] : values[y])
            }
        }
        return results.map { values[$0] }
    }
}

/// Activation functions as their papers write them.
enum ActivationReference {
    static func leakyReLU(_ x: Double, _ slope: Double) -> Double { x > 0 ? x : slope * x }
    static func elu(_ x: Double, _ alpha: Double) -> Double { x > 0 ? x : alpha * (exp(x) - 1) }
    static func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }
    static func geluTanh(_ x: Double) -> Double {
        0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
    static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
    static func softplus(_ x: Double) -> Double { x > 30 ? x : log1p(exp(x)) }
}
