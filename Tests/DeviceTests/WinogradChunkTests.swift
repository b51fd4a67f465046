import Foundation
import MartletCore
import MartletOpenCL
import Testing

/// GPU-like devices transform images a chunk at a time; small ones here, whose last is not whole.
@Suite struct WinogradChunkTests {
    @Test func chunksGiveWhatTheWholeGives() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-chunks-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for candidate in OpenCLDevices.discover().usable {
            let device = try OpenCLDevice(candidate, deviceClass: .gpuLike, cache: CacheFolder(folder))
            let whole = try results(on: device)
            for shapeClass in ["images", "weightGradient"] {
                // 16 frequencies of 21 channels' 20 tiles of 4 bytes: one or two of the seven images.
                let isKnown = device.use(["chunkBytes": 60_000], of: "WinogradTile", for: shapeClass, isTrial: true)
                #expect(isKnown)
            }
            let launches = device.statistics.launches
            let chunked = try results(on: device)
            #expect(device.statistics.launches - launches > 3 * 4 * 3, "in one chunk")
            for (a, b) in zip(whole, chunked) {
                let largest = a.map(abs).max() ?? 0, difference = zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
                #expect(largest > 0 && difference <= 1e-5 * largest, "\(difference) of \(largest)")
            }
        }
    }

    /// A convolution and its gradients.
    private func results(on device: OpenCLDevice) throws -> [[Float]] {
        func wave(_ shape: [Int], _ step: Float) throws -> Tensor {
            try Tensor((0..<shape.reduce(1, *)).map { sin(Float($0) * step) }, shape: shape).on(device)
        }
        let image = [7, 12, 9, 7], weight = [9, 12, 3, 3], output = [7, 9, 9, 7]
        let x = try wave(image, 0.7), w = try wave(weight, 0.3), dy = try wave(output, 1.1)
        let options = ConvolutionOptions(padding: 1, algorithm: .winograd2x2)
        let results = [output, image, weight].map { Tensor(empty: $0, on: device) }
        let views = results.map { $0.view(on: device) }
        device.convolution(x.view(on: device), w.view(on: device), into: views[0], options: options, epilogue: nil)
        device.convolutionInputGradient(dy.view(on: device), w.view(on: device), into: views[1], options: options)
        device.convolutionWeightGradient(x.view(on: device), dy.view(on: device), into: views[2], options: options)
        return try results.map { try $0.floats() }
    }
}
