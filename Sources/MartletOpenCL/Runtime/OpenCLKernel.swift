import CMartletOpenCL
import MartletCore

/// Preprocessor parameters of a kernel, written as a dictionary literal: `["TILE": 8, "PADDED": 1]`.
package struct Defines: Hashable, ExpressibleByDictionaryLiteral {
    var names: [String]
    var values: [Int]

    package init(dictionaryLiteral elements: (String, Int)...) {
        names = elements.map(\.0)
        values = elements.map(\.1)
    }

    package subscript(name: String) -> Int? {
        get { names.firstIndex(of: name).map { values[$0] } }
        set {
            if let index = names.firstIndex(of: name) {
                names.remove(at: index)
                values.remove(at: index)
            }
            if let newValue {
                names.append(name)
                values.append(newValue)
            }
        }
    }

    var options: String { zip(names, values).map { " -D \($0)=\($1)" }.joined() }
}

/// What a built kernel is found by.
struct KernelKey: Hashable {
    var family: String
    var name: String
    var defines: Defines
    var expression: Expression?
    var pattern: [Int]
}

/// What an argument of a kernel is set to: up to eight bytes, or local memory of a size.
struct ArgumentValue: Equatable {
    private var bits: UInt64
    /// Of the value in `bits`; 0 for local memory, -1 where nothing was set.
    private var size: Int

    static let unset = ArgumentValue(bits: 0, size: -1)

    init(localBytes: Int) { self.init(bits: UInt64(localBytes), size: 0) }
    init(_ value: cl_ulong) { self.init(bits: UInt64(value), size: 8) }
    init(_ value: cl_int) { self.init(UInt32(bitPattern: value)) }
    init(_ value: UInt32) { self.init(bits: UInt64(value), size: 4) }
    init(_ value: Float) { self.init(value.bitPattern) }
    init(_ memory: cl_mem) { self.init(bits: UInt64(UInt(bitPattern: memory)), size: MemoryLayout<cl_mem>.size) }

    private init(bits: UInt64, size: Int) {
        self.bits = bits
        self.size = size
    }

    func set(_ kernel: cl_kernel, _ index: cl_uint) -> Int32 {
        if size == 0 { return mclSetKernelArg(kernel, index, Int(bits), nil) }
        var value = bits
        return mclSetKernelArg(kernel, index, size, &value)
    }
}

/// A built kernel with its limits on this device.
package final class Kernel {
    let handle: cl_kernel
    package let name: String
    /// The most work-items of one work-group that this kernel can run with here; often below the device's limit.
    package let maxWorkGroupSize: Int
    /// Local memory that the kernel declares by itself.
    package let localMemoryBytes: Int
    let argumentCount: Int
    /// What the arguments were last set to; used by the queue alone.
    private var values: [ArgumentValue]
    /// `CommandQueue.memoryReleases` at that time.
    private var releasesSeen = 0
    private let fresh: FreshProgram?
    /// The extents of work-groups that other processes made machine code for.
    private var coded: [WorkSize] = []

    init(program: ProgramBuilder.Program, name: String, device: cl_device_id) throws {
        var status: Int32 = 0
        let kernel = mclCreateKernel(program.handle, name, &status)
        guard let kernel, status == CL_SUCCESS else { throw OpenCLError("clCreateKernel", status, name) }
        handle = kernel
        self.name = name
        fresh = program.fresh
        var size = 1
        try check(
            mclGetKernelWorkGroupInfo(kernel, device, cl_uint(CL_KERNEL_WORK_GROUP_SIZE), MemoryLayout<Int>.size, &size, nil),
            "clGetKernelWorkGroupInfo", name)
        maxWorkGroupSize = max(size, 1)
        var local: cl_ulong = 0
        try check(
            mclGetKernelWorkGroupInfo(kernel, device, cl_uint(CL_KERNEL_LOCAL_MEM_SIZE), 8, &local, nil),
            "clGetKernelWorkGroupInfo", name)
        localMemoryBytes = Int(local)
        var count: cl_uint = 0
        try check(mclGetKernelArgumentCount(kernel, &count), "clGetKernelInfo", name)
        argumentCount = Int(count)
        values = Array(repeating: .unset, count: argumentCount)
    }

    /// Sets the arguments that are not as they have to be.
    ///
    /// - Parameter releases: how often the driver's memory was given back so far. What is released may have the place of what is
    ///   allocated next, and is not the same to the driver.
    func set(_ new: ArraySlice<ArgumentValue>, releases: Int) throws {
        if releasesSeen != releases {
            releasesSeen = releases
            for index in values.indices { values[index] = .unset }
        }
        for (index, value) in new.enumerated() where values[index] != value {
            values[index] = .unset
            try check(value.set(handle, cl_uint(index)), "clSetKernelArg", "\(name), argument \(index)")
            values[index] = value
        }
    }

    /// Has machine code made that this launch is the first to need; nil where there is nothing to be made, or none that could.
    func makeCode(
        _ global: WorkSize, _ local: WorkSize, _ arguments: @autoclosure () -> [KernelArgument]
    ) -> FreshCode? {
        guard let fresh, !coded.contains(local) else { return nil }
        // PoCL has code of its own for more work-groups along an axis.
        let groups = max(global.x / local.x, global.y / local.y, global.z / local.z)
        guard groups < Int(UInt16.max), argumentCount <= Int(MCL_MOST_ARGUMENTS) else { return nil }
        coded.append(local)
        return fresh.makeCode(name, local: local, arguments: arguments().flatMap(\.forCompiler))
    }

    /// Whether a device runs it with so many work-items in a work-group.
    func runs(_ threads: Int, on properties: OpenCLProperties) -> Bool {
        maxWorkGroupSize >= threads && localMemoryBytes <= properties.localMemoryBytes
    }

    func release() { _ = mclReleaseKernel(handle) }
}

extension OpenCLDevice {
    /// A kernel of a family, built at its first use.
    ///
    /// - Parameters:
    ///   - family: the file in `Kernels/`, without its ending; a family without a file is generated by `source`.
    ///   - name: of the kernel function. A file in which `KERNEL_` occurs is built for each kernel, with `KERNEL_<name>`
    ///     defined; of others all kernels with the same key share a program.
    ///   - defines: `-D` parameters; part of the key.
    ///   - expression: what `source` depends on beside the defines; part of the key.
    ///   - pattern: whatever else `source` depends on; part of the key.
    ///   - source: text put before the family's source (after the prelude); called only when the kernel is built.
    package func kernel(
        _ family: String, _ name: String, _ defines: Defines = [:], expression: Expression? = nil,
        pattern: [Int] = [], source: () -> String = { "" }
    ) throws -> Kernel {
        let key = KernelKey(family: family, name: name, defines: defines, expression: expression, pattern: pattern)
        return try lock.withLock {
            if let built = kernels[key] { return try built.get() }
            let result: Result<Kernel, OpenCLError>
            do {
                let program = try programs.program(for: key, source: source)
                result = .success(try Kernel(program: program, name: name, device: device))
            } catch let error as OpenCLError {
                result = .failure(error)
            }
            kernels[key] = result
            return try result.get()
        }
    }
}
