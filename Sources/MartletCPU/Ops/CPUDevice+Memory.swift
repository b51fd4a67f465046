import Glibc
import MartletCore

extension CPUDevice: MemoryOps {
    public func allocate(byteCount: Int) -> DeviceBuffer {
        precondition(byteCount >= 0, "CPUDevice.allocate: \(byteCount) bytes")
        return CPUBuffer(byteCount: byteCount, memory: memory)
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, to buffer: DeviceBuffer) {
        precondition(bytes.count <= buffer.byteCount, "CPUDevice.upload: \(bytes.count) bytes to a buffer of \(buffer.byteCount)")
        let view = View(buffer, .int32, offset: 0, shape: [], strides: [])
        guard let source = bytes.baseAddress, !bytes.isEmpty, begin(reading: [], writing: [view]) else { return }
        memcpy(view.address, source, bytes.count)
    }

    public func download(_ buffer: DeviceBuffer, byteOffset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
        precondition(
            byteOffset >= 0 && byteOffset + bytes.count <= buffer.byteCount,
            "CPUDevice.download: \(bytes.count) bytes at \(byteOffset) of a buffer of \(buffer.byteCount)")
        if let fault = buffer.fault { throw fault }
        guard let target = bytes.baseAddress, !bytes.isEmpty else { return }
        let view = View(buffer, .int32, offset: 0, shape: [], strides: [])
        memcpy(target, view.address + byteOffset, bytes.count)
    }

    /// Ops are done when they return; there is nothing to wait for.
    public func synchronize() throws {}

    public func emptyPool() { memory.releaseAll() }

    public var statistics: DeviceStatistics { memory.statistics }
}
