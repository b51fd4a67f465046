import Foundation
import MartletData
import Testing

@Suite struct RandomRegionTests {
    /// torchvision's `RandomResizedCrop.get_params`, in float64, on the numbers that ours draws.
    private func reference(_ crop: RandomResizedCrop, _ width: Int, _ height: Int, _ random: inout SampleRandom) -> ImageRegion {
        for _ in 0..<10 {
            let area = Double(random.uniform(in: crop.scale)) * Double(height * width)
            let ratio = exp(Double(random.uniform(in: log(crop.ratio.lowerBound)...log(crop.ratio.upperBound))))
            let w = Int(rint((area * ratio).squareRoot())), h = Int(rint((area / ratio).squareRoot()))
            if 0 < w, w <= width, 0 < h, h <= height {
                let top = random.integer(below: height - h + 1)
                return ImageRegion(left: random.integer(below: width - w + 1), top: top, width: w, height: h)
            }
        }
        let ratio = Float(width) / Float(height)
        var (w, h) = (width, height)
        if ratio < crop.ratio.lowerBound { h = Int(rint(Float(w) / crop.ratio.lowerBound)) }
        if ratio > crop.ratio.upperBound { w = Int(rint(Float(h) * crop.ratio.upperBound)) }
        return ImageRegion(left: (width - w) / 2, top: (height - h) / 2, width: w, height: h)
    }

    @Test(arguments: [(256, 341), (500, 40), (3, 300), (1, 1), (2, 2)])
    func cropsAreDrawnAsTorchvisionDraws(width: Int, height: Int) {
        let crop = RandomResizedCrop()
        for seed in UInt64(0)..<300 {
            var random = SampleRandom(seed: seed), other = random
            let region = crop.region(width: width, height: height, random: &random)
            #expect(region == reference(crop, width, height, &other))
            #expect(region.left >= 0 && region.left + region.width <= width && region.width >= 1)
            #expect(region.top >= 0 && region.top + region.height <= height && region.height >= 1)
        }
    }

    /// Areas are spread evenly over the scale, ratios evenly in their logarithm.
    @Test func cropsAreSpreadEvenly() {
        var areas = 0.0, ratios = 0.0
        for seed in UInt64(0)..<4000 {
            var random = SampleRandom(seed: seed)
            let region = RandomResizedCrop(scale: 0.2...0.6).region(width: 1000, height: 1000, random: &random)
            areas += Double(region.width * region.height) / 1e6
            ratios += log(Double(region.width) / Double(region.height))
        }
        #expect(abs(areas / 4000 - 0.4) < 0.01 && abs(ratios / 4000) < 0.015)
    }

    @Test func cropsOfPlanesAreThoseOfTorchvision() throws {
        let golden = try AugmentationGolden.all.get().crops.planes
        for entry in golden.cases {
            let region = ImageRegion(entry.region), filter = try #require(Interpolation(rawValue: entry.filter))
            var part: [Float] = []
            for plane in 0..<2 {
                for y in region.top..<region.top + region.height {
                    let start = plane * 120 + y * 10 + region.left
                    part += golden.image[start..<start + region.width]
                }
            }
            let result = Resampling.antialiased(
                part, planes: 2, from: (region.height, region.width), to: (12, 10), interpolation: filter)
            let difference = zip(result, entry.result).map { abs($0 - $1) }.max() ?? .infinity
            #expect(result.count == entry.result.count && difference < 2e-6, "\(filter) \(region)")
        }
    }

