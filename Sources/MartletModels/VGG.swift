import MartletCore
import MartletNN

/// The VGG networks, with torchvision's names and shapes: 3 x 3 convolutions only, images [n, 3, h, w] of at least 32 x 32, as a rule
/// 224 x 224. Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014.
public final class VGG: Chain {
    /// The paper's configurations, by their number of layers with weights: the convolutions of each of the five blocks.
    public enum Depth: Int, Sendable, CaseIterable {
        case eleven = 11
        case sixteen = 16

        var blocks: [Int] { self == .eleven ? [1, 1, 2, 2, 2] : [2, 2, 3, 3, 3] }
    }

    public let features: Sequential
    /// Brings the features of other image sizes to the 7 x 7 that the dense layers want.
    public let avgpool = AdaptiveAveragePool2D(7)
    public let classifier: Sequential

    /// - Parameters:
    ///   - batchNorm: whether batch normalisation follows each convolution.
    ///   - channels: of the images.
    ///   - dropout: the probability with which a value that leaves the first two dense layers is dropped in training.
    ///   - device: where the parameters are; the default device where nil.
    public init(
        _ depth: Depth, batchNorm: Bool = false, outputs: Int = 1000, channels: Int = 3, dropout: Float = 0.5,
        on device: (any Device)? = nil
    ) {
        func build() -> (Sequential, Sequential) {
            let dense = Initializer.normal(deviation: 0.01)
            let classifier = Sequential(named: [
                "0": Linear(512 * 7 * 7, 4096, initializer: dense, biasInitializer: .zeros, activation: .relu),
                "2": Dropout(dropout),
                "3": Linear(4096, 4096, initializer: dense, biasInitializer: .zeros, activation: .relu),
                "5": Dropout(dropout),
                "6": Linear(4096, outputs, initializer: dense, biasInitializer: .zeros),
            ])
            return (Self.features(depth, batchNorm: batchNorm, channels: channels), classifier)
        }
        (features, classifier) = device.map { withDevice($0, build) } ?? build()
    }

    public var links: Links {
        ["features": features, "avgpool": avgpool, "flatten": Flatten(), "classifier": classifier]
    }

    private static func features(_ depth: Depth, batchNorm: Bool, channels: Int) -> Sequential {
        var layers: [(name: String, layer: any Layer)] = [], position = 0, inputs = channels
        for (convolutions, outputs) in zip(depth.blocks, [64, 128, 256, 512, 512]) {
            for _ in 0..<convolutions {
                let convolution = Conv2D(
                    inputs, outputs, kernel: 3, padding: 1, initializer: .he(fan: .output), biasInitializer: .zeros,
                    activation: batchNorm ? nil : .relu)
                layers.append((String(position), convolution))
                if batchNorm { layers.append((String(position + 1), BatchNorm2D(outputs, activation: .relu))) }
                position += batchNorm ? 3 : 2
                inputs = outputs
            }
            layers.append((String(position), MaxPool2D(2)))
            position += 1
        }
        return Sequential(named: layers)
    }
}
