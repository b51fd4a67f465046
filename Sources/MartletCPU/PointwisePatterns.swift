import CMartletCPU
import MartletCore

/// Functions of several operations that are one step, so that nothing between them goes through memory.
struct PointwisePattern: Sendable {
    let code: Int
    /// Without scalars; what matches its inputs are the step's operands.
    let expression: Expression

    static let all: [PointwisePattern] = {
        var patterns = [
            // How optimizers divide by the root of a mean square.
            PointwisePattern(code: Int(martlet_over_root), expression: .input(0) / (.input(1).squareRoot + .input(2)))
        ]
        for (function, code, gradient) in [
            (Activations.gelu, martlet_gelu, martlet_gelu_gradient),
            (Activations.geluTanh, martlet_gelu_tanh, martlet_gelu_tanh_gradient),
        ] {
            patterns.append(PointwisePattern(code: Int(code), expression: function))
            if let derivative = function.derivatives[0] {
                patterns.append(PointwisePattern(code: Int(gradient), expression: derivative))
            }
        }
        return patterns
    }()

    /// The positions that stand for the inputs where the pattern is what is computed at a position; else nil.
    func operands(of operations: [Expression.Operation], at position: Int) -> [Int]? {
        var found = [Int?](repeating: nil, count: expression.inputCount)
        guard matches(expression.results[0], operations, position, &found) else { return nil }
        return found.compactMap { $0 }
    }

    private func matches(_ own: Int, _ operations: [Expression.Operation], _ position: Int, _ found: inout [Int?]) -> Bool {
        switch (expression.operations[own], operations[position]) {
        case (.input(let index), _):
            if let known = found[index] { return known == position }
            found[index] = position
            return true
        case (.constant(let a), .constant(let b)): return a == b
        case (.unary(let a, let x), .unary(let b, let to)):
            return a == b && matches(x, operations, to, &found)
        case (.binary(let a, let x, let y), .binary(let b, let toX, let toY)):
            return a == b && matches(x, operations, toX, &found) && matches(y, operations, toY, &found)
        default: return false
        }
    }
}
