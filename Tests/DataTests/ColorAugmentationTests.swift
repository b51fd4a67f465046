import MartletData
import Testing

@Suite struct ColorAugmentationTests {
    private let golden: AugmentationGolden.Colors

    init() throws { golden = try AugmentationGolden.all.get().colors }

    private func difference(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? .infinity }

    @Test func changesAreThoseOfTorchvision() throws {
        let changes: [String: ColorJitter.Change] = [
            "brightness": .brightness, "contrast": .contrast, "saturation": .saturation, "hue": .hue,
        ]
        for entry in golden.cases {
            let change = try #require(changes[entry.change]), channels = entry.grey == true ? 1 : 3
            var values = Array(golden.image.prefix(channels * 45))
            values.withUnsafeMutableBufferPointer {
                ColorJitter.apply(change, by: entry.value, to: $0.baseAddress!, channels: channels, area: 45)
            }
            #expect(
                values.count == entry.result.count && difference(values, entry.result) < 2e-6, "\(entry.change) \(entry.value)")
        }
    }

    /// The hue against the definition of HSV, in float64, at every length up to a vector's and beyond.
    @Test func hueAgainstPlainConversion() {
        var random = SampleRandom(seed: 1)
        for area in [1, 2, 3, 7, 15, 16, 17, 33, 100] {
            let values = (0..<3 * area).map { _ in random.uniform() }, turns = random.uniform(in: -0.5...0.5)
            let result = filled(3 * area) { buffer in
                _ = buffer.update(from: values)
                ColorJitter.apply(.hue, by: turns, to: buffer.baseAddress!, channels: 3, area: area)
            }
            for pixel in 0..<area {
                let rgb = [values[pixel], values[area + pixel], values[2 * area + pixel]].map(Double.init)
                let expected = turned(rgb, by: Double(turns))
                for channel in 0..<3 { #expect(abs(Double(result[channel * area + pixel]) - expected[channel]) < 1e-5) }
            }
        }
    }

    /// Through hue angles, piece by piece.
    private func turned(_ rgb: [Double], by turns: Double) -> [Double] {
        let most = rgb.max()!, least = rgb.min()!, range = most - least
        guard range > 0 else { return rgb }
        var sextant: Double
        if most == rgb[0] {
            sextant = (rgb[1] - rgb[2]) / range
        } else if most == rgb[1] {
            sextant = 2 + (rgb[2] - rgb[0]) / range
        } else {
            sextant = 4 + (rgb[0] - rgb[1]) / range
        }
        sextant = (sextant + 6 * turns + 12).truncatingRemainder(dividingBy: 6)
        let whole = Int(sextant), rest = sextant - Double(whole)
        let falling = most - range * rest, rising = least + range * rest
        return [
            [most, rising, least], [falling, most, least], [least, most, rising], [least, falling, most], [rising, least, most],
            [most, least, falling],
        ][whole]
    }

    @Test func normalisedSamplesChangeAlike() {
        let normalization = ChannelNormalization.imageNet
        for step in [ColorJitter(brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1)] {
            let plain = filled(135) { buffer in
                _ = buffer.update(from: golden.image)
                var random = SampleRandom(seed: 3)
                step.apply(to: buffer, shape: golden.shape, random: &random)
            }
            let other = ColorJitter(brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1, normalization: normalization)
            let normalised = filled(135) { buffer in
                for index in buffer.indices {
                    buffer[index] = normalization.apply(golden.image[index], channel: index / 45)
                }
                var random = SampleRandom(seed: 3)
                other.apply(to: buffer, shape: golden.shape, random: &random)
            }
            let expected = plain.indices.map { normalization.apply(plain[$0], channel: $0 / 45) }
            #expect(difference(normalised, expected) < 2e-5)
            #expect(difference(plain, golden.image) > 0.01)
        }
    }

    /// Every order of the four changes comes up, and factors stay in their ranges.
    @Test func jitterDraws() {
        var seen: Set<[Float]> = []
        for seed in UInt64(0)..<300 {
            let result = filled(3) { buffer in
                buffer[0] = 0.5
                buffer[1] = 0.25
                buffer[2] = 0.125
                var random = SampleRandom(seed: seed)
                ColorJitter(brightness: 0.5).apply(to: buffer, shape: [3, 1, 1], random: &random)
            }
            #expect((0.25...0.75).contains(result[0]) && abs(result[1] * 2 - result[0]) < 1e-6)
            seen.insert(result)
        }
        #expect(seen.count > 250)
        let grey = filled(4) { buffer in
            _ = buffer.update(from: [0.1, 0.2, 0.3, 0.4])
            var random = SampleRandom(seed: 1)
            ColorJitter(brightness: 0.2, contrast: 0.2).apply(to: buffer, shape: [1, 2, 2], random: &random)
        }
        #expect(grey != [0.1, 0.2, 0.3, 0.4])
    }

    /// The shift against the paper's formula, and the spread of many.
    @Test func lighting() {
        let shift = LightingNoise.shift([0.1, -0.2, 0.3])
        let expected: [Double] = [
            0.1 * 0.2175 * -0.5675 - 0.2 * 0.0188 * 0.7192 + 0.3 * 0.0045 * 0.4009,
            0.1 * 0.2175 * -0.5808 - 0.2 * 0.0188 * -0.0045 + 0.3 * 0.0045 * -0.8140,
            0.1 * 0.2175 * -0.5836 - 0.2 * 0.0188 * -0.6948 + 0.3 * 0.0045 * 0.4203,
        ]
        for channel in 0..<3 { #expect(abs(Double(shift[channel]) - expected[channel]) < 1e-7) }
        var squares = 0.0
        for seed in UInt64(0)..<2000 {
            let result = filled(6) { buffer in
                buffer.update(repeating: 0.5)
                var random = SampleRandom(seed: seed)
                LightingNoise(deviation: 0.1).apply(to: buffer, shape: [3, 1, 2], random: &random)
            }
            #expect(result[0] == result[1] && result[2] == result[3])
            squares += Double((result[0] - 0.5) * (result[0] - 0.5))
        }
        // The first channel's deviation: 0.1 times the length of (0.2175 * 0.5675, 0.0188 * 0.7192, 0.0045 * 0.4009).
        #expect(abs((squares / 2000).squareRoot() - 0.012424) < 0.0008)
    }

    @Test func notANumberStaysWhereItIs() {
        let result = filled(12) { buffer in
            buffer.update(repeating: 0.5)
            buffer[1] = .nan
            ColorJitter.apply(.brightness, by: 0.5, to: buffer.baseAddress!, channels: 3, area: 4)
            ColorJitter.apply(.saturation, by: 0.5, to: buffer.baseAddress!, channels: 3, area: 4)
        }
        #expect(result.indices.filter { result[$0].isNaN } == [1, 5, 9])
    }
}
