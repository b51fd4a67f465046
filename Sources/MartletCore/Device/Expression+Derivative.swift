import Synchronization

extension Expression {
    /// The derivatives of a one-result expression: for each input an expression of the same inputs and scalars, with the
    /// result's gradient as one more input behind them; nil where the derivative is 0 everywhere.
    ///
    /// The conventions are PyTorch's: 0 at the kinks of `absolute`, `relu`, `floor`, `round` and `sign`; equal values share
    /// the gradient of `maximum` and `minimum`; comparisons and conditions have none.
    public var derivatives: [Expression?] {
        if let known = Self.derivativeCache.withLock({ $0[self] }) { return known }
        let derived = deriveAll()
        Self.derivativeCache.withLock { $0[self] = derived }
        return derived
    }

    private static let derivativeCache = Mutex<[Expression: [Expression?]]>([:])

    private func deriveAll() -> [Expression?] {
        precondition(results.count == 1, "Expression.derivatives: one result, not \(results.count)")
        var tape = DerivativeTape(self)
        return (0..<inputCount).map { tape.derivative(ofInput: $0) }
    }
}

/// Reverse mode over an expression's steps.
private struct DerivativeTape {
    private var builder: ExpressionBuilder
    private var positions: [Int] = []
    private var adjoints: [Int?]
    private let source: Expression

    init(_ source: Expression) {
        self.source = source
        builder = ExpressionBuilder(inputCount: source.inputCount + 1, scalarCount: source.scalarCount)
        adjoints = Array(repeating: nil, count: source.operations.count)
        for operation in source.operations {
            let moved = operation.mapOperands { positions[$0] }
            positions.append(builder.add(moved))
        }
        adjoints[source.results[0]] = builder.add(.input(source.inputCount))
        for step in source.operations.indices.reversed() {
            if let adjoint = adjoints[step] { push(adjoint, through: step) }
        }
    }

    mutating func derivative(ofInput input: Int) -> Expression? {
        guard let step = source.operations.firstIndex(of: .input(input)), let adjoint = adjoints[step] else { return nil }
        return builder.finish([adjoint])
    }

    private mutating func accumulate(_ step: Int, _ value: Int) {
        adjoints[step] = adjoints[step].map { binary(.add, $0, value) } ?? value
    }

    private mutating func unary(_ operation: Expression.Unary, _ x: Int) -> Int { builder.add(.unary(operation, x)) }
    private mutating func binary(_ operation: Expression.Binary, _ x: Int, _ y: Int) -> Int {
        builder.add(.binary(operation, x, y))
    }
    private mutating func select(_ condition: Int, _ x: Int, _ y: Int) -> Int { builder.add(.select(condition, x, y)) }

    private mutating func push(_ g: Int, through step: Int) {
        let y = positions[step]
        switch source.operations[step] {
        case .input, .scalar, .constant: break
        case .unary(let operation, let operand):
            if let value = derivative(operation, x: positions[operand], y: y, g: g) { accumulate(operand, value) }
        case .binary(let operation, let left, let right):
            push(g, operation, left, right, y: y)
        case .select(let condition, let left, let right):
            let zero = builder.constant(0), c = positions[condition]
            accumulate(left, select(c, g, zero))
            accumulate(right, select(c, zero, g))
        }
    }

    private mutating func derivative(_ operation: Expression.Unary, x: Int, y: Int, g: Int) -> Int? {
        switch operation {
        case .negate: return unary(.negate, g)
        case .absolute: return binary(.multiply, g, unary(.sign, x))
        case .reciprocal: return unary(.negate, binary(.multiply, g, unary(.square, y)))
        case .square: return binary(.multiply, g, binary(.add, x, x))
        case .squareRoot: return binary(.divide, g, binary(.add, y, y))
        case .reciprocalSquareRoot:
            let cube = binary(.multiply, y, unary(.square, y))
            return binary(.multiply, g, binary(.multiply, builder.constant(-0.5), cube))
        case .exponential: return binary(.multiply, g, y)
        case .exponentialMinusOne: return binary(.multiply, g, binary(.add, y, builder.constant(1)))
        case .logarithm: return binary(.divide, g, x)
        case .logarithmOnePlus: return binary(.divide, g, binary(.add, x, builder.constant(1)))
        case .sine: return binary(.multiply, g, unary(.cosine, x))
        case .cosine: return unary(.negate, binary(.multiply, g, unary(.sine, x)))
        case .tanh: return binary(.multiply, g, binary(.subtract, builder.constant(1), unary(.square, y)))
        case .sigmoid:
            let slope = binary(.multiply, y, binary(.subtract, builder.constant(1), y))
            return binary(.multiply, g, slope)
        case .errorFunction:
            let bell = unary(.exponential, unary(.negate, unary(.square, x)))
            return binary(.multiply, g, binary(.multiply, builder.constant(1.128_379_167), bell))
        case .relu: return select(binary(.lessOrEqual, x, builder.constant(0)), builder.constant(0), g)
        case .sign, .floor, .ceiling, .round, .isNaN, .isFinite: return nil
        }
    }

    private mutating func push(_ g: Int, _ operation: Expression.Binary, _ left: Int, _ right: Int, y: Int) {
        let a = positions[left], b = positions[right]
        switch operation {
        case .add:
            accumulate(left, g)
            accumulate(right, g)
        case .subtract:
            accumulate(left, g)
            if !isConstant(right) { accumulate(right, unary(.negate, g)) }
        case .multiply:
            if !isConstant(left) { accumulate(left, binary(.multiply, g, b)) }
            if !isConstant(right) { accumulate(right, binary(.multiply, g, a)) }
        case .divide:
            if !isConstant(left) { accumulate(left, binary(.divide, g, b)) }
            if !isConstant(right) {
                accumulate(right, unary(.negate, binary(.multiply, g, binary(.divide, y, b))))
            }
        case .power:
            if !isConstant(left) {
                let lowered = binary(.power, a, binary(.subtract, b, builder.constant(1)))
                let slope = binary(.multiply, g, binary(.multiply, b, lowered))
                let exponentIsZero = binary(.equal, b, builder.constant(0))
                accumulate(left, select(exponentIsZero, builder.constant(0), slope))
            }
            if !isConstant(right) {
                let slope = binary(.multiply, g, binary(.multiply, y, unary(.logarithm, a)))
                let baseIsZero = binary(.equal, a, builder.constant(0))
                let flat = binary(.multiply, baseIsZero, binary(.lessOrEqual, builder.constant(0), b))
                accumulate(right, select(flat, builder.constant(0), slope))
            }
        case .maximum, .minimum:
            let zero = builder.constant(0)
            let half = binary(.multiply, builder.constant(0.5), g)
            let shared = binary(.equal, a, b)
            let less = operation == .minimum ? binary(.less, a, b) : binary(.less, b, a)
            let more = operation == .minimum ? binary(.less, b, a) : binary(.less, a, b)
            if !isConstant(left) { accumulate(left, select(shared, half, select(more, zero, g))) }
            if !isConstant(right) { accumulate(right, select(shared, half, select(less, zero, g))) }
        case .equal, .notEqual, .less, .lessOrEqual: break
        }
    }

    private func isConstant(_ step: Int) -> Bool {
        switch source.operations[step] {
        case .constant, .scalar: true
        default: false
        }
    }
}
