/// What a tensor's elements are: host values not yet on a device, a buffer, or work still to be done.
///
/// Once it has a buffer it keeps it; tensors that view the same storage share the work.
package final class Storage {
    package let type: DataType
    package let count: Int
    package private(set) var device: (any Device)?
    package var buffer: DeviceBuffer?
    private var host: [UInt32]?
    package private(set) var pending: PendingWork?

    package init(host: [UInt32], type: DataType) {
        self.type = type
        count = host.count
        self.host = host
    }

    package init(_ buffer: DeviceBuffer, on device: any Device, type: DataType, count: Int) {
        self.type = type
        self.count = count
        self.device = device
        self.buffer = buffer
    }

    package init(pending: PendingWork, on device: any Device, type: DataType) {
        self.type = type
        count = pending.shape.reduce(1, *)
        self.device = device
        self.pending = pending
    }

    /// The buffer with all elements, on the device given (for host values) or the storage's own.
    package func realize(on target: any Device) -> DeviceBuffer {
        if let buffer { return buffer }
        if let work = pending.take() {
            let made = work.run(on: target, type)
            buffer = made
            return made
        }
        let made = target.allocate(byteCount: count * type.size)
        if let host, count > 0 { host.withUnsafeBytes { target.upload($0, to: made) } }
        device = target
        buffer = made
        host = nil
        return made
    }

    /// The host's values where they have not left it.
    package var hostValues: [UInt32]? { buffer == nil ? host : nil }

    /// Whether nothing but this storage refers to its buffer.
    package func ownsBufferAlone() -> Bool { isKnownUniquelyReferenced(&buffer) }
}
