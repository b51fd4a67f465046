import MartletCore
import MartletNN

/// LeNet-5 for images of 28 x 28 with one channel (or as told), with ReLU and max pooling as it is built today. LeCun, Bottou,
/// Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
public final class LeNet: Chain {
    public let conv1: Conv2D
    public let conv2: Conv2D
    public let fc1: Linear
    public let fc2: Linear
    public let fc3: Linear
    private let pool = MaxPool2D(2)
    private let dropout: Dropout?

    /// - Parameters:
    ///   - channels: of the images.
    ///   - size: height and width of the images, at least 12.
    ///   - dropout: the probability with which a value of the dense layers is dropped in training.
    ///   - device: where the parameters are; the default device where nil.
    public init(outputs: Int = 10, channels: Int = 1, size: Pair = 28, dropout: Float = 0, on device: (any Device)? = nil) {
        precondition(size.y >= 12 && size.x >= 12, "LeNet: images of \(size.y) x \(size.x), not at least 12 x 12")
        func build() -> (Conv2D, Conv2D, Linear, Linear, Linear) {
            let features = 16 * ((size.y / 2 - 4) / 2) * ((size.x / 2 - 4) / 2)
            return (
                Conv2D(channels, 6, kernel: 5, padding: 2, activation: .relu), Conv2D(6, 16, kernel: 5, activation: .relu),
                Linear(features, 120, activation: .relu), Linear(120, 84, activation: .relu), Linear(84, outputs)
            )
        }
        (conv1, conv2, fc1, fc2, fc3) = device.map { withDevice($0, build) } ?? build()
        self.dropout = dropout > 0 ? Dropout(dropout) : nil
    }

    public var links: Links {
        [
            "conv1": conv1, "pool1": pool, "conv2": conv2, "pool2": pool, "flatten": Flatten(), "fc1": fc1, "dropout": dropout,
            "fc2": fc2, "fc3": fc3,
        ]
    }
}
