import MartletCore

enum ReductionCases {
    static let all = axes + [nanCase, argTies, sharedGradients, empty, offsetVariance, long, keptDimensions] + wide

    private typealias Kind = (
        name: String, isExact: Bool, tensor: @Sendable (Tensor, [Int]) -> Tensor, reference: @Sendable ([Double]) -> Double
    )

    private static let kinds: [Kind] = [
        ("sum", false, { $0.sum($1) }, ReductionReference.sum),
        ("mean", false, { $0.mean($1) }, ReductionReference.mean),
        ("max", true, { $0.max($1) }, { ReductionReference.extreme($0, >) }),
        ("min", true, { $0.min($1) }, { ReductionReference.extreme($0, <) }),
        ("variance", false, { $0.variance($1) }, { ReductionReference.variance($0, 1) }),
        ("variance without correction", false, { $0.variance($1, correction: 0) }, { ReductionReference.variance($0, 0) }),
        ("norm", false, { $0.norm($1) }, { ReductionReference.norm($0) }),
    ]

    private static let arguments: [Kind] = [
        ("argMax", true, { $0.argMax($1[0]) }, { ReductionReference.argument($0, >) }),
        ("argMin", true, { $0.argMin($1[0]) }, { ReductionReference.argument($0, <) }),
    ]

    /// Shapes with the axes that are reduced: first, last, middle, runs, apart, all, none, of extent 1.
    private static let plans: [([Int], [Int])] = [
        ([37], [0]), ([5, 7], [1]), ([5, 7], [0]), ([3, 4, 5], [1]), ([3, 4, 5], [0, 2]), ([3, 4, 5], [1, 2]),
        ([2, 3, 2, 5], [0, 1, 2, 3]),
        ([2, 3, 4, 5], [0, 2, 3]), ([6, 1, 4], [1]), ([2, 70], [1]), ([130, 3], [0]), ([4, 5], []),
    ]

    private static let axes = (kinds + arguments).map { kind in
        let isArgument = kind.name.hasPrefix("arg")
        return ConformanceCase(.reduction, "\(kind.name) over axes", draws: plans.count) { random, draw in
            var (shape, axes) = plans[draw]
            if isArgument { axes = [axes.first ?? 1] }
            // A variance over one element divides by 0: that is for other cases.
            if kind.name == "variance", axes.allSatisfy({ shape[$0] == 1 }) { (shape, axes) = ([4, 5], [0]) }
            let operand = kind.name == "norm" ? random.awayFromZero(shape) : random.distinct(shape)
            return Comparison(
                [operand], "axes \(axes)", within: kind.isExact ? .exact : .strict.floor(1),
                gradients: isArgument ? .none : .differences(of: [0], .balanced.floor(0.1))
            ) {
                [kind.tensor($0[0], axes)]
            } reference: {
                [$0[0].reduced(axes, kind.reference)]
            }
        }
    }

    /// Few long rows, many short ones, and many columns: devices have kernels of their own for them.
    private static let wide = [
        ([3, 20_011], [1]), ([21, 16_500], [1]), ([103, 1037], [1]), ([4001, 3], [1]), ([1203, 150], [0]), ([2, 515, 66], [1]),
        ([16, 24, 12, 12], [0, 2, 3]),
    ].map {
        (shape: [Int], axes: [Int]) in
        ConformanceCase(.reduction, "\(shape) over \(axes)", draws: 1) { random, _ in
            Comparison([random.floats(shape)], within: .strict.floor(300)) { tensors in
                kinds.map { $0.tensor(tensors[0], axes) } + (axes.count == 1 ? arguments.map { $0.tensor(tensors[0], axes) } : [])
            } reference: { inputs in
                kinds.map { inputs[0].reduced(axes, $0.reference) }
                    + (axes.count == 1 ? arguments.map { inputs[0].reduced(axes, $0.reference) } : [])
            }
        }
    }

    private static let nanCase = ConformanceCase(.reduction, "NaN and infinity", draws: 4) { random, draw in
        // Rows with none, one, several; in the first and the last place; infinities of one sign and of both.
        let columns = [7, 64, 333, 1030][draw], rows = 8
        var operand = random.floats([rows, columns])
        operand.set(columns, .nan)
        operand.set(3 * columns - 1, .nan)
        operand.set(3 * columns + columns / 2, .nan)
        operand.set(3 * columns + columns - 1, .nan)
        operand.set(4 * columns + columns / 3, .infinity)
        operand.set(5 * columns + 1, -.infinity)
        operand.set(6 * columns + 1, -.infinity)
        operand.set(6 * columns + 5, .infinity)
        operand.set(7 * columns + 2, .infinity)
        operand.set(7 * columns + 6, .nan)
        return Comparison([operand], within: .strict.floor(Double(columns)), variesLayout: false) { tensors in
            [tensors[0], tensors[0].transposed().contiguous(on: tensors[0].resolvedDevice())].enumerated().flatMap { turned, x in
                (kinds + arguments).map { $0.tensor(x, [1 - turned]) }
            }
        } reference: { inputs in
            let once = (kinds + arguments).map { inputs[0].reduced([1], $0.reference) }
            return once + once
        }
    }

