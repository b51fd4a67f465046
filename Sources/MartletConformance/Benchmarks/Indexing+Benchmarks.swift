import MartletCore

enum IndexingBenchmarks {
    static let all = [
        BenchmarkCase(.indexing, "embedding 8192 of 50,000 x 512", floats: 2 * 8192 * 512) { device in
            let table = BenchmarkInput.floats([50_000, 512], on: device)
            let indices = try BenchmarkInput.integers([8192], below: 50_000, on: device)
            return { _ = table.gathered(indices) }
        },
        BenchmarkCase(.indexing, "embedding gradient into 50,000 x 512", floats: (8192 + 50_000) * 512) { device in
            let dy = BenchmarkInput.floats([8192, 512], on: device)
            let indices = try BenchmarkInput.integers([8192], below: 50_000, on: device)
            return { _ = dy.scatterAdded(indices, into: [50_000, 512]) }
        },
        BenchmarkCase(.indexing, "sort 64 x 10,000", floats: 3 * 640_000) { device in
            let x = BenchmarkInput.floats([64, 10_000], on: device)
            return { _ = x.sorted() }
        },
        BenchmarkCase(.indexing, "top 5 of 4096 x 1000", floats: 4_096_000) { device in
            let x = BenchmarkInput.floats([4096, 1000], on: device)
            return { _ = x.top(5) }
        },
    ]
}
