import Martlet
import Testing

/// Regions and boxes as torchvision has them: ties, boxes without area, with exchanged corners and outside the image.
@Suite struct RegionGoldenTests {
    @Test(arguments: TestDevices.ids) func agree(device id: String) throws {
        let golden = try GoldenFile("region")
        #expect(golden.cases.count >= 22)
        try withDevice(try TestDevices.named(id)) {
            for test in golden.cases {
                // Values to 1e-5 of the largest, gradients to 1e-4, indices exactly.
                let values = try Self.run(test, try test.inputs.indices.map { try golden.tensor("\(test.name)/in\($0)") })
                try expectClose(values, try golden.tensor("\(test.name)/out0"), within: 1e-5, "\(id) \(test.name)")
                try GoldenRun(golden, test).check(within: 1e-4, "\(id) \(test.name)") { [try Self.run(test, $0)] }
            }
        }
    }

    private static func run(_ test: GoldenFile.Case, _ x: [Tensor]) throws -> Tensor {
        let options = test.options
        func size() -> Pair { options.pair("size") }
        func coding() -> BoxCoding { BoxCoding(weights: options.integers("weights").map(Float.init)) }
        func kept(_ groups: Tensor?) throws -> Tensor {
            let kept = nonMaximumSuppression(
                x[0], scores: x[1], groups: groups, threshold: options.double("threshold"))
            let count = Int(try kept.count.integers()[0])
            // What lies behind the count is -1.
            #expect(try kept.indices.integers().dropFirst(count).allSatisfy { $0 == -1 })
            return kept.indices.sliced(axis: 0, 0..<count)
        }
        switch test.op {
        case "pool": return x[0].regionPooled(x[1], RegionPoolingOptions(size: size(), scale: options.float("scale")))
        case "align":
            return x[0].regionAligned(
                x[1],
                RegionAlignOptions(
                    size: size(), scale: options.float("scale"), samplingRatio: options.integer("ratio"),
                    aligned: options.bool("aligned")))
        case "suppress": return try kept(nil)
        case "suppressGroups": return try kept(x[2])
        case "overlaps": return Boxes.overlaps(x[0], x[1])
        case "clip": return Boxes.clipped(x[0], to: size())
        case "encode": return coding().encode(x[0], x[1])
        case "decode": return coding().decode(x[0], x[1])
        case "anchors":
            let anchors = Anchors(sizes: [[16, 32], [64, 128]], ratios: [[0.5, 1, 2], [1]])
            let maps = options.pairs("grids").map { Pair($0[0], $0[1]) }
            let boxes = anchors.boxes(image: options.pair("image"), maps: maps)
            return Tensor(boxes, shape: [boxes.count / 4, 4])
        default:
            Issue.record("\(test.name): nothing here runs \(test.op)")
            return x[0]
        }
    }
}
