import MartletCore

enum ReductionBenchmarks {
    static let all = [
        reduction("sum 16 Mi", [16 << 20]) { $0.sum() },
        reduction("sum of rows 4096 x 1024", [4096, 1024]) { $0.sum([1]) },
        reduction("sum of columns 4096 x 1024", [4096, 1024]) { $0.sum([0]) },
        reduction("sum of channels 32 x 64 x 56 x 56", [32, 64, 56, 56]) { $0.sum([0, 2, 3]) },
        reduction("argMax of rows 4096 x 1000", [4096, 1000]) { $0.argMax() },
        reduction("variance of rows 4096 x 1024", [4096, 1024]) { $0.variance([1]) },
        reduction("norm 16 Mi", [16 << 20]) { $0.norm() },
    ]

    private static func reduction(_ name: String, _ shape: [Int], _ function: @escaping @Sendable (Tensor) -> Tensor)
        -> BenchmarkCase
    {
        let count = shape.reduce(1, *)
        return BenchmarkCase(.reduction, name, operations: Double(count), floats: count) { device in
            let x = BenchmarkInput.floats(shape, on: device)
            return { _ = function(x) }
        }
    }
}
