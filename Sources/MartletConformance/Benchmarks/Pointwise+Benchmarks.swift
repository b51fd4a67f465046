import MartletCore

enum PointwiseBenchmarks {
    static let all = [
        unary("relu 16 Mi", 16 << 20, operations: 1) { $0.relu() },
        unary("chain of ten 16 Mi", 16 << 20, operations: 10) { ((($0 * 2 + 1) * $0 - 0.5) * $0 + 3).square * 0.1 + $0 },
        unary("gelu 4 Mi", 4 << 20, operations: 10) { $0.gelu() },
        unary("tanh 4 Mi", 4 << 20, operations: 10) { $0.tanh() },
        BenchmarkCase(.pointwise, "sum of two 16 Mi", operations: 16 * 1_048_576, floats: 3 * 16 << 20) { device in
            let x = BenchmarkInput.floats([16 << 20], on: device), y = BenchmarkInput.floats([16 << 20], on: device)
            return { _ = (x + y).evaluated() }
        },
        BenchmarkCase(.pointwise, "bias on rows 8192 x 1024", operations: 8_388_608, floats: 2 * 8192 * 1024) { device in
            let x = BenchmarkInput.floats([8192, 1024], on: device), y = BenchmarkInput.floats([1024], on: device)
            return { _ = (x + y).evaluated() }
        },
        BenchmarkCase(.pointwise, "bias on channels 32 x 64 x 56 x 56", operations: 6_422_528, floats: 2 * 32 * 64 * 56 * 56) {
            device in
            let x = BenchmarkInput.floats([32, 64, 56, 56], on: device), y = BenchmarkInput.floats([64, 1, 1], on: device)
            return { _ = (x + y).evaluated() }
        },
    ]

    private static func unary(
        _ name: String, _ count: Int, operations: Double,
        _ function: @escaping @Sendable (Tensor) -> Tensor
    ) -> BenchmarkCase {
        BenchmarkCase(.pointwise, name, operations: operations * Double(count), floats: 2 * count) { device in
            let x = BenchmarkInput.floats([count], on: device)
            return { _ = function(x).evaluated() }
        }
    }
}
