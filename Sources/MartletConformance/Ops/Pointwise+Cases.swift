import MartletCore

enum PointwiseCases {
    static let all =
        unary + [circularLimits] + binary + broadcasting + activations + PointwiseChainCases.all + PointwiseStorageCases.all

    /// Rounding in the last places of each element; functions that pass through 0 may be off by as much as at 1.
    private static let elementary = Tolerance.elementwise(1.5e-6, absolute: 3e-7)

    private static let unary = Expression.Unary.allCases.flatMap { operation in
        [
            ConformanceCase(.pointwise, "unary \(operation)", draws: 2) { random, draw in
                let shape = draw == 0 ? [257] : random.shape(rank: 3, most: 6)
                let domain = operation.domain
                return Comparison(
                    [random.floats(shape, domain.lowerBound, domain.upperBound)],
                    within: operation.isExact ? .exact : elementary,
                    gradients: .differences(of: [0], elementary)
                ) {
                    [Tensor.pointwise(.unary(operation, .input(0)), [$0[0]])]
                } reference: {
                    [$0[0].map(operation.reference)]
                }
            },
            ConformanceCase(.pointwise, "unary \(operation) of special values", draws: 1) { random, _ in
                var operand = random.specials([300], oneIn: 2)
                for (index, value) in edges(of: operation).enumerated() { operand.set(index, value) }
                // PoCL 3.1's vectors of sines are wrong beside an infinity or a number of this size: those stand alone below.
                if isCircular(operation) { operand.mapFloats { abs($0) > 1e20 ? 1e4 : $0 } }
                return Comparison([operand], within: operation.isExact ? .exact : specialTolerance(operation)) {
                    [Tensor.pointwise(.unary(operation, .input(0)), [$0[0]])]
                } reference: {
                    [$0[0].map(operation.reference)]
                }
            },
        ]
    }

    private static func isCircular(_ operation: Expression.Unary) -> Bool { operation == .sine || operation == .cosine }

    private static let circularLimits = ConformanceCase(.pointwise, "sine and cosine of infinity", draws: 1) { random, _ in
        let values = (0..<64).map { _ in random.pick([Float.infinity, -.infinity, .nan]) }
        return Comparison([Operand(values, [64])], within: .exact) {
            [$0[0].sine, $0[0].cosine]
        } reference: { inputs in
            [Reference([64], repeating: .nan), Reference([64], repeating: .nan)]
        }
    }

    /// Arguments near which implementations lose digits or leave the range.
    private static func edges(of operation: Expression.Unary) -> [Float] {
        switch operation {
        case .exponential, .exponentialMinusOne, .sigmoid, .tanh:
            [88.7, 89, -87, -103, -104, 1e-5, -1e-5, 1e-8, 20, -20, 0.3, -0.3]
        case .logarithm, .logarithmOnePlus: [1e-10, 1e-5, -1e-5, -0.999, 0.999, 1.001, 3e38, 1e-38, 1e10]
        case .sine, .cosine: [3.141_592_7, 1.570_796_4, 100, 1000, -31_415.926, 0.001, 6.283_185_5]
        case .floor, .ceiling, .round: [0.5, 1.5, -0.5, -1.5, 2.5, 8_388_609, 1e9, -1e9, 0.499_999_97, -2]
        case .errorFunction: [3.9, -3.9, 5, 1e-4, -1e-4, 0.999, 1.001]
        default: [1e-20, 1e20, -1e20, 3]
        }
    }

    /// What functions that keep their relative precision near 0 must keep there.
    private static func specialTolerance(_ operation: Expression.Unary) -> Tolerance {
        switch operation {
        case .sine, .cosine, .logarithm: elementary
        case .exponentialMinusOne, .logarithmOnePlus, .tanh, .errorFunction: .elementwise(2e-6, absolute: 1e-12)
        default: .elementwise(2e-6)
        }
    }

    private static let binary = Expression.Binary.allCases.flatMap { operation in
        [
            ConformanceCase(.pointwise, "binary \(operation)", draws: 2) { random, draw in
                let shape = draw == 0 ? [131] : random.shape(rank: 2, most: 9)
                let isPower = operation == .power
                let left = isPower ? random.floats(shape, 0.3, 2) : random.awayFromZero(shape)
                return Comparison(
                    [left, random.awayFromZero(shape, 0.15, 1.9)], within: operation.isExact ? .exact : elementary,
                    gradients: .differences(of: [0, 1], .elementwise(3e-6, absolute: 1e-6))
                ) {
                    [Tensor.pointwise(.binary(operation, .input(0), .input(1)), $0)]
                } reference: {
                    [Reference.combine($0) { operation.reference($0[0], $0[1]) }]
                }
            },
            ConformanceCase(.pointwise, "binary \(operation) of special values", draws: 1) { random, _ in
                // Every pair of them.
                let values: [Float] = [.nan, .infinity, -.infinity, 0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e30, -1e-30, 1e-30]
                let left = values.flatMap { value in values.map { _ in value } }, right = values.flatMap { _ in values }
                return Comparison(
                    [Operand(left, [left.count]), Operand(right, [right.count])],
                    within: operation.isExact ? .exact : .elementwise(2e-6)
                ) {
                    [Tensor.pointwise(.binary(operation, .input(0), .input(1)), $0)]
                } reference: {
                    [Reference.combine($0) { operation.reference($0[0], $0[1]) }]
                }
            },
        ]
    }

