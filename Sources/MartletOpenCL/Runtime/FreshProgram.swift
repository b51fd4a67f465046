import CMartletOpenCL

/// A program that PoCL has no machine code of yet, in its intermediate code.
final class FreshProgram {
    private let compilers: KernelCompilers
    private let device: DeviceNumber
    let bitcode: [UInt8]
    private let options: String

    /// Compiles a source in another process; nil where that fails.
    init?(_ compilers: KernelCompilers, _ device: DeviceNumber, source: String, options: String) {
        let job = compilers.submit { compiler in
            var request = CompilerRequest(Int(MCL_COMPILE), device)
            request.add(text: options + PoCLBitcode.withoutHeader)
            request.add(text: PoCLBitcode.declarations + source)
            guard let binary = compiler.ask(request), let bitcode = PoCLBitcode.extract(from: binary) else { return nil }
            // Linked there, PoCL need not load its library of functions here.
            let linked = compiler.ask(FreshProgram.link(bitcode, options, device))
            return linked?.isEmpty == false ? bitcode : nil
        }
        guard let bitcode = compilers.wait(for: job) else { return nil }
        self.compilers = compilers
        self.device = device
        self.bitcode = bitcode
        self.options = options
    }

    private static func link(_ bitcode: [UInt8], _ options: String, _ device: DeviceNumber) -> CompilerRequest {
        var request = CompilerRequest(Int(MCL_BUILD), device)
        request.add(text: options)
        request.add(text: bitcode)
        return request
    }

    /// Has another process make machine code of a kernel.
    func makeCode(_ kernel: String, local: WorkSize, arguments: [(kind: Int, value: UInt64)]) -> FreshCode {
        var request = FreshProgram.link(bitcode, options, device)
        request.add(text: kernel)
        for number in [local.rank, local.x, local.y, local.z, arguments.count] { request.add(number) }
        for argument in arguments {
            request.add(argument.kind)
            request.add(argument.value)
        }
        return FreshCode(compilers: compilers, job: compilers.submit { [request] in $0.ask(request) })
    }
}

/// Machine code in the making.
struct FreshCode {
    fileprivate let compilers: KernelCompilers
    fileprivate let job: KernelCompilers.Job

    var isDone: Bool { compilers.isDone(job) }
    func wait() { _ = compilers.wait(for: job) }
}
