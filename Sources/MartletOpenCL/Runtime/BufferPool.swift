import CMartletOpenCL
import Glibc
import MartletCore

/// A caching allocator: freed blocks are kept by size class and used again at once, which the queue's order makes safe.
/// Used behind the device's lock.
final class BufferPool {
    private let context: cl_context
    private let queue: CommandQueue
    private let id: String
    private let maxAllocationBytes: Int
    private let budgetBytes: Int
    /// Whether blocks are host memory that the device uses in place.
    let isInPlace: Bool
    /// Whether a new block is written once, so that a driver that allocates late fails here and not in a kernel.
    private let touchesNewBlocks: Bool

    private var free: [Int: [MemoryBlock]] = [:]
    private(set) var bytesInUse = 0
    private(set) var bytesPooled = 0
    private(set) var systemAllocations = 0
    private var peakBytesInUse = 0
    private static let sparedBytes = 256 << 20
    private static let largeBytes = 2 << 20

    init(context: cl_context, queue: CommandQueue, properties: OpenCLProperties, id: String) {
        self.context = context
        self.queue = queue
        self.id = id
        maxAllocationBytes = properties.maxAllocationBytes
        budgetBytes = properties.memoryBytes / 10 * 9
        let isHostMemory = properties.kind == .cpu && properties.isHostUnified
        isInPlace = isHostMemory && BufferPool.usesHostMemoryInPlace(context, queue.handle)
        touchesNewBlocks = properties.kind != .cpu
    }

    /// A block for `byteCount` bytes, whose earlier contents queued work may still read.
    func take(_ byteCount: Int) throws -> MemoryBlock {
        let size = try sizeClass(byteCount)
        guard let block = free[size]?.popLast() ?? fitting(size) else { return try grow(size) }
        bytesPooled -= block.byteCount
        bytesInUse += block.byteCount
        return block
    }

    /// The smallest unused block that is larger, and less than twice as large; only a large one is worth the search.
    private func fitting(_ size: Int) -> MemoryBlock? {
        guard size >= BufferPool.largeBytes else { return nil }
        let larger = free.keys.filter { $0 > size && $0 < 2 * size && free[$0]?.isEmpty == false }.min()
        return larger.flatMap { free[$0]?.popLast() }
    }

    /// A block that no queued work uses, so that the host may write to it now.
    func takeIdle(_ byteCount: Int) throws -> MemoryBlock {
        let size = try sizeClass(byteCount)
        if let index = free[size]?.firstIndex(where: { $0.lastUse <= queue.completed }), let block = free[size]?.remove(at: index)
        {
            bytesPooled -= size
            bytesInUse += size
            return block
        }
        return try grow(size)
    }

    /// Takes a block back. Where sizes change all the time, what is kept for them is let go once it is far more than was ever
    /// in use together.
    func put(_ block: MemoryBlock) {
        peakBytesInUse = max(peakBytesInUse, bytesInUse)
        bytesInUse -= block.byteCount
        bytesPooled += block.byteCount
        free[block.byteCount, default: []].append(block)
        // An error here is met again, and reported, by the next op.
        if bytesPooled > 2 * peakBytesInUse + BufferPool.sparedBytes { try? empty() }
    }

    /// Gives all unused blocks back to the system, once queued work no longer needs them.
    func empty() throws {
        if free.isEmpty { return }
        try queue.finish()
        releaseAll()
    }

    /// As `empty`, where the queue is known to be idle.
    func releaseAll() {
        for block in free.values.joined() { release(block) }
        free.removeAll()
        bytesPooled = 0
    }

    private func grow(_ size: Int) throws -> MemoryBlock {
        if bytesInUse + bytesPooled + size > budgetBytes { try empty() }
        if bytesInUse + size > budgetBytes {
            throw DeviceError(
                .outOfMemory,
                "\(id): \(size) bytes more than the \(bytesInUse) in use exceed the device's memory; "
                    + "use smaller batches or a smaller model")
        }
        do {
            return try create(size)
        } catch let error as OpenCLError where error.isOutOfMemory {
            try empty()
            do {
                return try create(size)
            } catch let error as OpenCLError {
                throw DeviceError(
                    .outOfMemory,
                    "\(id): no memory for a buffer of \(size) bytes beside the \(bytesInUse) in "
                        + "use (\(error)); use smaller batches or a smaller model")
            }
        }
    }

