import MartletCore

enum NormalizationCases {
    static let all = [batch, group, layer, offset, notFinite, large, noSamples]

    private static let batchShapes = [
        [6, 3], [4, 3, 5], [2, 5, 4, 3], [1, 4, 7, 1], [9, 1], [2, 17, 6, 6], [33, 40], [3, 2, 2, 2, 2],
    ]

    private static func flat(_ x: Reference) -> Reference { x.reshaped([x.shape[0], x.shape[1], x.shape[2...].reduce(1, *)]) }

    /// Which of scale and shift are given: all four ways.
    private static func affine(_ draw: Int) -> (scale: Bool, shift: Bool) { (draw % 4 < 2, draw % 2 == 0) }

    private static func pick(_ inputs: [Reference], _ given: (scale: Bool, shift: Bool)) -> (scale: Reference?, shift: Reference?)
    {
        (given.scale ? inputs[1] : nil, given.shift ? inputs[given.scale ? 2 : 1] : nil)
    }

    private static func pick(_ inputs: [Tensor], _ given: (scale: Bool, shift: Bool)) -> (scale: Tensor?, shift: Tensor?) {
        (given.scale ? inputs[1] : nil, given.shift ? inputs[given.scale ? 2 : 1] : nil)
    }

    private static let gradientTolerance = Tolerance.permissive.floor(0.1)

    private static let batch = ConformanceCase(.normalization, "batch", draws: batchShapes.count * 2) { random, draw in
        let shape = batchShapes[draw / 2], given = affine(draw + draw / 4), epsilon: Float = draw % 3 == 0 ? 1e-5 : 1e-2
        let channels = (0..<(given.scale ? 1 : 0) + (given.shift ? 1 : 0)).map { _ in random.floats([shape[1]], 0.5, 1.5) }
        let operands = [random.floats(shape)] + channels
        return Comparison(
            operands, "scale \(given.scale), shift \(given.shift), epsilon \(epsilon)", within: .balanced.floor(1),
            gradients: .differences(of: Array(operands.indices), gradientTolerance)
        ) {
            let (scale, shift) = pick($0, given)
            let result = batchNorm($0[0], scale: scale, shift: shift, epsilon: epsilon)
            return [result.output]
        } reference: {
            let (scale, shift) = pick($0, given)
            return [
                NormalizationReference.batch(flat($0[0]), scale: scale, shift: shift, epsilon: Double(epsilon)).output.reshaped(
                    shape)
            ]
        }
    }

    private static let groupPlans: [([Int], Int)] = [
        ([2, 6, 5], 3), ([3, 4, 3, 2], 2), ([2, 6, 3], 6), ([2, 5, 7], 1), ([4, 8], 4), ([1, 32, 9, 9], 8), ([2, 6, 1], 2),
        ([5, 3, 130], 1),
    ]

    private static let group = ConformanceCase(.normalization, "group", draws: groupPlans.count * 2) { random, draw in
        let (shape, groups) = groupPlans[draw / 2], given = affine(draw + draw / 4), epsilon: Float = draw % 2 == 0 ? 1e-5 : 1e-2
        let channels = (0..<(given.scale ? 1 : 0) + (given.shift ? 1 : 0)).map { _ in random.floats([shape[1]], 0.5, 1.5) }
        let operands = [random.floats(shape)] + channels
        return Comparison(
            operands, "\(groups) groups, scale \(given.scale), shift \(given.shift)", within: .balanced.floor(1),
            gradients: .differences(of: Array(operands.indices), gradientTolerance)
        ) {
            let (scale, shift) = pick($0, given)
            return [groupNorm($0[0], groups: groups, scale: scale, shift: shift, epsilon: epsilon)]
        } reference: {
            let (scale, shift) = pick($0, given)
            return [
                NormalizationReference.group(flat($0[0]), groups: groups, scale: scale, shift: shift, epsilon: Double(epsilon))
                    .output.reshaped(shape)
            ]
        }
    }

    private static let layerPlans: [([Int], Int)] = [
        ([4, 7], 1), ([2, 3, 64], 1), ([2, 3, 5], 2), ([5], 1), ([3, 1, 4], 1), ([2, 769], 1), ([130, 3], 1), ([6, 4, 1], 2),
    ]

