import MartletConformance
import MartletCore
import Testing

/// The rounding errors of Winograd's forms, held against those of the direct way on the same device.
@Suite struct ConvolutionErrorTests {
    private static let image = [2, 32, 15, 17], weight = [32, 32, 3, 3], output = [2, 32, 15, 17]

    /// Root mean square errors of the convolution, its input gradient and its weight gradient.
    private static func errors(_ algorithm: ConvolutionAlgorithm, on device: any Device) throws -> [Double] {
        var random = CaseRandom(seed: 11)
        func draw(_ shape: [Int]) -> [Float] {
            (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &random) }
        }
        let x = draw(image), w = draw(weight), dy = draw(output)
        let options = ConvolutionOptions(padding: 1, algorithm: algorithm)
        let results = [output, image, weight].map { Tensor(empty: $0, on: device) }
        let (xs, ws) = (Tensor(x, shape: image), Tensor(w, shape: weight))
        let dys = Tensor(dy, shape: output)
        device.convolution(
            xs.view(on: device), ws.view(on: device), into: results[0].view(on: device), options: options, epilogue: nil)
        device.convolutionInputGradient(
            dys.view(on: device), ws.view(on: device), into: results[1].view(on: device), options: options)
        device.convolutionWeightGradient(
            xs.view(on: device), dys.view(on: device), into: results[2].view(on: device), options: options)
        return try zip(results, definition(x, w, dy)).map { result, expected in
            let values = try result.floats()
            let squares = zip(values, expected).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            return (squares / Double(expected.count)).squareRoot()
        }
    }

    /// The three sums in float64.
    private static func definition(_ x: [Float], _ w: [Float], _ dy: [Float]) -> [[Double]] {
        let x = x.map(Double.init), w = w.map(Double.init), dy = dy.map(Double.init)
        var y = [Double](repeating: 0, count: dy.count), dx = [Double](repeating: 0, count: x.count)
        var dw = [Double](repeating: 0, count: w.count)
        let (channels, outputs, height, width) = (image[1], weight[0], image[2], image[3])
        for sample in 0..<image[0] {
            for output in 0..<outputs {
                for channel in 0..<channels {
                    for tap in 0..<9 {
                        let weight = (output * channels + channel) * 9 + tap
                        for row in max(0, 1 - tap / 3)..<min(height, height + 1 - tap / 3) {
                            let from = ((sample * channels + channel) * height + row + tap / 3 - 1) * width + tap % 3 - 1
                            let to = ((sample * outputs + output) * height + row) * width
                            for column in max(0, 1 - tap % 3)..<min(width, width + 1 - tap % 3) {
                                y[to + column] += w[weight] * x[from + column]
                                dx[from + column] += w[weight] * dy[to + column]
                                dw[weight] += x[from + column] * dy[to + column]
                            }
                        }
                    }
                }
            }
        }
        return [y, dx, dw]
    }

    @Test(arguments: TestDevice.all) func formsKeepTheirBounds(_ test: TestDevice) async throws {
        try await test.alone(Self.checkBounds)
    }

    private static func checkBounds(on device: any Device) throws {
        let direct = try errors(.direct, on: device)
        // Rounding errors, so the definition above and the device agree on what is computed.
        for error in direct { #expect(error > 0 && error < 1e-4) }
        let bounds: [(ConvolutionAlgorithm, Double)] = [(.winograd2x2, 2), (.winograd4x4, 12), (.automatic, 2)]
        for (algorithm, bound) in bounds {
            for (error, reference) in zip(try errors(algorithm, on: device), direct) {
                #expect(error <= bound * reference, "\(algorithm): \(error / reference) times the error of direct")
            }
        }
    }
}
