import CMartletOpenCL
import Glibc
import MartletCore

/// One in-order queue with a bound on the work in it. Used behind the device's lock, but for `waitForAll` and `wait(for:)`.
///
/// Work is numbered in the order of the calls; `completed` is a number up to which all is known to be done.
/// Small launches are held until a few came together, another one comes or somebody waits: a driver whose threads sleep between
/// them wakes them for each, which takes longer than the launch. `releaseHeld` gives them to the driver; who is going to wait, or
/// enqueues by itself, calls it first, behind the same lock as it takes `enqueued`.
/// Kernels are enqueued one by one: recorded in a `cl_khr_command_buffer` they cost PoCL more (`Benchmarks/launches.c`).
final class CommandQueue: @unchecked Sendable {
    let handle: cl_command_queue
    private(set) var enqueued: UInt64 = 0
    private(set) var completed: UInt64 = 0
    private(set) var launches = 0
    /// How often memory was given back to the driver.
    private var memoryReleases = 0

    private struct Launch {
        let kernel: Kernel
        let global: WorkSize
        let local: WorkSize
        let arguments: Range<Int>
        let code: FreshCode?
    }
    private var held: [Launch] = []
    private var heldArguments: [ArgumentValue] = []
    /// So many are held at most.
    private static let mostHeld = 8
    /// Machine code that launches among the held ones need, in their order. While it is made more are held, so that its makers get
    /// to know what else is needed.
    private var awaited: [FreshCode] = []
    private static let mostAwaiting = 1024
    /// What befell launches whose results nobody could mark; every later call fails with it.
    private var failure: DeviceError?
    /// The device's, for messages.
    private let id: String

    /// Whether waiting polls with sleeps (drivers of GPUs often spin at full load) and not in the driver.
    private let sleeps: Bool
    private var marker: (event: cl_event, number: UInt64)?

    private static let flushInterval: UInt64 = 16
    /// At most twice this many commands are queued, and those that wait for code.
    private static let markerInterval: UInt64 = 512
    /// No command may take longer.
    private static let deadlineSeconds = 300.0

    init(context: cl_context, device: cl_device_id, sleeps: Bool, id: String) throws {
        var status: Int32 = 0
        let queue = mclCreateCommandQueue(context, device, &status)
        guard let queue, status == CL_SUCCESS else { throw OpenCLError("clCreateCommandQueue", status) }
        handle = queue
        self.sleeps = sleeps
        self.id = id
    }

    func release() {
        if let marker { _ = mclReleaseEvent(marker.event) }
        marker = nil
        _ = mclReleaseCommandQueue(handle)
    }

    /// Puts a launch into the queue, or holds a small one, or one behind a kernel whose machine code is being made.
    ///
    /// - Parameters:
    ///   - makeCode: starts making machine code that the kernel lacks, if it does.
    ///   - addArguments: appends the arguments; what it throws leaves the queue as it was.
    func hold(
        _ kernel: Kernel, _ global: WorkSize, _ local: WorkSize, isSmall: Bool, code makeCode: () -> FreshCode?,
        addArguments: (inout [ArgumentValue]) throws -> Void
    ) throws {
        if let failure { throw failure }
        let first = heldArguments.count
        do {
            try addArguments(&heldArguments)
            let count = heldArguments.count - first
            guard count == kernel.argumentCount else {
                throw OpenCLError(
                    "launch of \(kernel.name)", CL_INVALID_KERNEL_ARGS, "\(count) arguments for \(kernel.argumentCount)")
            }
        } catch {
            heldArguments.removeSubrange(first...)
            throw error
        }
        let code = makeCode()
        held.append(Launch(kernel: kernel, global: global, local: local, arguments: first..<heldArguments.count, code: code))
        if let code { awaited.append(code) }
        if (!isSmall || held.count >= CommandQueue.mostHeld) && !awaitsCode() { try releaseHeld(forLast: true) }
        try didEnqueue(isKernel: true)
    }

    /// Whether machine code is still being made, and no more than a few launches wait for it; forgets what is done.
    private func awaitsCode() -> Bool {
        if awaited.isEmpty || held.count >= CommandQueue.mostAwaiting { return false }
        if let first = awaited.firstIndex(where: { !$0.isDone }) {
            awaited.removeFirst(first)
        } else {
            awaited.removeAll()
        }
        return !awaited.isEmpty
    }

