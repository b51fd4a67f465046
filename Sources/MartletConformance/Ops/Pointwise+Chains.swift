import MartletCore

/// Chains of operations that run as one, and what ends a chain.
enum PointwiseChainCases {
    static let all = [ties, powers, slopesAtZero, optimizerSteps] + chains

    private static let chains = [
        ConformanceCase(.pointwise, "random chains", draws: 3) { random, _ in
            let steps = plan(&random, length: 20)
            let operands = (0..<3).map { _ in random.floats([7, 11], 0.4, 1.6) }
            return Comparison(
                operands, "\(steps.count) steps", within: .permissive, gradients: .differences(of: [0, 1, 2], .permissive)
            ) {
                [follow(steps, $0)]
            } reference: {
                [Reference.combine($0) { follow(steps, $0) }]
            }
        },
        ConformanceCase(.pointwise, "chain beyond its longest", draws: 2) { random, _ in
            Comparison(
                [random.floats([5, 3]), random.floats([3])], within: .balanced, gradients: .differences(of: [0, 1], .balanced)
            ) {
                var x = $0[0]
                for step in 0..<3 * Tensor.longestChain { x = x * 0.99 + $0[1] * (0.001 * Float(step % 3)) }
                return [x]
            } reference: {
                [
                    Reference.combine($0) {
                        var x = $0[0]
                        for step in 0..<3 * Tensor.longestChain {
                            x = x * Double(Float(0.99)) + $0[1] * Double(Float(0.001) * Float(step % 3))
                        }
                        return x
                    }
                ]
            }
        },
        ConformanceCase(.pointwise, "more inputs than a chain takes", draws: 2) { random, _ in
            let operands = (0..<30).map { _ in random.floats([4, 5]) }
            return Comparison(operands, within: .balanced, gradients: .differences(of: [0, 13, 29], .balanced, samples: 5)) {
                [$0.dropFirst().reduce($0[0]) { $0 * 0.9 + $1.square }]
            } reference: {
                [Reference.combine($0) { $0.dropFirst().reduce($0[0]) { $0 * Double(Float(0.9)) + $1 * $1 } }]
            }
        },
        ConformanceCase(.pointwise, "waiting operand used twice", draws: 2) { random, _ in
            Comparison(
                [random.floats([6]), random.floats([3, 6])], within: .balanced, gradients: .differences(of: [0, 1], .balanced)
            ) {
                let shared = $0[0].tanh() * 1.5
                let wide = shared * $0[1]
                return [wide + wide.square, shared + 1, wide.sum([1])]
            } reference: { inputs in
                let shared = inputs[0].map { Expression.Unary.tanh.reference($0) * 1.5 }
                let wide = Reference.combine([shared, inputs[1]]) { $0[0] * $0[1] }
                return [wide.map { $0 + $0 * $0 }, shared.map { $0 + 1 }, wide.reduced([1]) { $0.reduce(0, +) }]
            }
        },
    ]

    /// A base or exponent that is one number, computed before, may lie where the result goes.
    private static let powers = ConformanceCase(.pointwise, "powers of computed numbers", draws: 1) { random, _ in
        Comparison(
            [random.floats([300]), random.floats([1])], within: .elementwise(1e-5, absolute: 1e-6),
            gradients: .differences(of: [0, 1], .permissive.floor(1), samples: 12)
        ) {
            let x = $0[0].square + 0.5, y = $0[1].square + 1.5
            return [x.power(y), y.power(x), x.power(2.5)]
        } reference: {
            let pair = [$0[0].map { $0 * $0 + 0.5 }, $0[1].map { $0 * $0 + 1.5 }]
            return [
                Reference.combine(pair) { Expression.Binary.power.reference($0[0], $0[1]) },
                Reference.combine(pair) { Expression.Binary.power.reference($0[1], $0[0]) },
                pair[0].map { Expression.Binary.power.reference($0, 2.5) },
            ]
        }
    }

    /// What optimizers compute, `0.3 x + 0.7 y` and `x / (sqrt(y) + z)`, where operands are the same for all elements, for those of
    /// a row, or for none.
    private static let optimizerSteps = ConformanceCase(
        .pointwise, "weighted sums and quotients by roots", draws: 6
    ) { random, draw in
        let shapes = [[1], [19], [23, 19]], which = [[2, 2, 2], [0, 2, 2], [2, 0, 2], [2, 2, 0], [0, 2, 0], [2, 1, 1]]
        return Comparison(which[draw].map { random.floats(shapes[$0], 0.4, 1.6) }, within: .strict, variesLayout: false) {
            [$0[0] * 0.3 + $0[1] * 0.7, $0[0] / ($0[1].squareRoot + $0[2])]
        } reference: {
            [
                Reference.combine([$0[0], $0[1]]) { $0[0] * Double(Float(0.3)) + $0[1] * Double(Float(0.7)) },
                Reference.combine($0) { $0[0] / ($0[1].squareRoot() + $0[2]) },
            ]
        }
    }

