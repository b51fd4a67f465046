import CMartletOpenCL
import Glibc

/// Processes that compile kernels beside this one, as many as there are processors, up to eight: PoCL compiles one kernel at a time in
/// a process, and a kernel takes it a third of a second. What they compile comes into PoCL's cache, where this process finds it.
///
/// Nothing depends on them: whatever they do not do this process does when it needs it.
final class KernelCompilers: @unchecked Sendable {
    /// Work for one of them, waiting, under way or done.
    final class Job {
        fileprivate let work: (Compiler) -> [UInt8]?
        fileprivate var isDone = false
        fileprivate var answer: [UInt8]?

        fileprivate init(_ work: @escaping (Compiler) -> [UInt8]?) { self.work = work }
    }

    /// Those of this process; nil where there can be none. Called before any driver is loaded here.
    static let shared: KernelCompilers? = {
        let wanted = getenv("MARTLET_COMPILERS").flatMap { Int(String(cString: $0)) } ?? Int(mclProcessorCount())
        // Without PoCL's cache their work is of no use.
        guard wanted > 0, ProbeReport.hasPoCL, getenv("POCL_KERNEL_CACHE").map({ String(cString: $0).hasPrefix("1") }) ?? true
        else { return nil }
        let control = mclPrepareCompilers()
        return control < 0 ? nil : KernelCompilers(control: control, most: min(wanted, mostCompilers))
    }()

    private static let mostCompilers = 8
    private static let mostFailures = 2
    private static let idleSeconds = 10
    /// Longer than any kernel takes on a busy machine.
    private static let deadlineSeconds: Int32 = 30

    private let control: Int32
    private let most: Int
    private let monitor = Monitor()
    private var waiting: [Job] = []
    private var threads = 0, idle = 0
    private var failures = 0

    private init(control: Int32, most: Int) {
        self.control = control
        self.most = most
    }

    /// Puts work at the end of the queue.
    func submit(_ work: @escaping (Compiler) -> [UInt8]?) -> Job {
        let job = Job(work)
        monitor.withLock {
            if failures >= KernelCompilers.mostFailures {
                job.isDone = true
                return
            }
            waiting.append(job)
            if idle >= waiting.count || threads == most || startThread() {
                monitor.broadcast()
            } else if threads == 0 {
                giveUp()
            }
        }
        return job
    }

    /// Starts all of them, where much is going to be compiled: each needs a second to get ready.
    func warm() {
        for _ in 0..<most {
            _ = submit { $0.ask(.warm) }
        }
    }

    func isDone(_ job: Job) -> Bool { monitor.withLock { job.isDone } }

    /// The answer, once it is there; nil where it failed.
    func wait(for job: Job) -> [UInt8]? {
        monitor.withLock {
            while !job.isDone { monitor.wait() }
            return job.answer
        }
    }

    private func startThread() -> Bool {
        var thread = pthread_t(), attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, &attributes,
            {
                guard let context = $0 else { return nil }
                Unmanaged<KernelCompilers>.fromOpaque(context).takeRetainedValue().work()
                return nil
            }, context.toOpaque())
        if status == 0 { threads += 1 } else { context.release() }
        return status == 0
    }

    /// One thread serves one process, and ends with it when there was nothing to do for a while.
    private func work() {
        var compiler: Compiler?
        while let job = next() {
            if compiler == nil { compiler = Compiler(control: control, deadlineSeconds: KernelCompilers.deadlineSeconds) }
            let answer = compiler.flatMap { job.work($0) }
            let hasFailed = compiler?.isGone ?? true
            if hasFailed { compiler = nil }
            monitor.withLock {
                job.answer = answer
                job.isDone = true
                if hasFailed { failures += 1 }
                if failures >= KernelCompilers.mostFailures { giveUp() }
                monitor.broadcast()
            }
        }
    }

    /// The job to do next; nil once none has come for a while.
    private func next() -> Job? {
        monitor.withLock {
            idle += 1
            defer { idle -= 1 }
            while waiting.isEmpty {
                if !monitor.wait(seconds: KernelCompilers.idleSeconds), waiting.isEmpty {
                    threads -= 1
                    return nil
                }
            }
            return waiting.removeFirst()
        }
    }

    private func giveUp() {
        for job in waiting { job.isDone = true }
        waiting.removeAll()
        monitor.broadcast()
    }
}

/// A process that compiles.
final class Compiler {
    private let socket: Int32
    private(set) var isGone = false

    fileprivate init?(control: Int32, deadlineSeconds: Int32) {
        socket = mclStartCompiler(control, deadlineSeconds)
        if socket < 0 { return nil }
    }

    deinit {
        // Also where a child of this process still holds it.
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    /// The answer; empty where it failed, nil where the process is gone.
    func ask(_ request: CompilerRequest) -> [UInt8]? {
        var bytes: UnsafeMutableRawPointer?, count = 0
        guard !isGone, mclAskCompiler(socket, request.bytes, request.bytes.count, &bytes, &count) == 0 else {
            isGone = true
            return nil
        }
        defer { free(bytes) }
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
}

/// A request in the making; see `mclAskCompiler`.
struct CompilerRequest {
    static let warm = CompilerRequest(Int(MCL_WARM), DeviceNumber(platform: 0, device: 0))

    private(set) var bytes: [UInt8] = []

    init(_ kind: Int, _ device: DeviceNumber) {
        add(kind)
        add(device.platform)
        add(device.device)
    }

    mutating func add(_ number: Int) { add(UInt64(number)) }
    mutating func add(_ number: UInt64) { withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) } }
    mutating func add(text: String) { add(text: Array(text.utf8)) }
    mutating func add(text: [UInt8]) {
        add(text.count)
        bytes.append(contentsOf: text)
        bytes.append(0)
    }
}

/// A device's place in the loader's list.
struct DeviceNumber {
    let platform: Int
    let device: Int
}
