/// Expressions are written like arithmetic: `.input(0) * .scalar(0) + 1`.
extension Expression: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    public init(floatLiteral value: Float) { self = .constant(value) }
    public init(integerLiteral value: Int) { self = .constant(Float(value)) }

    /// The element of an input.
    public static func input(_ index: Int) -> Expression {
        Expression(operations: [.input(index)], results: [0], inputCount: index + 1, scalarCount: 0)
    }

    /// A number given at each call; it is not part of the structure, so changing it compiles nothing.
    public static func scalar(_ index: Int) -> Expression {
        Expression(operations: [.scalar(index)], results: [0], inputCount: 0, scalarCount: index + 1)
    }

    /// A number that is part of the structure.
    public static func constant(_ value: Float) -> Expression {
        Expression(operations: [.constant(value.bitPattern)], results: [0], inputCount: 0, scalarCount: 0)
    }

    /// One expression with the results of several.
    public static func results(_ parts: [Expression]) -> Expression {
        combine(parts) { _, positions in positions.flatMap { $0 } }
    }

    public static func unary(_ operation: Unary, _ x: Expression) -> Expression {
        combine([x]) { builder, positions in [builder.add(.unary(operation, positions[0][0]))] }
    }

    public static func binary(_ operation: Binary, _ x: Expression, _ y: Expression) -> Expression {
        combine([x, y]) { builder, positions in [builder.add(.binary(operation, positions[0][0], positions[1][0]))] }
    }

    /// `x` where `condition` is not 0, else `y`.
    public static func select(_ condition: Expression, _ x: Expression, _ y: Expression) -> Expression {
        combine([condition, x, y]) { builder, p in [builder.add(.select(p[0][0], p[1][0], p[2][0]))] }
    }

    private static func combine(
        _ parts: [Expression],
        _ join: (inout ExpressionBuilder, [[Int]]) -> [Int]
    ) -> Expression {
        let inputs = parts.map(\.inputCount).max() ?? 0
        var builder = ExpressionBuilder(inputCount: inputs, scalarCount: parts.map(\.scalarCount).max() ?? 0)
        let positions = parts.map { part in
            let used = (0..<part.inputCount).map { builder.add(.input($0)) }
            return builder.splice(part, inputs: used, firstScalar: 0)
        }
        let results = join(&builder, positions)
        return builder.finish(results)
    }

    public static func + (x: Expression, y: Expression) -> Expression { binary(.add, x, y) }
    public static func - (x: Expression, y: Expression) -> Expression { binary(.subtract, x, y) }
    public static func * (x: Expression, y: Expression) -> Expression { binary(.multiply, x, y) }
    public static func / (x: Expression, y: Expression) -> Expression { binary(.divide, x, y) }
    public static prefix func - (x: Expression) -> Expression { unary(.negate, x) }
    /// Comparisons give 1 or 0.
    public static func .< (x: Expression, y: Expression) -> Expression { binary(.less, x, y) }
    public static func .<= (x: Expression, y: Expression) -> Expression { binary(.lessOrEqual, x, y) }
    public static func .> (x: Expression, y: Expression) -> Expression { binary(.less, y, x) }
    public static func .>= (x: Expression, y: Expression) -> Expression { binary(.lessOrEqual, y, x) }
    public static func .== (x: Expression, y: Expression) -> Expression { binary(.equal, x, y) }
    public static func .!= (x: Expression, y: Expression) -> Expression { binary(.notEqual, x, y) }

    public var absolute: Expression { .unary(.absolute, self) }
    public var sign: Expression { .unary(.sign, self) }
    public var square: Expression { .unary(.square, self) }
    public var squareRoot: Expression { .unary(.squareRoot, self) }
    public var exponential: Expression { .unary(.exponential, self) }
    public var logarithm: Expression { .unary(.logarithm, self) }
    public var sigmoid: Expression { .unary(.sigmoid, self) }
    public var hyperbolicTangent: Expression { .unary(.tanh, self) }
    public var relu: Expression { .unary(.relu, self) }
    public func power(_ y: Expression) -> Expression { .binary(.power, self, y) }
    public func maximum(_ y: Expression) -> Expression { .binary(.maximum, self, y) }
    public func minimum(_ y: Expression) -> Expression { .binary(.minimum, self, y) }
}
