import Martlet
import Testing

/// What a masked Transformer promises: no look ahead, and the same token by token.
@Suite struct TransformerTests {
    private static func model(heads: Int = 4, dropout: Float = 0) -> (TransformerEncoder, Embedding) {
        withSeed(5) {
            let options = TransformerOptions(
                width: 32, heads: heads, hidden: 48, dropout: dropout, activation: .gelu, normFirst: true)
            return (TransformerEncoder(options, layers: 2), Embedding(11, 32))
        }
    }

    private static func tokens(_ count: Int, batch: Int = 1) -> [Int32] {
        (0..<count * batch).map { position -> Int32 in
            let mixed: Int = position * 7 + position / 5 * 3
            return Int32(mixed % 11)
        }
    }

    private static func bits(_ values: ArraySlice<Float>) -> [UInt32] { values.map(\.bitPattern) }

    /// Changing a later token leaves what comes out at every earlier position the same to the bit.
    @Test(arguments: TestDevices.ids, [3, 17, 70]) func nothingLeaks(_ id: String, _ length: Int) throws {
        try withDevice(try TestDevices.named(id)) {
            let (model, embedding) = Self.model(), positions = SinusoidalPositions(32)
            func logits(_ tokens: [Int32]) throws -> [Float] {
                let x = positions(embedding(Tensor(tokens, shape: [1, length])))
                return try linear(model(x, isCausal: true), embedding.weight.value).floats()
            }
            let first = try logits(Self.tokens(length))
            for changed in Set([1, length / 2, length - 1]) {
                var other = Self.tokens(length)
                other[changed] = (other[changed] + 1) % 11
                let second = try logits(other)
                let before: Int = changed * 11
                #expect(Self.bits(first.prefix(before)) == Self.bits(second.prefix(before)))
                #expect(Self.bits(first.suffix(11)) != Self.bits(second.suffix(11)))
            }
        }
    }

    /// One token at a time with kept keys and values gives what all at once give.
    @Test(arguments: TestDevices.ids) func cachedEqualsParallel(_ id: String) throws {
        let length = 512
        try withDevice(try TestDevices.named(id)) {
            let (model, embedding) = Self.model(), positions = LearnedPositions(32, length: length)
            let tokens = Tensor(Self.tokens(length), shape: [1, length])
            let parallel = model(positions(embedding(tokens)), isCausal: true)
            let caches = model.layers.map { _ in KeyValueCache(capacity: 8) }
            var steps: [Tensor] = [], next = 0
            // A prompt of 5, then one by one.
            while next < length {
                let end = next == 0 ? 5 : next + 1
                let x = positions(embedding(tokens.sliced(axis: 1, next..<end)), offset: next)
                steps.append(model(x, isCausal: true, caches: caches))
                next = end
            }
            try expectClose(concatenate(steps, axis: 1), parallel, within: 1e-4, "\(id): cached")
        }
    }

