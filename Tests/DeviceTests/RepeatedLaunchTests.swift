import MartletCore
import MartletOpenCL
import Testing

/// A pass over elements that is made again with other operands: what the first one prepared must fit them.
@Suite struct RepeatedLaunchTests {
    private static let values = (0..<240).map { Float($0 * 7 % 31) - 15 }

    @Test(arguments: TestDevice.all) func offsetsAndScalarsMayChange(_ device: TestDevice) async throws {
        try await device.alone { device in
            try withDevice(device) { () throws in
                let x = Tensor(Self.values, shape: [240]).evaluated()
                for (start, factor) in [(0, 2), (4, -1), (3, 0.5), (8, 3), (101, 7)] as [(Int, Float)] {
                    let y = x.sliced(axis: 0, start..<start + 96), z = x.sliced(axis: 0, 240 - 96 - start..<240 - start)
                    let found = try (y * factor + z).floats()
                    let expected = (0..<96).map { Self.values[start + $0] * factor + Self.values[240 - 96 - start + $0] }
                    #expect(found == expected, "from \(start)")
                }
            }
        }
    }

    @Test(arguments: TestDevice.all) func layoutsOfOneShapeMayChange(_ device: TestDevice) async throws {
        try await device.alone { device in
            try withDevice(device) { () throws in
                let x = Tensor(Self.values, shape: [12, 20]).evaluated(), y = Tensor(Self.values, shape: [20, 12]).evaluated()
                let column = Tensor((0..<12).map(Float.init), shape: [12, 1]).evaluated()
                func at(_ i: Int, _ j: Int) -> Float { Self.values[i * 20 + j] }
                func sums(_ other: (Int, Int) -> Float) -> [Float] {
                    (0..<12).flatMap { i in (0..<20).map { at(i, $0) + other(i, $0) } }
                }
                for _ in 0..<2 {
                    #expect(try (x + x).floats() == sums(at))
                    #expect(try (x + y.transposed()).floats() == sums { Self.values[$1 * 12 + $0] })
                    #expect(try (x + column).floats() == sums { i, _ in Float(i) })
                    #expect(try (x + y.reshaped([12, 20])).floats() == sums(at))
                }
            }
        }
    }

    @Test(arguments: TestDevice.all) func typesAndAliasesMayChange(_ device: TestDevice) async throws {
        try await device.alone { device in
            try withDevice(device) { () throws in
                let integers = Tensor(Self.values.map { Int32($0) }, shape: [240]).evaluated()
                let floats = Tensor(Self.values, shape: [240]).evaluated()
                let expected = Self.values.map { $0 * 2 + 1 }
                for _ in 0..<2 {
                    for x in [integers, floats] {
                        #expect(try (x * 2 + 1).floats() == expected)
                        var y = Tensor.zeros([240])
                        y = (x * 2 + 1).evaluated()
                        y.makeWritable(on: device)
                        let view = y.view(on: device)
                        device.pointwise((.input(0) - 1) / 2, scalars: [], inputs: [view], outputs: [view])
                        #expect(try y.floats() == Self.values)
                    }
                }
            }
        }
    }

    /// More operands than a driver takes arguments for: their layout goes in a buffer, which each launch fills.
    @Test(arguments: TestDevice.all) func longLayoutsMayChange(_ device: TestDevice) async throws {
        try await device.alone { device in
            try withDevice(device) { () throws in
                let x = Tensor(Self.values, shape: [2, 3, 2, 5, 4]).evaluated()
                let parts = (0..<3).map { x.sliced(axis: 1, $0..<$0 + 1).permuted([4, 2, 1, 3, 0]) }
                let count = 20
                let sum = (1..<count).reduce(Expression.input(0)) { $0 + .constant(Float($1)) * .input($1) }
                for shift in 0..<3 {
                    let result = Tensor(empty: parts[0].shape, on: device)
                    device.pointwise(
                        sum, scalars: [], inputs: (0..<count).map { parts[($0 + shift) % 3].view(on: device) },
                        outputs: [result.view(on: device)])
                    let found = try result.floats()
                    var expected: [Float] = []
                    for i4 in 0..<4 {
                        for i2 in 0..<2 {
                            for i3 in 0..<5 {
                                for i0 in 0..<2 {
                                    func at(_ i1: Int) -> Float {
                                        Self.values[(((i0 * 3 + i1 % 3) * 2 + i2) * 5 + i3) * 4 + i4]
                                    }
                                    expected.append((1..<count).reduce(at(shift)) { $0 + Float($1) * at($1 + shift) })
                                }
                            }
                        }
                    }
                    #expect(found == expected, "from part \(shift)")
                }
            }
        }
    }
}
