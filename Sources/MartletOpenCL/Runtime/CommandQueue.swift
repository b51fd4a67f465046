import CMartletOpenCL
import Glibc

/// One in-order queue with a bound on the work in it. Used behind the device's lock, but for `wait`.
///
/// Work is numbered in the order of the calls; `completed` is a number up to which all is known to be done.
/// Kernels are enqueued one by one: recorded in a `cl_khr_command_buffer` they cost PoCL more (`Benchmarks/launches.c`).
final class CommandQueue: @unchecked Sendable {
    let handle: cl_command_queue
    private(set) var enqueued: UInt64 = 0
    private(set) var completed: UInt64 = 0
    private(set) var launches = 0

    /// Whether waiting polls with sleeps (drivers of GPUs often spin at full load) and not in the driver.
    private let sleeps: Bool
    private var marker: (event: cl_event, number: UInt64)?

    private static let flushInterval: UInt64 = 16
    /// At most twice this many commands are queued.
    private static let markerInterval: UInt64 = 512
    /// No command may take longer.
    private static let deadlineSeconds = 300.0

    init(context: cl_context, device: cl_device_id, sleeps: Bool) throws {
        var status: Int32 = 0
        let queue = mclCreateCommandQueue(context, device, &status)
        guard let queue, status == CL_SUCCESS else { throw OpenCLError("clCreateCommandQueue", status) }
        handle = queue
        self.sleeps = sleeps
    }

    func release() {
        if let marker { _ = mclReleaseEvent(marker.event) }
        marker = nil
        _ = mclReleaseCommandQueue(handle)
    }

    /// Counts a command just enqueued; now and then flushes, and waits where too much is queued.
    @inline(__always)
    func didEnqueue(isKernel: Bool) throws {
        enqueued += 1
        if isKernel { launches += 1 }
        if enqueued % CommandQueue.flushInterval == 0 { try flushOrWait() }
    }

    private func flushOrWait() throws {
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
        let last = enqueued
        if completed == last { return }
        try waitForAll()
        completed = max(completed, last)
    }

    /// Waits without touching the counts, so that it may be called outside the device's lock.
    func waitForAll() throws {
        guard sleeps else { return try check(mclFinish(handle), "clFinish") }
        var event: cl_event?
        try check(mclEnqueueMarker(handle, &event), "clEnqueueMarkerWithWaitList")
        try check(mclFlush(handle), "clFlush")
        if let event { try wait(for: event) }
    }

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
