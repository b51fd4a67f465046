import MartletCore

enum PoolingCases {
    static let all =
        windows.flatMap { [maximum($0), average($0)] } + [drawn, adaptive, adaptiveMaximum, indices, notFinite, large]

    private typealias Plan = (name: String, image: [Int], options: PoolingOptions)

    private static let windows: [Plan] = [
        ("2 x 2", [2, 3, 6, 8], .init(kernel: 2)),
        ("2 x 2 on odd sizes", [1, 2, 7, 5], .init(kernel: 2)),
        ("3 x 3 stride 2 padded", [2, 2, 9, 8], .init(kernel: 3, stride: 2, padding: 1)),
        ("overlapping 3 x 3 stride 1", [1, 2, 6, 7], .init(kernel: 3, stride: 1)),
        ("3 x 3 stride 2 ceil", [1, 2, 8, 10], .init(kernel: 3, stride: 2, ceilMode: true)),
        ("ceil and padding", [1, 2, 7, 6], .init(kernel: Pair(3, 2), stride: Pair(2, 3), padding: 1, ceilMode: true)),
        ("ceil drops a window in the padding", [1, 1, 4, 4], .init(kernel: 2, stride: 3, padding: 1, ceilMode: true)),
        ("pairs", [2, 1, 7, 9], .init(kernel: Pair(2, 4), stride: Pair(1, 3), padding: Pair(1, 2))),
        ("padding does not count", [1, 2, 6, 7], .init(kernel: 3, stride: 2, padding: 1, countsPadding: false)),
        (
            "ceil, padding does not count", [1, 2, 6, 8],
            .init(kernel: 3, stride: 2, padding: 1, ceilMode: true, countsPadding: false)
        ),
        ("stride beyond the kernel", [1, 2, 9, 9], .init(kernel: 2, stride: 4)),
        ("1 x 1", [1, 3, 4, 4], .init(kernel: 1)),
        ("whole image", [2, 3, 5, 4], .init(kernel: Pair(5, 4))),
        ("rows of thousands", [1, 2, 2, 10_003], .init(kernel: Pair(1, 3), stride: Pair(1, 2), padding: Pair(0, 1))),
        ("rows of thousands, stride 1", [1, 1, 3, 9001], .init(kernel: Pair(2, 5), stride: 1, padding: Pair(1, 2))),
        ("no samples", [0, 3, 4, 4], .init(kernel: 2)),
        ("dilated", [1, 2, 9, 10], .init(kernel: Pair(3, 2), stride: 1, padding: Pair(1, 0), dilation: Pair(2, 3))),
        ("dilated stride 2 ceil", [1, 2, 11, 8], .init(kernel: 2, stride: 2, padding: 1, dilation: 2, ceilMode: true)),
    ]

    private static func maximum(_ plan: Plan) -> ConformanceCase {
        ConformanceCase(.pooling, "maximum \(plan.name)", draws: 2) { random, _ in maximum(plan, &random) }
    }

    private static func maximum(_ plan: Plan, _ random: inout CaseRandom) -> Comparison {
        let definition = PoolingReference(plan.image, plan.options)
        return Comparison(
            [random.distinct(plan.image)], "\(plan.options)", within: .exact,
            gradients: .differences(of: [0], .balanced, samples: 40)
        ) {
            [$0[0].maxPooled(plan.options)]
        } reference: {
            [definition.largest($0[0]).values]
        }
    }

    private static func average(_ plan: Plan) -> ConformanceCase {
        ConformanceCase(.pooling, "average \(plan.name)", draws: 2) { random, _ in average(plan, &random) }
    }

    private static func average(_ plan: Plan, _ random: inout CaseRandom) -> Comparison {
        var options = plan.options
        options.dilation = 1
        let definition = PoolingReference(plan.image, options)
        return Comparison(
            [random.floats(plan.image)], "\(options)", within: .strict, gradients: .differences(of: [0], .balanced, samples: 40)
        ) { [options] in
            [$0[0].averagePooled(options)]
        } reference: {
            [definition.average($0[0], countsPadding: options.countsPadding)]
        }
    }

    private static let drawn = ConformanceCase(.pooling, "drawn options", draws: 10) { random, draw in
        let kernel = Pair(random.int(1...5), random.int(1...5))
        let options = PoolingOptions(
            kernel: kernel, stride: Pair(random.int(1...4), random.int(1...4)),
            padding: Pair(random.int(0...kernel.y / 2), random.int(0...kernel.x / 2)),
            dilation: draw % 2 == 0 ? Pair(random.int(1...2), random.int(1...2)) : 1,
            ceilMode: random.bool(), countsPadding: random.bool())
        let image = [
            random.int(1...2), random.int(1...3), (kernel.y - 1) * options.dilation.y + random.int(1...9),
            (kernel.x - 1) * options.dilation.x + random.int(1...15),
        ]
        return draw % 2 == 0 ? maximum(("", image, options), &random) : average(("", image, options), &random)
    }

