import MartletCore

/// What a device can do at the most, measured and not looked up: multiply-adds on registers, and a triad through memory.
struct Ceilings {
    /// Floating-point operations a second.
    let operations: Double
    /// Bytes a second.
    let bytes: Double
    let results: [BenchmarkResult]

    init(of device: any Device) throws {
        // Arrays that no cache holds: 512 MiB together, or a quarter of a small device's memory.
        let count = min(512 << 20, device.info.memoryBytes / 4) / 12
        let peak = try CeilingWorkloads.multiplyAdds(device), triad = try CeilingWorkloads.triad([count], device)
        let compute = try Stopwatch.seconds(on: device, peak.run), memory = try Stopwatch.seconds(on: device, triad.run)
        operations = peak.operations / (compute.min() ?? 1)
        bytes = triad.bytes / (memory.min() ?? 1)
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
}
