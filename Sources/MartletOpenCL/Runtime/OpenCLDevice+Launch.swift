import CMartletOpenCL
import MartletCore

/// One to three extents of a launch, written as an array literal.
package struct WorkSize: Equatable, ExpressibleByArrayLiteral, ExpressibleByIntegerLiteral {
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

    /// As `mclAskCompiler` takes it: kinds and values.
    var forCompiler: [(kind: Int, value: UInt64)] {
        func memory(_ buffer: DeviceBuffer) -> (kind: Int, value: UInt64) {
            (Int(MCL_ARGUMENT_BUFFER), UInt64((buffer as? OpenCLBuffer)?.block?.byteCount ?? 1))
        }
        return switch self {
        case .tensor(let view): [memory(view.buffer), (8, UInt64(view.offset))]
        case .buffer(let buffer): [memory(buffer)]
        case .bufferOf(let view): [memory(view.buffer)]
        case .size(let value): [(8, UInt64(bitPattern: Int64(value)))]
        case .int(let value): [(4, UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: value))))]
        case .word(let value): [(4, UInt64(value))]
        case .float(let value): [(4, UInt64(value.bitPattern))]
        case .local(let bytes): [(Int(MCL_ARGUMENT_LOCAL), UInt64(bytes))]
        }
    }
}

extension OpenCLDevice {
    /// Puts a kernel into the queue and returns. What has one work-item is held for a moment, on CPU-like devices, so that their threads
    /// are woken once for several of them.
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
        try hold(kernel, global, local, arguments) {
            for argument in arguments {
                switch argument {
                case .tensor(let view):
                    $0.append(try memory(of: view))
                    $0.append(ArgumentValue(cl_ulong(view.offset)))
                case .buffer(let buffer): $0.append(try memory(of: buffer))
                case .bufferOf(let view): $0.append(try memory(of: view))
                case .size(let value): $0.append(ArgumentValue(cl_ulong(value)))
                case .int(let value): $0.append(ArgumentValue(cl_int(value)))
                case .word(let value): $0.append(ArgumentValue(value))
                case .float(let value): $0.append(ArgumentValue(value))
                case .local(let bytes): $0.append(ArgumentValue(localBytes: bytes))
                }
            }
        }
    }

    /// As `launch`, of extents that fit, with arguments as the driver takes them; those of the other form are asked for where
    /// machine code has to be made.
    @inline(__always)
    func hold(
        _ kernel: Kernel, _ global: WorkSize, _ local: WorkSize, _ arguments: @autoclosure () -> [KernelArgument],
        _ addArguments: (inout [ArgumentValue]) throws -> Void
    ) throws {
        let isSmall = deviceClass == .cpuLike && global.x * global.y * global.z == 1
        try queue.hold(
            kernel, global, local, isSmall: isSmall, code: { kernel.makeCode(global, local, arguments()) },
            addArguments: addArguments)
    }

    @inline(__always)
    func memory(of view: View) throws -> ArgumentValue { try memory(of: own(view.buffer)) }

    /// A buffer as an argument of the launch that comes next.
    @inline(__always)
    func memory(of buffer: OpenCLBuffer) throws -> ArgumentValue {
        guard let block = buffer.block else { throw buffer.fault ?? DeviceError(.outOfMemory, "\(info.id): no memory") }
        block.lastUse = queue.enqueued + 1
        return ArgumentValue(block.memory)
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
