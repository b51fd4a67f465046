import MartletCore

/// Turns an expression into OpenCL C, for pointwise kernels and for the epilogues that other families fuse.
///
/// Scalars and vectors of any width have the same text, since `select` and the comparisons that feed it work for both.
package enum ExpressionSource {
    /// Statements that compute an expression, and the names of its results.
    ///
    /// - Parameters:
    ///   - width: 1, 2, 4, 8 or 16 elements at a time: `float`, `float2`, ...
    ///   - inputs: a C expression for each input, of type `float<width>`.
    ///   - scalars: a C expression for each scalar, of type `float`.
    ///   - prefix: of the variables that the statements declare; their first use in a block must be their only one.
    ///   - indent: put before each line.
    package static func statements(
        _ expression: Expression, width: Int, inputs: [String], scalars: [String],
        prefix: String = "v", indent: String = "    "
    ) -> (text: String, results: [String]) {
        let type = typeName(width)
        var text = ""
        var names: [String] = []
        for operation in expression.operations {
            switch operation {
            case .input(let index): names.append(inputs[index])
            case .scalar(let index): names.append("(\(type))(\(scalars[index]))")
            case .constant(let bits): names.append(constant(bits, type))
            case .unary, .binary, .select:
                let name = "\(prefix)\(names.count)"
                text += "\(indent)const \(type) \(name) = \(term(operation, names, type));\n"
                names.append(name)
            }
        }
        return (text, expression.results.map { names[$0] })
    }

    /// A function of one result: `static float4 NAME(float4 x0, float4 x1, ..., float s0, float s1, ...)` for width 4.
    /// OpenCL C 1.2 has no overloading: functions of several widths need names of their own (`epilogue1`, `epilogue16`).
    package static func function(_ expression: Expression, name: String, width: Int) -> String {
        precondition(expression.results.count == 1, "a fused expression has one result, not \(expression.results.count)")
        let type = typeName(width)
        let inputs = (0..<expression.inputCount).map { "x\($0)" }
        let scalars = (0..<expression.scalarCount).map { "s\($0)" }
        let parameters = inputs.map { "\(type) \($0)" } + scalars.map { "float \($0)" }
        let body = statements(expression, width: width, inputs: inputs, scalars: scalars)
        return "static \(type) \(name)(\(parameters.joined(separator: ", "))) {\n\(body.text)    return \(body.results[0]);\n}\n"
    }

    package static func typeName(_ width: Int, _ base: String = "float") -> String { width == 1 ? base : "\(base)\(width)" }

    static func constant(_ bits: UInt32, _ type: String) -> String {
        "(\(type))(as_float(0x\(String(bits, radix: 16))u))"
    }

    static func term(_ operation: Expression.Operation, _ names: [String], _ type: String) -> String {
        switch operation {
        case .unary(let unary, let x): term(unary, names[x], type)
        case .binary(let binary, let x, let y): term(binary, names[x], names[y], type)
        case .select(let c, let x, let y): "select(\(names[y]), \(names[x]), \(names[c]) != (\(type))(0.0f))"
        case .input, .scalar, .constant: preconditionFailure("not a step with operands")
        }
    }

    private static func oneWhere(_ condition: String, _ type: String) -> String {
        "select((\(type))(0.0f), (\(type))(1.0f), \(condition))"
    }

    private static func term(_ operation: Expression.Unary, _ x: String, _ type: String) -> String {
        let zero = "(\(type))(0.0f)", one = "(\(type))(1.0f)"
        return switch operation {
        case .negate: "-\(x)"
        case .absolute: "fabs(\(x))"
        case .sign: "select(select(\(zero), -\(one), \(x) < \(zero)), \(one), \(x) > \(zero))"
        case .reciprocal: "\(one) / \(x)"
        case .square: "\(x) * \(x)"
        case .squareRoot: "sqrt(\(x))"
        case .reciprocalSquareRoot: "\(one) / sqrt(\(x))"
        case .exponential: "EXP(\(x))"
        case .exponentialMinusOne: "expm1(\(x))"
        case .logarithm: "log(\(x))"
        case .logarithmOnePlus: "log1p(\(x))"
        case .sine: "sin(\(x))"
        case .cosine: "cos(\(x))"
        case .tanh: "REACHING_TANH(\(type), \(x))"
        case .sigmoid: "\(one) / (\(one) + EXP(-\(x)))"
        case .errorFunction: "ERF(\(x))"
        case .floor: "floor(\(x))"
        case .ceiling: "ceil(\(x))"
        case .round: "rint(\(x))"
        case .relu: "select(\(x), \(zero), \(x) <= \(zero))"
        case .isNaN: oneWhere("\(x) != \(x)", type)
        case .isFinite: oneWhere("fabs(\(x)) < (\(type))(INFINITY)", type)
        }
    }

    private static func term(_ operation: Expression.Binary, _ x: String, _ y: String, _ type: String) -> String {
        switch operation {
        case .add: "\(x) + \(y)"
        case .subtract: "\(x) - \(y)"
        case .multiply: "\(x) * \(y)"
        case .divide: "\(x) / \(y)"
        case .power: "pow(\(x), \(y))"
        // Where either is NaN neither comparison with the other holds; then the NaN is taken.
        case .maximum: "select(\(y), \(x), (\(x) > \(y)) | (\(x) != \(x)))"
        case .minimum: "select(\(y), \(x), (\(x) < \(y)) | (\(x) != \(x)))"
        case .equal: oneWhere("\(x) == \(y)", type)
        case .notEqual: oneWhere("\(x) != \(y)", type)
        case .less: oneWhere("\(x) < \(y)", type)
        case .lessOrEqual: oneWhere("\(x) <= \(y)", type)
        }
    }
}
