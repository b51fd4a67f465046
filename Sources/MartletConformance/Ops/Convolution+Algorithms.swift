import MartletCore

/// The ways to compute a convolution that its options name.
extension ConvolutionCases {
    static let algorithms: [ConformanceCase] =
        ConvolutionAlgorithm.allCases.flatMap { algorithm in
            [shapes(algorithm), drawn(algorithm), epilogue(algorithm), notFinite(algorithm)]
        } + [manyWeights]

    /// Sizes that are no multiple of a tile, and forms that no algorithm but `direct` has.
    private static let plans: [Plan] = [
        ("even", [2, 16, 12, 16], [24, 16, 3, 3], .init(padding: 1)),
        ("odd", [3, 9, 13, 11], [17, 9, 3, 3], .init(padding: 1)),
        ("no padding", [2, 5, 9, 7], [6, 5, 3, 3], .init()),
        ("padding beyond the kernel", [1, 3, 5, 6], [4, 3, 3, 3], .init(padding: Pair(4, 3))),
        ("groups", [2, 12, 10, 9], [18, 4, 3, 3], .init(padding: 1, groups: 3)),
        ("depthwise", [1, 7, 9, 8], [7, 1, 3, 3], .init(padding: 1, groups: 7)),
        ("smaller than a tile", [5, 4, 1, 2], [3, 4, 3, 3], .init(padding: 1)),
        ("one output", [2, 20, 3, 3], [15, 20, 3, 3], .init()),
        ("many small images", [19, 35, 7, 7], [33, 35, 3, 3], .init(padding: 1)),
        ("16 images", [16, 9, 7, 7], [17, 9, 3, 3], .init(padding: 1)),
        ("16 images, whole tiles", [16, 5, 8, 12], [6, 5, 3, 3], .init(padding: 1)),
        ("31 images, two groups", [31, 6, 13, 5], [10, 3, 3, 3], .init(padding: Pair(0, 2), groups: 2)),
        ("16 images, 5 x 5", [16, 25, 5, 4], [24, 25, 5, 5], .init(padding: 2)),
        ("wide", [1, 3, 4, 311], [5, 3, 3, 3], .init(padding: Pair(0, 2))),
        ("wider than a block", [1, 2, 3, 1100], [3, 2, 3, 3], .init(padding: 1)),
        ("channels of several panels", [1, 105, 9, 14], [99, 105, 3, 3], .init(padding: 1)),
        ("16 images, channels of several panels", [17, 101, 5, 3], [98, 101, 3, 3], .init(padding: 1)),
        ("5 x 5", [2, 25, 11, 13], [26, 25, 5, 5], .init(padding: 2)),
        ("stride 2", [2, 6, 11, 9], [7, 6, 3, 3], .init(stride: 2, padding: 1)),
        ("dilation 2", [2, 6, 11, 9], [7, 6, 3, 3], .init(padding: 2, dilation: 2)),
        ("no samples", [0, 4, 6, 6], [4, 4, 3, 3], .init(padding: 1)),
        ("no channels", [2, 0, 6, 6], [4, 0, 3, 3], .init(padding: 1)),
        ("no outputs", [2, 4, 6, 6], [0, 4, 3, 3], .init(padding: 1)),
    ]

    private static func shapes(_ algorithm: ConvolutionAlgorithm) -> ConformanceCase {
        ConformanceCase(.convolution, "\(algorithm): shapes", draws: plans.count) { random, draw in
            var plan = plans[draw]
            plan.options.algorithm = algorithm
            return comparison(plan, bias: draw % 2 == 0, &random, tolerance: .balanced)
        }
    }

    private static func drawn(_ algorithm: ConvolutionAlgorithm) -> ConformanceCase {
        ConformanceCase(.convolution, "\(algorithm): drawn shapes", draws: 10) { random, _ in
            let groups = random.pick([1, 1, 1, 2, 3])
            let options = ConvolutionOptions(
                padding: Pair(random.int(0...3), random.int(0...3)), groups: groups, algorithm: algorithm)
            let image = [random.int(1...20), groups * random.int(1...30), random.int(3...20), random.int(3...40)]
            let plan = ("drawn", image, [groups * random.int(1...40), image[1] / groups, 3, 3], options)
            return comparison(plan, bias: random.bool(), &random, tolerance: .balanced)
        }
    }

