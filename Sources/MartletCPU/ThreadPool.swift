import CMartletCPU
import MartletCore

/// The threads that a CPU device's ops share. Plain threads: a loop over a tensor never occupies Swift's executor.
package final class ThreadPool: @unchecked Sendable {
    /// For C functions that run their own loops.
    package let handle: OpaquePointer
    /// Workers, the calling thread included.
    package let threads: Int

    package init(threads: Int) throws {
        guard let handle = martlet_pool_create(Int32(clamping: threads)) else {
            throw DeviceError(.unavailable, "cpu: no memory for a pool of \(threads) threads")
        }
        self.handle = handle
        self.threads = Int(martlet_pool_threads(handle))
    }

    deinit { martlet_pool_destroy(handle) }

    /// Runs `body(task, worker)` for 0..<tasks; returns when all are done. `worker` is in 0..<threads; which of them runs a
    /// task is not fixed, so each task writes its own results.
    package func run(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
        guard tasks > 1, threads > 1 else {
            for task in 0..<max(tasks, 0) { body(task, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { pointer in
                martlet_pool_run(
                    handle, tasks,
                    { context, task, worker in
                        guard let context else { return }
                        context.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(task, Int(worker))
                    }, UnsafeMutableRawPointer(mutating: pointer))
            }
        }
    }

    /// How many tasks to cut `count` items into, so that none has less than `grain` of them and each worker has at most
    /// `perWorker`.
    package func tasks(for count: Int, grain: Int, perWorker: Int = 1) -> Int {
        threads == 1 ? 1 : max(1, min(count / max(grain, 1), threads * perWorker))
    }

    /// Cuts 0..<count into ranges that are multiples of `alignment` long (but the last) and runs `body(range, worker)` for
    /// each. The cut depends only on the count, the grain and the number of threads.
    package func run(
        over count: Int, grain: Int, perWorker: Int = 1, alignment: Int = 1,
        _ body: (_ range: Range<Int>, _ worker: Int) -> Void
    ) {
        guard count > 0 else { return }
        let tasks = tasks(for: count, grain: grain, perWorker: perWorker)
        if tasks == 1 { return body(0..<count, 0) }
        let share = ((count + tasks - 1) / tasks + alignment - 1) / alignment * alignment
        run((count + share - 1) / share) { task, worker in
            body(task * share..<min(count, (task + 1) * share), worker)
        }
    }
}
