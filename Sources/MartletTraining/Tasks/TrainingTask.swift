import MartletCore
import MartletData
import MartletNN

/// What a model is trained for: where its batches come from, what a batch's loss is, and how good the model has become. The trainer
/// does the rest: steps, checkpoints, the log.
public protocol TrainingTask: AnyObject {
    /// Everything that training changes.
    var model: any Module { get }
    /// How messages call the training data.
    var name: String { get }
    /// Batches in an epoch, 1 or more.
    var batchCount: Int { get }

    /// Called before all else, with what the task may use of its run.
    func enter(_ run: RunContext) throws

    /// The batches of an epoch from a position on. What a batch holds depends on the settings and the position alone.
    func batches(from position: LoaderState) throws -> any TrainingBatches

    /// Called before an epoch's first batch, and again where a resumed run enters one in its middle.
    func begin(epoch: Int) throws

    /// Judges the model on what is held out; nil where nothing is.
    ///
    /// - Parameter stop: asked now and then; true gives up by throwing `Interruption`.
    func validate(stop: () -> Bool) throws -> EvaluationResult?

    /// Whether something is made of the model once its steps are taken: `conclude()`.
    var concludes: Bool { get }

    /// Makes of the model, as it was best, what its steps do not, such as classifiers on its features, and judges the whole; nil
    /// where nothing is held out. Asked to stop, it throws `Interruption`; what it keeps in the run's folder it goes on from then.
    func conclude() throws -> EvaluationResult?

    /// What there is to show of the model as it is now, for the run's report.
    ///
    /// - Parameter stop: asked now and then; true gives up by throwing `Interruption`.
    func reportParts(stop: () -> Bool) throws -> [ReportPart]

    /// What lives from batch to batch beside the parameters, such as a recurrent state, by name. Checkpoints keep it.
    var carried: [(name: String, tensor: Tensor)] { get }

    /// Puts back what `carried` told. Tensors that do not fit are refused.
    func restore(carried: [String: Tensor]) throws
}

/// What a task may use of its run.
public struct RunContext {
    /// For what is kept on disk beside the checkpoints.
    public let folder: RunFolder
    /// Passes over the data that the whole run is meant to make, rounded up.
    public let epochs: Int
    /// Threads that work on the host may take.
    public let threads: Int
    /// Whether the run was asked to stop.
    public let stop: () -> Bool
    /// Tells how far work that is no training step has come: what it is, how much of it is done, and how much there is.
    public let report: (String, Int, Int) -> Void

    /// Throws `Interruption` where the run was asked to stop.
    public func checkStop() throws { if stop() { throw Interruption() } }
}

extension TrainingTask {
    public func enter(_ run: RunContext) throws {}
    public var concludes: Bool { false }
    public func conclude() throws -> EvaluationResult? { nil }
    public func begin(epoch: Int) throws {}
    public func reportParts(stop: () -> Bool) throws -> [ReportPart] { [] }
    public var carried: [(name: String, tensor: Tensor)] { [] }

    public func restore(carried: [String: Tensor]) throws {
        guard carried.isEmpty else {
            throw TrainingError(
                .input, "\(name): the checkpoint carries a state that this model has not; give the run's own files")
        }
    }
}

/// The batches of one epoch, in order.
public protocol TrainingBatches: AnyObject {
    /// The position before the first batch that `next()` has not handed out; after the last one, the start of the epoch that follows.
    var state: LoaderState { get }
    /// The next batch; nil after the last one.
    func next() throws -> TrainingBatch?
}

/// Some samples to take a step on.
public struct TrainingBatch {
    /// Samples, by which the mean loss of an epoch is weighed: images, or tokens of text.
    public let count: Int
    /// The mean loss of the model on them, to be called where gradients are recorded and random numbers follow from the step.
    public let loss: () -> Tensor

    public init(count: Int, loss: @escaping () -> Tensor) {
        self.count = count
        self.loss = loss
    }
}

/// Thrown out of work that was asked to stop.
public struct Interruption: Error {
    public init() {}
}
