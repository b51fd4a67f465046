import MartletCore

enum RandomBenchmarks {
    private static let count = 16 << 20

    private static let distributions: [(String, Distribution)] = [
        ("bits", .bits), ("uniform", .uniform(low: 0, high: 1)), ("normal", .normal(mean: 0, deviation: 1)),
        ("Bernoulli", .bernoulli(probability: 0.9, scale: 1 / 0.9)),
    ]

    static let all = distributions.map { name, distribution in
        BenchmarkCase(.random, "\(name) 16 Mi", floats: count) { device in
            { _ = Tensor.random(distribution, shape: [count], key: RandomKey(seed: 1, stream: 2), on: device) }
        }
    }
}
