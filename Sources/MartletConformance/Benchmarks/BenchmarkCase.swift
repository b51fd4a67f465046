import MartletCore

/// An op at a size that real networks have, to be timed.
public struct BenchmarkCase: Sendable {
    public let family: OpFamily
    public let name: String
    /// Floating-point operations of a run, as papers count them (a multiply-add is two); 0 where they are not the point.
    public let operations: Double
    /// Bytes that must be read and written at the least, each once.
    public let bytes: Double
    /// Makes the inputs and returns one run, which may return before the device is done.
    let prepare: @Sendable (any Device) throws -> () throws -> Void

    init(
        _ family: OpFamily, _ name: String, operations: Double = 0, floats: Int,
        _ prepare: @escaping @Sendable (any Device) throws -> () throws -> Void
    ) {
        self.family = family
        self.name = name
        self.operations = operations
        bytes = Double(floats) * 4
        self.prepare = prepare
    }

    public var fullName: String { "\(family.rawValue)/\(name)" }
}

/// Inputs of benchmarks.
enum BenchmarkInput {
    /// Uniform numbers from -1 to 1, made on the device.
    static func floats(_ shape: [Int], on device: any Device) -> Tensor {
        Tensor.random(.uniform(low: -1, high: 1), shape: shape, key: RandomKey(seed: 1, stream: UInt64(shape.count)), on: device)
    }

    static func integers(_ shape: [Int], below bound: Int32, on device: any Device) throws -> Tensor {
        var random = CaseRandom(seed: 3)
        return try Tensor((0..<shape.reduce(1, *)).map { _ in Int32(random.int(0...Int(bound) - 1)) }, shape: shape).on(device)
    }
}

/// What a benchmark measured.
public struct BenchmarkResult: Sendable, Codable {
    public var name: String
    /// The device's id.
    public var device: String
    /// Of the timed runs, in milliseconds.
    public var medianMs: Double
    public var minMs: Double
    /// 10^9 floating-point operations a second at the median; nil where they are not the point.
    public var gflops: Double?
    /// 10^9 bytes a second at the median, counting what must be moved at the least.
    public var gbps: Double?
    /// The share of what the device's own measured ceilings allow: the time its operations or its bytes would take at the
    /// ceiling, whichever is longer, over the median. Above 1 where the caches beat the memory.
    public var ofCeiling: Double?

    package init(
        name: String, device: String, medianMs: Double, minMs: Double, gflops: Double? = nil, gbps: Double? = nil,
        ofCeiling: Double? = nil
    ) {
        self.name = name
        self.device = device
        self.medianMs = medianMs
        self.minMs = minMs
        self.gflops = gflops
        self.gbps = gbps
        self.ofCeiling = ofCeiling
    }
}
