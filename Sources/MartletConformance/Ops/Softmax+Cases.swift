import MartletCore

enum SoftmaxCases {
    static let all =
        [false, true].flatMap { [axes(logarithm: $0), range(logarithm: $0), notFinite(logarithm: $0)] }
        + [entropy, entropyOutside, entropyRange, evenGradient, long]

    private static let plans: [([Int], Int)] = [
        ([4, 7], -1), ([4, 7], 0), ([2, 3, 5], 1), ([9], 0), ([3, 1], 1), ([0, 4], 1), ([2, 0], 1), ([5, 70], 1), ([2, 515], 1),
        ([300, 10], 1),
        ([33, 129], 1),
    ]

    private static func function(_ logarithm: Bool) -> ([Double]) -> [Double] {
        { logarithm ? SoftmaxReference.logSoftmax($0) : SoftmaxReference.softmax($0) }
    }

    private static func axes(logarithm: Bool) -> ConformanceCase {
        ConformanceCase(.softmax, logarithm ? "log-softmax" : "softmax", draws: plans.count * 2) { random, draw in
            let (shape, axis) = plans[draw / 2]
            return Comparison(
                [random.floats(shape, -4, 4)], "axis \(axis)", within: .strict.floor(logarithm ? 1 : 0.1),
                gradients: .differences(of: [0], .balanced.floor(0.1), samples: 12)
            ) {
                [logarithm ? $0[0].logSoftmax(axis: axis) : $0[0].softmax(axis: axis)]
            } reference: {
                [SoftmaxReference.rows($0[0], axis: axis < 0 ? shape.count - 1 : axis, function(logarithm))]
            }
        }
    }

    /// Logits whose exponentials would leave the range, and ones that differ by more than float32 resolves.
    private static func range(logarithm: Bool) -> ConformanceCase {
        ConformanceCase(.softmax, "\(logarithm ? "log-softmax" : "softmax") of large logits", draws: 2) { random, _ in
            var operand = random.floats([6, 9], -1000, 1000)
            operand.set(3, 1e30)
            operand.set(12, -1e30)
            return Comparison([operand], within: .elementwise(3e-6, absolute: logarithm ? 3e-7 : 1e-37)) {
                [logarithm ? $0[0].logSoftmax() : $0[0].softmax()]
            } reference: {
                [SoftmaxReference.rows($0[0], axis: 1, function(logarithm))]
            }
        }
    }

    private static func notFinite(logarithm: Bool) -> ConformanceCase {
        ConformanceCase(.softmax, "\(logarithm ? "log-softmax" : "softmax") with NaN and infinity", draws: 2) { random, draw in
            let columns = draw == 0 ? 5 : 140
            var operand = random.floats([5, columns])
            operand.set(1, .nan)
            operand.set(columns + 2, .infinity)
            operand.set(2 * columns + 3, -.infinity)
            for column in 0..<columns { operand.set(3 * columns + column, -.infinity) }
            return Comparison([operand], within: .strict.floor(1)) {
                [logarithm ? $0[0].logSoftmax() : $0[0].softmax()]
            } reference: {
                [SoftmaxReference.rows($0[0], axis: 1, function(logarithm))]
            }
        }
    }

    private static let entropyShapes = [[6, 5], [2, 3, 4], [9], [1, 1], [3, 300], [70, 10], [0, 4]]

    /// Every combination of smoothing, weights and ignored rows.
    private static let entropy = ConformanceCase(.softmax, "cross-entropy", draws: entropyShapes.count * 8) { random, draw in
        let shape = entropyShapes[draw / 8], classes = shape.last!
        let options = CrossEntropyOptions(
            labelSmoothing: draw % 2 == 1 ? 0.15 : 0, ignoredLabel: draw / 2 % 2 == 1 ? (draw % 3 == 0 ? 0 : -100) : nil)
        let hasWeights = draw / 4 % 2 == 1
        var labels = random.integers(Array(shape.dropLast()), 0...classes - 1)
        if options.ignoredLabel == -100 { labels.replaceSome(with: -100, every: 3) }
        let operands = [random.floats(shape, -3, 3), labels] + (hasWeights ? [random.floats([classes], 0.2, 2)] : [])
        return Comparison(
            operands, "\(options), weights \(hasWeights)", within: .strict.floor(1),
            gradients: .differences(of: [0], .balanced.floor(0.1))
        ) {
            [crossEntropyRows($0[0], $0[1], weights: hasWeights ? $0[2] : nil, options: options)]
        } reference: {
            rowLosses($0, hasWeights ? $0[2].values : nil, options)
        }
    }

