import Foundation
import Martlet
import Testing

/// Weights as a start: new heads, freezing, rates by layer, class weights; what does not fit is refused.
@Suite struct PretrainedTests {
    private func withWeights(of model: any Module, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/martlet-weights-\(UUID().uuidString).safetensors"
        try SafeTensors.write(try ModelState.tensors(of: model), to: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test(arguments: ["mlp", "lenet", "squeezenet", "squeezenet1_1", "resnet18"]) func aNewHeadIsTheLastLayerAlone(_ name: String)
        throws
    {
        try withDevice(try TestDevices.named("cpu")) { () throws in
            let description = try ModelCatalog.named(name)
            let shape = { ModelShape(input: [1, 28, 28], classes: $0) }
            let old = try withSeed(1) { try description.build(Settings(), shape: shape(7)) }
            let new = try withSeed(2) { try description.build(Settings(), shape: shape(3)) }
            let fresh = try withSeed(2) { try description.build(Settings(), shape: shape(3)) }
            let heads = [
                "mlp": "fc3", "lenet": "fc3", "resnet18": "fc", "squeezenet": "classifier.1", "squeezenet1_1": "classifier.1",
            ]
            try withWeights(of: old) { path in
                #expect(throws: TrainingError.self) { try Pretrained.load(path, into: new, Settings()) }
                try Pretrained.load(path, into: new, Settings(["head": "new"]))
                for (index, (name, parameter)) in new.namedParameters.enumerated() {
                    let source = name.hasPrefix(heads[description.name]! + ".") ? fresh : old
                    #expect(try parameter.value.floats() == source.parameters[index].value.floats(), "\(name)")
                }
            }
        }
    }

    @Test func wrongStartsAreRefused() throws {
        try withDevice(try TestDevices.named("cpu")) { () throws in
            let model = withSeed(1) { LeNet() }
            for (settings, path, part) in [
                (["head": "new"], nil, "give --weights"), (["head": "old"], "x", "give one of new"),
                ([:], "/nonexistent", "/nonexistent"),
            ] as [([String: String], String?, String)] {
                do {
                    try Pretrained.load(path, into: model, Settings(settings))
                    Issue.record("\(settings) was taken")
                } catch {
                    #expect("\(error)".contains(part), "\(error)")
                }
            }
            // Not one layer after the other.
            final class Tangle: Module {
                let weight = Parameter(Tensor.zeros([2]))
                var parts: Parts { ["weight": weight] }
            }
            try withWeights(of: Tangle()) { (path: String) throws in
                let error = #expect(throws: TrainingError.self) {
                    try Pretrained.load(path, into: Tangle(), Settings(["head": "new"]))
                }
                #expect(try #require(error).description.contains("no last layer"))
            }
            #expect(throws: TrainingError.self) { try LayerRates.groups(of: Tangle(), Settings(["layer_decay": "0.5"])) }
            #expect(try LayerRates.groups(of: Tangle(), Settings()).count == 1)
        }
    }

    @Test func freezingMatchesPatterns() throws {
        try withDevice(try TestDevices.named("cpu")) { () throws in
            let model = FineTuneFixture.network(), names = model.namedParameters.map(\.name)
            func frozen(_ freeze: String?, _ unfreeze: String, epoch: Int) throws -> [String] {
                let freezing = try Freezing(freeze, Settings(["unfreeze": unfreeze]))
                try freezing.check(model)
                freezing.apply(to: model, epoch: epoch)
                return model.namedParameters.filter(\.parameter.isFrozen).map(\.name)
            }
            #expect(
                try frozen("features.?.weight,classifier.1.bias", "", epoch: 0)
                    == names.filter {
                        $0.hasPrefix("features.") && $0.hasSuffix("weight") || $0 == "classifier.1.bias"
                    })
            #expect(try frozen("features.*", "3:features.1.*", epoch: 1).count == 5)
            #expect(
                try frozen("features.*", "3:features.1.*", epoch: 2) == [
                    "features.0.weight", "features.4.weight", "features.4.bias",
                ])
            #expect(try frozen("features.*", "3:features.1.*,2:*", epoch: 2).isEmpty)
            for (freeze, unfreeze, part) in [
                ("nothing", "", "matches no parameter"), ("*", "", "nothing to train"),
                ("features.*,classifier.*", "", "nothing to train"),
                (nil, "2:*", "give --freeze"), ("features.*", "1:*", "EPOCH:PATTERN"), ("features.*", "x", "EPOCH:PATTERN"),
                ("features.*", "2:", "EPOCH:PATTERN"), ("features.*", "2:classifier.*", "matches no frozen parameter"),
            ] as [(String?, String, String)] {
                let error = #expect(throws: TrainingError.self) { try frozen(freeze, unfreeze, epoch: 0) }
                #expect("\(error!)".contains(part), "\(error!)")
            }
        }
    }

    /// A normalisation has the rate of the convolution before it; the head has its own.
    @Test func ratesFallWithDepth() throws {
        try withDevice(try TestDevices.named("cpu")) { () throws in
            let model = FineTuneFixture.network()
            func rates(_ settings: [String: String]) throws -> [[Float]] {
                try LayerRates.groups(of: model, Settings(settings)).map { [Float($0.parameters.count), $0.learningRateScale] }
            }
            #expect(try rates([:]) == [[7, 1]])
            #expect(try rates(["layer_decay": "0.5"]) == [[3, 0.25], [2, 0.5], [2, 1]])
            #expect(try rates(["head_rate": "10"]) == [[5, 1], [2, 10]])
            #expect(try rates(["layer_decay": "0.5", "head_rate": "4"]) == [[3, 0.25], [2, 0.5], [2, 4]])
            #expect(throws: TrainingError.self) { try rates(["layer_decay": "0"]) }
            #expect(throws: TrainingError.self) { try rates(["head_rate": "nan"]) }
        }
    }

    @Test func classesAreWeighted() throws {
        let data = InMemoryDataset(
            name: "few", values: [Float](repeating: 0, count: 12), sampleShape: [2], labels: [0, 0, 0, 1, 3, 3],
            classNames: ["a", "b", "c", "d"])
        func weights(_ text: String) throws -> [Float]? { try ClassWeights.weights(Settings(["class_weights": text]), for: data) }
        #expect(try weights("") == nil)
        #expect(try weights("balanced") == [0.5, 1.5, 1, 0.75])
        #expect(try weights("1,2,0,0.5") == [1, 2, 0, 0.5])
        for text in ["1,2,3", "1,2,3,x", "-1,2,3,4", "0,0,0,0", "1,2,3,inf", "even"] {
            #expect(throws: TrainingError.self) { try weights(text) }
        }
    }

    /// A last layer that comes with its weights is no faster than the others.
    @Test func onlyANewHeadIsFaster() throws {
        let model = try ModelCatalog.named("resnet18")
        func rate(_ given: [String: String], isFrozen: Bool = false) -> String? {
            Pretrained.recipe(
                of: model, weights: "none.pth", isFrozen: isFrozen, data: .folder("photos"), given: given
            ).settings["head_rate"]
        }
        #expect(rate([:]) == nil)
        #expect(rate(["head": "new"]) == "50")
        #expect(rate(["head": "new"], isFrozen: true) == nil)
    }
}
