import MartletCore

enum PoolingBenchmarks {
    private static let image = [16, 64, 56, 56], half = [16, 64, 28, 28]
    private static let count = image.reduce(1, *)
    private static let options = PoolingOptions(kernel: 3, stride: 2, padding: 1)

    static let all = [
        BenchmarkCase(.pooling, "maximum 3 x 3 stride 2", floats: count * 3 / 2) { device in
            let x = BenchmarkInput.floats(image, on: device)
            return { _ = x.maxPooled(options) }
        },
        BenchmarkCase(.pooling, "maximum 3 x 3 stride 2, gradient", floats: count * 3 / 2) { device in
            let x = BenchmarkInput.floats(image, on: device), y = Tensor(empty: half, on: device)
            let indices = Tensor(empty: half, type: .int32, on: device), dy = BenchmarkInput.floats(half, on: device)
            device.maxPool(x.view(on: device), into: y.view(on: device), indices: indices.view(on: device), options: options)
            return {
                let dx = Tensor(empty: image, on: device)
                device.maxPoolGradient(
                    dy.view(on: device), indices: indices.view(on: device), into: dx.view(on: device), options: options)
            }
        },
        BenchmarkCase(.pooling, "maximum 2 x 2", floats: count * 3 / 2) { device in
            let x = BenchmarkInput.floats(image, on: device)
            return { _ = x.maxPooled(.init(kernel: 2)) }
        },
        BenchmarkCase(.pooling, "global average", floats: count) { device in
            let x = BenchmarkInput.floats(image, on: device)
            return { _ = x.adaptiveAveragePooled(1) }
        },
    ]
}
