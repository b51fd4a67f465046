import MartletCore

/// A piece of work by which the variants of a family of kernels are compared: an op at a size that real networks have.
package struct TuningCase: Sendable {
    /// As `TunableKernel` has them.
    let kernel: String
    let shapeClass: String
    package let name: String
    /// Makes the inputs and returns one run, which leaves no work waiting.
    package let prepare: @Sendable (any Device) throws -> () throws -> Tensor

    private init(
        kernel: String, shapeClass: String, name: String, prepare: @escaping @Sendable (any Device) throws -> () throws -> Tensor
    ) {
        self.kernel = kernel
        self.shapeClass = shapeClass
        self.name = name
        self.prepare = { device in
            let run = try prepare(device)
            return { try run().evaluated() }
        }
    }

    /// Those that decide a kernel's variant for a class of shapes.
    package static func all(of kernel: String, for shapeClass: String) -> [TuningCase] {
        (productCases + convolutionCases).filter { $0.kernel == kernel && $0.shapeClass == shapeClass }
    }

    /// The op family whose conformance cases a kernel must pass.
    static func family(of kernel: String) -> OpFamily { kernel.hasPrefix("Matmul") ? .matmul : .convolution }
}

// MARK: - Products

extension TuningCase {
    /// Which operands lie transposed in memory.
    private enum Layout: String, CaseIterable {
        case plain, firstTransposed = "first transposed", secondTransposed = "second transposed"
    }

    /// [batches, m, k, n]
    private static let products: [(batches: Int, m: Int, k: Int, n: Int)] = [
        (1, 2048, 2048, 2048), (1, 1024, 1024, 1024), (1, 2048, 768, 768), (1, 512, 2048, 512),
        (1, 128, 784, 512), (1, 128, 400, 120), (1, 256, 256, 256),
        (1, 16, 4096, 4096), (1, 32, 256, 1024), (1, 1024, 512, 10),
        (64, 128, 64, 128), (96, 64, 64, 64), (16, 256, 64, 256),
    ]

    /// Panels and tiles are compared by the same products; a kernel that a device does not run has no cases asked for.
    private static let productCases = ["Matmul", "MatmulTile"].flatMap { kernel in
        products.flatMap { product in Layout.allCases.map { productCase(kernel, product, $0) } }
    }

    private static func productCase(_ kernel: String, _ size: (batches: Int, m: Int, k: Int, n: Int), _ layout: Layout)
        -> TuningCase
    {
        let (batches, m, k, n) = size
        let shapeClass = MatmulClass(batches: batches, m: m, n: n, k: k).rawValue
        let name = "\(batches > 1 ? "\(batches) times " : "")\(m) x \(k) x \(n), \(layout.rawValue)"
        return TuningCase(kernel: kernel, shapeClass: shapeClass, name: name) { device in
            func operand(_ rows: Int, _ columns: Int, isTransposed: Bool) -> Tensor {
                let shape = (batches > 1 ? [batches] : []) + (isTransposed ? [columns, rows] : [rows, columns])
                let x = BenchmarkInput.floats(shape, on: device)
                return isTransposed ? x.transposed() : x
            }
            let a = operand(m, k, isTransposed: layout == .firstTransposed)
            let b = operand(k, n, isTransposed: layout == .secondTransposed)
            return { matmul(a, b) }
        }
    }
}

// MARK: - Convolutions

extension TuningCase {
    private typealias Layer = (name: String, image: [Int], weight: [Int], options: ConvolutionOptions)

    private static let convolutionCases = direct + winograd

    private static let direct = ["Convolution", "ConvolutionTile"].flatMap { passes($0, directLayers) }

    private static let directLayers: [Layer] = [
        ("3 x 3, 64 channels", [4, 64, 56, 56], [64, 64, 3, 3], .init(padding: 1, algorithm: .direct)),
        ("3 x 3 stride 2, 128 to 256", [4, 128, 28, 28], [256, 128, 3, 3], .init(stride: 2, padding: 1, algorithm: .direct)),
        ("7 x 7 stride 2, 3 to 64", [2, 3, 224, 224], [64, 3, 7, 7], .init(stride: 2, padding: 3, algorithm: .direct)),
        ("LeNet's second", [128, 6, 14, 14], [16, 6, 5, 5], .init(algorithm: .direct)),
    ]

    private static let winograd = ["Winograd", "WinogradTile"].flatMap { passes($0, winogradLayers) }

    private static let winogradLayers: [Layer] = [
        ("64 channels, 56 x 56", [4, 64, 56, 56], [64, 64, 3, 3], .init(padding: 1, algorithm: .winograd2x2)),
        ("128 channels, 28 x 28", [8, 128, 28, 28], [128, 128, 3, 3], .init(padding: 1, algorithm: .winograd2x2)),
        ("512 channels, 7 x 7", [8, 512, 7, 7], [512, 512, 3, 3], .init(padding: 1, algorithm: .winograd2x2)),
    ]

    private static func passes(_ kernel: String, _ layers: [Layer]) -> [TuningCase] {
        layers.flatMap { layer in
            let size = layer.options.outputSize(
                image: Pair(layer.image[2], layer.image[3]), kernel: Pair(layer.weight[2], layer.weight[3]))
            let output = [layer.image[0], layer.weight[0], size.y, size.x]
            return [
                TuningCase(kernel: kernel, shapeClass: "images", name: "\(layer.name), forward") { device in
                    let x = BenchmarkInput.floats(layer.image, on: device), w = BenchmarkInput.floats(layer.weight, on: device)
                    return { convolution(x, w, options: layer.options) }
                },
                TuningCase(kernel: kernel, shapeClass: "images", name: "\(layer.name), input gradient") { device in
                    let dy = BenchmarkInput.floats(output, on: device), w = BenchmarkInput.floats(layer.weight, on: device)
                    return {
                        let dx = Tensor(empty: layer.image, on: device)
                        device.convolutionInputGradient(
                            dy.view(on: device), w.view(on: device), into: dx.view(on: device), options: layer.options)
                        return dx
                    }
                },
                TuningCase(kernel: kernel, shapeClass: "weightGradient", name: "\(layer.name), weight gradient") { device in
                    let x = BenchmarkInput.floats(layer.image, on: device), dy = BenchmarkInput.floats(output, on: device)
                    return {
                        let dw = Tensor(empty: layer.weight, on: device)
                        device.convolutionWeightGradient(
                            x.view(on: device), dy.view(on: device), into: dw.view(on: device), options: layer.options)
                        return dw
                    }
                },
            ]
        }
    }
}
