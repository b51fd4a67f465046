import MartletCore

/// What devices do to each element of a product before it is stored.
enum MatmulEpilogueCases {
    static let all = sizes.map { products, size in
        ConformanceCase(.matmul, "epilogues\(products)", draws: plans.count * 2) { random, draw in
            let plan = plans[draw % plans.count], (batch, m, k, n) = size
            let operands = [
                random.floats([batch, m, k]), random.floats([batch, k, n]), random.floats([batch, m, n]), random.floats([n]),
            ]
            return Comparison(operands, plan.name, within: .balanced, variesLayout: false) { tensors in
                let device = tensors[0].resolvedDevice()
                let shape = [batch, m, n], result = Tensor(empty: [batch, m, n], on: device)
                result.write(tensors[2], on: device)
                let views: [View] = plan.operands.map { operand in
                    switch operand {
                    case .residual: return tensors[2].view(on: device)
                    case .result: return result.view(on: device)
                    case .bias: return tensors[3].view(on: device).broadcast(to: shape)
                    case .rowBias:
                        // One number a row, with a stride of its own.
                        return tensors[2].sliced(axis: 2, 1..<2).broadcastView(to: shape).view(on: device)
                    }
                }
                device.matmul(
                    tensors[0].view(on: device), tensors[1].view(on: device), into: result.view(on: device),
                    epilogue: Epilogue(plan.expression, scalars: plan.scalars, operands: views))
                return [result]
            } reference: { inputs in
                let product = inputs[0].multiplied(by: inputs[1])
                let others: [Reference] = plan.operands.map { operand in
                    switch operand {
                    case .residual, .result: inputs[2]
                    case .bias: inputs[3]
                    case .rowBias: inputs[2].sliced(axis: 2, 1..<2)
                    }
                }
                return [
                    Reference.combine([product] + others) {
                        plan.expression.reference($0, scalars: plan.scalars.map(Double.init))[0]
                    }
                ]
            }
        }
    }

    private static let sizes = [
        ("", (3, 5, 7, 6)), (" of larger products", (2, 70, 130, 45)), (" of wide products", (1, 40, 300, 210)),
    ]

    private enum Operand { case residual, result, bias, rowBias }

    private typealias Plan = (name: String, expression: Expression, scalars: [Float], operands: [Operand])

    private static let plans: [Plan] = [
        ("bias", .input(0) + .input(1), [], [.bias]),
        ("bias and relu", (.input(0) + .input(1)).relu, [], [.bias]),
        ("bias a row", .input(0) + .input(1), [], [.rowBias]),
        ("residual", .input(0) + .input(1), [], [.residual]),
        ("bias, tanh and residual", (.input(0) + .input(1)).hyperbolicTangent + .input(2), [], [.bias, .residual]),
        ("accumulate", .input(0) + .input(1), [], [.result]),
        ("scaled accumulate", .scalar(0) * .input(0) + .scalar(1) * .input(1), [0.5, -2], [.result]),
        ("gelu", Activations.gelu, [], []),
        ("bias, residual and accumulate", .input(0) + .input(1) + .input(2) + .input(3), [], [.bias, .residual, .result]),
        ("leaky relu", Activations.leakyReLU, [0.1], []),
    ]
}
