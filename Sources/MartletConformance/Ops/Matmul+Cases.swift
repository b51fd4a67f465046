import MartletCore

enum MatmulCases {
    static let all =
        sizes + shapes + [vectors, noInner, notFinite, extremes, cleared, linearCase, linearSizes, large]
        + MatmulEpilogueCases.all + MatmulShapeCases.all + WaitingProductCases.all

    /// [m, k, n], with the edges of tiles: odd, one more and one less than powers of two, long and thin.
    private static let extents: [[Int]] = [
        [1, 1, 1], [7, 5, 13], [17, 33, 65], [64, 64, 64], [1, 300, 7], [130, 1, 70], [31, 129, 15], [256, 96, 200],
        [5, 1000, 3], [128, 784, 64],
        [1, 64, 512], [3, 2, 700], [1024, 70, 130], [33, 700, 200], [100, 1800, 90],
    ]

    private static let sizes = [false, true].flatMap { left in
        [false, true].map { right in
            ConformanceCase(.matmul, "\(left ? "T" : "N")\(right ? "T" : "N") sizes", draws: extents.count) { random, draw in
                let (m, k, n) = (extents[draw][0], extents[draw][1], extents[draw][2])
                let isSmall = m * k * n < 40_000
                return Comparison(
                    [random.floats(left ? [k, m] : [m, k]), random.floats(right ? [n, k] : [k, n])], "m, k, n = \(m), \(k), \(n)",
                    within: .balanced,
                    gradients: isSmall
                        ? .formula(.balanced) { inputs, weights in
                            let a = left ? inputs[0].transposed : inputs[0], b = right ? inputs[1].transposed : inputs[1]
                            let da = weights[0].multiplied(by: b.transposed), db = a.transposed.multiplied(by: weights[0])
                            return [left ? da.transposed : da, right ? db.transposed : db]
                        } : .none, variesLayout: isSmall
                ) {
                    [matmul(left ? $0[0].transposed() : $0[0], right ? $0[1].transposed() : $0[1])]
                } reference: {
                    [(left ? $0[0].transposed : $0[0]).multiplied(by: right ? $0[1].transposed : $0[1])]
                }
            }
        }
    }

    /// Batches, broadcast on either side, and empty results.
    private static let batches: [([Int], [Int])] = [
        ([3, 4, 5], [3, 5, 6]), ([3, 4, 5], [5, 6]), ([4, 5], [3, 5, 6]), ([2, 1, 4, 5], [3, 5, 2]),
        ([2, 3, 4, 5], [2, 3, 5, 6]),
        ([1, 4, 5], [7, 5, 1]), ([2, 3, 1, 5], [1, 5, 4]), ([0, 4, 5], [5, 6]), ([3, 0, 5], [3, 5, 2]), ([0, 5], [5, 3]),
        ([4, 5], [5, 0]),
        ([9, 16, 33], [9, 33, 17]),
    ]

    private static let shapes = [
        ConformanceCase(.matmul, "batches", draws: batches.count * 2) { random, draw in
            let (left, right) = batches[draw / 2]
            return Comparison(
                [random.floats(left), random.floats(right)], within: .balanced,
                gradients: .differences(of: [0, 1], .balanced.floor(0.1), samples: 12)
            ) {
                [matmul($0[0], $0[1])]
            } reference: {
                [$0[0].multiplied(by: $0[1])]
            }
        }
    ]

    private static let vectors = ConformanceCase(.matmul, "vectors", draws: 2) { random, _ in
        Comparison(
            [random.floats([6]), random.floats([6]), random.floats([3, 6, 4]), random.floats([2, 5, 6])], within: .balanced,
            gradients: .differences(of: [0, 1, 2, 3], .balanced, samples: 8)
        ) {
            [matmul($0[0], $0[1]), matmul($0[0], $0[2]), matmul($0[3], $0[1])]
        } reference: {
            let row = $0[0].reshaped([1, 6]), column = $0[1].reshaped([6, 1])
            return [
                row.multiplied(by: column).reshaped([]), row.multiplied(by: $0[2]).reshaped([3, 4]),
                $0[3].multiplied(by: column).reshaped([2, 5]),
            ]
        }
    }

