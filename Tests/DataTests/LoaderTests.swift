import Foundation
import MartletData
import Testing

/// All that is left of an epoch.
private func rest(of batches: EpochBatches) throws -> [Batch] {
    var result: [Batch] = []
    while let batch = try batches.next() { result.append(batch) }
    return result
}

/// Adds noise, so that a difference in the random numbers shows.
private struct Noise: Augmentation {
    func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        for index in sample.indices { sample[index] += random.uniform() }
    }
}

@Suite struct LoaderTests {
    private let data = CountingDataset(count: 103)

    @Test(arguments: [0, 1, 2, 7])
    func batchesDoNotDependOnThreads(threads: Int) throws {
        let reference = try BatchLoader(data, batchSize: 8, shuffle: 3, augmentation: Noise(), threads: 0)
        let loader = try BatchLoader(data, batchSize: 8, shuffle: 3, augmentation: Noise(), threads: threads, ahead: 3)
        for epoch in 0..<3 {
            let batches = try rest(of: loader.batches(epoch: epoch))
            #expect(batches == (try rest(of: reference.batches(epoch: epoch))))
            #expect(batches.count == 13)
            #expect(batches.last?.count == 7)
            #expect(batches.flatMap(\.indices).sorted() == Array(0..<103))
            #expect(batches.allSatisfy { $0.labels == $0.indices.map { Int32($0 % 2) } && $0.shape == [$0.count, 1, 2, 3] })
        }
    }

    @Test func epochsDifferAndSeedsDiffer() throws {
        let one = try BatchLoader(data, batchSize: 8, shuffle: 1)
        let two = try BatchLoader(data, batchSize: 8, shuffle: 2)
        #expect(one.order(epoch: 0) != one.order(epoch: 1))
        #expect(one.order(epoch: 0) != two.order(epoch: 0))
        #expect(try BatchLoader(data, batchSize: 8).order(epoch: 5) == Array(0..<103))
    }

    /// The permutation is part of what makes a resumed run equal: these values must never change.
    @Test func orderIsFixedForever() throws {
        let loader = try BatchLoader(CountingDataset(count: 10), batchSize: 2, shuffle: 42)
        #expect(loader.order(epoch: 0) == [5, 7, 6, 1, 9, 0, 8, 2, 3, 4])
        #expect(loader.order(epoch: 1) == [2, 0, 5, 6, 9, 1, 4, 8, 7, 3])
    }

    @Test func everyPositionIsAboutEquallyLikely() throws {
        let loader = try BatchLoader(CountingDataset(count: 5), batchSize: 1, shuffle: 9)
        var counts = Array(repeating: Array(repeating: 0, count: 5), count: 5)
        for epoch in 0..<10_000 {
            for (position, index) in loader.order(epoch: epoch).enumerated() { counts[position][index] += 1 }
        }
        // Five standard deviations of a binomial of 10,000 draws at 1/5.
        #expect(counts.joined().allSatisfy { abs($0 - 2000) < 200 })
    }

    @Test(arguments: [0, 2])
    func resumingGivesTheSameBatches(threads: Int) throws {
        let loader = try BatchLoader(data, batchSize: 10, shuffle: 5, augmentation: Noise(), threads: threads)
        let whole = try rest(of: loader.batches(epoch: 4))
        let first = loader.batches(epoch: 4)
        for _ in 0..<6 { _ = try first.next() }
        let data = try JSONEncoder().encode(first.state)
        let state = try JSONDecoder().decode(LoaderState.self, from: data)
        #expect(state == LoaderState(epoch: 4, batch: 6))
        #expect(try rest(of: loader.batches(from: state)) == Array(whole[6...]))
        let last = loader.batches(epoch: 4, startingAt: 10)
        #expect(try last.next() == whole[10])
        #expect(last.state == LoaderState(epoch: 5, batch: 0))
        #expect(try last.next() == nil)
        #expect(try loader.batches(epoch: 4, startingAt: 99).next() == nil)
    }

    @Test func dropLast() throws {
        let loader = try BatchLoader(data, batchSize: 8, dropLast: true)
        #expect(loader.batchCount == 12)
        #expect(try rest(of: loader.batches(epoch: 0)).allSatisfy { $0.count == 8 })
        #expect(throws: DataError.self) { try BatchLoader(CountingDataset(count: 7), batchSize: 8, dropLast: true) }
    }

    @Test(arguments: [0, 1, 4])
    func anErrorComesWithItsBatch(threads: Int) throws {
        let loader = try BatchLoader(CountingDataset(count: 50, failsAt: [23]), batchSize: 5, threads: threads)
        let batches = loader.batches(epoch: 0)
        for number in 0..<4 { #expect(try batches.next()?.indices.first == number * 5) }
        let error = try dataError { _ = try batches.next() }
        #expect(error?.description == "sample-23: is bad; repair it")
        #expect(try batches.next() == nil)
        #expect(batches.state == LoaderState(epoch: 0, batch: 4))
    }

    @Test func settingsAreChecked() throws {
        for size in [0, -3] {
            #expect(throws: DataError.self) { try BatchLoader(data, batchSize: size) }
        }
        #expect(throws: DataError.self) { try BatchLoader(data, batchSize: 1, threads: -1) }
        #expect(throws: DataError.self) { try BatchLoader(CountingDataset(count: 0), batchSize: 1) }
        #expect(try BatchLoader(data, batchSize: .max).batchCount == 1)
    }

    /// The threads hold the data set, so its token lives as long as the last of them.
    @Test func threadsEndWhenTheBatchesAreDropped() throws {
        final class Token: Sendable {}
        struct Tracked: ResidentDataset {
            let token: Token
            let count = 1000
            var name: String { "tracked" }
            var sampleShape: [Int] { [1] }
            var classNames: [String] { ["only"] }
            func label(at index: Int) -> Int32 { 0 }
            func copy(_ index: Int, into buffer: UnsafeMutableBufferPointer<Float>) { buffer[0] = Float(index) }
        }
        weak var token: Token?
        func readOneBatch() throws {
            let data = Tracked(token: Token())
            token = data.token
            let batches = try BatchLoader(data, batchSize: 1, threads: 3).batches(epoch: 0)
            #expect(try batches.next() != nil)
            withExtendedLifetime(batches) { #expect(token != nil) }
        }
        for _ in 0..<20 {
            try readOneBatch()
            for _ in 0..<500 where token != nil { Thread.sleep(forTimeInterval: 0.01) }
            #expect(token == nil)
        }
    }

    @Test func residentBatches() throws {
        let digits = try Digits()
        let batches = Array(digits.batches(of: 500, seed: 3))
        #expect(batches.map(\.count) == [500, 500, 500, 297])
        #expect(batches.flatMap(\.indices).sorted() == Array(0..<1797))
        #expect(batches == Array(digits.batches(of: 500, seed: 3)))
        #expect(Array(digits.batches(of: 2000)).first?.indices == Array(0..<1797))
    }
}
