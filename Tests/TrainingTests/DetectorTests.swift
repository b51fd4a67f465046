import Foundation
import Martlet
import Testing

/// Detectors in training: what images show or do not show, the losses stay finite and the parameters learn.
@Suite(.serialized) struct DetectorTests {
    private static let devices = ((try? Devices.list().usable.map(\.id)) ?? ["cpu"])

    private static func images(_ count: Int) -> Tensor {
        var random = SampleRandom(seed: 4)
        return Tensor((0..<count * 3 * 64 * 64).map { _ in random.uniform() }, shape: [count, 3, 64, 64])
    }

    /// No objects, objects without area and outside, one class, and boxes that cover everything.
    @Test(arguments: devices) func lossesStayFinite(device id: String) throws {
        try withDevice(try Devices.choose(id).device) {
            let model = withSeed(3) { FasterRCNN(.small, classes: 1) }
            let targets: [FasterRCNN.Target] = [
                .init(boxes: [], labels: []), .init(boxes: [HostBox(10, 10, 10, 30)], labels: [0]),
                .init(boxes: [HostBox(90, 90, 120, 140)], labels: [0]),
                .init(boxes: [HostBox(0, 0, 64, 64), HostBox(0, 0, 64, 64)], labels: [0, 0]),
                .init(boxes: [HostBox(20, 20, 44, 52)], labels: [0]),
            ]
            for target in targets {
                let (loss, gradients) = try valueAndGradient(of: model.parameters) {
                    try model.losses(model.see(Self.images(1), sizes: [Pair(64, 64)]), [target], seed: 1).sum
                }
                #expect(try loss.item().isFinite, "\(target)")
                for parameter in model.parameters {
                    #expect(try gradients[parameter]?.floats().allSatisfy(\.isFinite) ?? true, "\(target)")
                }
            }
        }
    }

    /// Some steps on one image make the loss fall and find its object.
    @Test func learnsOneImage() throws {
        try withDevice(try Devices.choose("cpu").device) {
            let model = withSeed(5) { FasterRCNN(.small, classes: 2) }
            var pixels = [Float](repeating: 0.2, count: 3 * 64 * 64)
            for y in 16..<48 { for x in 20..<50 { for c in 0..<3 { pixels[(c * 64 + y) * 64 + x] = 0.9 } } }
            let image = Tensor(pixels + pixels, shape: [2, 3, 64, 64])
            let target = FasterRCNN.Target(boxes: [HostBox(20, 16, 50, 48)], labels: [1])
            let optimizer = Adam(model.parameters, learningRate: 1e-3)
            var first: Float = 0, last: Float = 0
            for step in 0..<40 {
                let (loss, gradients) = try valueAndGradient(of: model.parameters) {
                    try model.losses(
                        model.see(image, sizes: [Pair(64, 64), Pair(64, 64)]), [target, target], seed: UInt64(step)
                    ).sum
                }
                optimizer.step(gradients)
                last = try loss.item()
                if step == 0 { first = last }
            }
            #expect(last < first / 2, "\(first) to \(last)")
            let found = try model.detect(model.observe(image, sizes: [Pair(64, 64), Pair(64, 64)])).found[0]
            let best = try #require(found.first)
            #expect(best.label == 1)
            let box = BoundingBox(best.box[0], best.box[1], best.box[2], best.box[3])
            #expect(box.overlap(with: BoundingBox(20, 16, 50, 48)) > 0.5, "\(best)")
        }
    }

    /// Nothing left after filtering is nothing found.
    @Test func noProposalsAreNothingFound() throws {
        try withDevice(try Devices.choose("cpu").device) {
            var options = RegionProposalNetwork.Options()
            options.smallest = 1000
            let model = withSeed(3) { FasterRCNN(.small, classes: 1, proposals: options) }
            let (found, proposals) = try model.detect(
                model.observe(Self.images(2), sizes: [Pair(64, 64), Pair(64, 60)]))
            #expect(found == [[], []] && proposals == [[], []])
        }
    }

    /// Images in which nothing is proposed and nothing shown: a loss of nothing, and nothing found.
    @Test(arguments: devices) func withoutRegionsNothingIsLostOrFound(device id: String) throws {
        try withDevice(try Devices.choose(id).device) {
            var options = RCNN.Options()
            (options.cropSize, options.context) = (64, 8)
            let detectors: [any ObjectDetector] = withSeed(3) {
                [FastRCNN(.small, classes: 2), RCNN(.small, classes: 2, options: options)]
            }
            let boxes: [[HostBox]] = [[], [HostBox(4, 4, 30, 30)], [HostBox(90, 90, 120, 140), HostBox(5, 5, 5, 5)]]
            for detector in detectors {
                for proposals in boxes {
                    for truths in boxes {
                        let target = DetectionTarget(boxes: truths, labels: truths.map { _ in 1 })
                        let (loss, gradients) = try valueAndGradient(of: detector.parameters) {
                            try detector.loss(
                                detector.see(Self.images(1), sizes: [Pair(64, 64)]), [target], proposals: [proposals], seed: 2)
                        }
                        let value = try loss.item(), isEmpty = proposals.isEmpty && truths.isEmpty
                        #expect(value.isFinite && (value == 0) == isEmpty, "\(proposals) \(truths): \(value)")
                        for parameter in detector.parameters {
                            #expect(try gradients[parameter]?.floats().allSatisfy(\.isFinite) ?? true)
                        }
                    }
                }
                let seen = detector.observe(Self.images(1), sizes: [Pair(64, 64)])
                #expect(try detector.detect(seen, proposals: [[]]).found == [[]])
            }
        }
    }

    /// What is said of regions one by one leads to what is found among them.
    @Test(arguments: devices) func detectionsAreAmongTheJudgements(device id: String) throws {
        try withDevice(try Devices.choose(id).device) {
            var options = RCNN.Options()
            (options.cropSize, options.context, options.positions) = (64, 8, 2)
            let regions = RCNN(.small, classes: 3, options: options)
            regions.machines.weight.value = Tensor(
                (0..<3 * regions.machines.inputs).map { (index: Int) -> Float in Float(index % 11) / 20 - 0.25 },
                shape: [3, regions.machines.inputs])
            let detectors: [any ObjectDetector] = withSeed(3) { [FastRCNN(.small, classes: 3), regions] }
            let proposals = (0..<8).map { (number: Int) -> HostBox in
                let x = Float(number * 3), y = Float(number * 4)
                return HostBox(x, y, x + 20, y + 30)
            }
            for detector in detectors {
                let seen = detector.observe(Self.images(1), sizes: [Pair(64, 64)])
                let all = try detector.judge(seen, regions: proposals)
                #expect(all.scores.count == 24 && all.boxes.count == 24 && all.codes.count == 24)
                let found = try detector.detect(seen, proposals: [proposals]).found[0]
                #expect(!found.isEmpty)
                let limit = HostBox(repeating: 64)
                for object in found {
                    let entry = all.order.first { place in
                        guard place.label == object.label, all.scores[place.entry] == object.score else { return false }
                        let box: HostBox = all.boxes[place.entry]
                        return box.clamped(lowerBound: HostBox(repeating: 0), upperBound: limit) == object.box
                    }
                    #expect(entry != nil, "\(object)")
                }
            }
        }
    }
}
