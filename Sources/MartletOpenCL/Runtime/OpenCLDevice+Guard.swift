import CMartletOpenCL
import MartletCore

extension OpenCLDevice {
    /// Runs an op's body behind the device's lock, by the rules of `Device`: where an input is marked its mark is passed on
    /// to the outputs and nothing runs; where the body throws, the outputs are marked with what it threw.
    ///
    /// - Parameter op: the op's name as users know it, for the message.
    package func guarded(_ op: StaticString, inputs: [View], outputs: [View], _ body: () throws -> Void) {
        Invariants.check(reading: inputs, writing: outputs)
        lock.withLock {
            var fault = lost
            for view in inputs where fault == nil { fault = view.buffer.fault }
            for view in outputs where fault == nil { fault = view.buffer.fault }
            if fault == nil {
                do {
                    return try body()
                } catch let error as OpenCLError {
                    fault = DeviceError(error.deviceError.kind, "\(op) on \(info.id): \(error)")
                } catch let error as DeviceError {
                    fault = error
                } catch {
                    fault = DeviceError(.kernel, "\(op) on \(info.id): \(error)")
                }
                if fault?.kind == .lost { lost = fault }
            }
            for view in outputs where view.buffer.fault == nil { view.buffer.fault = fault }
        }
    }

    /// Temporary memory for an op's body; it may be let go of as soon as its kernels are enqueued.
    package func scratch(byteCount: Int) throws -> OpenCLBuffer {
        try lock.withLock { OpenCLBuffer(owner: self, byteCount: byteCount, block: try pool.take(max(byteCount, 1))) }
    }
}