    /// Few tiles and so many weights that a device may transform them where they are used.
    private static let manyWeights = ConformanceCase(.convolution, "winograd4x4: many weights", draws: 1) { random, _ in
        let options = ConvolutionOptions(padding: 1, algorithm: .winograd4x4)
        return comparison(
            ("", [16, 244, 5, 1], [244, 244, 3, 3], options), bias: true, &random, tolerance: .balanced)
    }

    /// An epilogue that reads a bias, another tensor and what the result held before.
    private static func epilogue(_ algorithm: ConvolutionAlgorithm) -> ConformanceCase {
        ConformanceCase(.convolution, "\(algorithm): epilogue", draws: 3) { random, draw in
            let plans: [Plan] = [
                ("", [2, 32, 15, 13], [40, 32, 3, 3], .init(padding: 1, algorithm: algorithm)),
                ("", [16, 24, 5, 7], [30, 12, 3, 3], .init(padding: 2, groups: 2, algorithm: algorithm)),
                ("", [1, 3, 6, 700], [5, 3, 3, 3], .init(padding: 1, algorithm: algorithm)),
            ]
            let plan = plans[draw]
            return finished(
                plan, image: random.floats(plan.image), weight: random.floats(plan.weight),
                expression: (Expression.input(0) + .input(1) + .input(2)).relu + .scalar(0) * .input(3), &random)
        }
    }

    /// A NaN or infinity reaches what its position touches and nothing else, whatever tiles are mixed on the way; in the gradients
    /// too.
    private static func notFinite(_ algorithm: ConvolutionAlgorithm) -> ConformanceCase {
        ConformanceCase(.convolution, "\(algorithm): NaN and infinity", draws: 4) { random, draw in
            let plan: Plan =
                draw >= 2
                ? ("", [1, 98, 8, 7], [97, 98, 3, 3], .init(padding: 1, algorithm: algorithm))
                : ("", [16, 98, 5, 4], [99, 98, 3, 3], .init(padding: 1, algorithm: algorithm))
            var image = random.awayFromZero(plan.image), weight = random.awayFromZero(plan.weight)
            switch draw {
            case 0: image.set(3 * 14 + 5, .nan)
            case 1: image.set(98 * 5 * 4 + 6 * 3, .infinity)
            case 2: weight.set(9 * 98 * 3 + 4, -.infinity)
            default:
                // Sums of what a tile mixes overflow where the convolution does not.
                image.mapFloats { $0 * 3e36 }
                weight.mapFloats { $0 * 1e-2 }
                image.set(100, 2e38)
                image.set(102, -2e38)
            }
            return finished(
                plan, image: image, weight: weight,
                expression: Expression.input(0) + .input(1) + .input(2) + .scalar(0) * .input(3), &random)
        }
    }

    static func finished(
        _ plan: Plan, image: Operand, weight: Operand, expression: Expression, _ random: inout CaseRandom
    ) -> Comparison {
        let definition = ConvolutionReference(plan.image, plan.weight, plan.options)
        let others = [[plan.weight[0]], definition.output, definition.output].map { random.floats($0) }
        let dy = random.floats(definition.output, -0.1, 0.1)
        return Comparison([image, weight] + others + [dy], "\(plan.options)", within: .balanced, variesLayout: false) { tensors in
            let device = tensors[0].resolvedDevice()
            let (x, w) = (tensors[0].view(on: device), tensors[1].view(on: device))
            let y = Tensor(empty: definition.output, on: device), dx = Tensor(empty: plan.image, on: device)
            let dw = Tensor(empty: plan.weight, on: device)
            y.write(tensors[4], on: device)
            let bias = tensors[2].reshaped([plan.weight[0], 1, 1]).broadcastView(to: definition.output)
            let epilogue = Epilogue(
                expression, scalars: [-0.5], operands: [bias, tensors[3], y].map { $0.view(on: device) })
            device.convolution(x, w, into: y.view(on: device), options: plan.options, epilogue: epilogue)
            device.convolutionInputGradient(
                tensors[5].view(on: device), w, into: dx.view(on: device), options: plan.options)
            device.convolutionWeightGradient(
                x, tensors[5].view(on: device), into: dw.view(on: device), options: plan.options)
            return [y, dx, dw]
        } reference: {
            let bias = $0[2].reshaped([plan.weight[0], 1, 1])
            let y = Reference.combine([definition.forward($0[0], $0[1]), bias, $0[3], $0[4]]) {
                expression.reference($0, scalars: [-0.5])[0]
            }
            return [y, definition.inputGradient($0[5], $0[1]), definition.weightGradient($0[0], $0[5])]
        }
    }
}
