/// Some samples side by side, on the host: what a loader hands to a training step. Plain values, free to cross threads.
public struct Batch: Sendable, Equatable {
    /// The samples, row-major in `shape`.
    public var inputs: [Float]
    /// [n, c, h, w] for images, [n, features] for rows of numbers.
    public var shape: [Int]
    /// The class of each sample, from 0; empty where the data set has no classes.
    public var labels: [Int32]
    /// The regression targets, row-major in [n, targets]; empty for classification.
    public var targets: [Float]
    /// Where the samples stand in the data set the batch was drawn from.
    public var indices: [Int]
    /// What was mixed into the samples; nil for nothing.
    public var mixed: Mixing?

    /// Samples of two classes each.
    public struct Mixing: Sendable, Equatable {
        /// The second class of each sample.
        public var labels: [Int32]
        /// The share, from 0 to 1, that the sample's own class has in it; the second one has the rest.
        public var shares: [Float]

        public init(labels: [Int32], shares: [Float]) {
            precondition(labels.count == shares.count, "Mixing: \(labels.count) labels with \(shares.count) shares")
            self.labels = labels
            self.shares = shares
        }
    }

    public init(inputs: [Float], shape: [Int], labels: [Int32], targets: [Float] = [], indices: [Int] = []) {
        precondition(shape.reduce(1, *) == inputs.count, "Batch: \(inputs.count) inputs do not fill the shape \(shape)")
        self.inputs = inputs
        self.shape = shape
        self.labels = labels
        self.targets = targets
        self.indices = indices
    }

    /// How many samples it holds.
    public var count: Int { shape.first ?? 0 }
}
