/// A random change of a training sample, applied each time it is read. It may draw only from `random`, which depends on the
/// seed, the epoch and the sample alone, so that batches are the same however many threads prepare them.
public protocol Augmentation: Sendable {
    /// Changes the sample, row-major in `shape`, in place.
    func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom)

    /// Mixes samples of a batch with each other, once each was changed by itself.
    ///
    /// - Parameter random: the random numbers of a sample, by its index in the data set.
    func mix(_ batch: inout Batch, random: (Int) -> SampleRandom)
}

extension Augmentation {
    public func mix(_ batch: inout Batch, random: (Int) -> SampleRandom) {}
}

/// Several augmentations, one after the other.
public struct AugmentationChain: Augmentation {
    public let steps: [any Augmentation]

    public init(_ steps: [any Augmentation]) { self.steps = steps }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        for step in steps { step.apply(to: sample, shape: shape, random: &random) }
    }

    public func mix(_ batch: inout Batch, random: (Int) -> SampleRandom) {
        for step in steps { step.mix(&batch, random: random) }
    }
}

extension Augmentation {
    /// Stops a program that gives an augmentation something else than images.
    static func check(_ shape: [Int]) {
        precondition(shape.count == 3, "\(Self.self): needs [c, h, w], not \(shape)")
    }
}