    private func create(_ size: Int) throws -> MemoryBlock {
        var host: UnsafeMutableRawPointer?
        var flags = cl_ulong(CL_MEM_READ_WRITE)
        if isInPlace {
            let isLarge = size >= BufferPool.largeBytes
            guard posix_memalign(&host, isLarge ? BufferPool.largeBytes : 4096, size) == 0, let host else {
                throw OpenCLError("posix_memalign", CL_OUT_OF_HOST_MEMORY, "\(size) bytes")
            }
            if isLarge { mclAdviseHugePages(host, size) }
            flags |= cl_ulong(CL_MEM_USE_HOST_PTR)
        }
        var status: Int32 = 0
        let memory = mclCreateBuffer(context, flags, size, host, &status)
        guard let memory, status == CL_SUCCESS else {
            Glibc.free(host)
            throw OpenCLError("clCreateBuffer", status, "\(size) bytes")
        }
        if touchesNewBlocks {
            var zero: UInt32 = 0
            let status = mclEnqueueFillBuffer(queue.handle, memory, &zero, 4, 0, 4)
            if status != CL_SUCCESS {
                _ = mclReleaseMemObject(memory)
                throw OpenCLError("clEnqueueFillBuffer", status, "a new buffer of \(size) bytes")
            }
            try queue.didEnqueue(isKernel: false)
        }
        systemAllocations += 1
        bytesInUse += size
        let block = MemoryBlock(memory: memory, host: host, byteCount: size)
        if touchesNewBlocks { block.lastUse = queue.enqueued }
        return block
    }

    private func release(_ block: MemoryBlock) {
        queue.didReleaseMemory()
        _ = mclReleaseMemObject(block.memory)
        Glibc.free(block.host)
    }

    /// Eight classes between a power of two and the next, so that at most an eighth is unused.
    private func sizeClass(_ byteCount: Int) throws -> Int {
        guard byteCount <= maxAllocationBytes else {
            throw DeviceError(
                .outOfMemory,
                "\(id): a buffer of \(byteCount) bytes is above the device's limit of "
                    + "\(maxAllocationBytes) bytes for one buffer; use smaller batches")
        }
        if byteCount <= 4096 { return max((byteCount + 255) / 256 * 256, 256) }
        let step = 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount - 4)
        return min((byteCount + step - 1) / step * step, maxAllocationBytes)
    }

    /// Tries whether what the host writes to a buffer's own memory is what the device sees, and the other way round.
    private static func usesHostMemoryInPlace(_ context: cl_context, _ queue: cl_command_queue) -> Bool {
        let size = 4096
        var host: UnsafeMutableRawPointer?
        guard posix_memalign(&host, 4096, size) == 0, let host else { return false }
        defer { Glibc.free(host) }
        var status: Int32 = 0
        let flags = cl_ulong(CL_MEM_READ_WRITE) | cl_ulong(CL_MEM_USE_HOST_PTR)
        guard let memory = mclCreateBuffer(context, flags, size, host, &status), status == CL_SUCCESS else { return false }
        defer { _ = mclReleaseMemObject(memory) }
        var pattern: UInt32 = 0x1234_5678, seen: UInt32 = 0
        let words = host.assumingMemoryBound(to: UInt32.self)
        guard mclEnqueueFillBuffer(queue, memory, &pattern, 4, 0, size) == CL_SUCCESS, mclFinish(queue) == CL_SUCCESS,
            words[17] == pattern
        else { return false }
        words[18] = 0x8765_4321
        guard mclEnqueueReadBuffer(queue, memory, 1, 18 * 4, 4, &seen, nil) == CL_SUCCESS else { return false }
        return seen == 0x8765_4321
    }
}
