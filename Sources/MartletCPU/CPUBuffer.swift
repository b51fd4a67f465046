import MartletCore

/// A block of the CPU device's memory, 64-byte aligned. It goes back to the device's pool when the last reference goes.
package final class CPUBuffer: DeviceBuffer, @unchecked Sendable {
    package let pointer: UnsafeMutableRawPointer
    private let memory: CPUMemory
    private let capacity: Int

    init(byteCount: Int, memory: CPUMemory) {
        let (pointer, capacity, fault) = memory.take(byteCount)
        self.pointer = pointer
        self.capacity = capacity
        self.memory = memory
        super.init(byteCount: byteCount, fault: fault)
    }

    deinit { memory.give(pointer, capacity: capacity) }
}

extension View {
    /// The CPU device's buffer behind this view. A buffer of another device is a mistake of the calling code.
    @inline(__always)
    package var cpuBuffer: CPUBuffer {
        guard let buffer = buffer as? CPUBuffer else {
            preconditionFailure("cpu: a tensor of another device was passed to the CPU device, shape \(shape)")
        }
        return buffer
    }

    /// The view's first element.
    @inline(__always)
    package var address: UnsafeMutableRawPointer { cpuBuffer.pointer + offset * 4 }

    /// The view's first element, of a float32 view.
    @inline(__always)
    package var floats: UnsafeMutablePointer<Float> { address.assumingMemoryBound(to: Float.self) }

    /// The view's first element, of an int32 view.
    @inline(__always)
    package var ints: UnsafeMutablePointer<Int32> { address.assumingMemoryBound(to: Int32.self) }

    /// 1 for a result so large that it would leave the caches before anybody reads it: kernels then write past them.
    var isStreamed: Int32 { count >= 1 << 22 ? 1 : 0 }
}
