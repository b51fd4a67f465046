import MartletCore

enum UpdateBenchmarks {
    /// The parameters of a ResNet-18's size, in as many tensors.
    private static let counts = (0..<62).map { $0 % 3 == 0 ? 500_000 : ($0 % 3 == 1 ? 512 : 64_000) }
    private static let total = counts.reduce(0, +)

    static let all = [
        update("momentum", tensors: 3, operations: 4) {
            let velocity = Expression.scalar(1) * .input(1) + .input(2)
            return .results([.input(0) - .scalar(0) * velocity, velocity])
        },
        update("Adam", tensors: 4, operations: 14) {
            let first = .scalar(0) * .input(1) + (1 - .scalar(0)) * .input(3)
            let second = .scalar(1) * .input(2) + (1 - .scalar(1)) * Expression.input(3).square
            return .results([.input(0) - .scalar(2) * first / (second.squareRoot + .scalar(3)), first, second])
        },
    ]

    private static func update(
        _ name: String, tensors: Int, operations: Double,
        _ expression: @escaping @Sendable () -> Expression
    ) -> BenchmarkCase {
        BenchmarkCase(
            .update, "\(name), 62 tensors of 12 M parameters", operations: operations * Double(total),
            floats: (2 * tensors - 1) * total
        ) { device in
            let rule = expression()
            let groups = counts.map { count in
                (0..<tensors).map { _ in
                    Tensor.random(.uniform(low: 0.1, high: 1), shape: [count], key: RandomKey(seed: 1, stream: 1), on: device)
                        .view(on: device)
                }
            }
            return {
                device.update(
                    rule, scalars: [1e-3, 0.9, 1e-4, 1e-8].prefix(rule.scalarCount).map { $0 }, shared: [], tensors: groups)
            }
        }
    }
}
