import Martlet
import Testing

/// Initialisers: the spread that their papers ask for, and the same numbers for the same seed.
@Suite struct InitializerTests {
    /// The root mean square of 200 x 300 weights, against what it should be.
    private func spread(_ initializer: Initializer) throws -> Float {
        try withDevice(try TestDevices.named("cpu")) {
            try withSeed(5) {
                let values = try initializer([200, 300]).floats()
                #expect(abs(values.reduce(0, +) / 60_000) < 0.01)
                return (values.reduce(0) { $0 + $1 * $1 } / 60_000).squareRoot()
            }
        }
    }

    @Test func varianceFollowsTheFans() throws {
        let expected: [(Initializer, Float)] = [
            (.glorot(), Float(2.0 / 500).squareRoot()), (.glorot(uniform: false), Float(2.0 / 500).squareRoot()),
            (.he(), Float(2.0 / 300).squareRoot()), (.he(uniform: true), Float(2.0 / 300).squareRoot()),
            (.he(slope: 0.5), Float(2.0 / 1.25 / 300).squareRoot()), (.leCun(), Float(1.0 / 300).squareRoot()),
            (.leCun(uniform: true), Float(1.0 / 300).squareRoot()), (.torch, Float(1.0 / 900).squareRoot()),
            (.normal(deviation: 0.3), 0.3), (.uniform(-0.6, 0.6), 0.6 / Float(3).squareRoot()),
        ]
        for (initializer, deviation) in expected {
            let actual = try spread(initializer)
            #expect(abs(actual - deviation) < 0.02 * deviation, "\(actual), not \(deviation)")
        }
    }

    @Test func truncatedNormalStaysWithinItsBound() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let values = try withSeed(5) { try Initializer.truncatedNormal(deviation: 0.5, bound: 2)([200, 300]).floats() }
            #expect(values.allSatisfy { abs($0) <= 1 })
            // The deviation of a normal distribution cut off at two deviations is 0.8796 of the whole one's.
            let deviation = (values.reduce(0) { $0 + $1 * $1 } / 60_000).squareRoot()
            #expect(abs(deviation - 0.5 * 0.8796) < 0.01)
        }
    }

    @Test(arguments: [[7, 12], [12, 7], [6, 2, 3]]) func orthogonalRowsOrColumns(shape: [Int]) throws {
        try withDevice(try TestDevices.named("cpu")) {
            let matrix = withSeed(5) { Initializer.orthogonal(gain: 2)(shape) }.reshaped([shape[0], -1])
            let isWide = matrix.shape[0] <= matrix.shape[1]
            let product = isWide ? matmul(matrix, matrix.transposed()) : matmul(matrix.transposed(), matrix)
            let size = product.shape[0], values = try product.floats()
            for row in 0..<size {
                for column in 0..<size {
                    #expect(abs(values[row * size + column] - (row == column ? 4 : 0)) < 1e-5)
                }
            }
        }
    }

    @Test(arguments: TestDevices.ids) func theSeedDecides(device id: String) throws {
        func weights(_ seed: UInt64) throws -> [Float] {
            try withDevice(try TestDevices.named(id)) { try withSeed(seed) { try LeNet().fc1.weight.value.floats() } }
        }
        #expect(try weights(1) == weights(1))
        #expect(try weights(1) != weights(2))
    }

    @Test(arguments: TestDevices.ids) func dropoutDropsInTrainingOnly(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let ones = Tensor.ones([100, 100]), dropout = Dropout(0.3)
            #expect(try dropout(ones).floats().allSatisfy { $0 == 1 })
            let dropped = try withSeed(1) { try TrainingMode.set(true) { try dropout(ones).floats() } }
            let zeros = dropped.filter { $0 == 0 }.count
            #expect(abs(Double(zeros) - 3000) < 200)
            #expect(dropped.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-6 })
        }
    }
}
