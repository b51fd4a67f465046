import MartletCore

enum AttentionCases {
    static let all = [
        plain, causal, lengths, seenMask, addedMask, everything, dropped, widths, long, large, notFinite, packed, blind, learned,
        hidden, counted, memory,
    ]

    /// Extents of a draw.
    struct Shape: CustomStringConvertible {
        var b: Int, h: Int, hk: Int, tq: Int, tk: Int, d: Int
        var q: [Int] { [b, h, tq, d] }
        var k: [Int] { [b, hk, tk, d] }
        var description: String { "\(h) heads on \(hk)" }

        init(_ b: Int, _ h: Int, _ hk: Int, _ tq: Int, _ tk: Int, _ d: Int) {
            (self.b, self.h, self.hk, self.tq, self.tk, self.d) = (b, h, hk, tq, tk, d)
        }

        func operands(_ random: inout CaseRandom) -> [Operand] {
            [random.floats(q), random.floats(k), random.floats(k)]
        }
    }

    static let shapes = [
        Shape(1, 1, 1, 1, 1, 1), Shape(2, 3, 3, 5, 7, 4), Shape(1, 4, 2, 33, 40, 16), Shape(2, 2, 1, 17, 19, 9),
        Shape(1, 2, 2, 3, 131, 5), Shape(1, 1, 1, 70, 65, 20), Shape(1, 1, 1, 130, 2, 3),
    ]

    static var gradients: Comparison.Gradients { .differences(of: [0, 1, 2], .balanced.floor(0.1), samples: 6) }

    private static let plain = ConformanceCase(.attention, "attention", draws: shapes.count + 2) { random, draw in
        let shape = shapes[draw % shapes.count]
        let options = AttentionOptions(scale: draw % 2 == 1 ? 0.3 : nil)
        return Comparison(shape.operands(&random), "\(shape), \(options)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: options)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: options)]
        }
    }

    private static let causal = ConformanceCase(.attention, "causal", draws: shapes.count * 2) { random, draw in
        let shape = shapes[draw / 2]
        let options = AttentionOptions(causalOffset: draw % 2 == 0 ? 0 : random.int(-3...shape.tk))
        return Comparison(shape.operands(&random), "\(shape), \(options)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: options)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: options)]
        }
    }

    private static let lengths = ConformanceCase(.attention, "key lengths", draws: shapes.count) { random, draw in
        let shape = shapes[draw]
        let operands = shape.operands(&random) + [random.integers([shape.b], -1...shape.tk + 1)]
        return Comparison(operands, "\(shape)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], keyLengths: $0[3])]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], lengths: $0[3].values.map { Int($0) }, options: .init())]
        }
    }

    /// Shapes that broadcast to [b, h, tq, tk].
    private static func maskShape(_ shape: Shape, _ draw: Int) -> [Int] {
        switch draw % 4 {
        case 0: [shape.b, shape.h, shape.tq, shape.tk]
        case 1: [shape.tq, shape.tk]
        case 2: [shape.b, 1, 1, shape.tk]
        default: [shape.h, shape.tq, 1]
        }
    }

    private static let seenMask = ConformanceCase(.attention, "mask of seen keys", draws: shapes.count * 2) { random, draw in
        let shape = shapes[draw % shapes.count]
        let operands = shape.operands(&random) + [random.integers(maskShape(shape, draw), 0...2)]
        return Comparison(operands, "\(shape)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3])]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], mask: $0[3], isSeen: true, options: .init())]
        }
    }

    private static func added(_ random: inout CaseRandom, _ shape: [Int]) -> Operand {
        var mask = random.floats(shape)
        mask.mapFloats { random.int(0...4) == 0 ? -.infinity : $0 }
        return mask
    }

    private static let addedMask = ConformanceCase(.attention, "added mask", draws: shapes.count * 2) { random, draw in
        let shape = shapes[draw % shapes.count]
        let operands = shape.operands(&random) + [added(&random, maskShape(shape, draw))]
        return Comparison(operands, "\(shape)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3])]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], mask: $0[3], options: .init())]
        }
    }

    /// All options at once.
    private static let everything = ConformanceCase(.attention, "mask, lengths, offset, scale and dropout", draws: 6) {
        random, draw in
        let shape = shapes[draw % 6]
        let options = AttentionOptions(
            scale: 0.4, causalOffset: shape.tk / 2, dropout: AttentionDropout(probability: 0.3, key: key(&random)))
        let isSeen = draw % 2 == 0, extents = [shape.b, 1, shape.tq, shape.tk]
        let mask = isSeen ? random.integers(extents, 0...3) : added(&random, extents)
        let operands = shape.operands(&random) + [mask, random.integers([shape.b], 0...shape.tk)]
        return Comparison(operands, "\(shape), \(options)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3], keyLengths: $0[4], options: options)]
        } reference: {
            [
                AttentionReference.attention(
                    $0[0], $0[1], $0[2], mask: $0[3], isSeen: isSeen, lengths: $0[4].values.map { Int($0) }, options: options)
            ]
        }
    }

    private static func key(_ random: inout CaseRandom) -> RandomKey { RandomKey(seed: random.next(), stream: random.next()) }

