import MartletData
import Testing

@Suite struct AugmentationTests {
    private let shape = [2, 3, 4]
    private let values = (0..<24).map { Float($0) }

    private func apply(_ augmentation: some Augmentation, seed: UInt64 = 1) -> [Float] {
        var result = values
        var random = SampleRandom(seed: seed)
        result.withUnsafeMutableBufferPointer { augmentation.apply(to: $0, shape: shape, random: &random) }
        return result
    }

    @Test func flip() {
        #expect(apply(RandomHorizontalFlip(probability: 0)) == values)
        let flipped = apply(RandomHorizontalFlip(probability: 1))
        #expect(flipped.prefix(8) == [3, 2, 1, 0, 7, 6, 5, 4])
        #expect(flipped.suffix(4) == [23, 22, 21, 20])
        let flips = (UInt64(0)..<1000).count { apply(RandomHorizontalFlip(), seed: $0) != values }
        #expect(abs(flips - 500) < 80)
    }

    /// Every result is the image moved by one of the 25 offsets, and all of them come up.
    @Test func shift() {
        var moved: [[Float]] = []
        for down in -2...2 {
            for right in -2...2 {
                moved.append(
                    (0..<24).map { position in
                        let (channel, y, x) = (position / 12, position / 4 % 3 - down, position % 4 - right)
                        return (0..<3).contains(y) && (0..<4).contains(x) ? values[channel * 12 + y * 4 + x] : -1
                    })
            }
        }
        var seen: Set<Int> = []
        for seed in UInt64(0)..<500 {
            guard let offset = moved.firstIndex(of: apply(RandomShift(padding: 2, fill: -1), seed: seed)) else {
                Issue.record("no shift of the image")
                return
            }
            seen.insert(offset)
        }
        #expect(seen.count == 25)
        #expect(apply(RandomShift(padding: 0)) == values)
    }

    @Test func resizedCrop() {
        // The only part of this ratio and area is the whole.
        #expect(apply(RandomResizedCrop(scale: 1...1, ratio: 4 / 3...4 / 3)) == values)
        var results: Set<[Float]> = []
        for seed in UInt64(0)..<200 {
            let result = apply(RandomResizedCrop(scale: 0.25...1), seed: seed)
            // Bilinear weights are shares, so that every channel stays within its own range.
            #expect(result[..<12].allSatisfy { (-0.001...11.001).contains($0) })
            #expect(result[12...].allSatisfy { (11.999...23.001).contains($0) })
            // Both channels are cut at the same place.
            #expect((0..<12).allSatisfy { abs(result[$0 + 12] - result[$0] - 12) < 1e-3 })
            results.insert(result)
        }
        #expect(results.count > 10)
    }

    @Test func chain() {
        let flip = RandomHorizontalFlip(probability: 1)
        #expect(apply(AugmentationChain([flip, flip])) == values)
        #expect(apply(AugmentationChain([flip])) == apply(flip))
    }

    /// Each sample draws by itself, each epoch anew.
    @Test func randomNumbersDependOnSampleAndEpoch() throws {
        struct Draw: Augmentation {
            func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
                sample.update(repeating: random.uniform())
            }
        }
        let loader = try BatchLoader(CountingDataset(count: 100), batchSize: 100, augmentation: Draw(), augmentationSeed: 5)
        let first = try loader.batches(epoch: 0).next()
        #expect(Set(first?.inputs ?? []).count == 100)
        #expect(try loader.batches(epoch: 0).next() == first)
        #expect(try loader.batches(epoch: 1).next() != first)
        let other = try BatchLoader(CountingDataset(count: 100), batchSize: 100, augmentation: Draw(), augmentationSeed: 6)
        #expect(try other.batches(epoch: 0).next() != first)
    }

    /// Data that its loader mirrors, changes and mixes is the same for a seed, an epoch and an index.
    @Test(arguments: [0, 3])
    func everyStepFollowsFromSeedEpochAndIndex(threads: Int) throws {
        var random = SampleRandom(seed: 2)
        let pixels = (0..<20 * 3 * 8 * 8).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let data = InMemoryDataset(
            name: "noise", pixels: pixels, sampleShape: [3, 8, 8], labels: (0..<20).map { Int32($0 % 4) },
            classNames: ["a", "b", "c", "d"], normalization: .imageNet)
        let steps: [any Augmentation] = [
            RandomResizedCrop(), RandomShift(padding: 1), RandomHorizontalFlip(),
            ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, normalization: .imageNet),
            LightingNoise(normalization: .imageNet), Cutout(side: 3), RandomErasing(), Mixup(alpha: 0.4),
        ]
        func batches(_ steps: [any Augmentation], seed: UInt64, threads: Int, epoch: Int = 1) throws -> [Batch] {
            let loader = try BatchLoader(
                data, batchSize: 6, shuffle: 7, augmentation: AugmentationChain(steps), augmentationSeed: seed, threads: threads)
            let batches = loader.batches(epoch: epoch)
            var result: [Batch] = []
            while let batch = try batches.next() { result.append(batch) }
            return result
        }
        for step in steps.map({ [$0] }) + [steps] {
            let first = try batches(step, seed: 1, threads: threads)
            #expect(first.allSatisfy { $0.inputs.allSatisfy(\.isFinite) })
            #expect(try batches(step, seed: 1, threads: 1) == first)
            #expect(try batches(step, seed: 2, threads: threads) != first)
            #expect(try batches([], seed: 1, threads: threads).map(\.inputs) != first.map(\.inputs))
        }
        // The numbers of a sample do not depend on the batch that it comes in.
        let jitter: [any Augmentation] = [steps[3]]
        let loader = try BatchLoader(
            data, batchSize: 20, augmentation: AugmentationChain(jitter), augmentationSeed: 1, threads: threads)
        let whole = try #require(try loader.batches(epoch: 1).next())
        for batch in try batches(jitter, seed: 1, threads: threads) {
            for (row, index) in batch.indices.enumerated() {
                #expect(batch.inputs[row * 192..<(row + 1) * 192] == whole.inputs[index * 192..<(index + 1) * 192])
            }
        }
    }
}
