import MartletCore

/// Times the op families' kernels. `martlet bench` runs it.
public enum Benchmarks {
    /// Every case, family by family.
    public static var cases: [BenchmarkCase] {
        MemoryBenchmarks.all + PointwiseBenchmarks.all + ReductionBenchmarks.all + MatmulBenchmarks.all
            + ConvolutionBenchmarks.all
            + PoolingBenchmarks.all + NormalizationBenchmarks.all + SoftmaxBenchmarks.all + AttentionBenchmarks.all
            + RecurrenceBenchmarks.all + IndexingBenchmarks.all + RegionBenchmarks.all + RandomBenchmarks.all
            + UpdateBenchmarks.all
    }

    /// Times cases one after the other: at least 5 runs to warm up, then at least 20 timed ones, each waiting for the device.
    /// Short runs are timed in batches of about 2 ms. The device's ceilings are measured first and are results too.
    ///
    /// - Parameters:
    ///   - filter: only cases whose `Family/name` contains this text, whatever its case; all where it is empty.
    ///   - progress: called before each case with its name, its number and how many there are.
    ///   - finished: called with each result as soon as it is there.
    public static func run(
        on device: any Device, filter: String = "",
        progress: (_ name: String, _ number: Int, _ count: Int) -> Void = { _, _, _ in },
        finished: (BenchmarkResult) -> Void = { _ in }
    ) throws -> [BenchmarkResult] {
        let wanted = filter.lowercased()
        let chosen = cases.filter { wanted.isEmpty || $0.fullName.lowercased().contains(wanted) }
        if chosen.isEmpty { return [] }
        return try withDevice(device) {
            let ceilings = try Ceilings(of: device)
            var results = ceilings.results
            results.forEach(finished)
            for (number, benchmark) in chosen.enumerated() {
                progress(benchmark.fullName, number, chosen.count)
                let result = try time(benchmark, on: device, ceilings)
                finished(result)
                results.append(result)
            }
            return results
        }
    }

    private static func time(_ benchmark: BenchmarkCase, on device: any Device, _ ceilings: Ceilings) throws -> BenchmarkResult {
        let run = try benchmark.prepare(device)
        let seconds = try Stopwatch.seconds(on: device, run)
        let median = seconds.sorted()[seconds.count / 2], least = seconds.min() ?? median
        let atCeiling = max(benchmark.operations / ceilings.operations, benchmark.bytes / ceilings.bytes)
        return BenchmarkResult(
            name: benchmark.fullName, device: device.info.id, medianMs: median * 1e3, minMs: least * 1e3,
            gflops: benchmark.operations > 0 ? benchmark.operations / median * 1e-9 : nil, gbps: benchmark.bytes / median * 1e-9,
            ofCeiling: atCeiling / median)
    }
}

/// Times runs on a device.
enum Stopwatch {
    /// Seconds of each of at least 20 timed runs (fewer only where a run takes longer than 200 ms).
    static func seconds(on device: any Device, _ run: () throws -> Void) throws -> [Double] {
        func once(_ repetitions: Int) throws -> Double {
            try device.synchronize()
            let start = ContinuousClock.now
            for _ in 0..<repetitions { try run() }
            try device.synchronize()
            return (ContinuousClock.now - start) / .seconds(1) / Double(repetitions)
        }
        var warm = [try once(1), try once(1)]
        let isSlow = warm[1] > 0.2
        while warm.count < (isSlow ? 2 : 5) { warm.append(try once(1)) }
        let repetitions = max(1, min(Int(2e-3 / max(warm.min() ?? 1, 1e-7)), 1000))
        if repetitions > 1 { _ = try once(repetitions) }
        return try (0..<(isSlow ? 5 : 20)).map { _ in try once(repetitions) }
    }
}