    private static let shapePairs: [([Int], [Int])] = [
        ([3, 4], [4]), ([3, 1], [1, 4]), ([2, 3, 4, 5], [3, 1, 5]), ([], [2, 2]), ([5], []), ([1], [1, 1]), ([0, 3], [3]),
        ([2, 0], [1]),
        ([1, 7, 1, 3, 1, 2], [4, 1, 2, 1, 5, 1]), ([129], [3, 129]), ([33, 1], [33, 65]),
    ]

    private static let broadcasting = [
        ConformanceCase(.pointwise, "broadcast operands", draws: shapePairs.count) { random, draw in
            let (left, right) = shapePairs[draw]
            return Comparison(
                [random.floats(left), random.floats(right)], within: .strict,
                gradients: .differences(of: [0, 1], .balanced.floor(0.1))
            ) {
                [$0[0] * $0[1] + $0[0]]
            } reference: {
                [Reference.combine($0) { $0[0] * $0[1] + $0[0] }]
            }
        },
        ConformanceCase(.pointwise, "select", draws: 4) { random, _ in
            var condition = random.integers([6, 1], -1...1)
            if random.bool() { condition = random.specials([6, 1], oneIn: 1) }
            return Comparison(
                [condition, random.floats([6, 5]), random.floats([5])], within: .exact,
                gradients: .differences(of: [1, 2], .balanced)
            ) {
                [Tensor.select($0[0], $0[1], $0[2])]
            } reference: {
                [Reference.combine($0) { $0[0] != 0 ? $0[1] : $0[2] }]
            }
        },
        ConformanceCase(.pointwise, "operators with numbers", draws: 2) { random, _ in
            Comparison([random.awayFromZero([4, 9], 0.3, 2)], within: .strict, gradients: .differences(of: [0], .balanced)) {
                let x = $0[0]
                return [
                    x + 2, 2 + x, x - 3, 3 - x, x * 0.7, 0.7 * x, x / 3, 3 / x, -x, x.clamped(-1, 1.2), x.absolute.power(1.7),
                ]
            } reference: {
                let f: [(Double) -> Double] = [
                    { $0 + 2 }, { 2 + $0 }, { $0 - 3 }, { 3 - $0 }, { $0 * Double(Float(0.7)) }, { Double(Float(0.7)) * $0 },
                    { $0 / 3 },
                    { 3 / $0 }, { -$0 }, { Swift.min(Swift.max($0, -1), Double(Float(1.2))) },
                    { Expression.Binary.power.reference(abs($0), Double(Float(1.7))) },
                ]
                let x = $0[0]
                return f.map { x.map($0) }
            }
        },
        ConformanceCase(.pointwise, "comparisons", draws: 3) { random, _ in
            Comparison([random.integers([5, 8], -1...1), random.integers([8], -1...1)], within: .exact) {
                let (x, y) = ($0[0], $0[1])
                return [x .< y, x .<= y, x .> y, x .>= y, x .== y, x .!= y]
            } reference: { inputs in
                let f: [(Double, Double) -> Bool] = [
                    { $0 < $1 }, { $0 <= $1 }, { $0 > $1 }, { $0 >= $1 }, { $0 == $1 }, { $0 != $1 },
                ]
                return f.map { f in Reference.combine(inputs) { f($0[0], $0[1]) ? 1 : 0 } }
            }
        },
    ]

    private typealias Activation = (name: String, tensor: @Sendable (Tensor) -> Tensor, reference: @Sendable (Double) -> Double)
    private static let functions: [Activation] = [
        ("relu", { $0.relu() }, { $0 > 0 ? $0 : 0 }),
        ("leakyReLU", { $0.leakyReLU(0.25) }, { ActivationReference.leakyReLU($0, 0.25) }),
        ("elu", { $0.elu(1.5) }, { ActivationReference.elu($0, 1.5) }),
        ("gelu", { $0.gelu() }, ActivationReference.gelu),
        ("geluTanh", { $0.geluTanh() }, ActivationReference.geluTanh),
        ("silu", { $0.silu() }, ActivationReference.silu),
        ("sigmoid", { $0.sigmoid() }, Expression.Unary.sigmoid.reference),
        ("tanh", { $0.tanh() }, Expression.Unary.tanh.reference),
        ("softplus", { $0.softplus() }, ActivationReference.softplus),
    ]

    private static let activations = functions.map { function in
        ConformanceCase(.pointwise, "activation \(function.name)", draws: 3) { random, draw in
            var operand = random.awayFromZero([3, 50], 0.01, 4)
            if draw == 2 { for (index, value) in [Float(20), -20, 80, -80].enumerated() { operand.set(index, value) } }
            // 1 + tanh(...) of a far negative argument leaves a rounding error, times the argument.
            let absolute = function.name == "geluTanh" ? 1e-5 : 1e-6
            return Comparison(
                [operand], within: .elementwise(3e-6, absolute: absolute),
                gradients: .differences(of: [0], .elementwise(5e-6, absolute: 2e-6), samples: 40)
            ) {
                [function.tensor($0[0])]
            } reference: {
                [$0[0].map(function.reference)]
            }
        }
    }
}
