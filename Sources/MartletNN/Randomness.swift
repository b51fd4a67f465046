import MartletCore
import Synchronization

/// Where initialisers and dropout draw their numbers from: the source in force for the running task.
public enum Randomness {
    /// A stream that several layers draw from in turn.
    final class Source: Sendable {
        private let stream: Mutex<RandomStream>
        init(_ stream: RandomStream) { self.stream = Mutex(stream) }
        func next() -> RandomKey { stream.withLock { $0.next() } }
    }

    @TaskLocal static var scoped: Source?
    private static let fallback = Source(RandomStream(seed: 0))

    /// The key of the next draw.
    public static func nextKey() -> RandomKey { (scoped ?? fallback).next() }
}

/// Runs a body whose random numbers follow from a seed.
public func withSeed<Result>(_ seed: UInt64, _ body: () throws -> Result) rethrows -> Result {
    try withRandomness(RandomStream(seed: seed), body)
}

/// Runs a body that draws its random numbers from a stream.
public func withRandomness<Result>(_ stream: RandomStream, _ body: () throws -> Result) rethrows -> Result {
    try Randomness.$scoped.withValue(Randomness.Source(stream), operation: body)
}

/// Whether layers behave as in training (dropout drops, batch normalisation uses and gathers the batch's statistics). On inside
/// `valueAndGradient(of:)`, off elsewhere.
public enum TrainingMode {
    @TaskLocal public static var isOn = false

    /// Runs a body with training behaviour on or off.
    public static func set<Result>(_ on: Bool, _ body: () throws -> Result) rethrows -> Result {
        try $isOn.withValue(on, operation: body)
    }
}
