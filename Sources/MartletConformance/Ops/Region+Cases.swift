import MartletCore

enum RegionCases {
    static let all = [
        pooling, pooledIndices, alignment, alignedOutside, notFinite, crops, suppression, grouped, touching, oddBoxes, many,
        capacity,
        overlaps, encoding, decoding, clipping,
    ]

    /// Boxes [k, 5] on a map of `extent` (height, width) times 1 / scale: inside, across the border, outside, without area, with
    /// exchanged corners, of an image that is not there.
    private static func regions(
        _ k: Int, images: Int, _ extent: Pair, scale: Float, absent: Bool = false, _ random: inout CaseRandom
    ) -> Operand {
        var values: [Float] = []
        for index in 0..<k {
            let w = Float(extent.x) / scale, h = Float(extent.y) / scale
            func coordinate(_ extent: Float) -> Float { Float.random(in: -0.3...1.3, using: &random) * extent }
            var box = [coordinate(w), coordinate(h), coordinate(w), coordinate(h)]
            switch index % 5 {
            case 0, 1:
                box = [min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])]
            case 2: box = box.map { ($0 * scale).rounded() / scale }
            case 3: box = [box[0], box[1], box[0], box[1] + (random.bool() ? 1 / scale : 0)]
            default: break
            }
            let image = absent && index == k / 2 ? images + 3 : random.int(0...max(images - 1, 0))
            values += [Float(image)] + box
        }
        return Operand(values, [k, 5])
    }

    private typealias Plan = (image: [Int], boxes: Int, size: Pair, scale: Float, aligned: Bool, ratio: Int)
    private static let plans: [Plan] = [
        ([2, 3, 9, 11], 12, Pair(3, 2), 0.25, false, 2), ([1, 20, 8, 7], 9, 7, 1 / 16, false, 0),
        ([2, 17, 6, 5], 10, Pair(4, 5), 1, true, 0), ([3, 2, 1, 13], 8, 2, 0.5, true, 3),
        ([1, 33, 16, 16], 7, 1, 0.125, false, 1),
        ([1, 1, 3, 1], 10, Pair(2, 9), 0.75, true, 2), ([0, 4, 5, 5], 3, 2, 1, false, 2), ([1, 3, 5, 5], 0, 2, 1, false, 2),
    ]

    private static let pooling = ConformanceCase(.region, "pooling", draws: plans.count * 2) { random, draw in
        let plan = plans[draw / 2]
        let definition = RegionReference(image: plan.image, size: plan.size, scale: plan.scale)
        let options = RegionPoolingOptions(size: plan.size, scale: plan.scale)
        let boxes = regions(plan.boxes, images: plan.image[0], Pair(plan.image[2], plan.image[3]), scale: plan.scale, &random)
        return Comparison(
            [random.distinct(plan.image), boxes], "\(options)", within: .exact,
            gradients: .formula(.balanced) { inputs, w in
                [definition.largestGradient(w[0], inputs[1], definition.largest(inputs[0], inputs[1]).indices), nil]
            }
        ) {
            [$0[0].regionPooled($0[1], options)]
        } reference: {
            [definition.largest($0[0], $0[1]).values]
        }
    }

    /// Which position wins, with many equal values; a box of an image that is not there.
    private static let pooledIndices = ConformanceCase(.region, "positions of the largest", draws: 3) { random, draw in
        let image = [2, 18, 9, 8], size = Pair(3, 4)
        let definition = RegionReference(image: image, size: size, scale: 0.5)
        var operand = random.integersAsFloats(image, 0...2)
        if draw == 1 { operand.mapFloats { _ in -.infinity } }
        if draw == 2 { operand.mapFloats { $0 == 2 ? .nan : $0 } }
        let boxes = regions(11, images: 2, Pair(9, 8), scale: 0.5, absent: true, &random)
        return Comparison([operand, boxes], within: .exact, variesLayout: false) { tensors in
            let device = tensors[0].resolvedDevice(), y = Tensor(empty: [11, 18, 3, 4], on: device)
            let indices = Tensor(empty: y.shape, type: .int32, on: device)
            device.regionPool(
                tensors[0].view(on: device), boxes: tensors[1].view(on: device), into: y.view(on: device),
                indices: indices.view(on: device), options: RegionPoolingOptions(size: size, scale: 0.5))
            return [y, indices]
        } reference: {
            let largest = definition.largest($0[0], $0[1])
            return [largest.values, largest.indices]
        }
    }

    private static func aligned(_ plan: Plan, absent: Bool = false, _ random: inout CaseRandom) -> Comparison {
        let definition = RegionReference(image: plan.image, size: plan.size, scale: plan.scale)
        let options = RegionAlignOptions(
            size: plan.size, scale: plan.scale, samplingRatio: plan.ratio, aligned: plan.aligned)
        let boxes = regions(
            plan.boxes, images: plan.image[0], Pair(plan.image[2], plan.image[3]), scale: plan.scale, absent: absent, &random)
        return Comparison(
            [random.floats(plan.image), boxes], "\(options)", within: .balanced,
            gradients: absent
                ? .none : .formula(.permissive) { inputs, w in [definition.averageGradient(w[0], inputs[1], options), nil] }
        ) {
            [$0[0].regionAligned($0[1], options)]
        } reference: {
            [definition.average($0[0], $0[1], options)]
        }
    }

    private static let alignment = ConformanceCase(.region, "alignment", draws: plans.count * 2) { random, draw in
        aligned(plans[draw / 2], &random)
    }

    /// Boxes far outside, and so large that most samples are, and of an image that is not there.
    private static let alignedOutside = ConformanceCase(.region, "alignment outside the image", draws: 2) { random, draw in
        if draw == 1 { return aligned(([2, 5, 6, 7], 6, 3, 1, false, 2), absent: true, &random) }
        let options = RegionAlignOptions(size: 2, samplingRatio: 0, aligned: false)
        let definition = RegionReference(image: [1, 3, 6, 5], size: 2, scale: 1)
        let boxes = Operand(
            [0, -400, -300, 500, 400, 0, 100, 100, 120, 130, 0, -50, 2, -40, 4, 0, 4, 5, 5, 6] as [Float], [4, 5])
        return Comparison(
            [random.floats([1, 3, 6, 5]), boxes], within: .balanced,
            gradients: .formula(.permissive) { inputs, w in [definition.averageGradient(w[0], inputs[1], options), nil] }
        ) {
            [$0[0].regionAligned($0[1], options)]
        } reference: {
            [definition.average($0[0], $0[1], options)]
        }
    }

    /// What is not finite stays where it is: in the parts that read it.
    private static let notFinite = ConformanceCase(.region, "NaN and infinity", draws: 2) { random, _ in
        let image = [1, 17, 6, 7], size = Pair(2, 3)
        let pooled = RegionReference(image: image, size: size, scale: 1)
        return Comparison(
            [random.specials(image, oneIn: 20), Operand([0, 0, 0, 6, 5, 0, 2, 1, 5, 3] as [Float], [2, 5])], within: .exact
        ) {
            [$0[0].regionPooled($0[1], RegionPoolingOptions(size: size))]
        } reference: {
            [pooled.largest($0[0], $0[1]).values]
        }
    }

    private static let crops = ConformanceCase(.region, "crops with context", draws: 3) { random, draw in
        let image = [2, 3, 12, 10], size = Pair(8, 9), context = [0, 2, 3][draw]
        let fill: Float = draw == 2 ? 0.5 : 0
        let options = RegionAlignOptions(size: size, aligned: true)
        let definition = RegionReference(image: image, size: size, scale: 1)
        let boxes = Operand([0, 2, 3, 7, 9, 1, -1, 5, 4, 11, 0, 6, 6, 6.5, 7.25], [3, 5])
        return Comparison([random.floats(image), boxes], "context \(context), fill \(fill)", within: .balanced) {
            [$0[0].cropped($0[1], to: size, context: context, fill: fill)]
        } reference: { inputs in
            var grown = inputs[1]
            for box in 0..<3 {
                for (low, extent) in [(1, 9), (2, 8)] {
                    let margin = (grown[[box, low + 2]] - grown[[box, low]]) * Double(context) / Double(extent - 2 * context)
                    grown[[box, low]] -= margin
                    grown[[box, low + 2]] += margin
                }
            }
            return [definition.average(inputs[0].map { $0 - Double(fill) }, grown, options).map { $0 + Double(fill) }]
        }
    }
}

