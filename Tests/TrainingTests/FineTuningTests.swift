import Foundation
import Martlet
import Testing

/// Runs that fine-tune: frozen layers, kept features, unfreezing, rates by layer, patience; the same bits when gone on with.
@Suite(.serialized) struct FineTuningTests {
    /// Dropout acts behind the cut, and batch normalisation lies before it.
    @Test(arguments: TestDevices.ids) func keptFeaturesGiveTheSameBits(device id: String) throws {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let kept = FineTuneFixture(device, freeze: "features.*", keepsFeatures: true)
            let computed = FineTuneFixture(device, freeze: "features.*", keepsFeatures: false)
            let first = try kept.trainer().run(), second = try computed.trainer().run()
            #expect(try kept.outcome().bytes == computed.outcome().bytes)
            #expect(try kept.outcome().log == computed.outcome().log)
            #expect(first.best == second.best)
            let start = withSeed(5) { FineTuneFixture.network() }
            let trained = try SafeTensors.read(kept.folder + "/last.safetensors")
            for (name, parameter) in start.namedParameters {
                let isSame = try parameter.value.floats() == trained[name]?.floats()
                #expect(isSame == name.hasPrefix("features."), "\(name)")
            }
            for (name, buffer) in start.namedBuffers {
                #expect(try buffer.value.floats() == trained[name]?.floats(), "\(name): frozen statistics stay")
            }
        }
    }

    private static let all: [String: String] = [
        "unfreeze": "2:features.4.*,4:features.*", "layer_decay": "0.5", "head_rate": "3", "class_weights": "balanced",
        "best": "loss", "patience": "40",
    ]

    /// Stopped in the middle of an epoch, and while features are computed anew or training is about to take up more layers.
    @Test(arguments: TestDevices.ids, [3, 8, 13, 17]) func resumingContinuesTheSameBits(device id: String, after questions: Int)
        throws
    {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            let whole = FineTuneFixture(device, Self.all, freeze: "features.*")
            let parts = FineTuneFixture(device, Self.all, freeze: "features.*")
            _ = try whole.trainer().run()
            var asked = 0
            let outcome = try parts.trainer().run(stop: {
                asked += 1
                return asked > questions ? 2 : nil
            })
            #expect(outcome.signal == 2)
            _ = try parts.trainer(resuming: true).run()
            #expect(try whole.outcome().bytes == parts.outcome().bytes)
            #expect(try whole.outcome().log == parts.outcome().log)
        }
    }

    @Test(arguments: TestDevices.ids) func layersAreTakenUpAtTheirEpoch(device id: String) throws {
        let device = try TestDevices.named(id)
        try withDevice(device) {
            var changed: [[String]] = []
            let start = withSeed(5) { FineTuneFixture.network() }
            for epochs in 1...4 {
                let fixture = FineTuneFixture(
                    device, ["unfreeze": "2:features.4.*,4:features.*"], freeze: "features.*", epochs: epochs)
                _ = try fixture.trainer().run()
                let trained = try SafeTensors.read(fixture.folder + "/last.safetensors")
                changed.append(
                    try start.namedParameters.filter { try $0.parameter.value.floats() != trained[$0.name]?.floats() }.map(\.name)
                )
            }
            let head = ["classifier.1.weight", "classifier.1.bias"]
            #expect(changed[0] == head)
            #expect(changed[1] == ["features.4.weight", "features.4.bias"] + head)
            #expect(changed[2] == changed[1])
            #expect(changed[3] == start.namedParameters.map(\.name))
        }
    }

    /// A rate too small to get better ends the run after `patience` epochs, and going on with it does not begin again.
    @Test func patienceEndsARun() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            let fixture = FineTuneFixture(
                device, ["patience": "3", "best": "accuracy", "head_rate": "1e-6", "layer_decay": "0.001"], optimizer: "sgd",
                epochs: 50)
            let outcome = try fixture.trainer().run()
            let best = try #require(outcome.best)
            #expect(best.metric == "accuracy")
            #expect(outcome.patience == 3 && outcome.last?.epoch == best.epoch + 3)
            #expect(try fixture.outcome().log.count == best.epoch + 3)
            let again = try fixture.trainer(resuming: true).run()
            #expect(again.patience == 3 && again.best == best)
            #expect(try fixture.outcome().log.count == best.epoch + 3)
        }
    }

    @Test func theBestIsChosenByTheFigureAskedFor() throws {
        let device = try TestDevices.named("cpu")
        try withDevice(device) {
            for (choice, name) in [("loss", "valLoss"), ("accuracy", "accuracy"), ("top5", "top5"), ("", "accuracy")] {
                let fixture = FineTuneFixture(device, choice.isEmpty ? [:] : ["best": choice], epochs: 6)
                let best = try #require(try fixture.trainer().run().best)
                #expect(best.metric == name)
                let figures = try fixture.outcome().log.map { line in
                    let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                    let metrics = try #require(row["metrics"] as? [String: Double])
                    return try #require(name == "valLoss" ? row["valLoss"] as? Double : metrics[name])
                }
                // The log's numbers have 16 digits.
                let wanted = try #require(name == "valLoss" ? figures.min() : figures.max())
                #expect(abs(best.value - wanted) < 1e-12)
                #expect(figures.firstIndex(of: wanted) == best.epoch - 1)
            }
            let fixture = FineTuneFixture(device, ["best": "bleu"])
            let error = #expect(throws: TrainingError.self) { try fixture.trainer().run() }
            #expect(try #require(error).description.contains("accuracy, top5, loss"))
        }
    }

    @Test func keepingIsRefusedWhereItCannotBe() throws {
        try withDevice(try TestDevices.named("cpu")) { () throws in
            let data = try FineTuneFixture.data(), model = withSeed(5) { FineTuneFixture.network() }
            func note(_ keeps: Bool?, augmentation: (any Augmentation)? = nil) throws -> String? {
                try ClassificationTask(
                    model, on: data, batchSize: 32, seed: 1, augmentation: augmentation, keepsFeatures: keeps
                ).keeping()
            }
            #expect(try note(nil) == nil)
            #expect(throws: TrainingError.self) { try note(true) }
            try Freezing("features.*", Settings()).apply(to: model, epoch: 0)
            #expect(try note(nil)?.contains("before classifier.0 are computed once") == true)
            #expect(try note(false) == nil)
            #expect(try note(nil, augmentation: RandomHorizontalFlip())?.contains("not kept") == true)
            let error = #expect(throws: TrainingError.self) { try note(true, augmentation: RandomHorizontalFlip()) }
            #expect(try #require(error).description.contains("augmentation"))
        }
    }
}
