/// A block of a device's memory. Each device has a subclass; freeing one gives it back to the device's pool.
open class DeviceBuffer: @unchecked Sendable {
    /// Bytes asked for; the block may be larger.
    public let byteCount: Int

    /// Why the contents are not to be trusted: a failed allocation or kernel, passed on to all that derives from it.
    /// Written only behind the device's lock.
    public final var fault: DeviceError?

    public init(byteCount: Int, fault: DeviceError? = nil) {
        self.byteCount = byteCount
        self.fault = fault
    }
}