    private static let argTies = ConformanceCase(.reduction, "the first of equals", draws: 4) { random, draw in
        let shape = [[6, 9], [3, 200], [2, 5000], [5, 4, 3]][draw]
        return Comparison([random.integersAsFloats(shape, 0...3)], within: .exact) {
            [$0[0].argMax(), $0[0].argMin(), $0[0].argMax(0), $0[0].argMin(-2, keepingDimensions: true)]
        } reference: {
            let last = shape.count - 1
            let below = $0[0].reduced([last - 1], keepingDimensions: true) { ReductionReference.argument($0, <) }
            return [
                $0[0].reduced([last]) { ReductionReference.argument($0, >) },
                $0[0].reduced([last]) { ReductionReference.argument($0, <) },
                $0[0].reduced([0]) { ReductionReference.argument($0, >) }, below,
            ]
        }
    }

    private static let sharedGradients = ConformanceCase(.reduction, "equal extremes share the gradient", draws: 2) { random, _ in
        Comparison(
            [random.integersAsFloats([4, 10], 0...2)], within: .exact,
            gradients: .formula(.strict) { inputs, weights in
                let x = inputs[0]
                let shares = [false, true].map { isMin in
                    let extremes = x.reduced([1]) { ReductionReference.extreme($0) { isMin ? $0 < $1 : $0 > $1 } }
                    let counts = Reference([4]) { row in Double((0..<10).filter { x[[row[0], $0]] == extremes[row] }.count) }
                    return Reference([4, 10]) { x[$0] == extremes[[$0[0]]] ? 1 / counts[[$0[0]]] : 0 }
                }
                return [Reference([4, 10]) { shares[0][$0] * weights[0][[$0[0]]] + shares[1][$0] * weights[1][[$0[0]]] }]
            }
        ) {
            [$0[0].max([1]), $0[0].min([1])]
        } reference: {
            [$0[0].reduced([1]) { ReductionReference.extreme($0, >) }, $0[0].reduced([1]) { ReductionReference.extreme($0, <) }]
        }
    }

    private static let empty = ConformanceCase(.reduction, "no elements", draws: 2) { random, draw in
        let shape = draw == 0 ? [3, 0, 2] : [0]
        let axis = draw == 0 ? 1 : 0
        return Comparison([random.floats(shape)], within: .exact, gradients: .formula(.strict) { _, _ in [Reference(shape)] }) {
            [
                $0[0].sum([axis]), $0[0].norm([axis]), $0[0].mean([axis]), $0[0].variance([axis]), $0[0].sum(),
                Tensor.zeros([0, 4]).max([1]),
            ]
        } reference: {
            let x = $0[0]
            return [
                x.reduced([axis]) { _ in 0 }, x.reduced([axis]) { _ in 0 }, x.reduced([axis]) { _ in .nan },
                x.reduced([axis]) { _ in .nan },
                Reference([], [0]), Reference([0], []),
            ]
        }
    }

    private static let offsetVariance = ConformanceCase(.reduction, "variance far from zero", draws: 2) { random, _ in
        var operand = random.floats([5, 400])
        operand.mapFloats { ($0 + 1000) }
        // Welford's way loses as many digits as the mean is larger than the deviation: here three of seven.
        return Comparison([operand], within: .permissive) {
            [$0[0].variance([1]), $0[0].variance([0]), $0[0].variance(correction: 0)]
        } reference: {
            [
                $0[0].reduced([1]) { ReductionReference.variance($0, 1) },
                $0[0].reduced([0]) { ReductionReference.variance($0, 1) },
                $0[0].reduced([0, 1]) { ReductionReference.variance($0, 0) },
            ]
        }
    }

    private static let long = ConformanceCase(.reduction, "a million elements", draws: 1) { random, _ in
        // All of one sign: an order of additions that is not a tree would lose five digits.
        Comparison([random.floats([1_000_003], 0.5, 1)], within: .strict, variesLayout: false) {
            [$0[0].sum(), $0[0].mean(), $0[0].max(), $0[0].argMin(), $0[0].norm()]
        } reference: {
            let x = $0[0].values
            let folds: [([Double]) -> Double] = [
                ReductionReference.sum, ReductionReference.mean, { ReductionReference.extreme($0, >) },
                { ReductionReference.argument($0, <) }, { ReductionReference.norm($0) },
            ]
            return folds.map { Reference([], [$0(x)]) }
        }
    }

    private static let keptDimensions = ConformanceCase(.reduction, "kept dimensions and negative axes", draws: 2) { random, _ in
        Comparison([random.distinct([3, 4, 5])], within: .balanced, gradients: .differences(of: [0], .balanced.floor(0.1))) {
            [
                $0[0].mean([-1], keepingDimensions: true), $0[0] - $0[0].max([0, -1], keepingDimensions: true),
                $0[0].sum(keepingDimensions: true),
            ]
        } reference: {
            let largest = $0[0].reduced([0, 2], keepingDimensions: true) { ReductionReference.extreme($0, >) }
            return [
                $0[0].reduced([2], keepingDimensions: true, ReductionReference.mean),
                Reference.combine([$0[0], largest]) { $0[0] - $0[1] },
                $0[0].reduced([0, 1, 2], keepingDimensions: true, ReductionReference.sum),
            ]
        }
    }
}

extension CaseRandom {
    /// Few different values, so that many are equal.
    mutating func integersAsFloats(_ shape: [Int], _ range: ClosedRange<Int>) -> Operand {
        Operand((0..<shape.reduce(1, *)).map { _ in Float(int(range)) }, shape)
    }
}
