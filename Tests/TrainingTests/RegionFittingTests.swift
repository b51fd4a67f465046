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

    @Test(arguments: [Float(0.001), 0.1, 1]) func machinesAreAtTheMinimum(cost: Float) {
        var random = SampleRandom(seed: 2)
        func normal() -> Float { (0..<6).reduce(Float(-3)) { sum, _ in sum + random.uniform() } }
        // 37 features, so that no vector width divides them.
        let signs: [Float] = (0..<120).map { $0 % 4 == 0 ? 1 : -1 }
        let rows = signs.map { (sign: Float) -> [Float] in
            (0..<37).map { (place: Int) -> Float in 2 * normal() + (place < 3 ? 1.2 * sign : 0) }
        }
        var options = LinearSVM.Options(cost: cost)
        (options.tolerance, options.passes) = (1e-4, 20_000)
        var machine = LinearSVM(width: 37, options)
        for (row, sign) in zip(rows, signs) { row.withUnsafeBufferPointer { machine.add($0, isPositive: sign > 0) } }
        machine.solve(seed: 1)
        let best = objective(machine.weights, machine.bias, rows, signs, machine.options)
        for size in [0.3, 0.03, 0.003] as [Float] {
            for _ in 0..<100 {
                let step = size * 0.1, other = machine.weights.map { (weight: Float) -> Float in weight + step * normal() }
                let moved = objective(other, machine.bias + step * normal(), rows, signs, machine.options)
                #expect(moved > best * (1 - 1e-3), "\(size): \(moved) below \(best)")
            }
        }
        // Examples that hold nothing up may go.
        let before = machine.count
        machine.evict(below: -1.2, most: 1000)
        #expect(machine.count <= before)
        let kept = machine.weights
        machine.solve(seed: 2)
        let change = zip(kept, machine.weights).map { abs($0 - $1) }.max() ?? 0, size = kept.map(abs).max() ?? 0
        #expect(change < 0.05 * size, "\(change) of \(size)")
        machine.evict(below: -.infinity, most: 1)
        #expect(machine.count >= 30)
    }

    /// Two points: the machine lies in the middle between them.
    @Test func twoPoints() {
        var options = LinearSVM.Options(cost: 1000, positiveWeight: 1, bias: 10)
        (options.tolerance, options.passes) = (1e-4, 20_000)
        var machine = LinearSVM(width: 1, options)
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
                    var product: Float = 0.3 * found[column][row]
                    for index in 0..<n { product += a[row * n + index] * found[column][index] }
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
            func square(_ values: [Float]) -> Double { values.reduce(0.0) { $0 + Double($1) * Double($1) } }
            let layer = withSeed(4) { Linear(inputs, outputs, activation: .relu) }
            let weight = try layer.weight.value.floats()
            func difference(_ rank: Int) throws -> Double {
                let pair = try layer.compressed(rank: rank).parameters.filter { $0.shape.count == 2 }
                #expect(pair.map(\.shape) == [[rank, inputs], [outputs, rank]])
                let product = try matmul(pair[1].value, pair[0].value).floats()
                return square(zip(product, weight).map { $0 - $1 })
            }
            let whole = square(weight)
            #expect(try difference(n) < 1e-9 * whole + 1e-12)
            // What each direction takes off never grows.
            let left = try (1...n).map(difference)
            let gains: [Double] = zip([whole] + left, left).map { $0 - $1 }
            #expect(zip(gains, gains.dropFirst()).allSatisfy { $0 >= $1 - 1e-6 * whole })
            #expect(gains.allSatisfy { $0 > -1e-6 * whole })
            // No other pair of that width is closer: not the first outputs or inputs alone.
            let half = max(n / 2, 1)
            let rows = (0..<outputs).map { square(Array(weight[$0 * inputs..<($0 + 1) * inputs])) }
            #expect(try difference(half) <= rows.sorted().prefix(max(outputs - half, 0)).reduce(0, +) + 1e-6)
            let x = Tensor((0..<3 * inputs).map { Float($0 % 7) - 3 }, shape: [3, inputs])
            let (a, b) = (try layer(x).floats(), try layer.compressed(rank: n)(x).floats())
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }
}
