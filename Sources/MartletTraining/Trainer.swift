import Foundation
import MartletCore
import MartletData
import MartletNN

/// Trains a model for its task: batches, steps, validation, checkpoints and the log, with exact resume.
public final class Trainer {
    /// What a run needs beside its configuration.
    public struct Setup {
        public var configuration: RunConfiguration
        public var task: any TrainingTask
        public var optimizer: Optimizer
        public var schedule: any Schedule
        public var folder: RunFolder
        /// Steps between lines of the log where the run is measured in steps.
        public var logEvery: Int
        public var freezing: Freezing
        public var selection: Selection

        public init(
            configuration: RunConfiguration, task: any TrainingTask, optimizer: Optimizer, schedule: any Schedule,
            folder: RunFolder, logEvery: Int = 100, freezing: Freezing = Freezing(), selection: Selection = Selection()
        ) {
            self.configuration = configuration
            self.task = task
            self.optimizer = optimizer
            self.schedule = schedule
            self.folder = folder
            self.logEvery = logEvery
            self.freezing = freezing
            self.selection = selection
        }
    }

    /// What is told while a run goes on.
    public enum Event {
        /// Steps taken so far of all, and the mean loss of the pass under way.
        case step(Int, of: Int, epoch: Int, loss: Double)
        case row(LogRow)
        /// Work beside the steps, and how much of it is done.
        case work(String, done: Int, of: Int)
    }

    /// How a run ended.
    public struct Outcome {
        public var best: Progress.Best?
        public var last: LogRow?
        /// The signal that asked it to stop; nil where it came to its end.
        public var signal: Int32?
        /// Lines of the log without a better one, after which it was ended early; nil where it was not.
        public var patience: Int?
    }

    private let setup: Setup
    private let task: any TrainingTask
    private let checkpoint: Checkpoint
    private var progress = Progress()
    private var schedule: any Schedule
    private let learningRate: Float
    private lazy var events = EventFile(folder: setup.folder.path)
    private lazy var log = MetricsLog(setup.folder.metricsPath, keeping: progress.logged)
    private var unread: [UnreadLoss] = []
    private var lastRow: LogRow?
    private var lapStart = Date()
    private var lapSamples = 0
    private var stop: () -> Int32? = { nil }

    /// The number of steps after which losses are read from the device, which waits for it.
    private static let readEvery = 20

    private struct UnreadLoss {
        let loss: Tensor
        let count: Int
        let step: Int
        let position: LoaderState
    }

    /// - Parameter resuming: whether to go on from the folder's last checkpoint.
    public init(_ setup: Setup, resuming: Bool) throws {
        self.setup = setup
        schedule = setup.schedule
        learningRate = setup.optimizer.learningRate
        task = setup.task
        checkpoint = Checkpoint(folder: setup.folder.path)
        setup.folder.removeUnfinished()
        if resuming {
            progress = try checkpoint.load(task, setup.optimizer)
            guard progress.position.batch < task.batchCount else {
                throw TrainingError(
                    .input,
                    "\(task.name): an epoch has \(task.batchCount) batches, where the run in \(setup.folder.path) "
                        + "stopped after \(progress.position.batch); give the data it began with")
            }
            if let plateau = progress.plateau { schedule = plateau }
        } else {
            // The configuration is what makes a folder a run. Written last, it promises that there is something to go on from.
            try save()
            try setup.folder.write(setup.configuration)
        }
    }

    /// As many as processors, or as the processor was allowed as a device.
    private var hostThreads: Int {
        let processors = ProcessInfo.processInfo.activeProcessorCount
        return setup.configuration.device == "cpu" ? min(setup.configuration.threads, processors) : processors
    }

    /// Steps of the whole run.
    public var totalSteps: Int { setup.configuration.steps ?? setup.configuration.epochs * task.batchCount }

