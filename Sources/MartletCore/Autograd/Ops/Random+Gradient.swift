/// A source of random tensors: a seed and a place in its sequence, so that it can be saved and gone on with. The numbers are the
/// same on every device.
public struct RandomStream: Sendable, Hashable, Codable {
    public let seed: UInt64
    /// The number of draws so far; each takes a stream of its own.
    public private(set) var draws: UInt64

    public init(seed: UInt64, draws: UInt64 = 0) {
        self.seed = seed
        self.draws = draws
    }

    /// The key of the next draw.
    public mutating func next() -> RandomKey {
        defer { draws += 1 }
        return RandomKey(seed: seed, stream: draws)
    }

    /// A source with a sequence of its own, which depends on this one's seed and on `index`.
    public func split(_ index: UInt64) -> RandomStream {
        var mixed = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return RandomStream(seed: mixed ^ (mixed >> 31))
    }
}

extension Tensor {
    /// A tensor of random numbers. They have no gradient.
    public static func random(
        _ distribution: Distribution, shape: [Int], key: RandomKey, on device: (any Device)? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        guard let device = device ?? DefaultDevice.current else {
            misuse("random", "no device: call Devices.best() or withDevice first", file, line)
        }
        let result = Tensor(empty: shape, type: distribution.resultType, on: device)
        if result.count > 0 { device.random(distribution, key: key, into: result.view(on: device)) }
        return result
    }

    /// 0 ..< count in random order, as int32.
    public static func permutation(
        _ count: Int, key: RandomKey, on device: (any Device)? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        random(.uniform(low: 0, high: 1), shape: [count], key: key, on: device, file: file, line: line).sorted().indices
    }
}
