import CMartletOpenCL
import MartletCore

/// One to three extents of a launch, written as an array literal.
package struct WorkSize: ExpressibleByArrayLiteral, ExpressibleByIntegerLiteral {
    var x: Int, y: Int, z: Int
    var rank: Int

    package init(_ x: Int) { (self.x, y, z, rank) = (x, 1, 1, 1) }
    package init(_ x: Int, _ y: Int) { (self.x, self.y, z, rank) = (x, y, 1, 2) }
    package init(_ x: Int, _ y: Int, _ z: Int) { (self.x, self.y, self.z, rank) = (x, y, z, 3) }
    package init(integerLiteral value: Int) { self.init(value) }

    package init(arrayLiteral elements: Int...) {
        precondition((1...3).contains(elements.count), "a launch has one to three extents")
        self.init(elements[0], elements.count > 1 ? elements[1] : 1, elements.count > 2 ? elements[2] : 1)
        rank = elements.count
    }
}

/// An argument of a kernel.
package enum KernelArgument {
    /// Two arguments: the view's buffer and its offset in elements, as `TENSOR_ARGUMENT` declares them.
    case tensor(View)
    /// One argument: a buffer's start.
    case buffer(OpenCLBuffer)
    /// One argument: the start of a view's buffer, without the view's offset.
    case bufferOf(View)
    /// A `ulong`.
    case size(Int)
    /// An `int`.
    case int(Int)
    /// A `uint`.
    case word(UInt32)
    case float(Float)
    /// Local memory of so many bytes.
    case local(Int)
}

extension OpenCLDevice {
    /// Puts a kernel into the queue and returns.
    ///
    /// - Parameters:
    ///   - global: work-items along each axis, a multiple of `local`'s.
    ///   - local: the work-group's extents.
    package func launch(_ kernel: Kernel, global: WorkSize, local: WorkSize, _ arguments: KernelArgument...) throws {
        try launch(kernel, global: global, local: local, arguments: arguments)
    }

    package func launch(_ kernel: Kernel, global: WorkSize, local: WorkSize, arguments: [KernelArgument]) throws {
        guard global.x % local.x == 0, global.y % local.y == 0, global.z % local.z == 0 else {
            throw OpenCLError("launch of \(kernel.name)", CL_INVALID_WORK_GROUP_SIZE, "\(global) is no multiple of \(local)")
        }
        let number = queue.enqueued + 1
        var index: cl_uint = 0
        for argument in arguments {
            switch argument {
            case .tensor(let view):
                try set(kernel, index, own(view.buffer), number)
                try set(kernel, index + 1, cl_ulong(view.offset))
                index += 2
                continue
            case .buffer(let buffer): try set(kernel, index, buffer, number)
            case .bufferOf(let view): try set(kernel, index, own(view.buffer), number)
            case .size(let value): try set(kernel, index, cl_ulong(value))
            case .int(let value): try set(kernel, index, cl_int(value))
            case .word(let value): try set(kernel, index, value)
            case .float(let value): try set(kernel, index, value)
            case .local(let bytes):
                try check(
                    mclSetKernelArg(kernel.handle, index, bytes, nil), "clSetKernelArg", "\(kernel.name), argument \(index)")
            }
            index += 1
        }
        guard Int(index) == kernel.argumentCount else {
            throw OpenCLError(
                "launch of \(kernel.name)", CL_INVALID_KERNEL_ARGS, "\(index) arguments for \(kernel.argumentCount)")
        }
        try enqueue(kernel, global, local)
    }

    private func enqueue(_ kernel: Kernel, _ global: WorkSize, _ local: WorkSize) throws {
        let status = withUnsafeTemporaryAllocation(of: Int.self, capacity: 6) { sizes -> Int32 in
            sizes[0] = global.x
            sizes[1] = global.y
            sizes[2] = global.z
            sizes[3] = local.x
            sizes[4] = local.y
            sizes[5] = local.z
            guard let base = sizes.baseAddress else { return CL_OUT_OF_HOST_MEMORY }
            return mclEnqueueNDRangeKernel(queue.handle, kernel.handle, cl_uint(global.rank), base, base + 3, nil)
        }
        try check(status, "clEnqueueNDRangeKernel", "\(kernel.name), \(global) by \(local)")
        try queue.didEnqueue(isKernel: true)
    }

    @inline(__always)
    private func set(_ kernel: Kernel, _ index: cl_uint, _ buffer: OpenCLBuffer, _ number: UInt64) throws {
        guard let block = buffer.block else { throw buffer.fault ?? DeviceError(.outOfMemory, "\(info.id): no memory") }
        block.lastUse = number
        var memory: cl_mem? = block.memory
        try check(
            mclSetKernelArg(kernel.handle, index, MemoryLayout<cl_mem?>.size, &memory), "clSetKernelArg",
            "\(kernel.name), argument \(index)")
    }

    @inline(__always)
    private func set<Value: BitwiseCopyable>(_ kernel: Kernel, _ index: cl_uint, _ value: Value) throws {
        var value = value
        try check(
            mclSetKernelArg(kernel.handle, index, MemoryLayout<Value>.size, &value), "clSetKernelArg",
            "\(kernel.name), argument \(index)")
    }
}

extension WorkSize: CustomStringConvertible {
    package var description: String {
        switch rank {
        case 1: "[\(x)]"
        case 2: "[\(x), \(y)]"
        default: "[\(x), \(y), \(z)]"
        }
    }
}

/// The least multiple of `step` that is at least `count`.
package func roundUp(_ count: Int, to step: Int) -> Int { (count + step - 1) / step * step }
