import Foundation

/// Sets a square at a random place to 0, the mean of normalised images; at the edge a part of it is cut off (DeVries and Taylor,
/// "Improved regularization of convolutional neural networks with cutout", 2017).
public struct Cutout: Augmentation {
    /// The square's width and height.
    public let side: Int

    public init(side: Int) {
        precondition(side >= 1, "Cutout: the side \(side) is not positive")
        self.side = side
    }

    /// The square's part within an image of this size.
    public func region(width: Int, height: Int, random: inout SampleRandom) -> ImageRegion {
        let x = random.integer(below: width), y = random.integer(below: height)
        let left = max(x - side / 2, 0), top = max(y - side / 2, 0)
        return ImageRegion(
            left: left, top: top, width: min(x - side / 2 + side, width) - left, height: min(y - side / 2 + side, height) - top)
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        Self.check(shape)
        sample.erase(region(width: shape[2], height: shape[1], random: &random), shape: shape)
    }
}

/// With a probability, sets a rectangle of random size and place to 0, the mean of normalised images (Zhong et al., "Random erasing
/// data augmentation", 2017), drawn as torchvision draws it.
public struct RandomErasing: Augmentation {
    public let probability: Float
    /// The rectangle's share of the image's area.
    public let scale: ClosedRange<Float>
    /// Its height over its width; drawn uniformly in its logarithm.
    public let ratio: ClosedRange<Float>

    public init(probability: Float = 0.5, scale: ClosedRange<Float> = 0.02...0.33, ratio: ClosedRange<Float> = 0.3...3.3) {
        precondition((0...1).contains(probability), "RandomErasing: the probability \(probability) is not in 0...1")
        precondition(scale.lowerBound > 0 && scale.upperBound <= 1, "RandomErasing: the scale \(scale) is not in 0...1")
        precondition(ratio.lowerBound > 0 && ratio.upperBound.isFinite, "RandomErasing: the ratio \(ratio) is not positive")
        self.probability = probability
        self.scale = scale
        self.ratio = ratio
    }

    /// The rectangle, smaller than the image each way: ten tries; nil where none fits.
    public func region(width: Int, height: Int, random: inout SampleRandom) -> ImageRegion? {
        for _ in 0..<10 {
            let area = Double(width * height) * Double(random.uniform(in: scale))
            let aspect = exp(Double(random.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound))))
            let partHeight = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
            let partWidth = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
            guard partHeight < height, partWidth < width else { continue }
            let top = random.integer(below: height - partHeight + 1), left = random.integer(below: width - partWidth + 1)
            return ImageRegion(left: left, top: top, width: partWidth, height: partHeight)
        }
        return nil
    }

    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        Self.check(shape)
        guard random.uniform() < probability, let region = region(width: shape[2], height: shape[1], random: &random) else {
            return
        }
        sample.erase(region, shape: shape)
    }
}

extension UnsafeMutableBufferPointer<Float> {
    /// Sets a region of planes [c, h, w] to 0.
    fileprivate func erase(_ region: ImageRegion, shape: [Int]) {
        for channel in 0..<shape[0] {
            for y in region.top..<region.top + region.height {
                let start = (channel * shape[1] + y) * shape[2] + region.left
                UnsafeMutableBufferPointer(rebasing: self[start..<start + region.width]).update(repeating: 0)
            }
        }
    }
}
