import CMartletCPU
import MartletCore
import Synchronization

/// The processor as a device: C kernels built for several instruction sets, OpenBLAS where it multiplies faster, a pool of
/// threads under both. Ops are done when they return.
public final class CPUDevice: Sendable {
    public let info: DeviceInfo
    /// The threads of this device's ops.
    package let pool: ThreadPool
    /// Whether products are computed on the processor's matrix unit where that is faster (`AMX.h`).
    let usesMatrixUnit: Bool
    let memory: CPUMemory
    let programs = ProgramCache()
    private let faults = Mutex(())

    /// - Parameters:
    ///   - threads: how many threads its ops use, the calling one included; by default as many as this process may use
    ///     processors (affinity mask and control group's quota). Results depend on it in their last bits.
    ///   - memoryLimit: bytes its buffers may take together; by default 95 % of what this process may use.
    ///   - matrixUnit: whether to use the matrix unit of processors that have one (Intel's AMX). It multiplies bfloat16 numbers; float32
    ///     ones are split into three of them, so that results are as exact as with multiply-adds, except that numbers below 2^-110
    ///     lose bits and those below 2^-126 count as zero.
    /// - Throws: `DeviceError` where OpenBLAS multiplies wrongly on this processor (see `reexecIfBLASIsWrong`).
    public init(threads: Int? = nil, memoryLimit: Int? = nil, matrixUnit: Bool = true) throws {
        precondition(threads.map { $0 > 0 } ?? true, "CPUDevice: \(threads ?? 0) threads")
        try CPUDevice.requireBLAS()
        pool = try ThreadPool(threads: threads ?? Processor.usableCount)
        usesMatrixUnit = matrixUnit && martlet_amx_is_there() != 0
        let memoryBytes = Processor.memoryBytes
        memory = try CPUMemory(limit: memoryLimit ?? memoryBytes / 100 * 95)
        info = DeviceInfo(
            id: "cpu", kind: .cpu, name: Processor.name, vendor: Processor.vendor,
            version: "\(BLAS.description), \(String(cString: martlet_instruction_set())) kernels\(usesMatrixUnit ? ", AMX" : "")",
            computeUnits: pool.threads, memoryBytes: memoryBytes)
    }

    /// Whether an op may run. Where an operand carries a fault, or a result has no memory, all results are marked with it
    /// and the op must do nothing. Every op begins with this; it also counts the pass.
    package func begin(reading inputs: [View], writing outputs: [View]) -> Bool {
        memory.countLaunch()
        return isSound(reading: inputs, writing: outputs)
    }

    /// As `begin`, for one of several sets of operands that an op takes in one pass.
    package func isSound(reading inputs: [View], writing outputs: [View]) -> Bool {
        Invariants.check(reading: inputs, writing: outputs)
        var fault: DeviceError?
        for view in inputs where fault == nil { fault = view.buffer.fault }
        for view in outputs where fault == nil { fault = view.buffer.fault }
        guard let fault else { return true }
        mark(outputs, fault)
        return false
    }

    /// Marks results that could not be computed.
    package func mark(_ outputs: [View], _ fault: DeviceError) {
        faults.withLock { _ in
            for view in outputs where view.buffer.fault == nil { view.buffer.fault = fault }
        }
    }

    /// Memory that an op needs while it runs, at least `floats` elements. Nil where there is none: the results are then
    /// marked and the op must return.
    package func scratch(floats: Int, for outputs: [View]) -> CPUBuffer? {
        let buffer = CPUBuffer(byteCount: floats * 4, memory: memory)
        if let fault = buffer.fault {
            mark(outputs, fault)
            return nil
        }
        return buffer
    }
}

extension CPUDevice: Device {}
