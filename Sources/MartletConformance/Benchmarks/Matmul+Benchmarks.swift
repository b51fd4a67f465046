import MartletCore

enum MatmulBenchmarks {
    static let all =
        [512, 1024, 2048].map { product("\($0) cubed", [$0, $0], [$0, $0]) } + [
            product("1024 cubed, second transposed", [1024, 1024], [1024, 1024], transposesRight: true),
            product("1024 cubed, first transposed", [1024, 1024], [1024, 1024], transposesLeft: true),
            product("batch of 64, 128 x 64 x 128", [64, 128, 64], [64, 64, 128]),
            product("8 x 4096 x 4096", [8, 4096], [4096, 4096]),
            layer("linear 128 x 784 to 512, bias and relu", 128, 784, 512),
            layer("linear 128 x 400 to 120, bias and relu", 128, 400, 120),
            layer("linear 2048 x 768 to 3072, bias and relu", 2048, 768, 3072),
        ]

    private static func product(
        _ name: String, _ left: [Int], _ right: [Int], transposesLeft: Bool = false,
        transposesRight: Bool = false
    ) -> BenchmarkCase {
        let batch = left.dropLast(2).reduce(1, *), m = left[left.count - 2], k = left[left.count - 1], n = right[right.count - 1]
        return BenchmarkCase(
            .matmul, name, operations: 2 * Double(batch * m * k) * Double(n), floats: batch * (m * k + k * n + m * n)
        ) { device in
            let a = BenchmarkInput.floats(left, on: device), b = BenchmarkInput.floats(right, on: device)
            let x = transposesLeft ? a.transposed() : a, y = transposesRight ? b.transposed() : b
            return { matmul(x, y).evaluated() }
        }
    }

    private static func layer(_ name: String, _ m: Int, _ k: Int, _ n: Int) -> BenchmarkCase {
        BenchmarkCase(.matmul, name, operations: 2 * Double(m * k) * Double(n), floats: m * k + k * n + m * n) { device in
            let x = BenchmarkInput.floats([m, k], on: device), weight = BenchmarkInput.floats([n, k], on: device)
            let bias = BenchmarkInput.floats([n], on: device)
            return { linear(x, weight, bias: bias, activation: .relu).evaluated() }
        }
    }
}