    /// Sizes that divide, that do not, that are larger than the image, and global pooling.
    private static let divisions: [([Int], Pair)] = [
        ([2, 3, 8, 6], Pair(4, 3)), ([1, 2, 7, 10], Pair(3, 4)), ([1, 2, 3, 4], Pair(5, 7)), ([2, 5, 9, 7], 1),
        ([1, 3, 5, 5], Pair(5, 1)),
        ([1, 2, 13, 13], 6), ([0, 2, 4, 4], 2),
    ]

    private static let adaptive = ConformanceCase(.pooling, "adaptive average", draws: divisions.count * 2) { random, draw in
        let (image, size) = divisions[draw / 2]
        let definition = PoolingReference(image, parts: size)
        return Comparison(
            [random.floats(image)], "to \(size)", within: .strict, gradients: .differences(of: [0], .balanced, samples: 30)
        ) {
            [$0[0].adaptiveAveragePooled(size)]
        } reference: {
            [definition.average($0[0], countsPadding: false)]
        }
    }

    private static let adaptiveMaximum = ConformanceCase(.pooling, "adaptive maximum", draws: divisions.count * 2) {
        random, draw in
        let (image, size) = divisions[draw / 2]
        let definition = PoolingReference(image, parts: size)
        return Comparison(
            [random.distinct(image)], "to \(size)", within: .exact, gradients: .differences(of: [0], .balanced, samples: 30)
        ) {
            [$0[0].adaptiveMaxPooled(size)]
        } reference: {
            [definition.largest($0[0]).values]
        }
    }

    /// Which position wins, with many equal values and all at minus infinity.
    private static let indices = ConformanceCase(.pooling, "positions of the largest", draws: 4) { random, draw in
        let image = [2, 3, 9, 8], options = PoolingOptions(kernel: 3, stride: Pair(2, 1), padding: 1, dilation: draw == 3 ? 2 : 1)
        var operand = random.integersAsFloats(image, 0...2)
        if draw == 1 { operand.mapFloats { _ in -.infinity } }
        if draw == 2 { operand.mapFloats { $0 == 2 ? .nan : $0 } }
        let plain = PoolingReference(image, options), divided = PoolingReference(image, parts: Pair(4, 5))
        return Comparison([operand], within: .exact, variesLayout: false) { tensors in
            let device = tensors[0].resolvedDevice(), x = tensors[0].view(on: device)
            let outputs = [plain.output, divided.output].map {
                (Tensor(empty: $0, on: device), Tensor(empty: $0, type: .int32, on: device))
            }
            device.maxPool(x, into: outputs[0].0.view(on: device), indices: outputs[0].1.view(on: device), options: options)
            device.adaptiveMaxPool(x, into: outputs[1].0.view(on: device), indices: outputs[1].1.view(on: device))
            return outputs.flatMap { [$0.0, $0.1] }
        } reference: {
            let first = plain.largest($0[0]), second = divided.largest($0[0])
            return [first.values, first.indices, second.values, second.indices]
        }
    }

    private static let notFinite = ConformanceCase(.pooling, "NaN and infinity", draws: 2) { random, _ in
        let image = [2, 2, 8, 9], options = PoolingOptions(kernel: 2, stride: 2, padding: 1)
        let windows = PoolingReference(image, options), parts = PoolingReference(image, parts: 3)
        return Comparison([random.specials(image, oneIn: 9)], within: .strict) {
            [$0[0].maxPooled(options), $0[0].averagePooled(options), $0[0].adaptiveAveragePooled(3), $0[0].adaptiveMaxPooled(3)]
        } reference: {
            [
                windows.largest($0[0]).values, windows.average($0[0], countsPadding: true),
                parts.average($0[0], countsPadding: false),
                parts.largest($0[0]).values,
            ]
        }
    }

    private static let large = ConformanceCase(.pooling, "images of real sizes", draws: 1) { random, _ in
        let image = [4, 24, 28, 28], options = PoolingOptions(kernel: 3, stride: 2, padding: 1)
        let windows = PoolingReference(image, options), halves = PoolingReference(image, PoolingOptions(kernel: 2))
        return Comparison([random.distinct(image)], within: .strict, gradients: .differences(of: [0], .balanced, samples: 4)) {
            [
                $0[0].maxPooled(options), $0[0].maxPooled(.init(kernel: 2)), $0[0].averagePooled(.init(kernel: 2)),
                $0[0].adaptiveAveragePooled(1),
            ]
        } reference: {
            [
                windows.largest($0[0]).values, halves.largest($0[0]).values, halves.average($0[0], countsPadding: true),
                $0[0].reduced([2, 3], keepingDimensions: true, ReductionReference.mean),
            ]
        }
    }
}
