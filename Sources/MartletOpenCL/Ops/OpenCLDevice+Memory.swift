import CMartletOpenCL
import Glibc
import MartletCore

/// Host bytes that a queued write still reads.
struct PendingUpload {
    let bytes: UnsafeMutableRawPointer
    let number: UInt64
}

extension OpenCLDevice: MemoryOps {
    public func allocate(byteCount: Int) -> DeviceBuffer {
        precondition(byteCount >= 0, "allocate: \(byteCount) bytes")
        return lock.withLock {
            if let lost { return OpenCLBuffer(owner: self, byteCount: byteCount, failure: lost) }
            do {
                return OpenCLBuffer(owner: self, byteCount: byteCount, block: try pool.take(max(byteCount, 1)))
            } catch let error as DeviceError {
                return OpenCLBuffer(owner: self, byteCount: byteCount, failure: error)
            } catch {
                let failure = (error as? OpenCLError)?.deviceError ?? DeviceError(.outOfMemory, "\(info.id): \(error)")
                if failure.kind == .lost { lost = failure }
                return OpenCLBuffer(owner: self, byteCount: byteCount, failure: failure)
            }
        }
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, to buffer: DeviceBuffer) {
        precondition(bytes.count <= buffer.byteCount, "upload: \(bytes.count) bytes to a buffer of \(buffer.byteCount)")
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        let target = own(buffer)
        lock.withLock {
            guard let block = target.block else { return }
            if let lost {
                target.fault = lost
                return
            }
            do {
                try upload(source, bytes.count, to: block)
                // The contents are new, whatever befell the old ones.
                if bytes.count == target.byteCount { target.fault = nil }
            } catch {
                target.fault = (error as? OpenCLError)?.deviceError ?? (error as? DeviceError)
            }
        }
    }

    public func download(_ buffer: DeviceBuffer, byteOffset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
        precondition(
            byteOffset >= 0 && byteOffset + bytes.count <= buffer.byteCount,
            "download: \(bytes.count) bytes from \(byteOffset) of a buffer of \(buffer.byteCount)")
        let source = own(buffer)
        let (isDone, enqueued) = try lock.withLock { () throws -> (Bool, UInt64) in
            if let fault = source.fault ?? lost { throw fault }
            try queue.releaseHeld()
            return ((source.block?.lastUse ?? 0) <= queue.completed, queue.enqueued)
        }
        guard let target = bytes.baseAddress, bytes.count > 0, let block = source.block else { return }
        do {
            if let host = block.host {
                if !isDone {
                    try queue.waitForAll()
                    lock.withLock { queue.didComplete(enqueued) }
                }
                memcpy(target, host + byteOffset, bytes.count)
            } else {
                try read(block, byteOffset, bytes.count, into: target)
            }
        } catch let error as OpenCLError {
            throw fail(error)
        }
    }

    public func synchronize() throws {
        let enqueued = try lock.withLock { () throws -> UInt64 in
            if let lost { throw lost }
            try queue.releaseHeld()
            return queue.enqueued
        }
        do {
            try queue.waitForAll()
        } catch let error as OpenCLError {
            throw fail(error)
        }
        lock.withLock {
            queue.didComplete(enqueued)
            releaseUploads()
        }
    }

    public func emptyPool() {
        lock.withLock {
            do {
                try pool.empty()
            } catch {
                lost = (error as? OpenCLError)?.deviceError ?? lost
            }
        }
    }

    public var statistics: DeviceStatistics {
        lock.withLock {
            var statistics = DeviceStatistics()
            statistics.bytesInUse = pool.bytesInUse
            statistics.bytesPooled = pool.bytesPooled
            statistics.systemAllocations = pool.systemAllocations
            statistics.launches = queue.launches
            statistics.builds = programs.builds
            return statistics
        }
    }

    private func fail(_ error: OpenCLError) -> DeviceError {
        let failure = DeviceError(error.deviceError.kind, "\(info.id): \(error)")
        if failure.kind == .lost { lock.withLock { lost = failure } }
        return failure
    }

    /// Host memory that is not in use is written at once; else the bytes are copied aside and written in the queue's order.
    private func upload(_ source: UnsafeRawPointer, _ count: Int, to block: MemoryBlock) throws {
        if pool.isInPlace {
            if block.lastUse > queue.completed {
                let staging = try pool.takeIdle(count)
                defer { pool.put(staging) }
                try queue.releaseHeld()
                guard let host = staging.host else { throw DeviceError(.outOfMemory, "\(info.id): no memory for an upload") }
                memcpy(host, source, count)
                try check(mclEnqueueCopyBuffer(queue.handle, staging.memory, block.memory, 0, 0, count), "clEnqueueCopyBuffer")
                try queue.didEnqueue(isKernel: false)
                staging.lastUse = queue.enqueued
                block.lastUse = queue.enqueued
            } else if let host = block.host {
                memcpy(host, source, count)
            }
            return
        }
        releaseUploads()
        try queue.releaseHeld()
        if let copy = count <= 64 << 20 ? malloc(count) : nil {
            memcpy(copy, source, count)
            let status = mclEnqueueWriteBuffer(queue.handle, block.memory, 0, 0, count, copy, nil)
            if status != CL_SUCCESS { free(copy) }
            try check(status, "clEnqueueWriteBuffer", "\(count) bytes")
            try queue.didEnqueue(isKernel: false)
            pendingUploads.append(PendingUpload(bytes: copy, number: queue.enqueued))
            block.lastUse = queue.enqueued
        } else {
            try check(
                mclEnqueueWriteBuffer(queue.handle, block.memory, 1, 0, count, source, nil), "clEnqueueWriteBuffer",
                "\(count) bytes")
        }
    }

    private func releaseUploads() {
        pendingUploads.removeAll { upload in
            guard upload.number <= queue.completed else { return false }
            free(upload.bytes)
            return true
        }
    }

    private func read(_ block: MemoryBlock, _ offset: Int, _ count: Int, into target: UnsafeMutableRawPointer) throws {
        var event: cl_event?
        let enqueued = try lock.withLock { () throws -> UInt64 in
            try queue.releaseHeld()
            try check(
                mclEnqueueReadBuffer(queue.handle, block.memory, 0, offset, count, target, &event), "clEnqueueReadBuffer",
                "\(count) bytes")
            try check(mclFlush(queue.handle), "clFlush")
            return queue.enqueued
        }
        if let event { try queue.wait(for: event) }
        lock.withLock {
            queue.didComplete(enqueued)
            releaseUploads()
        }
    }
}
