/// Counts of what a device has done, for tests and benchmarks that hold them down.
public struct DeviceStatistics: Sendable, Equatable {
    /// Bytes in buffers that are in use.
    public var bytesInUse = 0
    /// Bytes kept by the pool for the next allocation.
    public var bytesPooled = 0
    /// Blocks asked of the system since the start.
    public var systemAllocations = 0
    /// Kernels launched (OpenCL) or passes over memory (CPU).
    public var launches = 0
    /// Kernels compiled.
    public var builds = 0

    public init() {}
}

/// Memory of a device. All calls are safe from any thread.
public protocol MemoryOps: AnyObject {
    /// A block of at least `byteCount` bytes (0 is allowed), its contents undefined, aligned to 64 bytes or more.
    /// Never fails here: a block that could not be had carries its fault.
    func allocate(byteCount: Int) -> DeviceBuffer
    /// Copies host bytes to the beginning of a buffer. The bytes may be reused when the call returns.
    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: DeviceBuffer)
    /// Waits for the work a buffer depends on and copies `bytes.count` bytes from `byteOffset` to the host.
    func download(_ buffer: DeviceBuffer, byteOffset: Int, into bytes: UnsafeMutableRawBufferPointer) throws
    /// Waits until all work has been done.
    func synchronize() throws
    /// Gives the pool's unused blocks back to the system.
    func emptyPool()
    var statistics: DeviceStatistics { get }
}