    /// PyTorch's conventions where two are equal, and at the kinks.
    private static let ties = ConformanceCase(.pointwise, "equal values share a gradient", draws: 1) { _, _ in
        let inputs: [[Float]] = [[1, 2, -1, 0, 3], [1, 1, -1, 0, 4], [0, 1, -1, 0, 2]]
        return Comparison(inputs.map { Operand($0, [5]) }, within: .exact, gradients: .formula(.strict, tieGradients)) {
            [$0[0].maximum($0[1]), $0[0].minimum($0[1]), $0[2].relu(), $0[2].absolute, $0[2].clamped(-1, 1)]
        } reference: {
            let z = $0[2], pair = [$0[0], $0[1]]
            return [
                Reference.combine(pair) { Swift.max($0[0], $0[1]) }, Reference.combine(pair) { Swift.min($0[0], $0[1]) },
                z.map { Swift.max($0, 0) }, z.map(abs), z.map { Swift.min(Swift.max($0, -1), 1) },
            ]
        }
    }

    private static func tieGradients(_ inputs: [Reference], _ weights: [Reference]) -> [Reference?] {
        func share(_ a: Double, _ b: Double) -> Double { a == b ? 0.5 : (a > b ? 1 : 0) }
        var gradients = [[Double]](repeating: [], count: 3)
        for index in 0..<5 {
            let (x, y, z) = (inputs[0].values[index], inputs[1].values[index], inputs[2].values[index])
            let w = weights.map { $0.values[index] }
            gradients[0].append(w[0] * share(x, y) + w[1] * share(y, x))
            gradients[1].append(w[0] * share(y, x) + w[1] * share(x, y))
            let sign: Double = z == 0 ? 0 : (z > 0 ? 1 : -1)
            gradients[2].append((z > 0 ? w[2] : 0) + sign * w[3] + (abs(z) <= 1 ? w[4] : 0))
        }
        return gradients.map { Reference([5], $0) }
    }

    private static let slopesAtZero = ConformanceCase(.pointwise, "activations at 0", draws: 1) { _, _ in
        // Slopes at 0 as PyTorch has them.
        let slopes = [0, 0.25, 1.5, 0.5, 0.5, 0.5]
        return Comparison(
            [Operand([Float(0), -0.0], [2])], within: .strict,
            gradients: .formula(.strict) { _, weights in
                let gradient = (0..<2).map { index in zip(slopes, weights).reduce(0) { $0 + $1.0 * $1.1.values[index] } }
                return [Reference([2], gradient)]
            }
        ) {
            let x = $0[0]
            return [x.relu(), x.leakyReLU(0.25), x.elu(1.5), x.gelu(), x.silu(), x.softplus()]
        } reference: { inputs in
            Array(repeating: inputs[0], count: 5) + [inputs[0].map(ActivationReference.softplus)]
        }
    }

    /// A step takes an operation, and the positions (modulo what there is) of its arguments.
    typealias Step = (operation: Int, left: Int, right: Int)

    private static func plan(_ random: inout CaseRandom, length: Int) -> [Step] {
        (0..<length).map { _ in (random.int(0...8), random.int(0...99), random.int(0...99)) }
    }

    /// All operations keep their results between about 0.2 and 3.
    private static func follow(_ steps: [Step], _ inputs: [Tensor]) -> Tensor {
        var values = inputs
        for step in steps {
            // Recent values are preferred, so that chains grow deep.
            let x = values[values.count - 1 - step.left % Swift.min(4, values.count)], y = values[step.right % values.count]
            switch step.operation {
            case 0: values.append((x + y) * 0.5)
            case 1: values.append((x * y).squareRoot)
            case 2: values.append(x.sigmoid() + 0.5)
            case 3: values.append((x - y).square * 0.3 + 0.5)
            case 4: values.append((y * -0.5).exponential + 0.4)
            case 5: values.append((x + 1).logarithm + 0.3)
            case 6: values.append((x / (y + 1)) + 0.2)
            case 7: values.append(x.sine * 0.4 + 1)
            default: values.append(x.reciprocalSquareRoot * 0.5 + y.tanh() * 0.5)
            }
        }
        return values[values.count - 1]
    }

    private static func follow(_ steps: [Step], _ inputs: [Double]) -> Double {
        func f(_ unary: Expression.Unary, _ x: Double) -> Double { unary.reference(x) }
        func c(_ x: Float) -> Double { Double(x) }
        var values = inputs
        for step in steps {
            let x = values[values.count - 1 - step.left % Swift.min(4, values.count)], y = values[step.right % values.count]
            switch step.operation {
            case 0: values.append((x + y) * 0.5)
            case 1: values.append(f(.squareRoot, x * y))
            case 2: values.append(f(.sigmoid, x) + 0.5)
            case 3: values.append((x - y) * (x - y) * c(0.3) + 0.5)
            case 4: values.append(f(.exponential, y * -0.5) + c(0.4))
            case 5: values.append(f(.logarithm, x + 1) + c(0.3))
            case 6: values.append(x / (y + 1) + c(0.2))
            case 7: values.append(f(.sine, x) * c(0.4) + 1)
            default: values.append(f(.reciprocalSquareRoot, x) * 0.5 + f(.tanh, y) * 0.5)
            }
        }
        return values[values.count - 1]
    }
}
