import MartletCore

enum AttentionBenchmarks {
    static let all = sizes.flatMap { name, shape in
        [
            attention("\(name), causal", shape, passes: 2, .causal) { x, options, _ in
                { _ = scaledDotProductAttention(x[0], x[1], x[2], options: options) }
            },
            attention("\(name), causal, forward and backward", shape, passes: 7, .causal) { x, options, device in
                {
                    _ = valueAndGradient(at: x) { scaledDotProductAttention($0[0], $0[1], $0[2], options: options).sum() }
                }
            },
        ]
    }

    private static let sizes = [
        ("12 x 4 x 64 x 32", [12, 4, 64, 32]), ("16 x 8 x 512 x 64", [16, 8, 512, 64]),
        ("1 x 8 x 16384 x 64", [1, 8, 16384, 64]),
    ]

    /// - Parameter passes: products of all pairs that a run needs at the least; half of them are masked.
    private static func attention(
        _ name: String, _ shape: [Int], passes: Int, _ options: AttentionOptions,
        _ make: @escaping @Sendable ([Tensor], AttentionOptions, any Device) -> () -> Void
    ) -> BenchmarkCase {
        let pairs = Double(shape[0] * shape[1] * shape[2] * shape[2]) / 2
        return BenchmarkCase(
            .attention, name, operations: pairs * 2 * Double(shape[3]) * Double(passes),
            floats: shape.reduce(1, *) * (passes == 2 ? 4 : 12)
        ) { device in
            make((0..<3).map { _ in BenchmarkInput.floats(shape, on: device) }, options, device)
        }
    }
}
