import Foundation
import MartletCore
import MartletData
import MartletNN

/// Where a run stands beside its weights: enough to go on with the same bits.
public struct Progress: Codable, Sendable {
    /// Optimizer steps taken.
    public var step = 0
    /// The pass over the data and the batch within it that come next.
    public var position = LoaderState()
    /// Of the pass under way: the sum of the samples' losses, and their number.
    public var lossSum = 0.0
    public var samples = 0
    /// The best validation figure so far, and when it was reached.
    public var best: Best?
    /// What the model came to when its task had concluded; nil before.
    public var concluded: Best?
    public var plateau: PlateauSchedule?
    /// Lines of the log since the best.
    public var sinceBest: Int?
    /// Lines of `metrics.jsonl` written so far.
    public var logged = 0

    public struct Best: Codable, Sendable, Equatable {
        public var epoch: Int
        public var step: Int
        public var metric: String
        public var value: Double
    }

    public init() {}

    /// Whether its figures are such as a run can have.
    var isSound: Bool {
        let counts = [step, position.epoch, position.batch, samples, logged, sinceBest ?? 0]
        return counts.allSatisfy { (0...1 << 48).contains($0) } && lossSum.isFinite
    }
}

/// The files that a run is gone on with from: `last.safetensors` with the weights, and `state-STEP.safetensors` with the optimizer's
/// state and the progress. The weights name the state they belong to and are written last, so that what is on disk always fits.
struct Checkpoint {
    let folder: String

    private var weightsPath: String { folder + "/last.safetensors" }
    private static let stateKey = "martlet.state"
    private static let progressKey = "martlet.progress"
    private static let modelKey = "martlet.model"

    private static let beginningsKey = "martlet.beginnings"
    private static let carriedPrefix = "carried/"

    func save(_ task: any TrainingTask, _ optimizer: Optimizer, _ progress: Progress, modelName: String) throws {
        let stateName = "state-\(progress.step)-\(progress.position.epoch)-\(progress.position.batch).safetensors"
        var state: [TensorToStore] = []
        var beginnings: [String: Int] = [:]
        let names = task.model.namedParameters
        let parameters = optimizer.groups.flatMap(\.parameters)
        for ((parameter, tensors), before) in zip(zip(parameters, optimizer.stateTensors), optimizer.stepsBefore) {
            guard let tensors, let name = names.first(where: { $0.parameter === parameter })?.name else { continue }
            if let before, before > 0 { beginnings[name] = before }
            for (index, tensor) in tensors.enumerated() {
                state.append(TensorToStore("\(name)#\(index)", shape: tensor.shape, .floats(try tensor.floats())))
            }
        }
        for (name, tensor) in task.carried {
            state.append(
                TensorToStore(Self.carriedPrefix + name, shape: tensor.shape, .floats(try tensor.floats())))
        }
        let weights = try ModelState.tensors(of: task.model)
        let described = String(decoding: try Self.encoder.encode(progress), as: UTF8.self)
        var metadata = [Self.progressKey: described, Self.modelKey: modelName]
        if !beginnings.isEmpty {
            metadata[Self.beginningsKey] = String(decoding: try Self.encoder.encode(beginnings), as: UTF8.self)
        }
        try SafeTensors.write(state, metadata: metadata, to: folder + "/" + stateName)
        try SafeTensors.write(weights, metadata: [Self.stateKey: stateName, Self.modelKey: modelName], to: weightsPath)
        removeStates(but: stateName)
    }

    /// Puts a run back to where it was saved.
    func load(_ task: any TrainingTask, _ optimizer: Optimizer) throws -> Progress {
        let weights = try SafeTensors.read(weightsPath)
        guard let stateName = weights.metadata[Self.stateKey], !stateName.contains("/") else {
            throw TrainingError(.input, "\(weightsPath): names no optimizer state; give a run that this program made")
        }
        let state = try SafeTensors.read(folder + "/" + stateName)
        guard let text = state.metadata[Self.progressKey],
            let progress = try? JSONDecoder().decode(Progress.self, from: Data(text.utf8)),
            progress.isSound
        else {
            throw TrainingError(.input, "\(state.path): holds no progress of a run; give a run that this program made")
        }
        let beginnings = try state.metadata[Self.beginningsKey].map { text in
            guard let counts = try? JSONDecoder().decode([String: Int].self, from: Data(text.utf8)),
                counts.values.allSatisfy({ (0..<max(progress.step, 1)).contains($0) })
            else {
                throw TrainingError(
                    .input, "\(state.path): when its parameters began is damaged; give a run that this program made")
            }
            return counts
        }
        var found: [[Tensor]?] = [], stepsBefore: [Int?] = []
        let names = task.model.namedParameters
        for parameter in optimizer.groups.flatMap(\.parameters) {
            let name = names.first { $0.parameter === parameter }?.name ?? ""
            let entries = (0..<optimizer.stateCount).compactMap { state["\(name)#\($0)"] }
            guard entries.allSatisfy({ $0.shape == parameter.shape }), entries.count == optimizer.stateCount || entries.isEmpty
            else {
                throw TrainingError(
                    .input, "\(state.path): the state of \(name) does not fit the model; give the run's own files")
            }
            stepsBefore.append(entries.isEmpty ? nil : beginnings?[name] ?? 0)
            found.append(entries.isEmpty ? nil : try entries.map { Tensor(try $0.floats(), shape: $0.shape) })
        }
        var carried: [String: Tensor] = [:]
        for entry in state.entries where entry.name.hasPrefix(Self.carriedPrefix) {
            carried[String(entry.name.dropFirst(Self.carriedPrefix.count))] = Tensor(try entry.floats(), shape: entry.shape)
        }
        try ModelState.load(weights, into: task.model)
        try task.restore(carried: carried)
        optimizer.restore(steps: progress.step, state: found, stepsBefore: stepsBefore)
        return progress
    }

    private func removeStates(but kept: String) {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for file in files where file != kept {
            if file.hasPrefix("state-"), file.hasSuffix(".safetensors") { unlink(folder + "/" + file) }
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return encoder
    }
}
