import Foundation

/// Where a pass over the data stands: enough to go on from there with the same batches.
public struct LoaderState: Codable, Hashable, Sendable {
    /// The pass, from 0.
    public var epoch: Int
    /// The batch that comes next in it, from 0.
    public var batch: Int

    public init(epoch: Int = 0, batch: Int = 0) {
        self.epoch = epoch
        self.batch = batch
    }
}

/// Cuts a data set into batches, in an order drawn for each epoch, and prepares them ahead on other threads. What a batch holds
/// depends on the settings, the epoch and its number alone, never on the number of threads or on where the epoch was entered.
public struct BatchLoader: Sendable {
    public let dataset: any Dataset
    /// Samples in a batch; the last one may hold fewer.
    public let batchSize: Int
    /// What the orders and augmentations are drawn from; nil for the data set's own order.
    public let shuffleSeed: UInt64?
    /// Whether an incomplete last batch is left out.
    public let dropsLast: Bool
    /// Changes training samples; nil for none.
    public let augmentation: (any Augmentation)?
    /// What augmentations are drawn from.
    public let augmentationSeed: UInt64
    /// Threads that prepare batches; 0 prepares them in the caller's.
    public let threads: Int
    /// How many threads prepare batches where nothing else is asked for: as many as there are processors, from 2 to 16.
    public static let standardThreads = min(max(ProcessInfo.processInfo.activeProcessorCount, 2), 16)
    /// How many batches are kept ready at most.
    public let ahead: Int

    /// A loader. Throws where the settings leave no batch: a batch size below 1, no samples, or fewer than one
    /// batch with `dropLast`.
    /// - Parameters:
    ///   - shuffle: The seed of the order, another one each epoch; nil keeps the data set's order.
    ///   - augmentationSeed: The seed of the augmentations; by default that of the order.
    ///   - threads: How many threads prepare batches; 0 for none.
    ///   - ahead: How many batches are kept ready, at least one a thread.
    public init(
        _ dataset: any Dataset, batchSize: Int, shuffle shuffleSeed: UInt64? = nil, dropLast: Bool = false,
        augmentation: (any Augmentation)? = nil, augmentationSeed: UInt64? = nil, threads: Int = standardThreads, ahead: Int = 4
    ) throws(DataError) {
        guard batchSize >= 1 else {
            throw DataError(.setting, problem: "a batch size of \(batchSize)", remedy: "give 1 or more")
        }
        guard threads >= 0, threads <= 1024, ahead >= 0 else {
            throw DataError(
                .setting, problem: "\(threads) loader threads with \(ahead) batches ahead",
                remedy: "give 0 to 1024 threads and 0 or more batches")
        }
        guard dataset.count > 0 else {
            throw DataError(.mismatch, file: dataset.name, problem: "has no samples", remedy: "give a data set with at least one")
        }
        guard !dropLast || dataset.count >= batchSize else {
            throw DataError(
                .setting, file: dataset.name,
                problem: "its \(dataset.count) samples do not fill one batch of \(batchSize)",
                remedy: "give a batch size of at most \(dataset.count)")
        }
        self.dataset = dataset
        self.batchSize = batchSize
        self.shuffleSeed = shuffleSeed
        self.dropsLast = dropLast
        self.augmentation = augmentation
        self.augmentationSeed = augmentationSeed ?? shuffleSeed ?? 0
        self.threads = threads
        self.ahead = max(ahead, threads)
    }

    /// Batches in an epoch.
    public var batchCount: Int {
        let whole = dataset.count / batchSize
        return dropsLast || dataset.count % batchSize == 0 ? whole : whole + 1
    }

    /// The positions in the data set that an epoch visits, in order.
    public func order(epoch: Int) -> [Int] {
        guard let shuffleSeed else { return Array(0..<dataset.count) }
        return EpochOrder.permutation(of: dataset.count, seed: shuffleSeed, epoch: epoch)
    }

    /// The batches of an epoch, from the one numbered `start` on (none where the epoch has no more).
    public func batches(epoch: Int, startingAt start: Int = 0) -> EpochBatches {
        precondition(start >= 0, "batches(epoch:startingAt:): the batch \(start) is negative")
        return EpochBatches(self, epoch: epoch, start: min(start, batchCount))
    }

    /// The rest of the epoch that `state` stands in.
    public func batches(from state: LoaderState) -> EpochBatches { batches(epoch: state.epoch, startingAt: state.batch) }

    /// Batch `number` of an epoch with this order.
    func batch(_ number: Int, epoch: Int, order: [Int]) throws(DataError) -> Batch {
        let indices = order[number * batchSize..<min((number + 1) * batchSize, order.count)]
        guard let augmentation else { return try dataset.batch(of: indices) }
        func random(_ index: Int, _ stream: UInt64) -> SampleRandom {
            SampleRandom(seed: augmentationSeed, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)), stream)
        }
        var batch = try dataset.batch(of: indices) { index, sample throws(DataError) in
            var numbers = random(index, 1)
            try dataset.read(index, into: sample, varied: augmentation, random: &numbers)
        }
        augmentation.mix(&batch) { random($0, 2) }
        return batch
    }
}

/// The batches of one epoch in order. Letting go of it stops its threads.
public final class EpochBatches {
    private let loader: BatchLoader
    private let order: [Int]
    private let queue: PrefetchQueue?
    private var hasFailed = false
    /// Where the pass stands: before the first batch that `next()` has not handed out. After the last one, the start of the epoch
    /// that follows.
    public private(set) var state: LoaderState

    init(_ loader: BatchLoader, epoch: Int, start: Int) {
        let order = loader.order(epoch: epoch)
        self.loader = loader
        self.order = order
        state = LoaderState(epoch: epoch, batch: start)
        guard loader.threads > 0, start < loader.batchCount else {
            queue = nil
            return
        }
        queue = PrefetchQueue.start(
            start..<loader.batchCount, threads: loader.threads, capacity: loader.ahead
        ) { number in
            Result { () throws(DataError) in try loader.batch(number, epoch: epoch, order: order) }
        }
    }

    deinit { queue?.stop() }

    /// The next batch; nil after the last one. Throws what went wrong with this batch, and is at its end then.
    public func next() throws(DataError) -> Batch? {
        guard !hasFailed, state.batch < loader.batchCount, !isFinished else { return nil }
        do throws(DataError) {
            let batch: Batch
            if let queue {
                guard let result = queue.take() else { return nil }
                batch = try result.get()
            } else {
                batch = try loader.batch(state.batch, epoch: state.epoch, order: order)
            }
            advance()
            return batch
        } catch {
            hasFailed = true
            queue?.stop()
            throw error
        }
    }

    private var isFinished = false

    private func advance() {
        state.batch += 1
        if state.batch == loader.batchCount {
            state = LoaderState(epoch: state.epoch + 1)
            isFinished = true
        }
    }
}
