/// Random changes of images that take their boxes along.
public struct DetectionJitter: Sendable {
    /// The probability of a mirror image.
    public var flip: Float
    /// The factors by which the shorter side may be scaled.
    public var scale: ClosedRange<Float>

    public init(flip: Float = 0.5, scale: ClosedRange<Float> = 1...1) {
        precondition((0...1).contains(flip) && scale.lowerBound > 0, "DetectionJitter: flip \(flip), scale \(scale)")
        self.flip = flip
        self.scale = scale
    }

    /// None.
    public static let none = DetectionJitter(flip: 0)
}

/// How images are brought to the size that a network sees.
public struct DetectionSizing: Sendable, Hashable {
    /// What the shorter side is scaled to, unless that makes the longer one longer than `longest`.
    public var shortSide: Int
    public var longest: Int

    public init(shortSide: Int, longest: Int) {
        precondition(shortSide > 0 && longest > 0, "DetectionSizing: \(shortSide), at most \(longest)")
        self.shortSide = shortSide
        self.longest = longest
    }

    /// The factor for an image of this size.
    public func factor(width: Int, height: Int) -> Float {
        min(Float(shortSide) / Float(min(width, height)), Float(longest) / Float(max(width, height)))
    }
}

/// An image as a network sees it, with its objects.
public struct PreparedImage: Sendable {
    /// Mirrored where asked; of the size below, or still to be brought to it.
    private var image: Image
    public let width: Int
    public let height: Int
    public var objects: [ObjectAnnotation]
    /// What the original was scaled by, horizontally and vertically.
    public let scaleX: Float
    public let scaleY: Float
    public let isFlipped: Bool

    /// Scales (and mirrors) an image and its boxes alike.
    ///
    /// - Parameter exact: whether pixels are interpolated in floating point without antialiasing, as torchvision's detectors do,
    ///   rather than averaged.
    public init(
        _ image: Image, _ objects: [ObjectAnnotation], sizing: DetectionSizing, jitter: DetectionJitter = .none,
        exact: Bool = false, random: inout SampleRandom
    ) {
        isFlipped = jitter.flip > 0 && random.uniform() < jitter.flip
        let change = jitter.scale == 1...1 ? 1 : random.uniform(in: jitter.scale)
        let factor = Double(sizing.factor(width: image.width, height: image.height) * change)
        width = max(Int(Double(image.width) * factor), 1)
        height = max(Int(Double(image.height) * factor), 1)
        scaleX = Float(width) / Float(image.width)
        scaleY = Float(height) / Float(image.height)
        let sized = exact ? image : image.resized(width: width, height: height)
        self.image = isFlipped ? sized.flippedHorizontally() : sized
        self.objects = []
        self.objects = objects.map { object in
            var moved = object
            moved.box = place(object.box)
            moved.area = object.area * scaleX * scaleY
            return moved
        }
    }

    /// Where a box of the original lies now.
    public func place(_ box: BoundingBox) -> BoundingBox {
        let scaled = box.scaled(x: scaleX, y: scaleY)
        return isFlipped ? scaled.flipped(width: width) : scaled
    }

    /// The values [c, h, w] in 0...1, normalised where asked.
    public func floats(normalization: ChannelNormalization? = nil) -> [Float] {
        let values = image.floats(normalization: normalization)
        if image.width == width, image.height == height { return values }
        return Resampling.bilinear(values, planes: image.channels, from: (image.height, image.width), to: (height, width))
    }
}
