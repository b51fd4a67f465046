import MartletCore

enum RegionBenchmarks {
    private static let map = [1, 256, 50, 50], count = 512
    private static let size: Pair = 7
    private static let parts = count * 256 * 49
    private static let pooling = RegionPoolingOptions(size: size, scale: 1 / 16)
    private static let alignment = RegionAlignOptions(size: size, scale: 1 / 16, samplingRatio: 2)

    /// Boxes of up to a quarter of an image of 800 x 800, whose numbers are `seed`'s.
    static func boxes(_ n: Int, on device: any Device) -> Tensor {
        let numbers = Tensor.random(.uniform(low: 0, high: 1), shape: [n, 4], key: RandomKey(seed: 5, stream: 0), on: device)
        let corner = numbers.sliced(axis: 1, 0..<2) * 600
        return concatenate([corner, corner + numbers.sliced(axis: 1, 2..<4) * 200], axis: 1).evaluated()
    }

    private static func regions(on device: any Device) -> Tensor {
        concatenate([Tensor.zeros([count, 1]), boxes(count, on: device)], axis: 1).evaluated()
    }

    static let all = [
        BenchmarkCase(.region, "pooling of 512 boxes", floats: parts * 2 + map.reduce(1, *)) { device in
            let x = BenchmarkInput.floats(map, on: device), boxes = regions(on: device)
            return { _ = x.regionPooled(boxes, pooling) }
        },
        BenchmarkCase(.region, "pooling of 512 boxes, gradient", floats: parts * 2 + map.reduce(1, *)) { device in
            let x = BenchmarkInput.floats(map, on: device), boxes = regions(on: device)
            let y = Tensor(empty: [count, 256, 7, 7], on: device), indices = Tensor(empty: y.shape, type: .int32, on: device)
            device.regionPool(
                x.view(on: device), boxes: boxes.view(on: device), into: y.view(on: device), indices: indices.view(on: device),
                options: pooling)
            return {
                let dx = Tensor(empty: map, on: device)
                device.regionPoolGradient(
                    y.view(on: device), boxes: boxes.view(on: device), indices: indices.view(on: device),
                    into: dx.view(on: device),
                    options: pooling)
            }
        },
        BenchmarkCase(.region, "alignment of 512 boxes", operations: Double(parts) * 16 * 2, floats: parts) { device in
            let x = BenchmarkInput.floats(map, on: device), boxes = regions(on: device)
            return { _ = x.regionAligned(boxes, alignment) }
        },
        BenchmarkCase(.region, "alignment of 512 boxes, gradient", operations: Double(parts) * 16 * 2, floats: parts) { device in
            let boxes = regions(on: device), dy = BenchmarkInput.floats([count, 256, 7, 7], on: device)
            return {
                let dx = Tensor(empty: map, on: device)
                device.regionAlignGradient(
                    dy.view(on: device), boxes: boxes.view(on: device), into: dx.view(on: device), options: alignment)
            }
        },
        BenchmarkCase(.region, "suppression of 10,000 boxes", floats: 50_000) { device in
            let boxes = RegionBenchmarks.boxes(10_000, on: device), scores = BenchmarkInput.floats([10_000], on: device)
            return { _ = nonMaximumSuppression(boxes, scores: scores, threshold: 0.5) }
        },
    ]
}
