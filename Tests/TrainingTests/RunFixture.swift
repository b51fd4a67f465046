import Foundation
import Martlet

/// A small run on the digits in a folder of its own, which goes when the fixture does.
final class RunFixture {
    let folder: String
    let device: any Device

    init(_ device: any Device) {
        self.device = device
        folder = FileManager.default.temporaryDirectory.path + "/martlet-run-\(UUID().uuidString)"
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A trainer for the folder: LeNet (or a perceptron) with dropout, momentum and a cosine schedule, so that all state counts.
    func trainer(
        model name: String = "lenet", resuming: Bool = false, steps: Int = 40, learningRate: Double = 0.05, seed: UInt64 = 3,
        samples: Int = 300
    ) throws -> Trainer {
        let description = try ModelCatalog.named(name)
        let digits = try Digits(size: description.classifier?.imageSize ?? 8)
        let data = try DatasetSplits(
            training: Subset(digits, rows: Array(0..<samples)), validation: Subset(digits, rows: Array(samples..<samples + 100)))
        let settings = Settings(["dropout": "0.2"])
        let shape = ModelShape(input: data.training.sampleShape, classes: 10)
        let model = try withSeed(seed) { try description.build(settings, shape: shape) }
        let optimizer = try OptimizerCatalog.named("momentum").build(
            Settings(), [ParameterGroup(model.parameters)], learningRate: learningRate)
        let configuration = RunConfiguration(
            model: name, data: "digits", optimizer: "momentum", learningRate: learningRate, schedule: "cosine", batchSize: 32,
            epochs: 0, steps: steps, seed: seed, shuffle: true, settings: settings.values, inputShape: shape.input,
            classes: digits.classNames, device: device.info.id, deviceName: device.info.name, deviceVersion: device.info.version,
            threads: device.info.computeUnits)
        let run = resuming ? try RunFolder(opening: folder) : try RunFolder(creating: folder)
        return try Trainer(
            .init(
                configuration: configuration,
                task: try ClassificationTask(model, on: data, batchSize: 32, seed: seed), optimizer: optimizer,
                schedule: CosineSchedule(steps: steps), folder: run, logEvery: 15),
            resuming: resuming)
    }

    func checkpoint() throws -> [Data] { try RunFiles(folder).checkpoint() }

    /// As `log()`; nothing where no line was written yet.
    func logIfAny() throws -> [String] { FileManager.default.fileExists(atPath: folder + "/metrics.jsonl") ? try log() : [] }

    func log() throws -> [String] { try RunFiles(folder).log() }
}

/// What a run leaves in its folder.
struct RunFiles {
    let folder: String

    init(_ folder: String) { self.folder = folder }

    /// The bytes of the weights, and of the optimizer's state that they name.
    func checkpoint() throws -> [Data] {
        let weights = folder + "/last.safetensors"
        let state = try SafeTensors.read(weights).metadata["martlet.state"] ?? ""
        return try [weights, folder + "/" + state, folder + "/best.safetensors"].map {
            try Data(contentsOf: URL(fileURLWithPath: $0))
        }
    }

    /// The log's lines without the times in them.
    func log() throws -> [String] {
        try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map { line in
            let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            let kept = fields.filter { $0.key != "seconds" && $0.key != "samplesPerSecond" }
            return String(decoding: try JSONSerialization.data(withJSONObject: kept, options: .sortedKeys), as: UTF8.self)
        }
    }
}

/// The devices that tests run on: the CPU path, and every OpenCL device found.
enum TestDevices {
    static let ids: [String] = ((try? Devices.list().usable.map(\.id)) ?? ["cpu"])
    static func named(_ id: String) throws -> any Device { try Devices.choose(id).device }
}
