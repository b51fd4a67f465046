import MartletCore

extension ComparedCase {
    /// Boxes whose corners lie in 0..<2 reach and whose sides are up to 128 long: sums and products by powers of 2, which every side
    /// rounds alike.
    private static func boxes(_ n: Int, reach: Float, on device: any Device) -> Tensor {
        let numbers = ComparedInput.floats([n, 4], stream: 8, on: device)
        let corner = (numbers.sliced(axis: 1, 0..<2) + 1) * reach
        return concatenate([corner, corner + (numbers.sliced(axis: 1, 2..<4) + 1) * 64], axis: 1).evaluated()
    }

    func regionWorkload(_ device: any Device) throws -> Workload {
        if operation == "suppress" {
            let n = try shape(ranks: 1...1)[0]
            let boxes = Self.boxes(n, reach: 1024, on: device)
            let scores = ComparedInput.floats([n], stream: 1, on: device)
            let run = { nonMaximumSuppression(boxes, scores: scores, threshold: 0.5) }
            return Workload(
                run: { _ = run() },
                outputs: {
                    let kept = run()
                    return [kept.indices.sliced(axis: 0, 0..<Int(try kept.count.integers()[0])).converted(to: .float32)]
                })
        }
        let shapes = try shapes(2...2), map = shapes[0]
        guard map.count == 4, map[0] == 1, shapes[1].count == 1 else {
            throw refusal("shapes \(shapes): [1, c, h, w] and [boxes] wanted")
        }
        let x = ComparedInput.floats(map, stream: 0, on: device)
        let boxes = concatenate(
            [Tensor.zeros([shapes[1][0], 1]), Self.boxes(shapes[1][0], reach: 256, on: device)], axis: 1
        ).evaluated()
        let parts = shapes[1][0] * map[1] * 49
        switch operation {
        case "pool":
            let options = RegionPoolingOptions(size: 7, scale: 1 / 16)
            return Workload(floats: map.reduce(1, *) + 2 * parts) { [x.regionPooled(boxes, options)] }
        case "align":
            let options = RegionAlignOptions(size: 7, scale: 1 / 16, samplingRatio: 2)
            return Workload(floats: map.reduce(1, *) + parts) { [x.regionAligned(boxes, options)] }
        default: throw refusal("no operation '\(operation ?? "")'")
        }
    }
}
