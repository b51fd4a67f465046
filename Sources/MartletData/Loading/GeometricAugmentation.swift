import CMartletImage
import Foundation

/// Mirrors an image left to right with a probability.
public struct RandomHorizontalFlip: Augmentation {
    public let probability: Float

    public init(probability: Float = 0.5) {
        precondition((0...1).contains(probability), "RandomHorizontalFlip: the probability \(probability) is not in 0...1")
        self.probability = probability
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        Self.check(shape)
        guard random.uniform() < probability else { return }
        martlet_rows_mirror(sample.baseAddress, shape[0] * shape[1], shape[2])
    }
}

/// Pads an image by `padding` on every side and cuts it to its size again at a random place, which shifts it by up to `padding`
/// pixels each way (He et al., "Deep residual learning for image recognition", 2015, section 4.2).
public struct RandomShift: Augmentation {
    public let padding: Int
    /// What comes in from outside; a normalised image's black is (0 - mean) / std.
    public let fill: Float

    public init(padding: Int, fill: Float = 0) {
        precondition(padding >= 0, "RandomShift: the padding \(padding) is negative")
        self.padding = padding
        self.fill = fill
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        Self.check(shape)
        let down = random.integer(below: 2 * padding + 1) - padding
        let right = random.integer(below: 2 * padding + 1) - padding
        let (height, width) = (shape[1], shape[2])
        let original = Array(sample)
        for channel in 0..<shape[0] {
            for y in 0..<height {
                for x in 0..<width {
                    let (sourceY, sourceX) = (y - down, x - right)
                    let isInside = sourceY >= 0 && sourceY < height && sourceX >= 0 && sourceX < width
                    sample[(channel * height + y) * width + x] =
                        isInside ? original[(channel * height + sourceY) * width + sourceX] : fill
                }
            }
        }
    }
}

/// Cuts a random part out of an image and resizes it to the image's size (Szegedy et al., "Going deeper with convolutions", 2014,
/// section 6), the part being drawn as torchvision draws it. Of photos that are decoded for it, it is cut out of the whole photo.
public struct RandomResizedCrop: Augmentation {
    /// The part's share of the image's area.
    public let scale: ClosedRange<Float>
    /// The part's width over its height; drawn uniformly in its logarithm.
    public let ratio: ClosedRange<Float>
    /// How the part is resized.
    public let interpolation: Interpolation

    public init(
        scale: ClosedRange<Float> = 0.08...1, ratio: ClosedRange<Float> = 0.75...4 / 3, interpolation: Interpolation = .bilinear
    ) {
        precondition(scale.lowerBound > 0 && scale.upperBound <= 1, "RandomResizedCrop: the scale \(scale) is not in 0...1")
        precondition(ratio.lowerBound > 0 && ratio.upperBound.isFinite, "RandomResizedCrop: the ratio \(ratio) is not positive")
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
    }

    /// The part of an image of this size: ten tries at an area and a ratio that fit, else the largest part in the middle whose
    /// ratio is allowed.
    public func region(width: Int, height: Int, random: inout SampleRandom) -> ImageRegion {
        for _ in 0..<10 {
            let area = Double(width * height) * Double(random.uniform(in: scale))
            let aspect = exp(Double(random.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound))))
            let partWidth = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
            let partHeight = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
            guard (1...width).contains(partWidth), (1...height).contains(partHeight) else { continue }
            let top = random.integer(below: height - partHeight + 1), left = random.integer(below: width - partWidth + 1)
            return ImageRegion(left: left, top: top, width: partWidth, height: partHeight)
        }
        var (partWidth, partHeight) = (width, height)
        let aspect = Float(width) / Float(height)
        if aspect < ratio.lowerBound {
            partHeight = Int((Float(width) / ratio.lowerBound).rounded(.toNearestOrEven))
        } else if aspect > ratio.upperBound {
            partWidth = Int((Float(height) * ratio.upperBound).rounded(.toNearestOrEven))
        }
        (partWidth, partHeight) = (min(max(partWidth, 1), width), min(max(partHeight, 1), height))
        return ImageRegion(
            left: (width - partWidth) / 2, top: (height - partHeight) / 2, width: partWidth, height: partHeight)
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        Self.check(shape)
        let (height, width) = (shape[1], shape[2])
        let region = region(width: width, height: height, random: &random)
        var part: [Float] = []
        part.reserveCapacity(shape[0] * region.height * region.width)
        for row in 0..<shape[0] * region.height {
            let start = (row / region.height * height + region.top + row % region.height) * width + region.left
            part += sample[start..<start + region.width]
        }
        let resized = Resampling.antialiased(
            part, planes: shape[0], from: (region.height, region.width), to: (height, width), interpolation: interpolation)
        _ = sample.update(from: resized)
    }
}
