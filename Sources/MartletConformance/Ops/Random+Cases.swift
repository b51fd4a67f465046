import MartletCore

enum RandomCases {
    static let all = exact + [normal, offsets, known, streams, permutation, moments, masks]

    private static let keys = [
        RandomKey(seed: 0, stream: 0), RandomKey(seed: 7, stream: 1), RandomKey(seed: 0xDEAD_BEEF_0123_4567, stream: 0xFFFF_FFFF),
        RandomKey(seed: .max, stream: 0x1_0000_0000), RandomKey(seed: 1 << 32, stream: .max),
    ]

    private static let counts = [1, 2, 3, 4, 5, 17, 255, 1024, 4099, 100_003]

    private static func draw(_ distribution: Distribution, _ random: inout CaseRandom, tolerance: Tolerance) -> Comparison {
        let count = random.pick(counts), key = random.pick(keys)
        return Comparison([random.floats([])], "\(distribution), \(count) from \(key)", within: tolerance, variesLayout: false) {
            [Tensor.random(distribution, shape: [count], key: key, on: $0[0].resolvedDevice())]
        } reference: { _ in
            [Reference([count], RandomReference.draw(distribution, key, count: count))]
        }
    }

    /// The same bits on every device.
    private static let exact = [
        ("bits", [Distribution.bits]),
        (
            "uniform",
            [.uniform(low: 0, high: 1), .uniform(low: -0.3, high: 0.7), .uniform(low: 2, high: 2), .uniform(low: -1e10, high: 3)]
        ),
        (
            "Bernoulli",
            [
                .bernoulli(probability: 0.5, scale: 2), .bernoulli(probability: 0, scale: 1),
                .bernoulli(probability: 1, scale: 1),
                .bernoulli(probability: 0.9, scale: 1 / 0.9),
            ]
        ),
    ].map { (name: String, distributions: [Distribution]) in
        ConformanceCase(.random, name, draws: 12) { random, number in
            draw(distributions[number % distributions.count], &random, tolerance: .exact)
        }
    }

    private static let normal = ConformanceCase(.random, "normal", draws: 12) { random, number in
        let distributions: [Distribution] = [
            .normal(mean: 0, deviation: 1), .normal(mean: -3, deviation: 0.02), .normal(mean: 1, deviation: 50),
        ]
        return draw(distributions[number % 3], &random, tolerance: .strict)
    }

    private static let offsets = ConformanceCase(.random, "into the middle of a buffer", draws: 2) { random, number in
        let key = keys[number + 1]
        return Comparison([random.floats([40])], within: .strict, variesLayout: false) { inputs in
            let device = inputs[0].resolvedDevice()
            let buffer = Tensor(empty: [40], on: device)
            buffer.write(inputs[0], on: device)
            device.random(.uniform(low: 0, high: 1), key: key, into: buffer.sliced(axis: 0, 3..<16).view(on: device))
            device.random(.normal(mean: 0, deviation: 1), key: key, into: buffer.sliced(axis: 0, 21..<28).view(on: device))
            return [buffer]
        } reference: {
            var values = $0[0].values
            values.replaceSubrange(3..<16, with: RandomReference.draw(.uniform(low: 0, high: 1), key, count: 13))
            values.replaceSubrange(21..<28, with: RandomReference.draw(.normal(mean: 0, deviation: 1), key, count: 7))
            return [Reference([40], values)]
        }
    }

    private static let known = ConformanceCase(.random, procedure: "known answer of Philox") { device, _ in
        // The first known-answer vector of the paper's own library: counter and key all zeros.
        let words: [UInt32] = [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
        let found = try Tensor.random(.bits, shape: [4], key: RandomKey(seed: 0, stream: 0), on: device).integers()
        try expect(found == words.map { Int32(bitPattern: $0) }, "got \(found)")
    }

    private static let streams = ConformanceCase(.random, procedure: "streams and seeds differ") { device, _ in
        var stream = RandomStream(seed: 5)
        var draws = [stream.next(), stream.next(), RandomStream(seed: 6).split(0).peek, RandomStream(seed: 6).split(1).peek]
        draws.append(RandomKey(seed: 5, stream: 1 << 40))
        let found = try draws.map { try Tensor.random(.bits, shape: [64], key: $0, on: device).integers() }
        try expect(Set(found).count == found.count, "two of \(draws) give the same numbers")
        let again = try Tensor.random(.bits, shape: [64], key: draws[1], on: device).integers()
        try expect(again == found[1], "the same key gave other numbers")
    }

    private static let permutation = ConformanceCase(.random, procedure: "permutation") { device, _ in
        for count in [0, 1, 2, 10, 1000] {
            let key = RandomKey(seed: 3, stream: UInt64(count))
            let found = try Tensor.permutation(count, key: key, on: device).integers()
            let uniforms = Reference([1, count], RandomReference.draw(.uniform(low: 0, high: 1), key, count: count))
            let wanted = IndexingReference.sort(uniforms, descending: false, first: count).indices.values.map { Int32($0) }
            try expect(found == wanted, "a permutation of \(count) is \(found.prefix(10)), not \(wanted.prefix(10))")
        }
    }

    private static let moments = ConformanceCase(.random, procedure: "mean and variance") { device, _ in
        let count = 200_000.0
        let normal = try Tensor.random(
            .normal(mean: 2, deviation: 3), shape: [Int(count)], key: RandomKey(seed: 1, stream: 9), on: device
        ).floats()
        let mean = normal.reduce(0) { $0 + Double($1) } / count
        let variance = normal.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
        // Six standard errors.
        try expect(
            abs(mean - 2) < 18 / count.squareRoot() && abs(variance - 9) < 9 * 6 * (2 / count).squareRoot(),
            "mean \(mean), variance \(variance), not 2 and 9")
    }

    private static let masks = ConformanceCase(.random, procedure: "dropout masks") { device, _ in
        let key = RandomKey(seed: 11, stream: 4), count = 100_000
        let mask = try Tensor.random(.bernoulli(probability: 0.8, scale: 1.25), shape: [count], key: key, on: device).floats()
        try expect(mask.allSatisfy { $0 == 0 || $0 == 1.25 }, "other values than 0 and 1.25")
        let kept = Double(mask.filter { $0 != 0 }.count) / Double(count)
        try expect(abs(kept - 0.8) < 6 * (0.16 / Double(count)).squareRoot(), "\(kept) of the elements kept, not 0.8")
    }
}

extension RandomStream {
    fileprivate var peek: RandomKey {
        var copy = self
        return copy.next()
    }
}
