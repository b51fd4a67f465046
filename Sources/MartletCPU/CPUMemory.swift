import Glibc
import MartletCore
import Synchronization

/// The CPU device's caching allocator. Freed blocks are kept by size class and handed out again, newest first, so that a
/// training step touches the pages of the step before and asks the system for nothing.
///
/// A class is an eighth of a power of two wide, so that at most 12.5 % of a fresh block is unused. Blocks of 2 MiB and more are
/// mapped at 2 MiB and ask for transparent huge pages: the first touch of a fresh block is then about 8 times faster.
final class CPUMemory: Sendable {
    private struct State {
        /// The newest of the pooled blocks of each capacity. A pooled block begins with the address of the next older one, 0 for none.
        var free: [Int: UInt] = [:]
        var statistics = DeviceStatistics()

        /// A pooled block of this capacity; where there is none, of large ones the smallest that is less than twice as large.
        mutating func take(_ capacity: Int) -> (UnsafeMutableRawPointer, Int)? {
            if let block = pop(capacity) { return (block, capacity) }
            guard capacity >= CPUMemory.hugePage else { return nil }
            let larger = free.keys.filter { $0 > capacity && $0 < 2 * capacity && free[$0] != 0 }.min()
            return larger.flatMap { larger in pop(larger).map { ($0, larger) } }
        }

        private mutating func pop(_ capacity: Int) -> UnsafeMutableRawPointer? {
            guard let address = free[capacity], let block = UnsafeMutableRawPointer(bitPattern: address) else { return nil }
            free[capacity] = block.load(as: UInt.self)
            return block
        }

        mutating func push(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
            block.storeBytes(of: free[capacity] ?? 0, as: UInt.self)
            free[capacity] = UInt(bitPattern: block)
        }
    }

    private let state = Mutex(State())
    private let launchCount = Atomic<Int>(0)
    /// Bytes that blocks in use and pooled ones may take together.
    private let limit: Int
    /// Where views of no elements and of failed allocations point; never written.
    private nonisolated(unsafe) let empty: UnsafeMutableRawPointer

    private static let hugePage = 2 << 20

    init(limit: Int) throws {
        guard let empty = aligned_alloc(64, 64) else {
            throw DeviceError(.unavailable, "cpu: out of memory at the start of the device")
        }
        memset(empty, 0, 64)
        self.limit = limit
        self.empty = empty
    }

    deinit {
        releaseAll()
        free(empty)
    }

    var statistics: DeviceStatistics {
        var statistics = state.withLock { $0.statistics }
        statistics.launches = launchCount.load(ordering: .relaxed)
        return statistics
    }

    func countLaunch() { launchCount.wrappingAdd(1, ordering: .relaxed) }
    func countBuild() { state.withLock { $0.statistics.builds += 1 } }

    /// A block of at least `byteCount` bytes and its size, 0 where there is nothing to give back.
    func take(_ byteCount: Int) -> (pointer: UnsafeMutableRawPointer, capacity: Int, fault: DeviceError?) {
        if byteCount <= 0 { return (empty, 0, nil) }
        guard byteCount <= limit else { return (empty, 0, outOfMemory(byteCount)) }
        let capacity = CPUMemory.capacity(for: byteCount)
        let (address, found): (UInt, Int) = state.withLock { state in
            guard let (block, found) = state.take(capacity) else { return (0, 0) }
            state.statistics.bytesPooled -= found
            state.statistics.bytesInUse += found
            return (UInt(bitPattern: block), found)
        }
        if let block = UnsafeMutableRawPointer(bitPattern: address) { return (block, found, nil) }
        if let fresh = takeFromSystem(capacity) { return (fresh, capacity, nil) }
        releaseAll()
        if let fresh = takeFromSystem(capacity) { return (fresh, capacity, nil) }
        return (empty, 0, outOfMemory(byteCount))
    }

    func give(_ pointer: UnsafeMutableRawPointer, capacity: Int) {
        if capacity == 0 { return }
        let address = UInt(bitPattern: pointer)
        state.withLock { state in
            if let block = UnsafeMutableRawPointer(bitPattern: address) { state.push(block, capacity) }
            state.statistics.bytesInUse -= capacity
            state.statistics.bytesPooled += capacity
        }
    }

    /// Gives the unused blocks back to the system.
    func releaseAll() {
        let newest = state.withLock { state in
            let newest = state.free
            state.free = [:]
            state.statistics.bytesPooled = 0
            return newest
        }
        for (capacity, address) in newest {
            var block = UnsafeMutableRawPointer(bitPattern: address)
            while let pointer = block {
                block = UnsafeMutableRawPointer(bitPattern: pointer.load(as: UInt.self))
                if capacity >= CPUMemory.hugePage { munmap(pointer, capacity) } else { free(pointer) }
            }
        }
    }

    private func takeFromSystem(_ capacity: Int) -> UnsafeMutableRawPointer? {
        let fits = state.withLock { state in
            guard state.statistics.bytesInUse + state.statistics.bytesPooled + capacity <= limit else { return false }
            state.statistics.bytesInUse += capacity
            state.statistics.systemAllocations += 1
            return true
        }
        guard fits else { return nil }
        let pointer = capacity >= CPUMemory.hugePage ? CPUMemory.map(capacity) : aligned_alloc(64, capacity)
        if pointer == nil {
            state.withLock { state in
                state.statistics.bytesInUse -= capacity
                state.statistics.systemAllocations -= 1
            }
        }
        return pointer
    }

    private func outOfMemory(_ byteCount: Int) -> DeviceError {
        let used = state.withLock { $0.statistics.bytesInUse }
        return DeviceError(
            .outOfMemory,
            "cpu: no memory for \(byteCount) bytes (\(used) in use, \(limit) usable): take a smaller batch or model")
    }

    /// The size of the class that holds this many bytes.
    static func capacity(for byteCount: Int) -> Int {
        if byteCount <= 64 { return 64 }
        let step = max(64, 1 << (Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 3))
        let rounded = (byteCount + step - 1) / step * step
        return rounded < hugePage ? rounded : (rounded + hugePage - 1) / hugePage * hugePage
    }

    /// Fresh pages at a multiple of 2 MiB.
    private static func map(_ capacity: Int) -> UnsafeMutableRawPointer? {
        let length = capacity + hugePage
        guard let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
            return nil
        }
        let before = (hugePage - Int(bitPattern: base) % hugePage) % hugePage
        let block = base + before
        if before > 0 { munmap(base, before) }
        if hugePage - before > 0 { munmap(block + capacity, hugePage - before) }
        madvise(block, capacity, MADV_HUGEPAGE)
        return block
    }
}
