import MartletCore
import MartletNN

/// SqueezeNet 1.0 and 1.1, with torchvision's names and shapes: AlexNet's accuracy with 1.2 million parameters. Images [n, 3, h, w] of at
/// least 21 x 21, as a rule 224 x 224. Iandola et al., "SqueezeNet", 2016.
public final class SqueezeNet: Chain {
    public enum Version: String, Sendable, CaseIterable {
        /// The paper's.
        case one = "1.0"
        /// Pools earlier, at less than half the work.
        case onePointOne = "1.1"
    }

    public let features: Sequential
    public let classifier: Sequential

    /// - Parameters:
    ///   - channels: of the images.
    ///   - dropout: the probability with which a feature is dropped in training before the last convolution.
    ///   - device: where the parameters are; the default device where nil.
    public init(
        _ version: Version = .one, outputs: Int = 1000, channels: Int = 3, dropout: Float = 0.5, on device: (any Device)? = nil
    ) {
        func build() -> (Sequential, Sequential) {
            let last = Conv2D(
                512, outputs, kernel: 1, initializer: .normal(deviation: 0.01), biasInitializer: .zeros, activation: .relu)
            return (
                version == .one ? Self.featuresOfOne(channels) : Self.featuresOfOnePointOne(channels),
                Sequential(named: ["0": Dropout(dropout), "1": last])
            )
        }
        (features, classifier) = device.map { withDevice($0, build) } ?? build()
    }

    /// A class's score is the average of its map over all positions.
    public var links: Links { ["features": features, "classifier": classifier, "avgpool": GlobalAverage()] }

    private static func featuresOfOne(_ channels: Int) -> Sequential {
        Sequential(named: [
            "0": Conv2D(
                channels, 96, kernel: 7, stride: 2, initializer: .he(uniform: true), biasInitializer: .zeros, activation: .relu),
            "2": pool,
            "3": Fire(96, squeeze: 16, expand: 64), "4": Fire(128, squeeze: 16, expand: 64),
            "5": Fire(128, squeeze: 32, expand: 128),
            "6": pool,
            "7": Fire(256, squeeze: 32, expand: 128), "8": Fire(256, squeeze: 48, expand: 192),
            "9": Fire(384, squeeze: 48, expand: 192), "10": Fire(384, squeeze: 64, expand: 256),
            "11": pool,
            "12": Fire(512, squeeze: 64, expand: 256),
        ])
    }

    private static func featuresOfOnePointOne(_ channels: Int) -> Sequential {
        Sequential(named: [
            "0": Conv2D(
                channels, 64, kernel: 3, stride: 2, initializer: .he(uniform: true), biasInitializer: .zeros, activation: .relu),
            "2": pool,
            "3": Fire(64, squeeze: 16, expand: 64), "4": Fire(128, squeeze: 16, expand: 64),
            "5": pool,
            "6": Fire(128, squeeze: 32, expand: 128), "7": Fire(256, squeeze: 32, expand: 128),
            "8": pool,
            "9": Fire(256, squeeze: 48, expand: 192), "10": Fire(384, squeeze: 48, expand: 192),
            "11": Fire(384, squeeze: 64, expand: 256), "12": Fire(512, squeeze: 64, expand: 256),
        ])
    }

    private static var pool: MaxPool2D { MaxPool2D(3, stride: 2, ceilMode: true) }
}

/// Squeezes the channels with a 1 x 1 convolution and expands them with two of 1 x 1 and 3 x 3 side by side.
public final class Fire: Layer {
    public let squeeze, expand1x1, expand3x3: Conv2D

    /// - Parameter expand: the outputs of each of the two expanding convolutions.
    public init(_ inputs: Int, squeeze squeezed: Int, expand: Int) {
        func convolution(_ inputs: Int, _ outputs: Int, _ kernel: Int) -> Conv2D {
            Conv2D(
                inputs, outputs, kernel: Pair(kernel, kernel), padding: Pair(kernel / 2, kernel / 2),
                initializer: .he(uniform: true), biasInitializer: .zeros, activation: .relu)
        }
        squeeze = convolution(inputs, squeezed, 1)
        expand1x1 = convolution(squeezed, expand, 1)
        expand3x3 = convolution(squeezed, expand, 3)
    }

    public var parts: Parts { ["squeeze": squeeze, "expand1x1": expand1x1, "expand3x3": expand3x3] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let squeezed = squeeze(x)
        return concatenate([expand1x1(squeezed), expand3x3(squeezed)], axis: 1)
    }
}