// MARK: - Suppression

extension RegionCases {
    /// Boxes [n, 4] crowded into a square, some of them equal, some without area.
    private static func boxes(_ n: Int, in extent: Float, _ random: inout CaseRandom) -> Operand {
        var values: [Float] = []
        for index in 0..<n {
            if index > 0, random.int(0...5) == 0 {
                let other = random.int(0...index - 1)
                values += Array(values[4 * other..<4 * other + 4])
                continue
            }
            let x = Float.random(in: 0...extent, using: &random), y = Float.random(in: 0...extent, using: &random)
            let isFlat = random.int(0...9) == 0
            values += [
                x, y, x + (isFlat ? 0 : Float.random(in: 1...20, using: &random)), y + Float.random(in: 0...20, using: &random),
            ]
        }
        return Operand(values, [n, 4])
    }

    private static func suppressed(
        _ inputs: [Operand], threshold: Double, capacity: Int? = nil, grouped: Bool = false
    ) -> Comparison {
        let n = inputs[1].count
        return Comparison(inputs, "threshold \(threshold), capacity \(capacity ?? n)", within: .exact) {
            let kept = nonMaximumSuppression(
                $0[0], scores: $0[1], groups: grouped ? $0[2] : nil, threshold: threshold, capacity: capacity)
            return [kept.indices, kept.count]
        } reference: {
            RegionReference.suppress($0[0], $0[1], grouped ? $0[2] : nil, threshold: threshold, capacity: capacity ?? n)
        }
    }

