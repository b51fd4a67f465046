import MartletConformance
import MartletCPU
import MartletCore
import Testing

/// The rounding errors of products of split numbers, held against those of multiply-adds.
@Suite struct MatmulErrorTests {
    private static let m = 96, k = 700, n = 80

    /// The root mean square error of a product of numbers of both signs.
    private static func error(on device: any Device) throws -> Double {
        var random = CaseRandom(seed: 5)
        let a = (0..<m * k).map { _ in Float.random(in: -1...1, using: &random) }
        let b = (0..<k * n).map { _ in Float.random(in: -1...1, using: &random) }
        let result = try matmul(Tensor(a, shape: [m, k]).on(device), Tensor(b, shape: [k, n]).on(device)).floats()
        var squares = 0.0
        for i in 0..<m {
            for j in 0..<n {
                let sum = (0..<k).reduce(0.0) { $0 + Double(a[i * k + $1]) * Double(b[$1 * n + j]) }
                squares += (Double(result[i * n + j]) - sum) * (Double(result[i * n + j]) - sum)
            }
        }
        return (squares / Double(m * n)).squareRoot()
    }

    @Test func matrixUnitIsAsExact() throws {
        let plain = try CPUDevice(matrixUnit: false), device = try CPUDevice()
        let expected = try Self.error(on: plain), error = try Self.error(on: device)
        #expect(expected > 1e-7 && expected < 1e-5)
        #expect(error <= 1.1 * expected, "rms error \(error), of multiply-adds \(expected)")
    }
}