    private static func rowLosses(_ inputs: [Reference], _ weights: [Double]?, _ options: CrossEntropyOptions) -> [Reference] {
        let classes = inputs[0].shape.last!
        let losses = inputs[1].values.enumerated().map { row, label in
            SoftmaxReference.crossEntropy(
                Array(inputs[0].values[row * classes..<(row + 1) * classes]), Int(label), weights: weights, options)
        }
        return [Reference(inputs[1].shape, losses)]
    }

    /// A label outside the classes makes its row's loss and gradient NaN, and only its row's; an ignored one gives zeros, whatever its
    /// logits.
    private static let entropyOutside = ConformanceCase(.softmax, "cross-entropy with labels outside", draws: 2) { random, _ in
        var logits = random.floats([6, 4])
        logits.set(4 * 3 + 1, .nan)
        let options = CrossEntropyOptions(labelSmoothing: 0.1, ignoredLabel: -1)
        return Comparison(
            [logits, Operand([0, 4, -2, -1, 3, 2_000_000_000] as [Int32], [6])], within: .strict.floor(1),
            gradients: .formula(.balanced.floor(1)) { inputs, w in
                var shares = Reference([6, 4])
                for row in 0..<6 {
                    let x = Array(inputs[0].values[row * 4..<row * 4 + 4]), label = Int(inputs[1].values[row])
                    for column in 0..<4 {
                        let inside = (0..<4).contains(label)
                        let target = 0.1 / 4 + (label == column ? 0.9 : 0)
                        shares[[row, column]] =
                            label == -1 ? 0 : (inside ? w[0].values[row] * (SoftmaxReference.softmax(x)[column] - target) : .nan)
                    }
                }
                return [shares, nil]
            }
        ) {
            [crossEntropyRows($0[0], $0[1], options: options)]
        } reference: {
            rowLosses($0, nil, options)
        }
    }

    private static let entropyRange = ConformanceCase(.softmax, "cross-entropy of large logits", draws: 2) { random, _ in
        Comparison([random.floats([8, 6], -500, 500), random.integers([8], 0...5)], within: .strict.floor(1)) {
            [crossEntropyRows($0[0], $0[1])]
        } reference: {
            rowLosses($0, nil, .init())
        }
    }

    /// The gradient of a plain mean reaches the op as one number for all rows.
    private static let evenGradient = ConformanceCase(.softmax, "cross-entropy, mean of the rows", draws: 3) { random, draw in
        let rows = [1, 7, 40][draw]
        return Comparison(
            [random.floats([rows, 12]), random.integers([rows], 0...11)], within: .strict.floor(1),
            gradients: .differences(of: [0], .balanced)
        ) {
            [crossEntropyRows($0[0], $0[1]).mean()]
        } reference: {
            [Reference([], [ReductionReference.mean(rowLosses($0, nil, .init())[0].values)])]
        }
    }

    private static let long = ConformanceCase(.softmax, "rows of a vocabulary", draws: 1) { random, _ in
        Comparison(
            [random.floats([3, 40_009], -5, 5), random.integers([3], 0...40_008)], within: .balanced, variesLayout: false
        ) {
            [$0[0].softmax(), $0[0].logSoftmax(), crossEntropyRows($0[0], $0[1])]
        } reference: { inputs in
            let rows = (0..<3).map { Array(inputs[0].values[$0 * 40_009..<($0 + 1) * 40_009]) }
            return [
                Reference([3, 40_009], rows.flatMap(SoftmaxReference.softmax)),
                Reference([3, 40_009], rows.flatMap(SoftmaxReference.logSoftmax)),
                rowLosses(inputs, nil, .init())[0],
            ]
        }
    }
}

extension Operand {
    /// Puts an integer in every n-th place.
    mutating func replaceSome(with value: Int32, every step: Int) {
        guard case .integers(var integers) = values else { return }
        for index in Swift.stride(from: 1, to: integers.count, by: step) { integers[index] = value }
        self = Operand(integers, shape).laid(layout)
    }
}
