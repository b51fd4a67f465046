import Foundation
import Martlet

/// A run that fine-tunes a small network of convolutions, batch normalisation and dropout on the digits, in a folder of its own.
final class FineTuneFixture {
    let folder: String
    let device: any Device
    let settings: Settings
    let freeze: String?
    let keepsFeatures: Bool?
    let optimizer: String
    let epochs: Int

    init(
        _ device: any Device, _ settings: [String: String] = [:], freeze: String? = nil, keepsFeatures: Bool? = nil,
        optimizer: String = "adam", epochs: Int = 5
    ) {
        self.device = device
        self.settings = Settings(settings)
        self.freeze = freeze
        self.keepsFeatures = keepsFeatures
        self.optimizer = optimizer
        self.epochs = epochs
        folder = FileManager.default.temporaryDirectory.path + "/martlet-tuning-\(UUID().uuidString)"
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static func network() -> Sequential {
        let features = Sequential(named: [
            "0": Conv2D(1, 6, kernel: 3, padding: 1, bias: false), "1": BatchNorm2D(6, activation: .relu), "3": MaxPool2D(2),
            "4": Conv2D(6, 9, kernel: 3, padding: 1, activation: .relu),
        ])
        let classifier = Sequential(named: ["0": Dropout(0.3), "1": Linear(9 * 16, 10)])
        return Sequential(named: ["features": features, "flatten": Flatten(), "classifier": classifier])
    }

    /// 100 digits to train on, in batches of 32, and 60 to judge by.
    static func data() throws -> DatasetSplits {
        let digits = try Digits(size: 8)
        return try DatasetSplits(
            training: Subset(digits, rows: Array(0..<100)), validation: Subset(digits, rows: Array(100..<160)))
    }

    func trainer(resuming: Bool = false) throws -> Trainer {
        let model = withSeed(5) { Self.network() }
        let data = try Self.data()
        let task = try ClassificationTask(
            model, on: data, batchSize: 32, seed: 2, labelSmoothing: 0.1,
            classWeights: try ClassWeights.weights(settings, for: data.training), keepsFeatures: keepsFeatures)
        let configuration = RunConfiguration(
            model: "small", data: "digits", optimizer: optimizer, learningRate: 0.01, schedule: "constant", batchSize: 32,
            epochs: epochs, seed: 2, shuffle: true, freeze: freeze, settings: settings.values, inputShape: [1, 8, 8],
            classes: data.training.classNames, device: device.info.id, deviceName: device.info.name,
            deviceVersion: device.info.version, threads: 1)
        let freezing = try Freezing(freeze, settings)
        try freezing.check(model)
        return try Trainer(
            .init(
                configuration: configuration, task: task,
                optimizer: try OptimizerCatalog.named(optimizer).build(
                    Settings(), try LayerRates.groups(of: model, settings), learningRate: 0.01),
                schedule: ConstantSchedule(), folder: resuming ? RunFolder(opening: folder) : RunFolder(creating: folder),
                freezing: freezing, selection: try Selection(settings)),
            resuming: resuming)
    }

    /// What the run left: the bytes of the weights, of the optimizer's state and of the best weights, and the log without its times.
    func outcome() throws -> (bytes: [Data], log: [String]) {
        let run = RunFiles(folder)
        return (try run.checkpoint(), try run.log())
    }
}
