import CMartletOpenCL
import MartletCore

/// Memory of the driver, with its host address where the host may read and write it in place.
final class MemoryBlock {
    let memory: cl_mem
    let host: UnsafeMutableRawPointer?
    let byteCount: Int
    /// The number of the last command that uses it.
    var lastUse: UInt64 = 0

    init(memory: cl_mem, host: UnsafeMutableRawPointer?, byteCount: Int) {
        self.memory = memory
        self.host = host
        self.byteCount = byteCount
    }
}

/// A block of an OpenCL device's memory; freeing it gives the memory back to the device's pool.
package final class OpenCLBuffer: DeviceBuffer, @unchecked Sendable {
    let owner: OpenCLDevice
    let block: MemoryBlock?

    init(owner: OpenCLDevice, byteCount: Int, block: MemoryBlock) {
        self.owner = owner
        self.block = block
        super.init(byteCount: byteCount)
    }

    init(owner: OpenCLDevice, byteCount: Int, failure: DeviceError) {
        self.owner = owner
        self.block = nil
        super.init(byteCount: byteCount, fault: failure)
    }

    deinit {
        if let block { owner.lock.withLock { owner.pool.put(block) } }
    }
}

extension OpenCLDevice {
    /// A buffer as this device's own.
    @inline(__always)
    package func own(_ buffer: DeviceBuffer) -> OpenCLBuffer {
        guard let buffer = buffer as? OpenCLBuffer, buffer.owner === self else {
            preconditionFailure("a buffer of another device was given to \(info.id)")
        }
        return buffer
    }
}
