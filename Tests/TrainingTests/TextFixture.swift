import Foundation
import Martlet

/// Small runs of the models of text on made-up text, in a folder of their own, which goes when the fixture does.
final class TextFixture {
    let folder: String

    static let verses = (0..<60).map { "The \(["cat", "dog", "bird"][$0 % 3]) number \($0) \(["sat", "ran"][$0 % 2]) down.\n" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/martlet-text-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/pairs", withIntermediateDirectories: true)
        try Self.verses.joined().write(toFile: folder + "/verses.txt", atomically: true, encoding: .utf8)
        for (part, lines) in [("train", Self.verses[..<48]), ("val", Self.verses[48..<54]), ("test", Self.verses[54...])] {
            try lines.joined().lowercased().write(toFile: "\(folder)/pairs/\(part).a", atomically: true, encoding: .utf8)
            try lines.joined().write(toFile: "\(folder)/pairs/\(part).b", atomically: true, encoding: .utf8)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static let settings: [String: [String: String]] = [
        "lstm": ["layers": "2", "width": "16", "context": "12", "dropout": "0.1"],
        "gpt": [
            "layers": "1", "heads": "2", "width": "16", "context": "16", "dropout": "0.1", "tokenizer": "bpe", "vocab": "280",
        ],
        "transformer": [
            "layers": "1", "heads": "2", "width": "16", "hidden": "24", "source": "a", "target": "b", "vocab": "300",
        ],
    ]

    func data(_ model: String) -> String { model == "transformer" ? "pairs:\(folder)/pairs" : "text:\(folder)/verses.txt" }

    func plan(_ model: String, resumed: RunFolder? = nil, more: [String: String] = [:]) throws -> TrainingPlan {
        TrainingPlan(
            model: try ModelCatalog.named(model), data: data(model),
            settings: Settings((Self.settings[model] ?? [:]).merging(more) { $1 }),
            batchSize: model == "transformer" ? 200 : 4, shuffle: true, seed: 5, resumed: resumed)
    }

    /// A trainer as the command line puts it together.
    func trainer(_ name: String, to run: String, resuming: Bool = false, steps: Int = 14, on device: any Device) throws -> Trainer
    {
        let path = folder + "/" + run
        let opened = resuming ? try RunFolder(opening: path) : try RunFolder(creating: path)
        let plan = try plan(name, resumed: resuming ? opened : nil)
        let prepared = try plan.model.workload.prepare(plan)
        let optimizer = try OptimizerCatalog.named("adam").build(
            Settings(["clip_norm": "1"]), [ParameterGroup(prepared.task.model.parameters)], learningRate: 3e-3)
        if !resuming { try opened.write(prepared.files) }
        let configuration = RunConfiguration(
            model: name, data: plan.data, optimizer: "adam", learningRate: 3e-3, schedule: "constant", batchSize: plan.batchSize,
            epochs: 0, steps: steps, seed: plan.seed, shuffle: true, settings: plan.settings.values,
            inputShape: prepared.inputShape, classes: prepared.classes, device: device.info.id, deviceName: device.info.name,
            deviceVersion: device.info.version, threads: device.info.computeUnits)
        return try Trainer(
            .init(
                configuration: configuration, task: prepared.task, optimizer: optimizer, schedule: ConstantSchedule(),
                folder: opened, logEvery: 7), resuming: resuming)
    }

    /// The bytes of the weights, and of the state that they name.
    func checkpoint(_ run: String) throws -> [Data] {
        let weights = "\(folder)/\(run)/last.safetensors"
        let state = try SafeTensors.read(weights).metadata["martlet.state"] ?? ""
        return try [weights, "\(folder)/\(run)/\(state)"].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    }
}
