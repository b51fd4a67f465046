import Foundation

/// Batches made ahead by threads and handed out in order. Threads take the next batch number as they become free; each result
/// waits in its own slot, so that the order does not depend on who was faster.
final class PrefetchQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private let numbers: Range<Int>
    private let capacity: Int
    private let make: @Sendable (Int) -> Result<Batch, DataError>
    // Guarded by `condition`.
    private var nextToMake: Int
    private var nextToTake: Int
    private var ready: [Int: Result<Batch, DataError>] = [:]
    private var isStopped = false

    /// Starts `threads` threads that make the batches `numbers`, at most `capacity` ahead of the one last taken.
    static func start(
        _ numbers: Range<Int>, threads: Int, capacity: Int, make: @escaping @Sendable (Int) -> Result<Batch, DataError>
    ) -> PrefetchQueue {
        let queue = PrefetchQueue(numbers, capacity: capacity, make: make)
        for _ in 0..<min(threads, numbers.count) {
            let thread = Thread { queue.work() }
            thread.stackSize = 1 << 20
            thread.start()
        }
        return queue
    }

    private init(_ numbers: Range<Int>, capacity: Int, make: @escaping @Sendable (Int) -> Result<Batch, DataError>) {
        self.numbers = numbers
        self.capacity = capacity
        self.make = make
        nextToMake = numbers.lowerBound
        nextToTake = numbers.lowerBound
    }

    /// The next batch, once it is there; nil after the last one. Where no thread has begun it, the caller makes it, so that
    /// batches come even if no thread could be started.
    func take() -> Result<Batch, DataError>? {
        condition.lock()
        defer { condition.unlock() }
        guard nextToTake < numbers.upperBound, !isStopped else { return nil }
        if nextToMake == nextToTake {
            let number = nextToMake
            nextToMake += 1
            nextToTake += 1
            condition.broadcast()
            condition.unlock()
            defer { condition.lock() }
            return make(number)
        }
        while ready[nextToTake] == nil, !isStopped { condition.wait() }
        guard let result = ready.removeValue(forKey: nextToTake) else { return nil }
        nextToTake += 1
        condition.broadcast()
        return result
    }

    /// Lets the threads end after the batch each one is at, and drops what is ready.
    func stop() {
        condition.lock()
        isStopped = true
        ready.removeAll()
        condition.broadcast()
        condition.unlock()
    }

    private func work() {
        while let number = nextNumber() {
            let result = make(number)
            condition.lock()
            if !isStopped { ready[number] = result }
            condition.broadcast()
            condition.unlock()
        }
    }

    private func nextNumber() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped, nextToMake < numbers.upperBound, nextToMake >= nextToTake + capacity { condition.wait() }
        guard !isStopped, nextToMake < numbers.upperBound else { return nil }
        nextToMake += 1
        return nextToMake - 1
    }
}