    /// Gives the driver what is held. The failure of a launch is one of the device: nobody is there any more who could mark its
    /// results, but for the last one where its caller asks.
    func releaseHeld(forLast: Bool = false) throws {
        if let failure { throw failure }
        if held.isEmpty { return }
        defer {
            held.removeAll(keepingCapacity: true)
            heldArguments.removeAll(keepingCapacity: true)
            awaited.removeAll()
        }
        for (index, launch) in held.enumerated() {
            launch.code?.wait()
            do {
                try launch.kernel.set(heldArguments[launch.arguments], releases: memoryReleases)
                try enqueue(launch)
            } catch let error as OpenCLError where !forLast || index < held.count - 1 {
                let lost = DeviceError(.lost, "\(id): a launch in the queue failed: \(error)")
                failure = lost
                throw lost
            }
        }
    }

    private func enqueue(_ launch: Launch) throws {
        let (global, local) = (launch.global, launch.local)
        let status = withUnsafeTemporaryAllocation(of: Int.self, capacity: 6) { sizes -> Int32 in
            sizes[0] = global.x
            sizes[1] = global.y
            sizes[2] = global.z
            sizes[3] = local.x
            sizes[4] = local.y
            sizes[5] = local.z
            guard let base = sizes.baseAddress else { return CL_OUT_OF_HOST_MEMORY }
            return mclEnqueueNDRangeKernel(handle, launch.kernel.handle, cl_uint(global.rank), base, base + 3, nil)
        }
        try check(status, "clEnqueueNDRangeKernel", "\(launch.kernel.name), \(global) by \(local)")
    }

    /// Counts a command just enqueued; now and then flushes, and waits where too much is queued.
    @inline(__always)
    func didEnqueue(isKernel: Bool) throws {
        enqueued += 1
        if isKernel { launches += 1 }
        if enqueued % CommandQueue.flushInterval == 0 { try flushOrWait() }
    }

    private func flushOrWait() throws {
        if awaitsCode() { return }
        try releaseHeld(forLast: true)
        if enqueued % CommandQueue.markerInterval == 0 {
            if let marker {
                self.marker = nil
                try wait(for: marker.event)
                completed = max(completed, marker.number)
            }
            var event: cl_event?
            try check(mclEnqueueMarker(handle, &event), "clEnqueueMarkerWithWaitList")
            if let event { marker = (event, enqueued) }
        }
        try check(mclFlush(handle), "clFlush")
    }

    /// Waits until all that was enqueued is done.
    func finish() throws {
        try releaseHeld()
        let last = enqueued
        if completed == last { return }
        try waitForAll()
        completed = max(completed, last)
    }

    /// Waits for what the driver has, without touching the counts, so that it may be called outside the device's lock.
    func waitForAll() throws {
        guard sleeps else { return try check(mclFinish(handle), "clFinish") }
        var event: cl_event?
        try check(mclEnqueueMarker(handle, &event), "clEnqueueMarkerWithWaitList")
        try check(mclFlush(handle), "clFlush")
        if let event { try wait(for: event) }
    }

    /// Notes that memory was given back to the driver: what is allocated next may have its place.
    func didReleaseMemory() { memoryReleases += 1 }

    /// Notes that all up to a number is done.
    func didComplete(_ number: UInt64) { completed = max(completed, number) }

    /// Waits for an event and releases it.
    func wait(for event: cl_event) throws {
        defer { _ = mclReleaseEvent(event) }
        guard sleeps else {
            try check(mclWaitForEvent(event), "clWaitForEvents")
            return
        }
        var pause: UInt32 = 0, waited = 0.0
        while true {
            var status: Int32 = 0
            try check(mclGetEventStatus(event, &status), "clGetEventInfo")
            if status == CL_COMPLETE { return }
            if status < 0 { throw OpenCLError("a queued command", status) }
            if pause == 0 { sched_yield() } else { usleep(pause) }
            waited += Double(pause) * 1e-6
            if waited > CommandQueue.deadlineSeconds {
                throw OpenCLError(
                    "waiting for the device", CL_DEVICE_NOT_AVAILABLE,
                    "no answer within \(Int(CommandQueue.deadlineSeconds)) s")
            }
            pause = pause == 0 ? 10 : min(pause + pause / 4 + 1, 500)
        }
    }
}