    /// Trains to the end, or until asked to stop: then the run is saved and can be gone on with.
    ///
    /// - Parameter stop: asked between steps; a signal's number asks to stop.
    public func run(stop: @escaping () -> Int32? = { Interrupts.current }, reporting report: @escaping (Event) -> Void = { _ in })
        throws -> Outcome
    {
        self.stop = stop
        lapStart = Date()
        try task.enter(
            RunContext(
                folder: setup.folder, epochs: (totalSteps + task.batchCount - 1) / task.batchCount, threads: hostThreads,
                stop: { stop() != nil },
                report: { name, done, total in report(.work(name, done: done, of: total)) }))
        // A run stopped while it validated has that still to do.
        if progress.samples > 0, isLapOver, try !closeLap(report) { return try interrupted() }
        while progress.step < totalSteps, !isPatienceOver {
            setup.freezing.apply(to: task.model, epoch: progress.position.epoch)
            do {
                try task.begin(epoch: progress.position.epoch)
            } catch is Interruption {
                return try interrupted()
            }
            let batches = try task.batches(from: progress.position)
            while progress.step < totalSteps, !isPatienceOver, let batch = try batches.next() {
                step(on: batch)
                progress.position = batches.state
                if progress.step % Self.readEvery == 0 {
                    try readLosses()
                    report(.step(progress.step, of: totalSteps, epoch: progress.position.epoch, loss: meanLoss))
                }
                if isLapOver, try !closeLap(report) { return try interrupted() }
                if stop() != nil { return try interrupted() }
            }
        }
        if try !conclude(report) { return try interrupted() }
        try writeReport(isFinished: true)
        return Outcome(
            best: figure, last: lastRow, signal: nil, patience: isPatienceOver ? setup.selection.patience : nil)
    }

    private var isPatienceOver: Bool { setup.selection.patience.map { progress.sinceBest ?? 0 >= $0 } ?? false }

    /// Whether an epoch, or a stretch of steps, has come to its end.
    private var isLapOver: Bool {
        guard setup.configuration.steps != nil else { return progress.position.batch == 0 }
        return progress.step % setup.logEvery == 0 || progress.step == totalSteps
    }

    /// The learning rate of the step that follows `step` others.
    private func rate(at step: Int) -> Float { learningRate * Float(schedule.factor(at: step)) }

    private func step(on batch: TrainingBatch) {
        let position = progress.position
        setup.optimizer.learningRate = rate(at: progress.step)
        let (loss, gradients) = valueAndGradient(of: task.model.parameters) { self.loss(on: batch, step: progress.step) }
        setup.optimizer.step(gradients, guardedBy: loss)
        progress.step += 1
        progress.concluded = nil
        unread.append(
            UnreadLoss(loss: loss.reshaped([1]).evaluated(), count: batch.count, step: progress.step, position: position))
    }

    /// The loss of a batch; its random numbers depend on the seed and the step alone.
    private func loss(on batch: TrainingBatch, step: Int) -> Tensor {
        withRandomness(RandomStream(seed: setup.configuration.seed).split(UInt64(step)), batch.loss)
    }

    private var meanLoss: Double { progress.samples > 0 ? progress.lossSum / Double(progress.samples) : .nan }

    /// Reads the losses that have gathered on the device. One that is not finite ends the run.
    private func readLosses() throws {
        if unread.isEmpty { return }
        let waiting = unread
        unread = []
        let losses = try concatenate(waiting.map(\.loss)).floats()
        for (entry, loss) in zip(waiting, losses) {
            guard loss.isFinite else { throw try failure(at: entry, loss) }
            progress.lossSum += Double(loss) * Double(entry.count)
            progress.samples += entry.count
            lapSamples += entry.count
        }
    }

    /// Runs the step again under a check of every operation. Nothing has been updated since, so it goes wrong again.
    private func failure(at entry: UnreadLoss, _ loss: Float) throws -> TrainingError {
        let check = FiniteCheck()
        var cause = try ModelState.firstNotFinite(in: task.model).map { "the parameter \($0) is not finite" }
        if cause == nil, let batch = try task.batches(from: entry.position).next() {
            _ = check.watch { valueAndGradient(of: task.model.parameters) { self.loss(on: batch, step: entry.step - 1) } }
            cause = check.finding.map { "first in \($0)" }
        }
        return TrainingError(
            .failed,
            "step \(entry.step): the loss is \(loss)\(cause.map { "; " + $0 } ?? ""); the last good checkpoint is kept in "
                + "\(setup.folder.path); try a lower --learning-rate or --set clip_norm=1")
    }

    /// Ends an epoch, or a stretch of steps: validates, logs and saves. False where it was asked to stop meanwhile.
    private func closeLap(_ report: (Event) -> Void) throws -> Bool {
        try readLosses()
        let validation: EvaluationResult?
        do {
            validation = try task.validate { stop() != nil }
        } catch is Interruption {
            return false
        }
        if let name = try ModelState.firstNotFinite(in: task.model) {
            throw TrainingError(
                .failed,
                "step \(progress.step): the parameter \(name) is not finite; the last good checkpoint is kept in "
                    + "\(setup.folder.path); try a lower --learning-rate or --set clip_norm=1")
        }
        let seconds = Date().timeIntervalSince(lapStart)
        let epoch = progress.position.batch == 0 ? progress.position.epoch : progress.position.epoch + 1
        let row = LogRow(
            epoch: epoch, step: progress.step, trainLoss: meanLoss, validationLoss: validation?.loss,
            metrics: validation?.metrics ?? [], seconds: seconds,
            samplesPerSecond: Double(lapSamples) / max(seconds - (validation?.seconds ?? 0), 1e-9),
            learningRate: Double(rate(at: progress.step - 1)))
        try keepIfBest(row)
        if var plateau = schedule as? PlateauSchedule {
            plateau.observe(validation?.loss ?? meanLoss)
            schedule = plateau
            progress.plateau = plateau
        }
        progress.lossSum = 0
        progress.samples = 0
        try log.append(row.json.text)
        progress.logged += 1
        try save()
        tell(row, report)
        lapStart = Date()
        lapSamples = 0
        return true
    }

