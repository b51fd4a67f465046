import MartletCore

enum MemoryBenchmarks {
    private static let count = 16 << 20

    static let all = [
        BenchmarkCase(.memory, "upload 64 MiB", floats: 2 * count) { device in
            let host = [Float](repeating: 1, count: count), buffer = device.allocate(byteCount: count * 4)
            return { host.withUnsafeBytes { device.upload($0, to: buffer) } }
        },
        BenchmarkCase(.memory, "download 64 MiB", floats: 2 * count) { device in
            let buffer = BenchmarkInput.floats([count], on: device).view(on: device).buffer
            // The closure is run by one thread, and keeps one array for all runs.
            let host = HostBytes(count: count * 4)
            return { try device.download(buffer, byteOffset: 0, into: host.bytes) }
        },
        BenchmarkCase(.memory, "transposed copy 4096 x 4096", floats: 2 * count) { device in
            let x = BenchmarkInput.floats([4096, 4096], on: device)
            return { _ = x.transposed().contiguous(on: device) }
        },
    ]

    private final class HostBytes {
        let bytes: UnsafeMutableRawBufferPointer
        init(count: Int) {
            bytes = .allocate(byteCount: count, alignment: 64)
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }
        deinit { bytes.deallocate() }
    }
}