    private static let noInner = ConformanceCase(.matmul, "an inner extent of 0 gives zeros", draws: 2) { random, _ in
        Comparison(
            [
                random.floats([3, 0]), random.floats([0, 4]), random.floats([2, 3, 0]), random.floats([4, 0]), random.floats([4]),
            ],
            within: .exact,
            gradients: .formula(.strict) { inputs, weights in
                inputs.dropLast().map { Reference($0.shape) } + [weights[2].reduced([0]) { $0.reduce(0, +) }]
            }
        ) {
            [matmul($0[0], $0[1]), matmul($0[2], $0[1]), linear($0[0], $0[3], bias: $0[4])]
        } reference: {
            [Reference([3, 4]), Reference([2, 3, 4]), $0[4].broadcast(to: [3, 4])]
        }
    }

    private static let notFinite = ConformanceCase(.matmul, "NaN and infinity reach what they touch", draws: 3) { random, draw in
        let n = [6, 40, 150][draw]
        var a = random.awayFromZero([n, n]), b = random.awayFromZero([n, n])
        a.set(2 * n + 3, .nan)
        a.set(4 * n + 1, .infinity)
        b.set(n + 5, 0)
        b.set(5 * n + 2, -.infinity)
        return Comparison([a, b], within: .balanced) {
            [matmul($0[0], $0[1]), matmul($0[0].transposed(), $0[1]), matmul($0[0], $0[1].transposed())]
        } reference: {
            [$0[0].multiplied(by: $0[1]), $0[0].transposed.multiplied(by: $0[1]), $0[0].multiplied(by: $0[1].transposed)]
        }
    }

    /// Products on a matrix unit are made of parts: the largest numbers' first parts round up to infinity, and products of parts may
    /// overflow where theirs does not.
    private static let extremes = ConformanceCase(.matmul, "the largest numbers", draws: 3) { random, draw in
        let n = [5, 70, 160][draw]
        var a = random.awayFromZero([n, n]), b = random.awayFromZero([n, n])
        for column in 0..<n {
            a.set(2 * n + column, column == 1 ? 3.4e38 : 0)
            a.set(3 * n + column, column == 1 ? 1.9e38 : 0)
            a.set(4 * n + column, column == 1 ? 2e38 : column == 2 ? -2e38 : 0)
            b.set(n + column, 1)
            b.set(2 * n + column, 1)
        }
        return Comparison([a, b], within: .balanced) {
            [matmul($0[0], $0[1]), matmul($0[1].transposed(), $0[0].transposed())]
        } reference: {
            [$0[0].multiplied(by: $0[1]), $0[1].transposed.multiplied(by: $0[0].transposed)]
        }
    }

