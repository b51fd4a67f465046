import MartletData
import Testing

@Suite struct ResamplingTests {
    private struct Golden: Decodable {
        struct Case: Decodable {
            var size: [Int]
            var result: [Float]
        }
        var source: [Float]
        var cases: [Case]
    }

    @Test func bilinearAgreesWithPyTorch() throws {
        let golden = try golden("interpolation.json", as: Golden.self)
        for entry in golden.cases {
            let result = Resampling.bilinear(golden.source, planes: 2, from: (8, 8), to: (entry.size[0], entry.size[1]))
            #expect(result.count == entry.result.count)
            let worst = zip(result, entry.result).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst < 1e-5, "\(entry.size)")
        }
    }
}
