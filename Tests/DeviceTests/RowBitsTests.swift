import MartletCore
import Testing

/// Kernels may take several rows at a time: what a row gives must not depend on which others it is taken with.
@Suite struct RowBitsTests {
    @Test(arguments: TestDevice.all) func reductionsOfARowDoNotDependOnOthers(_ device: TestDevice) async throws {
        let rows = 23, columns = 1037
        // Rows of few values, zeros of both signs among the extremes, and one NaN.
        var values = (0..<rows * columns).map { i in Float((i * 7919 + i / columns * 31) % 1009) / 997 - 0.5 }
        for i in 3 * columns..<5 * columns { values[i] = i % 3 == 0 ? -0.0 : 0.0 }
        values[11 * columns + 70] = .nan
        try await device.alone { device in
            try withDevice(device) { () throws in
                let kinds: [(Tensor) -> Tensor] = [{ $0.sum([1]) }, { $0.norm([1]) }, { $0.max([1]) }, { $0.min([1]) }]
                let all = Tensor(values, shape: [rows, columns]).evaluated()
                for (kind, reduce) in kinds.enumerated() {
                    let together = try reduce(all).floats().map(\.bitPattern)
                    for row in 0..<rows {
                        let alone = Tensor(Array(values[row * columns..<(row + 1) * columns]), shape: [1, columns])
                        #expect(try reduce(alone).item().bitPattern == together[row], "kind \(kind), row \(row)")
                    }
                }
            }
        }
    }
}