    @Test func cutout() {
        var heights: Set<Int> = []
        for seed in UInt64(0)..<200 {
            var random = SampleRandom(seed: seed), other = random
            let region = Cutout(side: 5).region(width: 11, height: 9, random: &other)
            let x = random.integer(below: 11), y = random.integer(below: 9)
            let columns = (x - 2..<x + 3).clamped(to: 0..<11), rows = (y - 2..<y + 3).clamped(to: 0..<9)
            #expect(
                region == ImageRegion(left: columns.lowerBound, top: rows.lowerBound, width: columns.count, height: rows.count))
            heights.insert(region.height)
            var numbers = SampleRandom(seed: seed)
            let result = filled(2 * 99) { buffer in
                buffer.update(repeating: 1)
                Cutout(side: 5).apply(to: buffer, shape: [2, 9, 11], random: &numbers)
            }
            for position in result.indices {
                let isInside = columns.contains(position % 11) && rows.contains(position % 99 / 11)
                #expect(result[position] == (isInside ? 0 : 1))
            }
        }
        #expect(heights == [3, 4, 5])
        var random = SampleRandom(seed: 1)
        #expect(
            Cutout(side: 100).region(width: 4, height: 3, random: &random) == ImageRegion(left: 0, top: 0, width: 4, height: 3))
    }

    @Test func erasing() {
        var erased = 0, areas = 0.0
        for seed in UInt64(0)..<1000 {
            var random = SampleRandom(seed: seed)
            let result = filled(3 * 40 * 30) { buffer in
                buffer.update(repeating: 1)
                RandomErasing(probability: 0.4).apply(to: buffer, shape: [3, 40, 30], random: &random)
            }
            let zeros = result.count { $0 == 0 }
            if zeros == 0 { continue }
            erased += 1
            areas += Double(zeros) / 3600
            // A rectangle, the same in every plane.
            let plane = Array(result[..<1200])
            #expect(Array(result[1200..<2400]) == plane && Array(result[2400...]) == plane)
            let positions = (0..<1200).filter { plane[$0] == 0 }
            let rows = Set(positions.map { $0 / 30 }), columns = Set(positions.map { $0 % 30 })
            #expect(rows.count * columns.count * 3 == zeros)
        }
        #expect(abs(erased - 400) < 80)
        // The mean of a share from 0.02 to 0.33, of rectangles that fit.
        #expect((0.12...0.2).contains(areas / Double(erased)))
    }

    @Test func mixup() {
        let inputs = (0..<12).map { Float($0 * $0) }
        let batch = Batch(inputs: inputs, shape: [4, 3], labels: [0, 1, 2, 1], indices: [7, 3, 9, 0])
        var mixed = batch
        Mixup(alpha: 0.5).mix(&mixed) { SampleRandom(seed: 4, UInt64($0)) }
        let shares = [UInt64(7), 3, 9, 0].map { index -> Float in
            var random = SampleRandom(seed: 4, index)
            return random.beta(0.5)
        }
        #expect(mixed.mixed == Batch.Mixing(labels: [1, 2, 1, 0], shares: shares))
        #expect(mixed.labels == batch.labels && Set(shares).count == 4)
        for position in 0..<12 {
            let share = shares[position / 3], other = inputs[(position + 3) % 12]
            #expect(abs(mixed.inputs[position] - (share * inputs[position] + (1 - share) * other)) < 1e-4)
        }
        var alone = Batch(inputs: [1, 2], shape: [1, 2], labels: [3], indices: [0])
        Mixup().mix(&alone) { SampleRandom(seed: 1, UInt64($0)) }
        #expect(zip(alone.inputs, [1, 2]).allSatisfy { abs($0 - $1) < 1e-6 } && alone.mixed?.labels == [3])
    }

    /// Mean 1/2 and variance 1 / (4 (2 alpha + 1)).
    @Test(arguments: [0.05, 0.2, 1, 4] as [Float])
    func betaNumbers(alpha: Float) {
        var random = SampleRandom(seed: 6), sum = 0.0, squares = 0.0
        for _ in 0..<20000 {
            let value = Double(random.beta(alpha))
            #expect((0...1).contains(value))
            sum += value
            squares += value * value
        }
        let mean = sum / 20000, variance = squares / 20000 - mean * mean
        #expect(abs(mean - 0.5) < 0.015 && abs(variance - 1 / (4 * (2 * Double(alpha) + 1))) < 0.006)
    }
}