    private static let layer = ConformanceCase(.normalization, "layer", draws: layerPlans.count * 2) { random, draw in
        let (shape, axes) = layerPlans[draw / 2], given = affine(draw + draw / 4)
        let normal = Array(shape.suffix(axes))
        let affine = (0..<(given.scale ? 1 : 0) + (given.shift ? 1 : 0)).map { _ in random.floats(normal, 0.5, 1.5) }
        let operands = [random.floats(shape)] + affine
        return Comparison(
            operands, "\(axes) axes, scale \(given.scale), shift \(given.shift)", within: .balanced.floor(1),
            gradients: .differences(of: Array(operands.indices), gradientTolerance)
        ) {
            let (scale, shift) = pick($0, given)
            return [layerNorm($0[0], axes: axes, scale: scale, shift: shift)]
        } reference: {
            let (scale, shift) = pick($0, given), width = normal.reduce(1, *)
            let rows = $0[0].reshaped([shape.reduce(1, *) / width, width, 1])
            return [
                NormalizationReference.group(rows, groups: 1, scale: scale, shift: shift, epsilon: 1e-5).output.reshaped(shape)
            ]
        }
    }

    /// A mean far from zero must not eat the variance's digits; the statistics are results too.
    private static let offset = ConformanceCase(.normalization, "statistics far from zero", draws: 4) { random, draw in
        let shape = [[16, 3, 8, 8], [64, 5], [2, 3, 1000], [2, 9, 4331]][draw]
        var operand = random.floats(shape)
        operand.mapFloats { $0 + 300 }
        return Comparison([operand], within: .permissive.floor(1)) {
            let x = batchNorm($0[0], scale: nil, shift: nil)
            return [x.output, x.mean, x.variance, groupNorm($0[0], groups: 1, scale: nil, shift: nil)]
        } reference: {
            let x = NormalizationReference.batch(flat($0[0]), scale: nil, shift: nil, epsilon: 1e-5)
            let y = NormalizationReference.group(flat($0[0]), groups: 1, scale: nil, shift: nil, epsilon: 1e-5)
            return [
                x.output.reshaped(shape), Reference([shape[1]], x.means), Reference([shape[1]], x.variances),
                y.output.reshaped(shape),
            ]
        }
    }

    private static let notFinite = ConformanceCase(.normalization, "NaN stays in its channel, group or row", draws: 2) {
        random, _ in
        var operand = random.floats([2, 4, 5])
        operand.set(7, .nan)
        operand.set(33, .infinity)
        return Comparison([operand], within: .balanced.floor(1)) {
            let x = $0[0]
            return [
                batchNorm(x, scale: nil, shift: nil).output, groupNorm(x, groups: 2, scale: nil, shift: nil),
                layerNorm(x, scale: nil, shift: nil),
            ]
        } reference: {
            let rows = $0[0].reshaped([8, 5, 1])
            return [
                NormalizationReference.batch($0[0], scale: nil, shift: nil, epsilon: 1e-5).output,
                NormalizationReference.group($0[0], groups: 2, scale: nil, shift: nil, epsilon: 1e-5).output,
                NormalizationReference.group(rows, groups: 1, scale: nil, shift: nil, epsilon: 1e-5).output.reshaped([2, 4, 5]),
            ]
        }
    }

    private static let large = ConformanceCase(.normalization, "layers of real sizes", draws: 2) { random, draw in
        let (shape, groups) = [([16, 32, 14, 14], 8), ([2, 12, 67, 63], 6)][draw], c = shape[1]
        return Comparison(
            [random.floats(shape), random.floats([c], 0.5, 1.5), random.floats([c]), random.floats([128, 512])],
            within: .balanced.floor(1), gradients: .differences(of: [0, 1, 2], gradientTolerance, samples: 1)
        ) {
            [
                batchNorm($0[0], scale: $0[1], shift: $0[2]).output, groupNorm($0[0], groups: groups, scale: $0[1], shift: $0[2]),
                batchNorm($0[3], scale: nil, shift: nil).output, layerNorm($0[3], scale: nil, shift: nil),
            ]
        } reference: {
            let x = flat($0[0]), rows = $0[3].reshaped([128, 512, 1])
            return [
                NormalizationReference.batch(x, scale: $0[1], shift: $0[2], epsilon: 1e-5).output.reshaped(shape),
                NormalizationReference.group(x, groups: groups, scale: $0[1], shift: $0[2], epsilon: 1e-5).output.reshaped(shape),
                NormalizationReference.batch(rows, scale: nil, shift: nil, epsilon: 1e-5).output.reshaped([128, 512]),
                NormalizationReference.group(rows, groups: 1, scale: nil, shift: nil, epsilon: 1e-5).output.reshaped([128, 512]),
            ]
        }
    }

    private static let noSamples = ConformanceCase(.normalization, "no samples", draws: 1) { random, _ in
        Comparison(
            [random.floats([0, 4, 3]), random.floats([4])], within: .exact,
            gradients: .formula(.exact) { inputs, _ in
                [Reference([0, 4, 3]), Reference([4])]
            }
        ) {
            [groupNorm($0[0], groups: 2, scale: $0[1], shift: nil), layerNorm($0[0], scale: nil, shift: nil)]
        } reference: {
            [$0[0], $0[0]]
        }
    }
}
