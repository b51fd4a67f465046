import MartletCore

/// What a device can do at the most, measured and not looked up: multiply-adds on registers, and a triad through memory.
struct Ceilings {
    /// Floating-point operations a second.
    let operations: Double
    /// Bytes a second.
    let bytes: Double
    let results: [BenchmarkResult]

    init(of device: any Device) throws {
        let (compute, operationCount) = try Ceilings.multiplyAdds(device)
        let (memory, byteCount) = try Ceilings.triad(device)
        operations = operationCount / (compute.min() ?? 1)
        bytes = byteCount / (memory.min() ?? 1)
        func result(_ name: String, _ seconds: [Double], gflops: Double?, gbps: Double?) -> BenchmarkResult {
            let median = seconds.sorted()[seconds.count / 2]
            return BenchmarkResult(
                name: name, device: device.info.id, medianMs: median * 1e3, minMs: (seconds.min() ?? median) * 1e3,
                gflops: gflops,
                gbps: gbps, ofCeiling: 1)
        }
        results = [
            result("Ceiling/multiply-adds on registers", compute, gflops: operations * 1e-9, gbps: nil),
            result("Ceiling/triad through memory", memory, gflops: nil, gbps: bytes * 1e-9),
        ]
    }

    /// The device's own probe; where it has none, the fastest thing that every device has, a large product.
    private static func multiplyAdds(_ device: any Device) throws -> (seconds: [Double], operations: Double) {
        if let device = device as? any Device & PeakMeasuring {
            var count = 0.0
            let seconds = try Stopwatch.seconds(on: device) { count = try device.startMultiplyAdds() }
            return (seconds, count)
        }
        let size = 1024, x = BenchmarkInput.floats([size, size], on: device)
        return (try Stopwatch.seconds(on: device) { _ = matmul(x, x) }, 2 * Double(size * size * size))
    }

    /// a = b + factor * c over arrays that no cache holds: 512 MiB together, or a quarter of a small device's memory.
    private static func triad(_ device: any Device) throws -> (seconds: [Double], bytes: Double) {
        let count = min(512 << 20, device.info.memoryBytes / 4) / 12
        let a = Tensor(empty: [count], on: device), b = BenchmarkInput.floats([count], on: device),
            c = BenchmarkInput.floats([count], on: device)
        let views = [a, b, c].map { $0.view(on: device) }
        let seconds = try Stopwatch.seconds(on: device) {
            device.pointwise(.input(0) + .scalar(0) * .input(1), scalars: [3], inputs: [views[1], views[2]], outputs: [views[0]])
        }
        return (seconds, Double(count) * 12)
    }
}