    /// The same through cross-attention, with rows of a beam exchanged on the way.
    @Test(arguments: TestDevices.ids) func decoderCacheFollowsItsBeam(_ id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            try withSeed(8) {
                let options = TransformerOptions(width: 16, heads: 2, hidden: 24, dropout: 0)
                let decoder = TransformerDecoder(options, layers: 2)
                let memory = Tensor.random(.normal(mean: 0, deviation: 1), shape: [2, 6, 16], key: Randomness.nextKey())
                let x = Tensor.random(.normal(mean: 0, deviation: 1), shape: [2, 9, 16], key: Randomness.nextKey())
                let masks = DecoderMasks(memoryLengths: Tensor([6, 4] as [Int32]))
                let caches = decoder.layers.map { _ in DecoderCache(capacity: 4) }
                for position in 0..<4 {
                    _ = decoder(x.sliced(axis: 1, position..<position + 1), memory: memory, masks: masks, caches: caches)
                }
                let swap = Tensor([1, 0] as [Int32])
                for cache in caches { cache.select(swap) }
                let turned = x.gathered(swap), swapped = DecoderMasks(memoryLengths: Tensor([4, 6] as [Int32]))
                let last = (4..<9).map { position in
                    decoder(turned.sliced(axis: 1, position..<position + 1), memory: memory, masks: swapped, caches: caches)
                }
                let parallel = decoder(turned, memory: memory.gathered(swap), masks: swapped)
                try expectClose(concatenate(last, axis: 1), parallel.sliced(axis: 1, 4..<9), within: 1e-4, "\(id): beam")
            }
        }
    }

    /// Products of turned queries and keys depend on their distance only; kept keys are turned by their own positions.
    @Test(arguments: TestDevices.ids) func rotaryPositions(_ id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            for pairing in [RotaryPositions.Pairing.halves, .neighbours] {
                let rotary = RotaryPositions(6, base: 100, pairing: pairing, length: 4)
                let x = Tensor.random(.normal(mean: 0, deviation: 1), shape: [1, 1, 1, 8], key: RandomKey(seed: 1, stream: 1))
                let y = Tensor.random(.normal(mean: 0, deviation: 1), shape: [1, 1, 1, 8], key: RandomKey(seed: 1, stream: 2))
                func product(_ i: Int, _ j: Int) throws -> Float {
                    try (rotary(x, offset: i) * rotary(y, offset: j)).sum().item()
                }
                let near = try product(3, 1)
                #expect(abs(near - (try product(12, 10))) < 1e-4)
                #expect(abs(near - (try product(3, 2))) > 1e-3)
                try expectClose(rotary(x), x, within: 1e-6, "\(id): position 0")
                let gradient = valueAndGradient(at: [x]) { (rotary($0[0], offset: 5) * y).sum() }.gradients[0]
                // A turn is undone by its transpose.
                try expectClose(rotary(gradient, offset: 5), y, within: 1e-5, "\(id): gradient")
            }
            try withSeed(2) {
                let layer = MultiHeadAttention(16, heads: 2, rotary: RotaryPositions(8))
                let x = Tensor.random(.normal(mean: 0, deviation: 1), shape: [1, 7, 16], key: Randomness.nextKey())
                let cache = KeyValueCache(capacity: 2)
                let steps = (0..<7).map { layer(x.sliced(axis: 1, $0..<$0 + 1), isCausal: true, cache: cache) }
                try expectClose(concatenate(steps, axis: 1), layer(x, isCausal: true), within: 1e-5, "\(id): rotary cache")
            }
        }
    }

    @Test(arguments: TestDevices.ids) func keepsWeightsToLookAt(_ id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let layer = withSeed(3) { MultiHeadAttention(8, heads: 2) }
            let x = Tensor.random(.normal(mean: 0, deviation: 1), shape: [2, 4, 8], key: RandomKey(seed: 4, stream: 0))
            let plain = layer(x, isCausal: true)
            #expect(layer.lastWeights == nil)
            layer.keepsWeights = true
            try expectClose(layer(x, isCausal: true), plain, within: 1e-5, "\(id): result")
            let weights = try #require(layer.lastWeights)
            #expect(weights.shape == [2, 2, 4, 4])
            let values = try weights.floats()
            for row in 0..<16 {
                let each = values[row * 4..<row * 4 + 4]
                #expect(abs(each.reduce(0, +) - 1) < 1e-5)
                #expect(each.suffix(3 - row % 4).allSatisfy { $0 == 0 })
            }
        }
    }

    /// Dropped weights change the result in training only, by the same numbers from the same seed.
    @Test(arguments: TestDevices.ids) func dropsInTrainingOnly(_ id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let layer = withSeed(3) { MultiHeadAttention(8, heads: 2, dropout: 0.5) }
            let x = Tensor.random(.normal(mean: 0, deviation: 1), shape: [2, 6, 8], key: RandomKey(seed: 4, stream: 0))
            let plain = try layer(x).floats()
            func trained(_ seed: UInt64) throws -> [Float] {
                try withSeed(seed) { try TrainingMode.set(true) { try layer(x).floats() } }
            }
            #expect(try trained(1) == trained(1))
            #expect(try trained(1) != trained(2))
            #expect(try trained(1) != plain)
            #expect(try layer(x).floats() == plain)
        }
    }
}
