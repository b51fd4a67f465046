import MartletCore

enum ConvolutionCases {
    static let all =
        small.map { geometry($0, draws: 3) } + large.map { geometry($0, draws: 1) }
        + [drawn, activations, notFinite, largest, differences, residual] + algorithms

    typealias Plan = (name: String, image: [Int], weight: [Int], options: ConvolutionOptions)

    /// Every option alone and some together, at sizes that fit no tile.
    private static let small: [Plan] = [
        ("1 x 1", [2, 3, 5, 7], [4, 3, 1, 1], .init()),
        ("3 x 3", [2, 3, 6, 7], [4, 3, 3, 3], .init()),
        ("3 x 3 padded", [2, 3, 6, 7], [5, 3, 3, 3], .init(padding: 1)),
        ("5 x 5 stride 2", [1, 2, 11, 12], [3, 2, 5, 5], .init(stride: 2, padding: 2)),
        ("pairs", [2, 2, 9, 10], [3, 2, 3, 2], .init(stride: Pair(2, 1), padding: Pair(1, 3), dilation: Pair(1, 2))),
        ("dilation 2", [1, 3, 9, 8], [2, 3, 3, 3], .init(padding: 2, dilation: 2)),
        ("dilation 3, stride 2", [1, 2, 13, 12], [2, 2, 3, 3], .init(stride: 2, padding: 1, dilation: 3)),
        ("groups", [2, 6, 7, 5], [4, 3, 3, 3], .init(padding: 1, groups: 2)),
        ("groups, stride 2, dilation 2", [1, 6, 9, 9], [9, 2, 3, 3], .init(stride: 2, padding: 2, dilation: 2, groups: 3)),
        ("depthwise", [2, 5, 7, 8], [5, 1, 3, 3], .init(padding: 1, groups: 5)),
        ("depthwise twice", [1, 4, 9, 7], [8, 1, 3, 3], .init(stride: 2, padding: 1, groups: 4)),
        (
            "depthwise 5 x 5 pairs", [1, 3, 9, 10], [3, 1, 5, 3],
            .init(stride: Pair(1, 2), padding: Pair(2, 0), dilation: Pair(1, 2), groups: 3)
        ),
        ("rows", [1, 2, 6, 9], [3, 2, 1, 5], .init(padding: Pair(0, 2))),
        ("columns", [1, 2, 9, 6], [3, 2, 4, 1], .init(padding: Pair(1, 0))),
        ("padding beyond the kernel", [1, 2, 4, 5], [3, 2, 3, 3], .init(padding: 5)),
        ("1 x 1 padded, stride 2, wide", [2, 5, 9, 75], [3, 5, 1, 1], .init(stride: 2, padding: 1)),
        ("3 x 3 stride 2, wide", [1, 2, 7, 81], [3, 2, 3, 3], .init(stride: 2, padding: 1)),
        ("1 x 1 padded, stride 3", [2, 3, 7, 8], [2, 3, 1, 1], .init(stride: 3, padding: 2)),
        ("image smaller than the kernel", [1, 2, 2, 3], [2, 2, 5, 5], .init(padding: 2)),
        ("one output", [3, 2, 5, 4], [4, 2, 5, 4], .init()),
        ("stride beyond the kernel", [1, 2, 11, 10], [2, 2, 2, 2], .init(stride: 4)),
        ("one of everything", [1, 1, 1, 1], [1, 1, 1, 1], .init()),
        ("no samples", [0, 2, 5, 5], [3, 2, 3, 3], .init()),
        ("no channels", [2, 0, 5, 5], [3, 0, 3, 3], .init(padding: 1)),
        ("no outputs", [2, 3, 5, 5], [0, 3, 3, 3], .init()),
    ]

