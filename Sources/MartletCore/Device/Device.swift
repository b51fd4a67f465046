/// What a device is, for people and for choosing.
public struct DeviceInfo: Sendable {
    public enum Kind: String, Sendable { case cpu, gpu, accelerator }

    /// As `--device` takes it: `cpu`, or `opencl:0.1` for platform 0, device 1.
    public var id: String
    public var kind: Kind
    public var name: String
    public var vendor: String
    /// Of the driver or library that runs the kernels.
    public var version: String
    public var computeUnits: Int
    public var memoryBytes: Int

    public init(id: String, kind: Kind, name: String, vendor: String, version: String, computeUnits: Int, memoryBytes: Int) {
        self.id = id
        self.kind = kind
        self.name = name
        self.vendor = vendor
        self.version = version
        self.computeUnits = computeUnits
        self.memoryBytes = memoryBytes
    }
}

/// A device that tensors live and are computed on: every op family's protocol together.
///
/// Ops may return before their work is done; work is done in the order of the calls. No op throws: a failure marks the
/// results (`DeviceBuffer.fault`), an op whose inputs are marked passes the mark on and does nothing else, and `download`
/// throws it. Shapes were checked before an op reaches a device; empty results are never passed on, empty operands may be.
public protocol Device: MemoryOps, PointwiseOps, ReductionOps, MatmulOps, ConvolutionOps, PoolingOps, NormalizationOps,
    SoftmaxOps, AttentionOps, RecurrenceOps, IndexingOps, RegionOps, RandomOps, UpdateOps, Sendable
{
    var info: DeviceInfo { get }
}
