import MartletCore

enum NormalizationBenchmarks {
    private static let image = [16, 64, 56, 56], rows = [4096, 768]

    static let all = [
        // Twice through the input, once through the output.
        BenchmarkCase(.normalization, "batch, 64 channels 56 x 56", floats: 3 * image.reduce(1, *)) { device in
            let x = BenchmarkInput.floats(image, on: device), c = BenchmarkInput.floats([64], on: device)
            return { _ = batchNorm(x, scale: c, shift: c).output }
        },
        BenchmarkCase(.normalization, "batch, gradient", floats: 5 * image.reduce(1, *)) { device in
            let extents = [16, 64, 56 * 56]
            let x = BenchmarkInput.floats(extents, on: device), dy = BenchmarkInput.floats(extents, on: device)
            let y = Tensor(empty: extents, on: device), c = BenchmarkInput.floats([64], on: device)
            let statistics = (0..<4).map { _ in Tensor(empty: [64], on: device).view(on: device) }
            device.batchNorm(
                x.view(on: device), scale: nil, shift: nil, epsilon: 1e-5, into: y.view(on: device), mean: statistics[0],
                inverseDeviation: statistics[1])
            return {
                let dx = Tensor(empty: extents, on: device)
                device.batchNormGradient(
                    dy.view(on: device), x.view(on: device), scale: c.view(on: device), mean: statistics[0],
                    inverseDeviation: statistics[1], into: dx.view(on: device), dScale: statistics[2],
                    dShift: statistics[3])
            }
        },
        BenchmarkCase(.normalization, "layer 4096 x 768", floats: 2 * rows.reduce(1, *)) { device in
            let x = BenchmarkInput.floats(rows, on: device), c = BenchmarkInput.floats([768], on: device)
            return { _ = layerNorm(x, scale: c, shift: c) }
        },
    ]
}
