import Foundation
import Martlet

/// A training run from its request to its last line.
struct TrainingSession {
    private let trainer: Trainer
    private let folder: RunFolder
    private let configuration: RunConfiguration
    private let device: any Device
    private let summary: String
    private let notes: [String]
    private let leftOut: [DataError]

    init(_ request: TrainingRequest, device: any Device) throws {
        self.device = device
        // The run's own, whatever has been tuned since.
        let changed = request.previous?.variants.map { VariantRecord.reuse($0, on: device) } ?? []
        let prepared = try request.model.workload.prepare(
            TrainingPlan(
                model: request.model, data: request.data, settings: request.settings, batchSize: request.batchSize,
                shuffle: request.shuffle, seed: request.seed, epochs: request.epochs, steps: request.steps,
                resumed: request.resumed))
        if let previous = request.previous,
            previous.inputShape != prepared.inputShape || previous.classes != prepared.classes
        {
            throw TrainingError(
                .input,
                "\(request.data): its samples or classes are not those of \(request.resumed?.path ?? "the run") any more; give the run's own data"
            )
        }
        let task = prepared.task, model = task.model
        if request.resumed == nil {
            for note in try Pretrained.load(request.weights, into: model, request.settings) {
                Console.note("note: \(request.weights ?? "") \(note)")
            }
        }
        let freezing = try Freezing(request.freeze, request.settings)
        try freezing.check(model)
        freezing.apply(to: model, epoch: 0)
        let keeping = try (task as? ClassificationTask)?.keeping()
        let length = RunLength(
            steps: request.steps ?? request.epochs * task.batchCount, stepsPerEpoch: task.batchCount)
        let optimizer = try request.optimizer.build(
            request.settings, try LayerRates.groups(of: model, request.settings), learningRate: request.learningRate)
        configuration = RunConfiguration(
            model: request.model.name, data: request.data, optimizer: request.optimizer.name, learningRate: request.learningRate,
            schedule: request.schedule.name, batchSize: request.batchSize, epochs: request.epochs, steps: request.steps,
            seed: request.seed,
            shuffle: request.shuffle, weights: request.weights, freeze: request.freeze, settings: request.settings.values,
            inputShape: prepared.inputShape,
            classes: prepared.classes, device: device.info.id, deviceName: device.info.name,
            deviceVersion: device.info.version,
            threads: device.info.computeUnits, variants: VariantRecord.inUse(on: device), logEvery: request.logEvery)
        let selection = try Selection(request.settings)
        let schedule = try request.schedule.build(request.settings, length: length)
        if let previous = request.previous,
            (previous.device, previous.deviceVersion, previous.threads)
                != (configuration.device, configuration.deviceVersion, configuration.threads)
        {
            Console.note(
                "note: the run was begun on \(previous.device), \(previous.deviceVersion), \(previous.threads) threads; here its bits may differ"
            )
        }
        if !changed.isEmpty {
            Console.note(
                "note: the run was begun with other kernels (\(changed.joined(separator: ", "))); here its bits may differ")
        }
        folder =
            try request.resumed
            ?? RunFolder(creating: request.out ?? RunFolder.freshPath(model: request.model.name, data: request.data))
        if request.resumed == nil { try folder.write(prepared.files) }
        trainer = try Trainer(
            .init(
                configuration: configuration, task: task, optimizer: optimizer, schedule: schedule, folder: folder,
                logEvery: request.logEvery, freezing: freezing, selection: selection),
            resuming: request.resumed != nil)
        if request.resumed != nil { try folder.write(configuration) }
        leftOut = prepared.leftOut
        summary =
            "\(request.model.name) (\(model.parameterCount) parameters) on \(request.data): \(prepared.summary); "
            + "\(trainer.totalSteps) steps on \(device.info.id)"
        notes = request.notes + [keeping].compactMap { $0 }
    }

    /// Says on standard error what is about to be trained.
    func announce() {
        Console.note(leftOut: leftOut)
        Console.note(summary)
        notes.forEach(Console.note)
    }

    func run(json: Bool) throws {
        let outcome = try trainer.run(reporting: { event in
            switch event {
            case .step(let step, let total, let epoch, let loss):
                Console.bar(step, of: total, "epoch \(epoch + 1)  loss \(decimals(loss))")
            case .work(let name, let done, let total): Console.bar(done, of: total, name)
            case .row(let row):
                Console.clearBar()
                json ? Console.result(row.json.text) : Console.note(Self.line(row))
            }
        })
        Console.clearBar()
        if let patience = outcome.patience {
            Console.note("ended early: \(patience) lines of the log without a better one")
        }
        if json { Console.result(lastLine(outcome).text) }
        if let signal = outcome.signal {
            Console.note("stopped and saved; go on with: martlet train --resume \(folder.path)")
            Foundation.exit(128 + signal)
        }
        if json { return }
        if let best = outcome.best {
            Console.result(
                "\(best.metric) \(shown(best.metric, best.value)) (epoch \(best.epoch))")
        }
        Console.result("run folder: \(folder.path) (open report.html there)")
        Console.result("try next: martlet evaluate --run \(folder.path)")
    }

    private static func line(_ row: LogRow) -> String {
        let metrics = row.metrics.map { "\($0.name) \(shown($0.name, $0.value))" }.joined(separator: "  ")
        let validation = row.validationLoss.map { "  validation \(decimals($0))" } ?? ""
        return
            "epoch \(row.epoch)  loss \(decimals(row.trainLoss))\(validation)  \(metrics)  \(decimals(row.seconds, 1)) s  \(Int(row.samplesPerSecond)) samples/s"
    }

    private func lastLine(_ outcome: Trainer.Outcome) -> JSON {
        let best: JSON =
            outcome.best.map {
                [
                    "epoch": .integer($0.epoch), "step": .integer($0.step), "metric": .string($0.metric),
                    "value": .number($0.value),
                ]
            } ?? .null
        return .object([
            ("run", .string(folder.path)), ("best", best),
            ("metrics", .object(outcome.last?.metrics.map { ($0.name, .number($0.value)) } ?? [])),
            ("device", .string(device.info.id)), ("skipped", .integer(leftOut.count)),
        ])
    }
}
