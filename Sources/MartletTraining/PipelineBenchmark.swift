import MartletData

/// Times reading, decoding and varying the training samples of a data set, as training has them prepared on other threads.
public enum PipelineBenchmark {
    public struct Result: Sendable {
        public let name: String
        /// Of a pass.
        public let medianMilliseconds: Double
        public let minimumMilliseconds: Double
        public let samples: Int

        /// Of the median pass.
        public var samplesPerSecond: Double { Double(samples) / medianMilliseconds * 1e3 }
    }

    /// Passes over the part of the data that a name tells, once to warm up and then `passes` times.
    ///
    /// - Parameters:
    ///   - settings: as training has them: how images are brought to one size, and how they are varied.
    ///   - split: `train`, `val` or `test`.
    ///   - threads: which prepare batches.
    public static func run(
        _ spec: String, _ settings: Settings, split: String = "train", batchSize: Int = 32, threads: Int = 2, passes: Int = 5
    ) throws -> Result {
        let data = try part(spec, settings, split)
        let augmentation = try DataRecipe.augmentation(settings, for: data)
        let loader = try BatchLoader(data, batchSize: batchSize, shuffle: 0, augmentation: augmentation, threads: threads)
        var times: [Double] = []
        for epoch in 0...passes {
            let start = ContinuousClock.now, batches = loader.batches(epoch: epoch)
            while try batches.next() != nil {}
            if epoch > 0 { times.append((ContinuousClock.now - start) / .milliseconds(1)) }
        }
        times.sort()
        return Result(
            name: "pipeline/\(spec)", medianMilliseconds: times[times.count / 2], minimumMilliseconds: times[0],
            samples: data.count)
    }

    /// Writes the values of all samples of a part, as they are without augmentation, one after the other as float32.
    public static func write(_ spec: String, _ settings: Settings, split: String = "train", to path: String) throws {
        let loader = try BatchLoader(try part(spec, settings, split), batchSize: 32)
        let batches = loader.batches(epoch: 0)
        try AtomicFile.write(to: path) { file throws(DataError) in
            while let batch = try batches.next() {
                try batch.inputs.withUnsafeBytesTyped { bytes throws(DataError) in try file.write(bytes) }
            }
        }
    }

    private static func part(_ spec: String, _ settings: Settings, _ split: String) throws -> any Dataset {
        try settings.check(against: DataRecipe.keys, of: "data")
        return try DataRecipe.load(spec, settings, standardSize: nil, seed: 0).part(named: split)
    }
}
