import MartletCore

enum SoftmaxBenchmarks {
    private static let shape = [4096, 1000]
    private static let count = 4_096_000

    static let all = [
        BenchmarkCase(.softmax, "softmax 4096 x 1000", operations: 10 * Double(count), floats: 2 * count) { device in
            let x = BenchmarkInput.floats(shape, on: device)
            return { _ = x.softmax() }
        },
        BenchmarkCase(.softmax, "cross-entropy 4096 x 1000", operations: 10 * Double(count), floats: count) { device in
            let x = BenchmarkInput.floats(shape, on: device),
                labels = try BenchmarkInput.integers([4096], below: 1000, on: device)
            return { _ = crossEntropyRows(x, labels) }
        },
        BenchmarkCase(.softmax, "cross-entropy 4096 x 1000, gradient", operations: 10 * Double(count), floats: 2 * count) {
            device in
            let x = BenchmarkInput.floats(shape, on: device),
                labels = try BenchmarkInput.integers([4096], below: 1000, on: device)
            let losses = BenchmarkInput.floats([4096], on: device)
            return {
                let dx = Tensor(empty: shape, on: device)
                device.crossEntropyGradient(
                    losses.view(on: device), x.view(on: device), labels: labels.view(on: device), weights: nil,
                    into: dx.view(on: device), options: .init())
            }
        },
    ]
}
