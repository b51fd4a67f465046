import CMartletOpenCL
import MartletCore
import MartletKernels

/// Builds programs, from the binary cache where it has them. Used behind the device's lock.
final class ProgramBuilder {
    private let context: cl_context
    private let device: cl_device_id
    private let cache: BinaryCache
    private let standardOptions: String
    private(set) var builds = 0
    private var programs: [KernelKey: Program] = [:]
    private let number: DeviceNumber

    struct Program {
        let handle: cl_program
        /// Where the driver has still to make machine code, and others may do that.
        let fresh: FreshProgram?
    }

    init(
        context: cl_context, device: cl_device_id, number: DeviceNumber, properties: OpenCLProperties, deviceClass: DeviceClass
    ) {
        self.context = context
        self.device = device
        self.number = number
        cache = BinaryCache(properties: properties)
        var options = "-cl-std=CL1.2 -w -D \(deviceClass == .cpuLike ? "CPU_LIKE" : "GPU_LIKE")=1"
        if properties.kind == .cpu, properties.vendor.contains("AMD") { options += " -D AMD_PROCESSOR=1" }
        standardOptions = options
    }

    /// The program that holds a kernel. Kernels of one key but the name share it, unless the file guards each by its name:
    /// a driver may take a tenth of a second for a build however short it is.
    func program(for key: KernelKey, source: () -> String) throws -> Program {
        let text = Kernels.source(key.family) ?? ""
        var shared = key
        shared.name = text.holds("KERNEL_") ? key.name : ""
        if let dump = SourceDump.requested {
            let text = self.source(of: key, source)
            try dump.write(text, options: options(of: key, text), family: key.family, kernel: key.name)
        }
        if let program = programs[shared] { return program }
        let program = try build(key, self.source(of: key, source))
        programs[shared] = program
        return program
    }

    private func source(of key: KernelKey, _ before: () -> String) -> String {
        [Kernels.source("Prelude") ?? "", before(), Kernels.source(key.family) ?? ""].joined(separator: "\n")
    }

    private func options(of kernel: KernelKey, _ source: String) -> String {
        let isGuarded = source.holds("KERNEL_\(kernel.name)")
        return standardOptions + (isGuarded ? " -D KERNEL_\(kernel.name)=1" : "") + kernel.defines.options
    }

    func release() {
        for program in programs.values { _ = mclReleaseProgram(program.handle) }
        programs.removeAll()
    }

    private func build(_ kernel: KernelKey, _ source: String) throws -> Program {
        let name = kernel.name
        let options = options(of: kernel, source)
        let key = cache.key(source: cache.form == .bitcode ? PoCLBitcode.declarations + source : source, options: options)
        if let binary = cache.load(key), let program = restore(binary, options) {
            return Program(handle: program, fresh: nil)
        }
        builds += 1
        if cache.form == .bitcode {
            if let compilers = KernelCompilers.shared,
                let fresh = FreshProgram(compilers, number, source: source, options: options),
                let program = restore(fresh.bitcode, options)
            {
                cache.store(fresh.bitcode, key)
                return Program(handle: program, fresh: fresh)
            }
            if let (bitcode, program) = try bitcode(name, source, options) {
                cache.store(bitcode, key)
                return Program(handle: program, fresh: nil)
            }
        }
        var status: Int32 = 0
        let program = source.withCString { mclCreateProgramWithSource(context, $0, source.utf8.count, &status) }
        guard let program, status == CL_SUCCESS else { throw OpenCLError("clCreateProgramWithSource", status, name) }
        status = mclBuildProgram(program, device, options)
        guard status == CL_SUCCESS else {
            let log = buildLog(program)
            _ = mclReleaseProgram(program)
            throw OpenCLError("clBuildProgram", status, "\(kernel.family).\(name)\(kernel.defines.options): \(log)")
        }
        if cache.form == .executable, let binary = binary(of: program) { cache.store(binary, key) }
        return Program(handle: program, fresh: nil)
    }

    /// A program from a cached binary; nil where the driver does not take it any more.
    private func restore(_ binary: [UInt8], _ options: String) -> cl_program? {
        var status: Int32 = 0
        let program = mclCreateProgramWithBinary(context, device, binary, binary.count, &status)
        guard let program else { return nil }
        if status == CL_SUCCESS, mclBuildProgram(program, device, options) == CL_SUCCESS { return program }
        _ = mclReleaseProgram(program)
        return nil
    }

    /// A program in PoCL's intermediate code, compiled with our declarations of built-in functions or, where they do not suffice, with
    /// its own; nil where neither gives a program.
    private func bitcode(_ name: String, _ source: String, _ options: String) throws -> ([UInt8], cl_program)? {
        if let bitcode = bitcode(PoCLBitcode.declarations + source, options + PoCLBitcode.withoutHeader),
            let program = restore(bitcode, options)
        {
            return (bitcode, program)
        }
        guard let bitcode = bitcode(source, options), let program = restore(bitcode, options) else { return nil }
        // Only slow, so that nobody but a test would find it out.
        if Invariants.areChecked {
            _ = mclReleaseProgram(program)
            throw OpenCLError("clCompileProgram", CL_COMPILE_PROGRAM_FAILURE, "\(name) calls what Builtins.cl does not declare")
        }
        return (bitcode, program)
    }

    /// A program compiled and not linked, as PoCL has it; nil where that fails, or another form of it came out.
    private func bitcode(_ source: String, _ options: String) -> [UInt8]? {
        var status: Int32 = 0
        let program = source.withCString { mclCreateProgramWithSource(context, $0, source.utf8.count, &status) }
        guard let program else { return nil }
        defer { _ = mclReleaseProgram(program) }
        guard status == CL_SUCCESS, mclCompileProgram(program, device, options) == CL_SUCCESS else { return nil }
        return binary(of: program).flatMap(PoCLBitcode.extract)
    }

    private func binary(of program: cl_program) -> [UInt8]? {
        var size = 0
        guard mclGetProgramBinary(program, nil, &size) == CL_SUCCESS, size > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        return mclGetProgramBinary(program, &bytes, &size) == CL_SUCCESS ? bytes : nil
    }

    /// The compiler's messages on one line.
    private func buildLog(_ program: cl_program) -> String {
        var size = 0
        guard mclGetProgramBuildInfo(program, device, cl_uint(CL_PROGRAM_BUILD_LOG), 0, nil, &size) == CL_SUCCESS else {
            return ""
        }
        var bytes = [UInt8](repeating: 0, count: size + 1)
        guard mclGetProgramBuildInfo(program, device, cl_uint(CL_PROGRAM_BUILD_LOG), size, &bytes, nil) == CL_SUCCESS else {
            return ""
        }
        let log = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return log.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }.joined(separator: " | ")
    }
}