    /// Sizes at which blocked kernels run: layers of known networks.
    private static let large: [Plan] = [
        ("64 channels 28 x 28", [1, 64, 28, 28], [64, 64, 3, 3], .init(padding: 1)),
        ("first layer 7 x 7 stride 2", [2, 3, 48, 44], [64, 3, 7, 7], .init(stride: 2, padding: 3)),
        ("1 x 1 64 to 128", [3, 64, 14, 14], [128, 64, 1, 1], .init()),
        ("1 x 1 stride 2", [2, 96, 15, 15], [64, 96, 1, 1], .init(stride: 2)),
        ("LeNet 1 to 6", [16, 1, 28, 28], [6, 1, 5, 5], .init(padding: 2)),
        ("LeNet 6 to 16", [16, 6, 14, 14], [16, 6, 5, 5], .init()),
        ("AlexNet 11 x 11 stride 4", [1, 3, 67, 67], [32, 3, 11, 11], .init(stride: 4, padding: 2)),
        ("depthwise 96 channels", [2, 96, 19, 19], [96, 1, 3, 3], .init(stride: 2, padding: 1, groups: 96)),
        ("32 groups of 4", [1, 128, 14, 14], [128, 4, 3, 3], .init(padding: 1, groups: 32)),
        ("3 x 3 stride 2, 37 to 53", [3, 37, 17, 19], [53, 37, 3, 3], .init(stride: 2, padding: 1)),
        ("dilated 48 channels", [1, 48, 20, 20], [48, 48, 3, 3], .init(padding: 2, dilation: 2)),
        ("7 x 7 image, 130 channels", [4, 130, 7, 7], [70, 130, 3, 3], .init(padding: 1)),
        ("1 x 1 113 to 83, odd", [3, 113, 9, 15], [83, 113, 1, 1], .init()),
        ("1 x 1 groups of 49 to 51", [2, 98, 11, 13], [102, 49, 1, 1], .init(groups: 2)),
        ("3 x 3 stride 2, groups of 75 to 85", [2, 150, 17, 15], [170, 75, 3, 3], .init(stride: 2, padding: 1, groups: 2)),
        ("3 x 3 stride 2, 72 to 132", [2, 72, 33, 31], [132, 72, 3, 3], .init(stride: 2, padding: 1)),
        ("11 x 11 stride 4, 3 to 64, two images", [2, 3, 75, 79], [64, 3, 11, 11], .init(stride: 4, padding: 2)),
        ("9 x 9 strides 3 and 2, 3 to 65", [2, 3, 60, 50], [65, 3, 9, 9], .init(stride: Pair(3, 2), padding: Pair(1, 4))),
        ("7 x 7 stride 2, groups of 4 to 64", [1, 8, 44, 40], [128, 4, 7, 7], .init(stride: 2, padding: 3, groups: 2)),
        ("7 x 7, 4 to 64", [1, 4, 30, 31], [64, 4, 7, 7], .init(padding: 3)),
    ]

    private static func geometry(_ plan: Plan, draws: Int) -> ConformanceCase {
        ConformanceCase(.convolution, plan.name, draws: draws) { random, draw in
            comparison(plan, bias: draw != 1, &random, tolerance: .balanced)
        }
    }

    /// The convolution, its bias and both gradients against their definitions.
    static func comparison(_ plan: Plan, bias: Bool, _ random: inout CaseRandom, tolerance: Tolerance) -> Comparison {
        let definition = ConvolutionReference(plan.image, plan.weight, plan.options)
        let operands = [random.floats(plan.image), random.floats(plan.weight)] + (bias ? [random.floats([plan.weight[0]])] : [])
        return Comparison(
            operands, "\(plan.options)", within: tolerance,
            gradients: .formula(tolerance) { inputs, weights in
                let dy = weights[0]
                return [definition.inputGradient(dy, inputs[1]), definition.weightGradient(inputs[0], dy)]
                    + (bias ? [dy.reduced([0, 2, 3]) { $0.reduce(0, +) }] : [])
            }
        ) {
            [convolution($0[0], $0[1], bias: bias ? $0[2] : nil, options: plan.options)]
        } reference: {
            let y = definition.forward($0[0], $0[1])
            return [bias ? Reference.combine([y, $0[2].reshaped([plan.weight[0], 1, 1])]) { $0[0] + $0[1] } : y]
        }
    }

    private static let drawn = ConformanceCase(.convolution, "drawn options", draws: 16) { random, _ in
        let groups = random.pick([1, 1, 2, 3]), kernel = Pair(random.int(1...4), random.int(1...4))
        let options = ConvolutionOptions(
            stride: Pair(random.int(1...3), random.int(1...3)), padding: Pair(random.int(0...3), random.int(0...3)),
            dilation: Pair(random.int(1...2), random.int(1...2)), groups: groups)
        // At least large enough for the kernel without its padding.
        let image = [
            random.int(1...3), groups * random.int(1...5), (kernel.y - 1) * options.dilation.y + random.int(1...9),
            (kernel.x - 1) * options.dilation.x + random.int(1...20),
        ]
        let plan = ("drawn", image, [groups * random.int(1...6), image[1] / groups, kernel.y, kernel.x], options)
        return comparison(plan, bias: random.bool(), &random, tolerance: .balanced)
    }

    private static let activations = ConformanceCase(.convolution, "fused activations", draws: 6) { random, draw in
        let kinds: [(FusedActivation, Expression.Unary)] = [(.relu, .relu), (.sigmoid, .sigmoid), (.tanh, .tanh)]
        let (fused, function) = kinds[draw % 3], hasBias = draw < 3
        let shape = [2, 4, 6, 5], weight = [6, 2, 3, 3], options = ConvolutionOptions(stride: Pair(2, 1), padding: 1, groups: 2)
        let definition = ConvolutionReference(shape, weight, options)
        let operands = [random.floats(shape), random.floats(weight)] + (hasBias ? [random.floats([6])] : [])
        return Comparison(
            operands, "\(function)", within: .balanced,
            gradients: .differences(of: Array(operands.indices), .permissive.floor(0.1), samples: 10)
        ) {
            [convolution($0[0], $0[1], bias: hasBias ? $0[2] : nil, options: options, activation: fused)]
        } reference: {
            var y = definition.forward($0[0], $0[1])
            if hasBias { y = Reference.combine([y, $0[2].reshaped([6, 1, 1])]) { $0[0] + $0[1] } }
            return [y.map(function.reference)]
        }
    }

