import Foundation
import Martlet
import MartletTraining
import Testing

/// What R-CNN fits to its features: machines and regressions.
@Suite struct RegionFittingTests {
    /// The objective that a machine minimises, its bias counted with the weights.
    private func objective(
        _ weights: [Float], _ bias: Float, _ rows: [[Float]], _ signs: [Float], _ options: LinearSVM.Options
    ) -> Double {
        let constant = Double(bias / options.bias)
        var sum = weights.reduce(0.5 * constant * constant) { $0 + 0.5 * Double($1) * Double($1) }
        for (row, sign) in zip(rows, signs) {
            let margin = zip(row, weights).reduce(Double(bias)) { $0 + Double($1.0) * Double($1.1) }
            sum += Double(options.cost * (sign > 0 ? options.positiveWeight : 1)) * max(0, 1 - Double(sign) * margin)
        }
        return sum
    }

    @Test(arguments: [Float(0.001), 0.1, 10]) func machinesAreAtTheMinimum(cost: Float) {
        var random = SampleRandom(seed: 2)
        func normal() -> Float { (0..<6).reduce(Float(-3)) { sum, _ in sum + random.uniform() } }
        // 37 features, so that no vector width divides them.
        let signs: [Float] = (0..<120).map { $0 % 4 == 0 ? 1 : -1 }
        let rows = signs.map { sign in (0..<37).map { $0 < 3 ? 2 * normal() + 1.2 * sign : 2 * normal() } }
        var machine = LinearSVM(width: 37, .init(cost: cost))
        for (row, sign) in zip(rows, signs) { row.withUnsafeBufferPointer { machine.add($0, isPositive: sign > 0) } }
        machine.solve(seed: 1)
        let best = objective(machine.weights, machine.bias, rows, signs, machine.options)
        for size in [0.3, 0.03, 0.003] as [Float] {
            for _ in 0..<100 {
                let other = machine.weights.map { $0 + size * normal() * 0.1 }
                let moved = objective(other, machine.bias + size * normal() * 0.1, rows, signs, machine.options)
                #expect(moved > best * (1 - 1e-3), "\(size): \(moved) below \(best)")
            }
        }
        // Examples that hold nothing up may go.
        let before = machine.count
        machine.evict(below: -1.2, most: 1000)
        #expect(machine.count <= before)
        let kept = machine.weights
        machine.solve(seed: 2)
        #expect(zip(kept, machine.weights).allSatisfy { abs($0 - $1) < 0.02 * (abs($0) + 0.05) + 1e-4 })
        machine.evict(below: -.infinity, most: 1)
        #expect(machine.count >= 30)
    }

    /// Two points: the machine lies in the middle between them.
    @Test func twoPoints() {
        var machine = LinearSVM(width: 1, .init(cost: 1000, positiveWeight: 1, bias: 1000))
        for (value, sign) in [(Float(3), true), (1, false)] {
            [value].withUnsafeBufferPointer { machine.add($0, isPositive: sign) }
        }
        machine.solve(seed: 1)
        #expect(abs([Float(2)].withUnsafeBufferPointer { machine.margin($0.baseAddress!) }) < 0.1)
        #expect(abs(machine.weights[0] - 1) < 0.1)
    }

    @Test(arguments: TestDevices.ids) func ridgesAreSolved(device: String) throws {
        try withDevice(try TestDevices.named(device)) {
            var random = SampleRandom(seed: 9)
            let n = 40, x = Tensor((0..<60 * n).map { _ in random.uniform() - 0.5 }, shape: [60, n])
            let square = matmul(x.transposed(), x), right = Tensor((0..<n * 4).map { _ in random.uniform() }, shape: [n, 4])
            let found = try RidgeSolver(square, ridge: 0.3).solve(right)
            let a = try square.floats(), b = try right.floats()
            for column in 0..<4 {
                for row in 0..<n {
                    let product = (0..<n).reduce(0.3 * found[column][row]) { $0 + a[row * n + $1] * found[column][$1] }
                    #expect(abs(product - b[row * 4 + column]) < 1e-3)
                }
            }
        }
    }

    /// A thin pair with all directions is the layer; with fewer it is as close as the discarded singular values say.
    @Test(arguments: TestDevices.ids, [(12, 30), (30, 12), (1, 5)]) func denseLayersAreTruncated(
        device: String, shape: (Int, Int)
    ) throws {
        try withDevice(try TestDevices.named(device)) {
            let (outputs, inputs) = shape, n = min(outputs, inputs)
            let layer = withSeed(4) { Linear(inputs, outputs, activation: .relu) }
            let weight = try layer.weight.value.floats()
            func difference(_ rank: Int) throws -> Double {
                let pair = try layer.compressed(rank: rank).parameters.filter { $0.shape.count == 2 }
                #expect(pair.map(\.shape) == [[rank, inputs], [outputs, rank]])
                let product = try matmul(pair[1].value, pair[0].value).floats()
                return zip(product, weight).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }
            }
            let whole = weight.reduce(0) { $0 + Double($1) * Double($1) }
            #expect(try difference(n) < 1e-9 * whole + 1e-12)
            // What each direction takes off never grows.
            let left = try (1...n).map(difference)
            let gains = zip([whole] + left, left).map { $0 - $1 }
            #expect(zip(gains, gains.dropFirst()).allSatisfy { $0 >= $1 - 1e-6 * whole })
            #expect(gains.allSatisfy { $0 > -1e-6 * whole })
            // No other pair of that width is closer: not the first outputs or inputs alone.
            let half = max(n / 2, 1)
            let rows = (0..<outputs).map { row in (0..<inputs).reduce(0) { $0 + pow(Double(weight[row * inputs + $1]), 2) } }
            #expect(try difference(half) <= rows.sorted().prefix(max(outputs - half, 0)).reduce(0, +) + 1e-6)
            let x = Tensor((0..<3 * inputs).map { Float($0 % 7) - 3 }, shape: [3, inputs])
            let (a, b) = (try layer(x).floats(), try layer.compressed(rank: n)(x).floats())
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }
}
