import Foundation
import Martlet
import MartletExplain
import Testing

/// The topics of text: what the mask is for, and the insides of small trained models.
@Suite(.serialized) struct TextTopicTests {
    @Test(arguments: ExplainDevices.ids) func withoutTheMaskTheLossIsTooGood(device: String) throws {
        let figures = try explained("masking", on: device, ExplainRequest(settings: Settings(["steps": "1000"])))
        func both(_ name: String) -> (masked: Double, unmasked: Double) {
            (figures[name, "masked"].number, figures[name, "unmasked"].number)
        }
        let train = both("trainLoss"), apparent = both("apparentLoss"), honest = both("honestLoss"), leak = both("leak")
        #expect(train.unmasked < 0.6 * train.masked && apparent.unmasked < 0.6 * apparent.masked)
        #expect(honest.unmasked > honest.masked + 0.5 && honest.unmasked > 2 * apparent.unmasked)
        // With the mask, nothing that comes later changes a bit; and both ways of measuring nearly agree.
        #expect(leak.masked == 0 && leak.unmasked > 0.1)
        #expect(abs(honest.masked - apparent.masked) < 0.5)
    }

    private static func run(_ model: String, in folder: String, _ settings: [String: String]) throws -> TrainedSource {
        let verses = (0..<40).map { "the \(["cat", "dog"][$0 % 2]) sat down \($0)." }
        try FileManager.default.createDirectory(atPath: folder + "/pairs", withIntermediateDirectories: true)
        try verses.joined(separator: "\n").write(toFile: folder + "/t.txt", atomically: true, encoding: .utf8)
        for side in ["a", "b"] {
            try verses.joined(separator: "\n").write(toFile: folder + "/pairs/train.\(side)", atomically: true, encoding: .utf8)
        }
        let description = try ModelCatalog.named(model), isPairs = model == "transformer"
        let plan = TrainingPlan(
            model: description, data: isPairs ? "pairs:\(folder)/pairs" : "text:\(folder)/t.txt", settings: Settings(settings),
            batchSize: isPairs ? 400 : 2, shuffle: true, seed: 1)
        let prepared = try description.workload.prepare(plan)
        let run = try RunFolder(creating: folder + "/run")
        try run.write(prepared.files)
        let configuration = RunConfiguration(
            model: model, data: plan.data, optimizer: "adam", learningRate: 1e-3, schedule: "constant", batchSize: plan.batchSize,
            epochs: 0, steps: 2, seed: 1, shuffle: true, settings: settings, inputShape: [], classes: [], device: "cpu",
            deviceName: "", deviceVersion: "", threads: 1)
        _ = try Trainer(
            .init(
                configuration: configuration, task: prepared.task, optimizer: Adam(prepared.task.model.parameters),
                schedule: ConstantSchedule(), folder: run), resuming: false
        ).run()
        return try TrainedSource(run: run.path)
    }

    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-topics-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test(arguments: ExplainDevices.ids) func gatesOfAnLSTM(device: String) throws {
        try Self.withFolder { folder in
            let source = try withDevice(try ExplainDevices.device(device)) {
                try Self.run("lstm", in: folder, ["layers": "2", "width": "12", "context": "16"])
            }
            let figures = try explained("lstm", on: device, ExplainRequest(operands: ["the dog sat"], model: source))
            #expect(figures["tokens"].number == 11 && figures["layers"].number == 2 && figures["units"].number == 12)
            #expect(figures["losses"].numbers.count == 10 && figures["perplexity"].number > 1)
            for layer in figures["meanGates"].list {
                for gate in ["input", "forget", "output"] { #expect((0...1).contains(layer[gate].number)) }
                #expect((-1...1).contains(layer["candidate"].number))
            }
            // The run's folder may come first instead.
            let again = try explained("lstm", on: device, ExplainRequest(operands: [folder + "/run", "the dog sat"]))
            #expect(again["losses"].numbers == figures["losses"].numbers)
            withDevice(try ExplainDevices.device(device)) {
                for (topic, operands, words) in [
                    ("lstm", ["x"], "not in the vocabulary"), ("lstm", ["t"], "give 2 to 400"),
                    ("attention", ["the"], "no attention"),
                    ("lstm", ["a", "b"], "one text"),
                ] {
                    #expect {
                        try ExplainCatalog.named(topic).explain(ExplainRequest(operands: operands, model: source))
                    } throws: { "\($0)".contains(words) }
                }
            }
        }
    }

    @Test(arguments: ExplainDevices.ids) func weightsOfAttention(device: String) throws {
        try Self.withFolder { folder in
            let source = try withDevice(try ExplainDevices.device(device)) {
                try Self.run("gpt", in: folder, ["layers": "2", "heads": "2", "width": "16", "context": "16"])
            }
            let figures = try explained("attention", on: device, ExplainRequest(operands: ["the dog"], model: source))
            #expect(figures["maskedEntropy"].list.map { $0.list.count } == [2, 2])
            #expect(figures["maskedRowSumError"].number < 1e-5 && figures["largestWeightAhead"].number == 0)
        }
        try Self.withFolder { folder in
            let source = try withDevice(try ExplainDevices.device(device)) {
                try Self.run(
                    "transformer", in: folder,
                    ["layers": "1", "heads": "2", "width": "16", "hidden": "16", "source": "a", "target": "b", "vocab": "280"])
            }
            let request = ExplainRequest(operands: ["the dog sat", "the cat sat"], model: source)
            let figures = try explained("attention", on: device, request)
            for block in ["self", "masked", "cross"] {
                #expect(figures[block + "Entropy"].list.map { $0.list.count } == [2])
                #expect(figures[block + "RowSumError"].number < 1e-5)
            }
            #expect(figures["largestWeightAhead"].number == 0)
            let pairs = figures["alignment"].list
            #expect(pairs.last?["target"].json as? String == "</s>" && pairs.allSatisfy { (0...1).contains($0["weight"].number) })
            // Without a translation the model makes one.
            let own = try explained("attention", on: device, ExplainRequest(operands: ["the dog sat"], model: source))
            #expect(own["translation"].json is String)
        }
    }
}
