import Martlet
import Testing

/// Grad-CAM against what it comes to where a global average and one dense layer follow the maps: the maps weighted by the class's weights
/// (CAM: Zhou et al., 2016), over the number of places.
@Suite struct GradCAMTests {
    @Test(arguments: TestDevices.ids) func equalsClassActivationMaps(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            try withSeed(6) {
                let convolution = Conv2D(2, 4, kernel: 3, activation: .relu), dense = Linear(4, 3)
                let model = Sequential(named: ["conv": convolution, "pool": MaxPool2D(2), "avg": GlobalAverage(), "fc": dense])
                let images = Initializer.normal(deviation: 1)([2, 2, 9, 11])
                for (layer, area) in [(nil, 7 * 9), ("conv", 7 * 9), ("pool", 3 * 4)] as [(String?, Int)] {
                    for classes in [nil, [2, 0]] as [[Int32]?] {
                        let found = try #require(GradCAM(of: model, on: images, classes: classes, layer: layer))
                        let scores = try model(images).floats(), weights = try dense.weight.value.floats()
                        #expect(found.layer == layer ?? "conv")
                        #expect(try found.scores.floats() == scores)
                        let asked =
                            classes?.map(Int.init)
                            ?? (0..<2).map { row in (0..<3).max { scores[3 * row + $0] < scores[3 * row + $1] }! }
                        // A window of the pooling hands all its gradient to one place, so the mean over places has the same form.
                        let raw = withoutGradients { convolution(images) }
                        let maps = try (layer == "pool" ? raw.maxPooled(PoolingOptions(kernel: 2)) : raw).floats()
                        let heat = try found.heat.floats()
                        #expect(found.heat.shape == (layer == "pool" ? [2, 3, 4] : [2, 7, 9]))
                        for image in 0..<2 {
                            for place in 0..<area {
                                var sum: Float = 0
                                for channel in 0..<4 {
                                    sum +=
                                        maps[(image * 4 + channel) * area + place] * weights[asked[image] * 4 + channel]
                                        / Float(area)
                                }
                                #expect(abs(heat[image * area + place] - max(sum, 0)) <= 1e-5)
                            }
                        }
                    }
                }
                #expect(GradCAM(of: model, on: images, layer: "fc") == nil)
                #expect(GradCAM(of: model, on: images, layer: "none") == nil)
                #expect(GradCAM(of: Sequential(Flatten(), Linear(198, 3)), on: images) == nil)
            }
        }
    }
}