    /// Padding multiplies nothing: a NaN in the weight touches only what its position reaches inside the image.
    private static let notFinite = ConformanceCase(.convolution, "NaN and infinity reach what they touch", draws: 4) {
        random, draw in
        let plans: [Plan] = [
            ("", [1, 3, 8, 9], [4, 3, 3, 3], .init()), ("", [2, 8, 12, 12], [16, 8, 3, 3], .init()),
            ("", [1, 16, 8, 8], [24, 16, 1, 1], .init()), ("", [1, 4, 9, 9], [4, 1, 3, 3], .init(stride: 2, groups: 4)),
        ]
        let plan = plans[draw]
        var image = random.awayFromZero(plan.image)
        image.set(17, .nan)
        image.set(40, .infinity)
        let definition = ConvolutionReference(plan.image, plan.weight, plan.options)
        return Comparison([image, random.awayFromZero(plan.weight)], within: .balanced) {
            [convolution($0[0], $0[1], options: plan.options)]
        } reference: {
            [definition.forward($0[0], $0[1])]
        }
    }

    /// At sizes that a device may multiply in parts of numbers, which overflow where the numbers do not.
    private static let largest = ConformanceCase(.convolution, "NaN, infinity and largest numbers, many channels", draws: 8) {
        random, draw in
        let plan: Plan =
            draw % 2 == 0
            ? ("", [3, 65, 9, 7], [70, 65, 1, 1], .init())
            : ("", [3, 68, 15, 17], [66, 68, 3, 3], .init(stride: 2, padding: 1))
        var image = random.awayFromZero(plan.image), weight = random.awayFromZero(plan.weight)
        switch draw / 2 {
        case 0: image.set(5 * 9 + 5, .nan)
        case 1: weight.set(draw == 2 ? 70 : 68 * 9 + 4, -.infinity)
        case 2: image.set(64 * 9 + 7, .infinity)
        default:
            weight.mapFloats { $0 * 1e-2 }
            image.set(100, .greatestFiniteMagnitude)
        }
        return finished(
            plan, image: image, weight: weight, expression: Expression.input(0) + .input(1) + .input(2) + .scalar(0) * .input(3),
            &random)
    }

    /// The naive gradients above are themselves held against differences here.
    private static let differences = ConformanceCase(.convolution, "gradients against differences", draws: 2) { random, _ in
        let image = [2, 4, 7, 6], weight = [6, 2, 3, 2],
            options = ConvolutionOptions(stride: Pair(1, 2), padding: Pair(2, 1), dilation: Pair(2, 1), groups: 2)
        let definition = ConvolutionReference(image, weight, options)
        return Comparison(
            [random.floats(image), random.floats(weight)], within: .balanced,
            gradients: .differences(of: [0, 1], .balanced, samples: 30)
        ) {
            [convolution($0[0], $0[1], options: options)]
        } reference: {
            [definition.forward($0[0], $0[1])]
        }
    }

    private static let residual = ConformanceCase(.convolution, "epilogue with bias, residual and accumulation", draws: 3) {
        random, draw in
        let plans: [Plan] = [
            ("", [2, 3, 6, 7], [5, 3, 3, 3], .init(padding: 1)), ("", [1, 32, 14, 14], [48, 32, 3, 3], .init(padding: 1)),
            ("", [2, 6, 9, 9], [6, 1, 3, 3], .init(padding: 1, groups: 6)),
        ]
        let plan = plans[draw]
        let definition = ConvolutionReference(plan.image, plan.weight, plan.options)
        let expression = (Expression.input(0) + .input(1) + .input(2)).relu + .scalar(0) * .input(3)
        let operands = [
            random.floats(plan.image), random.floats(plan.weight), random.floats([plan.weight[0]]),
            random.floats(definition.output),
            random.floats(definition.output),
        ]
        return Comparison(operands, "\(plan.options)", within: .balanced, variesLayout: false) { tensors in
            let device = tensors[0].resolvedDevice()
            let result = Tensor(empty: definition.output, on: device)
            result.write(tensors[4], on: device)
            let bias = tensors[2].reshaped([plan.weight[0], 1, 1]).broadcastView(to: definition.output)
            let epilogue = Epilogue(
                expression, scalars: [-0.5], operands: [bias, tensors[3], result].map { $0.view(on: device) })
            device.convolution(
                tensors[0].view(on: device), tensors[1].view(on: device), into: result.view(on: device),
                options: plan.options, epilogue: epilogue)
            return [result]
        } reference: {
            let bias = $0[2].reshaped([plan.weight[0], 1, 1])
            return [
                Reference.combine([definition.forward($0[0], $0[1]), bias, $0[3], $0[4]]) {
                    expression.reference($0, scalars: [-0.5])[0]
                }
            ]
        }
    }
}