    private func tell(_ row: LogRow, _ report: (Event) -> Void) {
        events.add(
            step: progress.step,
            [("loss/train", row.trainLoss), ("learning_rate", row.learningRate)]
                + (row.validationLoss.map { [("loss/validation", $0)] } ?? []) + row.metrics.map { ($0.name, $0.value) })
        lastRow = row
        report(.row(row))
    }

    /// The figure that the run is known by.
    private var figure: Progress.Best? { progress.concluded ?? progress.best }

    /// Has the task make of the best model what steps do not; the whole replaces it. False where it was asked to stop meanwhile.
    private func conclude(_ report: (Event) -> Void) throws -> Bool {
        guard task.concludes, progress.concluded == nil else { return true }
        let started = Date()
        if progress.best != nil { try ModelState.load(try SafeTensors.read(setup.folder.bestPath), into: task.model) }
        let result: EvaluationResult?
        do {
            result = try task.conclude()
        } catch is Interruption {
            try ModelState.load(try SafeTensors.read(setup.folder.lastPath), into: task.model)
            return false
        }
        try writeBest()
        try ModelState.load(try SafeTensors.read(setup.folder.lastPath), into: task.model)
        let previous = LogRow.read(setup.folder.metricsPath).prefix(progress.logged).last
        let row = LogRow(
            epoch: previous?.epoch ?? 0, step: progress.step, trainLoss: previous?.trainLoss ?? .nan,
            validationLoss: result?.loss, metrics: result?.metrics ?? [], seconds: Date().timeIntervalSince(started),
            samplesPerSecond: 0, learningRate: 0)
        let (metric, value) = result?.metrics.first ?? ("trainLoss", row.trainLoss.isFinite ? row.trainLoss : 0)
        progress.concluded = Progress.Best(epoch: row.epoch, step: row.step, metric: metric, value: value)
        try log.append(row.json.text)
        progress.logged += 1
        try save()
        tell(row, report)
        return true
    }

    private func writeBest() throws {
        try SafeTensors.write(
            try ModelState.tensors(of: task.model), metadata: ["martlet.model": setup.configuration.model],
            to: setup.folder.bestPath)
    }

    private func keepIfBest(_ row: LogRow) throws {
        let (metric, value) = try setup.selection.figure(of: row)
        let isLower = EvaluationResult.isLowerBetter(metric)
        if let best = progress.best, isLower ? value >= best.value : value <= best.value {
            progress.sinceBest = (progress.sinceBest ?? 0) + 1
            return
        }
        progress.sinceBest = 0
        try writeBest()
        progress.best = Progress.Best(epoch: row.epoch, step: row.step, metric: metric, value: value)
    }

    private func save() throws {
        try checkpoint.save(task, setup.optimizer, progress, modelName: setup.configuration.model)
    }

    private func interrupted() throws -> Outcome {
        try readLosses()
        if try ModelState.firstNotFinite(in: task.model) == nil { try save() }
        try writeReport()
        return Outcome(best: figure, last: lastRow, signal: stop())
    }

    /// - Parameter isFinished: whether there is time to look at the model itself, as it was best.
    private func writeReport(isFinished: Bool = false) throws {
        let rows = Array(LogRow.read(setup.folder.metricsPath).prefix(progress.logged))
        if lastRow == nil { lastRow = rows.last }
        var parts: [ReportPart] = []
        if isFinished, let best = progress.best {
            if best.step != progress.step {
                try ModelState.load(try SafeTensors.read(setup.folder.bestPath), into: task.model)
            }
            do { parts = try task.reportParts { stop() != nil } } catch is Interruption {}
            if best.step != progress.step {
                try ModelState.load(try SafeTensors.read(setup.folder.lastPath), into: task.model)
            }
        }
        try Report(configuration: setup.configuration, rows: rows, best: figure, parts: parts).write(to: setup.folder)
    }
}
