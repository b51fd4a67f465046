import Foundation
import MartletCore

/// Products that wait for the operations on their elements, and are then computed in one pass with them.
enum WaitingProductCases {
    static let all = sizes.map { products, size in
        ConformanceCase(.matmul, "\(products) and what follows", draws: plans.count) { random, draw in
            let plan = plans[draw], (batch, m, k, n) = size
            var operands = [
                random.floats([batch, m, k]), random.floats([n, k]), random.floats([n]), random.floats([batch, m, n]),
            ]
            operands += [random.floats([m, n]), random.floats([batch, m, 1])]
            return Comparison(
                operands, plan.name, within: .balanced,
                gradients: .differences(of: [0, 1, 2, 3], .permissive.floor(0.1), samples: 6)
            ) {
                plan.run(linear($0[0], $0[1], bias: $0[2]), $0)
            } reference: { inputs in
                let product = inputs[0].reshaped([batch * m, k]).multiplied(by: inputs[1].transposed).reshaped([batch, m, n])
                let biased = Reference.combine([product, inputs[2]]) { $0[0] + $0[1] }
                return plan.references.map { reference in
                    Reference.combine([biased] + Array(inputs.dropFirst(3)), reference)
                }
            }
        }
    }

    private static let sizes = [
        ("small products", (2, 3, 5, 4)), ("larger products", (3, 33, 70, 50)), ("wide products", (2, 20, 64, 300)),
    ]

    /// What is done to a product [batch, m, n]; behind it come [batch, m, n], [m, n] and [batch, m, 1].
    private struct Plan: Sendable {
        var name: String
        var run: @Sendable (Tensor, [Tensor]) -> [Tensor]
        var references: [@Sendable ([Double]) -> Double]
    }

    private static let plans = [
        Plan(name: "residual", run: { [$1[3] + $0] }, references: [{ $0[0] + $0[1] }]),
        Plan(
            name: "scaled residual, as an activation's argument", run: { [($1[3] - $0 * 0.1).tanh()] },
            references: [{ tanh($0[1] - $0[0] * 0.1) }]),
        Plan(name: "residual of fewer rows", run: { [$0 * $1[4]] }, references: [{ $0[0] * $0[2] }]),
        Plan(name: "one number a row", run: { [$0 + $1[5]] }, references: [{ $0[0] + $0[3] }]),
        Plan(
            name: "more than one reader", run: { [$0.relu(), $0 * 2, $0 + $1[3]] },
            references: [{ max($0[0], 0) }, { $0[0] * 2 }, { $0[0] + $0[1] }]),
        Plan(name: "two products", run: { [$0 * linear($1[0], $1[1], bias: $1[2])] }, references: [{ $0[0] * $0[0] }]),
        Plan(
            name: "chosen by integers",
            run: { y, x in [Tensor.select(Tensor.pointwise(.input(0) .< 0, [x[3].detached], type: .int32), y, x[3])] },
            references: [{ $0[1] < 0 ? $0[0] : $0[1] }]),
    ]
}
