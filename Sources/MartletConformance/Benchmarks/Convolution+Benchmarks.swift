import MartletCore

enum ConvolutionBenchmarks {
    private typealias Layer = (name: String, image: [Int], weight: [Int], options: ConvolutionOptions)

    private static let layers: [Layer] = [
        ("3 x 3, 64 channels 56 x 56, batch 8", [8, 64, 56, 56], [64, 64, 3, 3], .init(padding: 1)),
        ("3 x 3, 256 channels 14 x 14, batch 8", [8, 256, 14, 14], [256, 256, 3, 3], .init(padding: 1)),
        ("1 x 1, 256 to 64 56 x 56, batch 8", [8, 256, 56, 56], [64, 256, 1, 1], .init()),
        ("7 x 7 stride 2, 3 to 64 224 x 224, batch 4", [4, 3, 224, 224], [64, 3, 7, 7], .init(stride: 2, padding: 3)),
        ("LeNet 1 to 6, batch 128", [128, 1, 28, 28], [6, 1, 5, 5], .init(padding: 2)),
        ("LeNet 6 to 16, batch 128", [128, 6, 14, 14], [16, 6, 5, 5], .init()),
        ("depthwise 3 x 3, 96 channels 56 x 56, batch 8", [8, 96, 56, 56], [96, 1, 3, 3], .init(padding: 1, groups: 96)),
    ]

    static let all = layers.flatMap { [forward($0), inputGradient($0), weightGradient($0)] }

    private static func output(_ layer: Layer) -> [Int] {
        let size = layer.options.outputSize(
            image: Pair(layer.image[2], layer.image[3]), kernel: Pair(layer.weight[2], layer.weight[3]))
        return [layer.image[0], layer.weight[0], size.y, size.x]
    }

    private static func operations(_ layer: Layer) -> Double {
        2 * Double(output(layer).reduce(1, *)) * Double(layer.weight.dropFirst().reduce(1, *))
    }

    private static func floats(_ layer: Layer) -> Int {
        [layer.image, layer.weight, output(layer)].reduce(0) { $0 + $1.reduce(1, *) }
    }

    private static func forward(_ layer: Layer) -> BenchmarkCase {
        BenchmarkCase(.convolution, "\(layer.name), forward", operations: operations(layer), floats: floats(layer)) { device in
            let x = BenchmarkInput.floats(layer.image, on: device), w = BenchmarkInput.floats(layer.weight, on: device)
            let bias = BenchmarkInput.floats([layer.weight[0]], on: device)
            return { _ = convolution(x, w, bias: bias, options: layer.options, activation: .relu) }
        }
    }

    private static func inputGradient(_ layer: Layer) -> BenchmarkCase {
        BenchmarkCase(.convolution, "\(layer.name), input gradient", operations: operations(layer), floats: floats(layer)) {
            device in
            let dy = BenchmarkInput.floats(output(layer), on: device), w = BenchmarkInput.floats(layer.weight, on: device)
            return {
                let dx = Tensor(empty: layer.image, on: device)
                device.convolutionInputGradient(
                    dy.view(on: device), w.view(on: device), into: dx.view(on: device), options: layer.options)
            }
        }
    }

    private static func weightGradient(_ layer: Layer) -> BenchmarkCase {
        BenchmarkCase(.convolution, "\(layer.name), weight gradient", operations: operations(layer), floats: floats(layer)) {
            device in
            let x = BenchmarkInput.floats(layer.image, on: device), dy = BenchmarkInput.floats(output(layer), on: device)
            return {
                let dw = Tensor(empty: layer.weight, on: device)
                device.convolutionWeightGradient(
                    x.view(on: device), dy.view(on: device), into: dw.view(on: device), options: layer.options)
            }
        }
    }
}