    /// Products so large that other ways are taken for them. Their elements depend on their places' remainders by 5 alone, so that 25
    /// sums of integers tell the whole result.
    private static let large = ConformanceCase(.matmul, procedure: "large products") { device, random in
        let (m, k, n) = (1031, 1027, 1040)
        let a: [Int] = (0..<25).map { _ in random.int(-2...2) }, b: [Int] = (0..<25).map { _ in random.int(-2...2) }
        func place(_ index: Int, _ columns: Int) -> Int { index / columns % 5 * 5 + index % columns % 5 }
        func elements(_ pattern: [Int], _ rows: Int, _ columns: Int) -> Tensor {
            let values: [Float] = (0..<rows * columns).map { Float(pattern[place($0, columns)]) }
            return Tensor(values, shape: [rows, columns])
        }
        func turned(_ pattern: [Int]) -> [Int] { (0..<25).map { pattern[$0 % 5 * 5 + $0 / 5] } }
        var sums = [Int](repeating: 0, count: 25)
        for index in 0..<25 {
            for p in 0..<k { sums[index] += a[index / 5 * 5 + p % 5] * b[p % 5 * 5 + index % 5] }
        }
        let before = elements((0..<25).map { $0 % 7 }, m, n)
        for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
            let x = left ? elements(turned(a), k, m).transposed() : elements(a, m, k)
            let y = right ? elements(turned(b), n, k).transposed() : elements(b, k, n)
            let plain = try matmul(x, y).floats(), added = try (matmul(x, y) + before).floats()
            for index in 0..<m * n {
                let at = place(index, n), sum = sums[at]
                try expect(
                    plain[index] == Float(sum) && added[index] == Float(sum + at % 7), "element \(index), \(left), \(right)")
            }
        }
        let bias = Tensor((0..<n).map { Float($0 % 3) }, shape: [n])
        let dense = try linear(elements(a, m, k), elements(turned(b), n, k), bias: bias, activation: .relu).floats()
        for index in 0..<m * n {
            let sum = sums[place(index, n)] + index % n % 3
            try expect(dense[index] == Float(max(sum, 0)), "element \(index) of a dense layer")
        }
    }

    private static let cleared = ConformanceCase(.matmul, "old contents of the result do not matter", draws: 2) { random, _ in
        Comparison([random.floats([19, 23]), random.floats([23, 11])], within: .balanced, variesLayout: false) { tensors in
            let device = tensors[0].resolvedDevice()
            let result = Tensor(empty: [1, 19, 11], on: device)
            result.write(Tensor(repeating: .nan, shape: [1, 19, 11]), on: device)
            device.matmul(
                tensors[0].view(on: device).reshaped([1, 19, 23]), tensors[1].view(on: device).reshaped([1, 23, 11]),
                into: result.view(on: device), epilogue: nil)
            return [result]
        } reference: {
            [$0[0].multiplied(by: $0[1]).reshaped([1, 19, 11])]
        }
    }

    private typealias Activation = (name: String, fused: FusedActivation?, reference: @Sendable (Double) -> Double)
    private static let fused: [Activation] = [
        ("none", nil, { $0 }), ("relu", .relu, Expression.Unary.relu.reference),
        ("sigmoid", .sigmoid, Expression.Unary.sigmoid.reference),
        ("tanh", .tanh, Expression.Unary.tanh.reference),
    ]

    private static let linearCase = ConformanceCase(.matmul, "linear with bias and activation", draws: 16) { random, draw in
        let activation = fused[draw % 4], hasBias = draw / 4 % 2 == 0
        let shape = [[4, 7], [2, 3, 7], [7], [65, 7]][(draw / 4 + draw) % 4]
        let operands = [random.floats(shape), random.floats([5, 7])] + (hasBias ? [random.floats([5])] : [])
        return Comparison(
            operands, "\(activation.name), bias \(hasBias)", within: .balanced,
            gradients: .differences(of: Array(operands.indices), .permissive.floor(0.1))
        ) {
            [linear($0[0], $0[1], bias: hasBias ? $0[2] : nil, activation: activation.fused)]
        } reference: {
            var y = $0[0].reshaped([-1, 7].map { $0 == -1 ? shape.reduce(1, *) / 7 : $0 }).multiplied(by: $0[1].transposed)
            if hasBias { y = Reference.combine([y, $0[2]]) { $0[0] + $0[1] } }
            return [y.map(activation.reference).reshaped(shape.dropLast() + [5])]
        }
    }

    private static let linearSizes = ConformanceCase(.matmul, "linear layers of real sizes", draws: 3) { random, draw in
        let (m, k, n) = [(128, 784, 512), (128, 400, 120), (33, 84, 10)][draw]
        return Comparison(
            [random.floats([m, k]), random.floats([n, k]), random.floats([n])], within: .balanced, variesLayout: false
        ) {
            [linear($0[0], $0[1], bias: $0[2], activation: .relu)]
        } reference: {
            [Reference.combine([$0[0].multiplied(by: $0[1].transposed), $0[2]]) { max($0[0] + $0[1], 0) }]
        }
    }
}
