/// Samples of one shape with random access, each with a class (or regression targets). Reading is safe from any thread.
public protocol Dataset: Sendable {
    /// How messages call it, such as `mnist/train`.
    var name: String { get }
    /// How many samples there are.
    var count: Int { get }
    /// The shape of one sample: [c, h, w] or [features].
    var sampleShape: [Int] { get }
    /// The names of the classes; a sample's label is an index into them. Empty for regression.
    var classNames: [String] { get }
    /// The class of a sample; -1 for regression. Known without reading the sample.
    func label(at index: Int) -> Int32
    /// The regression targets of a sample; empty for classification.
    func targets(at index: Int) -> [Float]
    /// Writes the sample, row-major in `sampleShape`, to `buffer`, which holds exactly that many values.
    func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError)
    /// The same, changed by an augmentation.
    func read(
        _ index: Int, into buffer: UnsafeMutableBufferPointer<Float>, varied augmentation: some Augmentation,
        random: inout SampleRandom) throws(DataError)
    /// The same samples as ten crops each, of shape [10, c, h, w]; nil where samples are no part of something larger.
    var tenCrops: (any Dataset)? { get }
}

extension Dataset {
    public func targets(at index: Int) -> [Float] { [] }
    public var tenCrops: (any Dataset)? { nil }

    public func read(
        _ index: Int, into buffer: UnsafeMutableBufferPointer<Float>, varied augmentation: some Augmentation,
        random: inout SampleRandom
    ) throws(DataError) {
        try read(index, into: buffer)
        augmentation.apply(to: buffer, shape: sampleShape, random: &random)
    }

    /// Values in one sample.
    public var sampleSize: Int { sampleShape.reduce(1, *) }

    /// The sample at `index` alone, as a batch of one.
    public func sample(at index: Int) throws(DataError) -> Batch {
        try batch(of: [index])
    }

    /// The samples at `indices`, in that order, as one batch.
    public func batch(of indices: some RandomAccessCollection<Int>) throws(DataError) -> Batch {
        try batch(of: indices) { index, sample throws(DataError) in try read(index, into: sample) }
    }

    /// The samples at `indices`; `read` is given each sample's index and the place for its values.
    package func batch(
        of indices: some RandomAccessCollection<Int>,
        reading read: (Int, UnsafeMutableBufferPointer<Float>) throws(DataError) -> Void
    ) throws(DataError) -> Batch {
        let size = sampleSize
        let indices = Array(indices)
        var failure: DataError?
        let inputs = [Float](unsafeUninitializedCapacity: indices.count * size) { buffer, initialized in
            do throws(DataError) {
                for (row, index) in indices.enumerated() {
                    precondition(index >= 0 && index < count, "batch(of:): no sample \(index) in \(name), which has \(count)")
                    let sample = UnsafeMutableBufferPointer(rebasing: buffer[row * size..<(row + 1) * size])
                    try read(index, sample)
                }
                initialized = indices.count * size
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        let isClassified = !classNames.isEmpty
        return Batch(
            inputs: inputs, shape: [indices.count] + sampleShape,
            labels: isClassified ? indices.map { label(at: $0) } : [],
            targets: isClassified ? [] : indices.flatMap { targets(at: $0) },
            indices: indices)
    }
}

/// A data set whose samples are all in memory, so that reading one cannot fail.
public protocol ResidentDataset: Dataset {
    /// `read(_:into:)`, which cannot fail here.
    func copy(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>)
}

extension ResidentDataset {
    public func read(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) throws(DataError) {
        copy(index, into: buffer)
    }
}
