/// The batches of one pass over a data set in memory, as a plain sequence: nothing can fail, and no thread is needed.
public struct ResidentBatches: Sequence {
    private let dataset: any ResidentDataset
    private let order: [Int]
    private let batchSize: Int

    init(_ dataset: any ResidentDataset, order: [Int], batchSize: Int) {
        self.dataset = dataset
        self.order = order
        self.batchSize = batchSize
    }

    public struct Iterator: IteratorProtocol {
        fileprivate let batches: ResidentBatches
        fileprivate var position = 0

        public mutating func next() -> Batch? {
            guard position < batches.order.count else { return nil }
            let end = Swift.min(position + batches.batchSize, batches.order.count)
            defer { position = end }
            return batches.dataset.residentBatch(of: batches.order[position..<end])
        }
    }

    public func makeIterator() -> Iterator { Iterator(batches: self) }
    public var underestimatedCount: Int { (order.count + batchSize - 1) / batchSize }
}

extension ResidentDataset {
    /// One pass in batches of `batchSize` (the last may hold fewer), in an order drawn by `seed`; nil keeps the data set's own. A
    /// training loop gives another seed each epoch. `BatchLoader` offers the same with threads, augmentation and resuming.
    public func batches(of batchSize: Int, seed: Int? = nil) -> ResidentBatches {
        precondition(batchSize >= 1, "batches(of:seed:): the batch size \(batchSize) is not positive")
        let order = seed.map { EpochOrder.permutation(of: count, seed: UInt64(bitPattern: Int64($0)), epoch: 0) }
        return ResidentBatches(self, order: order ?? Array(0..<count), batchSize: batchSize)
    }

    /// All samples as one batch.
    public var all: Batch { residentBatch(of: 0..<count) }

    /// `batch(of:)`, which cannot fail here.
    public func residentBatch(of indices: some RandomAccessCollection<Int>) -> Batch {
        guard let batch = try? batch(of: indices) else { preconditionFailure("\(name): a sample in memory could not be read") }
        return batch
    }
}