    private static let dropped = ConformanceCase(.attention, "dropout", draws: shapes.count) { random, draw in
        let shape = shapes[draw]
        let options = AttentionOptions(
            causalOffset: draw % 2 == 0 ? nil : 1,
            dropout: AttentionDropout(probability: [0.5, 0.1, 0.25][draw % 3], key: key(&random)))
        return Comparison(shape.operands(&random), "\(shape), \(options)", within: .balanced.floor(0.1), gradients: gradients) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: options)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: options)]
        }
    }

    private static let widths = ConformanceCase(.attention, "head widths", draws: 9) { random, draw in
        let shape = Shape(1, 2, 1, 6, 21, [2, 15, 17, 32, 48, 64, 80, 128, 257][draw])
        return Comparison(
            shape.operands(&random), within: .balanced.floor(0.1),
            gradients: .differences(of: [0, 1, 2], .balanced.floor(0.1), samples: 8)
        ) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: .causal)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: .causal)]
        }
    }

    /// Several blocks of queries and keys.
    private static let long = ConformanceCase(.attention, "several blocks", draws: 2) { random, draw in
        let shape = draw == 0 ? Shape(1, 2, 1, 150, 300, 8) : Shape(1, 1, 1, 290, 290, 16)
        let options = draw == 0 ? AttentionOptions() : .causal
        return Comparison(
            shape.operands(&random), within: .balanced.floor(0.1),
            gradients: .differences(of: [0, 1, 2], .balanced.floor(0.1), samples: 3), variesLayout: false
        ) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: options)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: options)]
        }
    }

    /// Scores whose exponentials would leave the range, the largest in a later block than others.
    private static let large = ConformanceCase(.attention, "large scores", draws: 2) { random, draw in
        let shape = Shape(1, 1, 1, 5, 260, 4)
        var operands = shape.operands(&random)
        operands[0].mapFloats { $0 * 40 }
        operands[1].mapFloats { $0 * 20 }
        return Comparison(operands, within: .permissive.floor(0.1)) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: draw == 0 ? .init() : .causal)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: draw == 0 ? .init() : .causal)]
        }
    }

    /// A NaN or an infinite score spoils the queries that see it, and only those.
    private static let notFinite = ConformanceCase(.attention, "NaN and infinity", draws: 2) { random, draw in
        let shape = Shape(1, 2, 2, 20, 150, 4)
        var operands = shape.operands(&random)
        operands[0].set(4 * 3 + 1, .nan)
        operands[0].set(4 * 9, .infinity)
        operands[1].set(150 * 4 + 4 * 12 + 2, draw == 0 ? .nan : .infinity)
        return Comparison(operands, within: .balanced.floor(0.1)) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: .causal)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: .causal)]
        }
    }

    private static let packed = ConformanceCase(.attention, "self-attention, packed", draws: 4) { random, draw in
        let (b, t, h, d) = [(1, 1, 1, 2), (2, 5, 3, 4), (1, 40, 2, 16), (2, 9, 2, 7)][draw]
        return Comparison(
            [random.floats([b, t, 3 * h * d])], within: .balanced.floor(0.1),
            gradients: .differences(of: [0], .balanced.floor(0.1))
        ) {
            [selfAttention(packed: $0[0], heads: h, options: .causal)]
        } reference: {
            let split = $0[0].reshaped([b, t, 3, h, d]).permuted([2, 0, 3, 1, 4]), count = b * h * t * d
            let parts = (0..<3).map { Reference([b, h, t, d], Array(split.values[$0 * count..<($0 + 1) * count])) }
            return [
                AttentionReference.attention(parts[0], parts[1], parts[2], options: .causal).permuted([0, 2, 1, 3])
                    .reshaped([b, t, h * d])
            ]
        }
    }

    /// Queries that see no key, no keys at all, no queries.
    private static let blind = ConformanceCase(.attention, "nothing to see", draws: 4) { random, draw in
        let shape = [Shape(2, 1, 1, 4, 6, 3), Shape(1, 2, 2, 3, 0, 4), Shape(1, 2, 1, 0, 3, 4), Shape(0, 2, 1, 2, 3, 4)][draw]
        let options = AttentionOptions(causalOffset: -2)
        return Comparison(
            shape.operands(&random), within: .balanced.floor(0.1), gradients: gradients, variesLayout: false
        ) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], options: options)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], options: options)]
        }
    }

    /// A mask that has a gradient, such as learned relative positions.
    private static let learned = ConformanceCase(.attention, "gradient of an added mask", draws: 3) { random, draw in
        let shape = shapes[draw + 1]
        let operands = shape.operands(&random) + [random.floats([shape.h, shape.tq, shape.tk])]
        return Comparison(
            operands, within: .balanced.floor(0.1),
            gradients: .differences(of: [0, 1, 2, 3], .balanced.floor(0.1), samples: 8)
        ) {
            [scaledDotProductAttention($0[0], $0[1], $0[2], mask: $0[3], options: .causal)]
        } reference: {
            [AttentionReference.attention($0[0], $0[1], $0[2], mask: $0[3], options: .causal)]
        }
    }
}
