import Foundation

/// A random change of a training sample, applied each time it is read. It may draw only from `random`, which depends on the
/// seed, the epoch and the sample alone, so that batches are the same however many threads prepare them.
public protocol Augmentation: Sendable {
    /// Changes the sample, row-major in `shape`, in place.
    func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom)
}

/// Several augmentations, one after the other.
public struct AugmentationChain: Augmentation {
    public let steps: [any Augmentation]

    public init(_ steps: [any Augmentation]) { self.steps = steps }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        for step in steps { step.apply(to: sample, shape: shape, random: &random) }
    }
}

/// Mirrors an image left to right with a probability.
public struct RandomHorizontalFlip: Augmentation {
    public let probability: Float

    public init(probability: Float = 0.5) {
        precondition((0...1).contains(probability), "RandomHorizontalFlip: the probability \(probability) is not in 0...1")
        self.probability = probability
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        precondition(shape.count == 3, "RandomHorizontalFlip: needs [c, h, w], not \(shape)")
        guard random.uniform() < probability else { return }
        for row in 0..<shape[0] * shape[1] {
            sample[row * shape[2]..<(row + 1) * shape[2]].reverse()
        }
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
        precondition(shape.count == 3, "RandomShift: needs [c, h, w], not \(shape)")
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

/// Cuts a random part out of an image and resamples it bilinearly to the image's size (Szegedy et al., "Going deeper with
/// convolutions", 2014, section 6).
public struct RandomResizedCrop: Augmentation {
    /// The part's share of the image's area.
    public let scale: ClosedRange<Float>
    /// The part's width over height, relative to the image's; drawn uniformly in its logarithm.
    public let ratio: ClosedRange<Float>

    public init(scale: ClosedRange<Float> = 0.25...1, ratio: ClosedRange<Float> = 0.75...4 / 3) {
        precondition(scale.lowerBound > 0 && scale.upperBound <= 1, "RandomResizedCrop: the scale \(scale) is not in 0...1")
        precondition(ratio.lowerBound > 0 && ratio.upperBound.isFinite, "RandomResizedCrop: the ratio \(ratio) is not positive")
        self.scale = scale
        self.ratio = ratio
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        precondition(shape.count == 3, "RandomResizedCrop: needs [c, h, w], not \(shape)")
        let (height, width) = (shape[1], shape[2])
        let area = random.uniform(in: scale)
        let aspect = exp(random.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
        let cropHeight = min(max(Int((Float(height) * (area / aspect).squareRoot()).rounded()), 1), height)
        let cropWidth = min(max(Int((Float(width) * (area * aspect).squareRoot()).rounded()), 1), width)
        let top = random.integer(below: height - cropHeight + 1)
        let left = random.integer(below: width - cropWidth + 1)
        var part: [Float] = []
        part.reserveCapacity(shape[0] * cropHeight * cropWidth)
        for row in 0..<shape[0] * cropHeight {
            let start = (row / cropHeight * height + top + row % cropHeight) * width + left
            part += sample[start..<start + cropWidth]
        }
        let resized = Resampling.bilinear(part, planes: shape[0], from: (cropHeight, cropWidth), to: (height, width))
        _ = sample.update(from: resized)
    }
}
