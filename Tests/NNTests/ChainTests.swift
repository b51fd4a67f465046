import Martlet
import Testing

/// Models as chains of layers: cut anywhere they are the same, and what is frozen at their beginning is found.
@Suite(.serialized) struct ChainTests {
    private static let models: [(name: String, make: @Sendable () -> any Chain)] = [
        ("mlp", { MLP(inputs: 3 * 64 * 64, hidden: [20, 10], outputs: 5, batchNorm: true) }),
        ("lenet", { LeNet(outputs: 5, channels: 3, size: 64) }),
        ("alexnet", { AlexNet(outputs: 5, dropout: 0) }),
        ("resnet18", { ResNet(.eighteen, outputs: 5) }),
        ("squeezenet", { SqueezeNet(outputs: 5, dropout: 0) }),
    ]

    /// Between a convolution and a normalisation that are one pass outside training, rounding may differ.
    @Test(arguments: models.map(\.name)) func cutModelsAreTheSame(_ name: String) throws {
        let make = try #require(Self.models.first { $0.name == name }).make
        for id in TestDevices.ids {
            let device = try TestDevices.named(id)
            try withDevice(device) {
                let model = withSeed(3, make)
                let images = withSeed(4) { Initializer.normal(deviation: 1)([2, 3, 64, 64]) }
                let links = model.flatLinks, whole = try withoutGradients { model(images) }.floats()
                for position in Set([1, 2, links.count / 2, links.count - 1]) {
                    let (front, back) = model.cut(before: position)
                    let found = try withoutGradients { back(front(images)) }.floats()
                    if links[position].layer is BatchNorm2D {
                        #expect(zip(found, whole).allSatisfy { abs($0 - $1) <= 1e-4 * (whole.map(abs).max() ?? 0) })
                    } else {
                        #expect(found == whole, "\(name) on \(id) before \(links[position].name)")
                    }
                }
                try device.synchronize()
                device.emptyPool()
            }
        }
    }

    @Test func heads() throws {
        try withSeed(1) {
            withDevice(try TestDevices.named("cpu")) {
                #expect(SqueezeNet().head?.name == "classifier.1")
                #expect(ResNet(.eighteen).head?.name == "fc")
                #expect(LeNet().head?.name == "fc3")
                #expect(MLP(inputs: 4, hidden: [], outputs: 2).head?.name == "fc1")
                #expect(Sequential(Flatten()).head == nil)
            }
        }
    }

    @Test func theFrozenPrefixIsFound() throws {
        let device = try TestDevices.named("cpu")
        withDevice(device) {
            let model = withSeed(1) { SqueezeNet(outputs: 3) }
            func freeze(_ isFrozen: (String) -> Bool) {
                for (name, parameter) in model.namedParameters { parameter.isFrozen = isFrozen(name) }
            }
            #expect(FrozenPrefix(of: model) == nil)
            freeze { $0.hasPrefix("features.") }
            #expect(FrozenPrefix(of: model)?.cut == "classifier.0")
            freeze { $0.hasPrefix("features.") && !$0.hasPrefix("features.12") }
            #expect(FrozenPrefix(of: model)?.cut == "features.12")
            freeze { $0.hasPrefix("features.") && $0 != "features.4.expand3x3.bias" }
            #expect(FrozenPrefix(of: model)?.cut == "features.4")
            freeze { !$0.hasPrefix("features.0.") }
            #expect(FrozenPrefix(of: model) == nil)
            let resnet = withSeed(1) { ResNet(.eighteen, outputs: 3) }
            for (name, parameter) in resnet.namedParameters { parameter.isFrozen = name != "bn1.bias" && !name.hasPrefix("fc") }
            #expect(FrozenPrefix(of: resnet)?.cut == "bn1")
            resnet.bn1.bias?.isFrozen = true
            #expect(FrozenPrefix(of: resnet)?.cut == "fc")
        }
    }

    /// Frozen, it gathers nothing and normalises by what it had, in training too.
    @Test(arguments: TestDevices.ids) func frozenBatchNormKeepsItsStatistics(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let x = withSeed(1) { Initializer.normal(deviation: 3)([4, 5, 6, 7]) }
            let norm = BatchNorm2D(5, activation: .relu)
            norm.runningMean.value = Tensor([0.1, -0.2, 0.3, 0, 1])
            norm.runningVariance.value = Tensor([1, 2, 0.5, 3, 9])
            let outside = try norm(x).floats(), mean = try norm.runningMean.value.floats()
            for frozen in [true, false] {
                norm.weight?.isFrozen = frozen
                norm.bias?.isFrozen = frozen
                let before = try norm.runningVariance.value.floats()
                var inside: [Float] = []
                let (_, gradients) = try valueAndGradient(at: [x]) { inputs in
                    try TrainingMode.set(true) {
                        let y = norm(inputs[0])
                        inside = try y.floats()
                        return y.sum()
                    }
                }
                #expect((inside == outside) == frozen)
                #expect((try norm.runningMean.value.floats() == mean) == frozen)
                #expect((try norm.runningVariance.value.floats() == before) == frozen)
                if frozen {
                    // Each place that the activation lets through has the channel's scale for a gradient.
                    let scale = try norm.runningVariance.value.floats().map { 1 / ($0 + 1e-5).squareRoot() }
                    for (index, gradient) in try gradients[0].floats().enumerated() {
                        let expected = outside[index] > 0 ? scale[index / 42 % 5] : 0
                        #expect(abs(gradient - expected) <= 1e-5)
                    }
                }
            }
        }
    }
}
