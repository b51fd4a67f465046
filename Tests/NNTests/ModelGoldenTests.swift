import Foundation
import Martlet
import Testing

/// torchvision's networks from the same weights: names, shapes, logits, loss and gradients.
@Suite(.serialized) struct ModelGoldenTests {
    static let builders: [(name: String, make: @Sendable (Int) -> any Layer)] = [
        ("alexnet", { AlexNet(outputs: $0, dropout: 0) }),
        ("vgg11", { VGG(.eleven, outputs: $0, dropout: 0) }),
        ("vgg11_bn", { VGG(.eleven, batchNorm: true, outputs: $0, dropout: 0) }),
        ("vgg16", { VGG(.sixteen, outputs: $0, dropout: 0) }),
        ("vgg16_bn", { VGG(.sixteen, batchNorm: true, outputs: $0, dropout: 0) }),
        ("resnet18", { ResNet(.eighteen, outputs: $0) }),
        ("resnet50", { ResNet(.fifty, outputs: $0) }),
        ("squeezenet", { SqueezeNet(.one, outputs: $0, dropout: 0) }),
        ("squeezenet1_1", { SqueezeNet(.onePointOne, outputs: $0, dropout: 0) }),
    ]

    @Test(arguments: builders.map(\.name)) func equalsTorchvision(_ name: String) throws {
        let golden = try GoldenFile("models")
        let states = try #require(
            JSONSerialization.jsonObject(with: Data((golden.file.metadata["states"] ?? "").utf8)) as? [String: Any])
        let shapes = try #require(states[name] as? [String: [Int]])
        let parameterNames = try #require(states[name + "/parameters"] as? [String])
        let make = try #require(Self.builders.first { $0.name == name }).make
        for id in TestDevices.ids {
            let device = try TestDevices.named(id)
            try withDevice(device) {
                try withSeed(1) {
                    let model = make(16)
                    #expect(model.namedParameters.map(\.name) == parameterNames)
                    fill(model, shapes)
                    let images = Tensor(mixed(2 * 3 * 64 * 64, 0).map { Float($0) * 4 }, shape: [2, 3, 64, 64])
                    try expectClose(model(images), golden.tensor("\(name)/logits"), within: 1e-4, "\(name) on \(id): logits")
                    let (loss, gradients) = valueAndGradient(of: model) { crossEntropy($0(images), [3, 11]) }
                    try expectClose(loss, golden.tensor("\(name)/loss"), within: 1e-4, "\(name) on \(id): loss")
                    let norms = try model.parameters.map { try #require(gradients[$0]).norm().item() }
                    let expected = try golden.tensor("\(name)/gradient_norms").floats()
                    for ((norm, right), parameter) in zip(zip(norms, expected), parameterNames) {
                        // Statistics of few values (2 x 2 x 2 at the end) and units close to 0 magnify rounding: each operation is
                        // held closer elsewhere. A bias before batch normalisation has the gradient 0, but for rounding.
                        #expect(
                            abs(norm - right) <= 1e-2 * right + 1e-5 * (expected.max() ?? 0), "\(name) on \(id): \(parameter)")
                    }
                    try device.synchronize()
                    device.emptyPool()
                }
            }
        }
    }

    /// Weights that come in through files, of PyTorch's form and of safetensors alike, give the same logits.
    @Test(arguments: ["resnet18", "resnet50", "squeezenet", "squeezenet1_1"]) func weightsComeInThroughFiles(_ name: String)
        throws
    {
        let golden = try GoldenFile("models")
        let make = try #require(Self.builders.first { $0.name == name }).make
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-weights-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try withDevice(TestDevices.named("cpu")) {
            try withSeed(1) {
                let model = make(16)
                fill(model, Dictionary(uniqueKeysWithValues: named(model).map { ($0.0, $0.1.shape) }))
                let tensors = try ModelState.tensors(of: model)
                // Data-parallel training puts a word before every name.
                try WeightFile.write(
                    tensors.map { TensorToStore("module." + $0.name, shape: $0.shape, $0.values) }, to: folder + "/w.pth")
                try WeightFile.write(tensors, to: folder + "/w.safetensors")
            }
        }
        for id in TestDevices.ids {
            let device = try TestDevices.named(id)
            try withDevice(device) {
                for (ending, notes) in [("pth", 1), ("safetensors", 0)] {
                    let model = withSeed(2) { make(16) }
                    #expect(try ModelState.load(try WeightFile.read(folder + "/w." + ending), into: model).count == notes)
                    let images = Tensor(mixed(2 * 3 * 64 * 64, 0).map { Float($0) * 4 }, shape: [2, 3, 64, 64])
                    let logits = withoutGradients { model(images) }
                    try expectClose(logits, golden.tensor("\(name)/logits"), within: 1e-4, "\(name).\(ending) on \(id)")
                }
                try device.synchronize()
                device.emptyPool()
            }
        }
    }

    /// Batch normalisation is folded into the convolution before it only where nothing is recorded; both ways agree.
    @Test func foldedBatchNormEqualsUnfolded() throws {
        for id in TestDevices.ids {
            try withDevice(TestDevices.named(id)) {
                try withSeed(3) {
                    let model = ResNet(.eighteen, outputs: 5)
                    fill(model, Dictionary(uniqueKeysWithValues: named(model).map { ($0.0, $0.1.shape) }))
                    let images = Tensor(mixed(3 * 40 * 40, 9).map { Float($0) * 4 }, shape: [1, 3, 40, 40])
                    let unfolded = valueAndGradient(at: [images]) { model($0[0]).sum() }.value
                    try expectClose(model(images).sum(), unfolded, within: 1e-4, "on \(id)")
                }
            }
        }
    }

    private func named(_ model: any Layer) -> [(String, Tensor)] {
        model.namedParameters.map { ($0.name, $0.parameter.value) } + model.namedBuffers.map { ($0.name, $0.buffer.value) }
    }

    /// Sets a model's state by the rule of Tests/Golden/models.py.
    private func fill(_ model: any Layer, _ shapes: [String: [Int]]) {
        #expect(Dictionary(uniqueKeysWithValues: named(model).map { ($0.0, $0.1.shape) }) == shapes)
        let numbers = Dictionary(uniqueKeysWithValues: shapes.keys.sorted().enumerated().map { ($1, $0 + 1) })
        func values(_ name: String, _ shape: [Int]) -> Tensor {
            let mixed = mixed(shape.reduce(1, *), numbers[name] ?? 0)
            if shape.count > 1 {
                let scale = (24 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
                return Tensor(mixed.map { Float($0 * scale) }, shape: shape)
            }
            let isScale = name.hasSuffix("running_var") || name.hasSuffix("weight")
            return Tensor(mixed.map { Float(isScale ? 1 + 0.5 * $0 : 0.2 * $0) }, shape: shape)
        }
        for (name, parameter) in model.namedParameters { parameter.value = values(name, parameter.shape) }
        for (name, buffer) in model.namedBuffers { buffer.value = values(name, buffer.value.shape) }
    }

    /// Numbers in [-0.5, 0.5): MurmurHash3's finalizer of the position and the tensor's number.
    private func mixed(_ count: Int, _ tensor: Int) -> [Double] {
        (0..<count).map { position in
            var h = UInt32(truncatingIfNeeded: position) &+ UInt32(truncatingIfNeeded: tensor &* 0x9E37_79B1)
            h ^= h >> 16
            h = h &* 0x85EB_CA6B
            h ^= h >> 13
            h = h &* 0xC2B2_AE35
            h ^= h >> 16
            return Double(h) / 0x1p32 - 0.5
        }
    }
}