    static let suppression = ConformanceCase(.region, "suppression", draws: 6) { random, draw in
        let n = [1, 7, 64, 65, 150, 333][draw]
        // Scores of few values, so that many are equal.
        return suppressed(
            [boxes(n, in: 40, &random), random.integersAsFloats([n], 0...9)], threshold: [0.5, 0.3, 0.7][draw % 3])
    }

    static let grouped = ConformanceCase(.region, "suppression by class", draws: 3) { random, draw in
        let n = [90, 200, 64][draw]
        return suppressed(
            [boxes(n, in: 30, &random), random.floats([n]), random.integers([n], 0...[2, 80, 0][draw])], threshold: 0.5,
            grouped: true)
    }

    /// Overlaps of exactly the threshold, which stay.
    static let touching = ConformanceCase(.region, "suppression at the threshold", draws: 4) { _, draw in
        var values: [Float] = []
        for index in 0..<40 { values += [0, Float(index), 10, Float(index + 10)] }
        return suppressed(
            [Operand(values, [40, 4]), Operand([Float](repeating: 1, count: 40), [40])],
            threshold: [1.0 / 3, 0.25, 9.0 / 11, Double(Float(9) / Float(11))][draw])
    }

    /// Exchanged corners, infinities and NaN suppress nothing by mistake.
    static let oddBoxes = ConformanceCase(.region, "suppression of odd boxes", draws: 3) { random, draw in
        var operand = boxes(80, in: 20, &random), scores = random.floats([80])
        let rows = [3, 17, 40, 63, 64]
        for row in rows {
            switch draw {
            case 0: operand.set(4 * row, 60)
            case 1: operand.set(4 * row + 2, .infinity)
            default: scores.set(row, .nan)
            }
        }
        return suppressed([operand, scores], threshold: 0.4)
    }

    static let many = ConformanceCase(.region, "suppression of many boxes", draws: 1) { random, _ in
        suppressed([boxes(3000, in: 300, &random), random.floats([3000])], threshold: 0.5)
    }

    static let capacity = ConformanceCase(.region, "suppression with a capacity", draws: 3) { random, draw in
        suppressed([boxes(200, in: 60, &random), random.floats([200])], threshold: 0.5, capacity: [5, 1, 199][draw])
    }
}

// MARK: - Arithmetic on boxes

extension RegionCases {
    private static func proper(_ n: Int, _ random: inout CaseRandom) -> Operand {
        Operand(
            (0..<n).flatMap { _ -> [Float] in
                let x = Float.random(in: 0...50, using: &random), y = Float.random(in: 0...50, using: &random)
                return [x, y, x + Float.random(in: 2...30, using: &random), y + Float.random(in: 2...30, using: &random)]
            }, [n, 4])
    }

    static let overlaps = ConformanceCase(.region, "overlaps", draws: 3) { random, draw in
        let (n, m) = [(5, 7), (40, 33), (1, 3)][draw]
        return Comparison(
            [proper(n, &random), proper(m, &random)], within: .balanced, gradients: .differences(of: [0, 1], .permissive)
        ) {
            [Boxes.overlaps($0[0], $0[1])]
        } reference: {
            [RegionReference.overlaps($0[0], $0[1])]
        }
    }

    private static let weights: [[Float]] = [[1, 1, 1, 1], [10, 10, 5, 5], [3, 4, 0.5, 7]]

    static let encoding = ConformanceCase(.region, "encoding", draws: 3) { random, draw in
        let coding = BoxCoding(weights: weights[draw])
        return Comparison(
            [proper(9, &random), proper(9, &random)], "\(weights[draw])", within: .balanced,
            gradients: .differences(of: [0, 1], .permissive)
        ) {
            [coding.encode($0[0], $0[1])]
        } reference: {
            [RegionReference.encode($0[0], $0[1], coding.weights.map(Double.init))]
        }
    }

    static let decoding = ConformanceCase(.region, "decoding", draws: 3) { random, draw in
        let coding = BoxCoding(weights: weights[draw])
        var codes = random.floats([9, 4])
        // A scaling beyond the limit.
        codes.set(4 * 3 + 2, 1000)
        return Comparison(
            [codes, proper(9, &random)], "\(weights[draw])", within: .balanced, gradients: .differences(of: [0, 1], .permissive)
        ) {
            [coding.decode($0[0], $0[1])]
        } reference: {
            [RegionReference.decode($0[0], $0[1], coding.weights.map(Double.init))]
        }
    }

    static let clipping = ConformanceCase(.region, "clipping", draws: 2) { random, _ in
        Comparison([random.floats([12, 4], -40, 90)], within: .exact, gradients: .differences(of: [0], .strict)) {
            [Boxes.clipped($0[0], to: Pair(30, 50))]
        } reference: {
            [Reference($0[0].shape, zip($0[0].values, 0...).map { value, at in min(max(value, 0), at % 2 == 0 ? 50 : 30) })]
        }
    }
}
