import CMartletImage
import Foundation

/// A change of colours, defined on values from 0 to 1 as they are before normalisation.
public protocol ColorAugmentation: Augmentation {
    /// What the samples are normalised by; nil for nothing.
    var normalization: ChannelNormalization? { get }
    /// Whether this change is for RGB alone.
    var needsRGB: Bool { get }
    /// Changes planes of `area` values from 0 to 1.
    func apply(toLevels planes: UnsafeMutablePointer<Float>, channels: Int, area: Int, random: inout SampleRandom)
}

extension ColorAugmentation {
    public func apply(to sample: UnsafeMutableBufferPointer<Float>, shape: [Int], random: inout SampleRandom) {
        Self.check(shape)
        precondition(!needsRGB || shape[0] == 3, "\(Self.self): needs RGB, not \(shape[0]) channels")
        guard let planes = sample.baseAddress else { return }
        let (channels, area) = (shape[0], shape[1] * shape[2])
        if let normalization {
            for channel in 0..<channels {
                let (mean, std) = normalization.values(channel)
                martlet_plane_scale(planes + channel * area, area, std, mean)
            }
        }
        apply(toLevels: planes, channels: channels, area: area, random: &random)
        if let normalization {
            for channel in 0..<channels {
                let (mean, std) = normalization.values(channel)
                martlet_plane_scale(planes + channel * area, area, 1 / std, -mean / std)
            }
        }
    }
}

/// Changes brightness, contrast, saturation and hue by random amounts in a random order, as torchvision's `ColorJitter` does.
public struct ColorJitter: ColorAugmentation {
    /// Factors are drawn from 1 - this (at least 0) to 1 + this; 0 leaves as it is.
    public let brightness: Float
    public let contrast: Float
    public let saturation: Float
    /// The hue is turned by up to this share of the circle each way, at most a half.
    public let hue: Float
    public let normalization: ChannelNormalization?

    public init(
        brightness: Float = 0, contrast: Float = 0, saturation: Float = 0, hue: Float = 0,
        normalization: ChannelNormalization? = nil
    ) {
        precondition(
            brightness >= 0 && contrast >= 0 && saturation >= 0 && (0...0.5).contains(hue),
            "ColorJitter: \(brightness), \(contrast), \(saturation), \(hue) are not 0 or more, the hue at most 0.5")
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.normalization = normalization
    }

    public var needsRGB: Bool { saturation > 0 || hue > 0 }

    /// One of the four changes.
    public enum Change: Int, CaseIterable, Sendable { case brightness, contrast, saturation, hue }

    public func apply(toLevels planes: UnsafeMutablePointer<Float>, channels: Int, area: Int, random: inout SampleRandom) {
        var order = Change.allCases
        for last in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(last, random.integer(below: last + 1)) }
        for change in order {
            let amount = [brightness, contrast, saturation, hue][change.rawValue]
            if amount == 0 { continue }
            let value =
                change == .hue ? random.uniform(in: -amount...amount) : random.uniform(in: max(0, 1 - amount)...1 + amount)
            ColorJitter.apply(change, by: value, to: planes, channels: channels, area: area)
        }
    }

    /// Makes one change of planes of values from 0 to 1: by a factor, or for the hue by a share of the circle.
    package static func apply(
        _ change: Change, by value: Float, to planes: UnsafeMutablePointer<Float>, channels: Int, area: Int
    ) {
        switch change {
        case .brightness: martlet_color_brightness(planes, area * channels, value)
        case .contrast: martlet_color_contrast(planes, area, channels, value)
        case .saturation: martlet_color_saturation(planes, area, value)
        case .hue: martlet_color_hue(planes, area, value)
        }
    }
}

/// Adds multiples of the principal components of ImageNet's colours, the same to every pixel (Krizhevsky et al., "ImageNet
/// classification with deep convolutional neural networks", 2012, section 4.1).
public struct LightingNoise: ColorAugmentation {
    /// The standard deviation of the normal numbers that the components are multiplied by; 0.1 in the paper.
    public let deviation: Float
    public let normalization: ChannelNormalization?

    public init(deviation: Float = 0.1, normalization: ChannelNormalization? = nil) {
        precondition(deviation >= 0, "LightingNoise: the deviation \(deviation) is negative")
        self.deviation = deviation
        self.normalization = normalization
    }

    public var needsRGB: Bool { true }

    /// The roots of the variances along the components, of values from 0 to 1, and the components' red, green and blue.
    private static let sizes: [Float] = [0.2175, 0.0188, 0.0045]
    private static let components: [[Float]] = [
        [-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203],
    ]

    /// What is added to red, green and blue for these multiples of the components.
    package static func shift(_ multiples: [Float]) -> [Float] {
        components.map { row in (0..<3).reduce(0) { $0 + row[$1] * multiples[$1] * sizes[$1] } }
    }

    public func apply(toLevels planes: UnsafeMutablePointer<Float>, channels: Int, area: Int, random: inout SampleRandom) {
        let multiples = (0..<3).map { _ in deviation * random.normal() }
        for (channel, amount) in LightingNoise.shift(multiples).enumerated() {
            martlet_plane_scale(planes + channel * area, area, 1, amount)
        }
    }
}
