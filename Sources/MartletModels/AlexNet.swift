import MartletCore
import MartletNN

/// AlexNet, in the form with one tower of torchvision, whose names and shapes it has: images [n, 3, h, w] of at least 63 x 63, as a rule
/// 224 x 224. Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012, and
/// Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
public final class AlexNet: Chain {
    /// Five convolutions; the paper's overlapping pooling (3 x 3 windows, 2 apart) follows the first, second and last.
    public let features: Sequential
    /// Brings the features of other image sizes to the 6 x 6 that the dense layers want.
    public let avgpool = AdaptiveAveragePool2D(6)
    /// Three dense layers with dropout before the first two.
    public let classifier: Sequential

    /// - Parameters:
    ///   - channels: of the images.
    ///   - dropout: the probability with which a value that enters the first two dense layers is dropped in training.
    ///   - device: where the parameters are; the default device where nil.
    public init(outputs: Int = 1000, channels: Int = 3, dropout: Float = 0.5, on device: (any Device)? = nil) {
        func build() -> (Sequential, Sequential) {
            let features = Sequential(named: [
                "0": Conv2D(channels, 64, kernel: 11, stride: 4, padding: 2, activation: .relu),
                "2": MaxPool2D(3, stride: 2),
                "3": Conv2D(64, 192, kernel: 5, padding: 2, activation: .relu),
                "5": MaxPool2D(3, stride: 2),
                "6": Conv2D(192, 384, kernel: 3, padding: 1, activation: .relu),
                "8": Conv2D(384, 256, kernel: 3, padding: 1, activation: .relu),
                "10": Conv2D(256, 256, kernel: 3, padding: 1, activation: .relu),
                "12": MaxPool2D(3, stride: 2),
            ])
            let classifier = Sequential(named: [
                "0": Dropout(dropout),
                "1": Linear(256 * 6 * 6, 4096, activation: .relu),
                "3": Dropout(dropout),
                "4": Linear(4096, 4096, activation: .relu),
                "6": Linear(4096, outputs),
            ])
            return (features, classifier)
        }
        (features, classifier) = device.map { withDevice($0, build) } ?? build()
    }

    public var links: Links {
        ["features": features, "avgpool": avgpool, "flatten": Flatten(), "classifier": classifier]
    }
}
