import MartletCore
import MartletNN

/// The residual networks, with torchvision's names and shapes: images [n, 3, h, w], as a rule 224 x 224. He, Zhang, Ren and Sun, "Deep
/// residual learning for image recognition", 2015; in the deeper ones the stride is in the 3 x 3 convolution.
public final class ResNet: Chain {
    public enum Depth: Int, Sendable, CaseIterable {
        case eighteen = 18
        case fifty = 50

        var blocks: [Int] { self == .eighteen ? [2, 2, 2, 2] : [3, 4, 6, 3] }
        /// The outputs of a block over its width.
        var expansion: Int { self == .eighteen ? 1 : 4 }

        func block(_ inputs: Int, _ width: Int, stride: Int) -> any Layer {
            self == .eighteen
                ? BasicBlock(inputs, width, stride: stride)
                : Bottleneck(inputs, width, outputs: width * expansion, stride: stride)
        }
    }

    public let conv1: Conv2D
    public let bn1 = BatchNorm2D(64, activation: .relu)
    private let maxpool = MaxPool2D(3, stride: 2, padding: 1)
    /// The four stages; each but the first begins by halving height and width.
    public let layers: [Sequential]
    public let fc: Linear

    /// - Parameters:
    ///   - channels: of the images.
    ///   - device: where the parameters are; the default device where nil.
    public init(_ depth: Depth, outputs: Int = 1000, channels: Int = 3, on device: (any Device)? = nil) {
        func build() -> (Conv2D, [Sequential], Linear) {
            let conv1 = Conv2D(channels, 64, kernel: 7, stride: 2, padding: 3, bias: false, initializer: .he(fan: .output))
            var layers: [Sequential] = [], inputs = 64
            for (stage, count) in depth.blocks.enumerated() {
                let width = 64 << stage
                layers.append(
                    Sequential(
                        (0..<count).map { index in
                            defer { inputs = width * depth.expansion }
                            return depth.block(inputs, width, stride: stage > 0 && index == 0 ? 2 : 1)
                        }))
            }
            return (conv1, layers, Linear(inputs, outputs))
        }
        (conv1, layers, fc) = device.map { withDevice($0, build) } ?? build()
    }

    public var links: Links {
        [
            "conv1": conv1, "bn1": bn1, "maxpool": maxpool, "layer1": layers[0], "layer2": layers[1], "layer3": layers[2],
            "layer4": layers[3], "avgpool": GlobalAverage(), "fc": fc,
        ]
    }
}

/// Two 3 x 3 convolutions around which the input is carried.
final class BasicBlock: Layer {
    let conv1, conv2: Conv2D
    let bn1, bn2: BatchNorm2D
    let downsample: Downsample?

    init(_ inputs: Int, _ outputs: Int, stride: Int) {
        conv1 = .residual(inputs, outputs, kernel: 3, stride: stride)
        bn1 = BatchNorm2D(outputs)
        conv2 = .residual(outputs, outputs, kernel: 3)
        bn2 = BatchNorm2D(outputs)
        downsample = stride == 1 && inputs == outputs ? nil : Downsample(inputs, outputs, stride: stride)
    }

    var parts: Parts { ["conv1": conv1, "bn1": bn1, "conv2": conv2, "bn2": bn2, "downsample": downsample] }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let carried = downsample?(x) ?? x
        return conv2(conv1(x, then: bn1, activation: .relu), then: bn2, adding: carried, activation: .relu)
    }
}

/// A 3 x 3 convolution between two of 1 x 1 that narrow and widen again, around which the input is carried.
final class Bottleneck: Layer {
    let conv1, conv2, conv3: Conv2D
    let bn1, bn2, bn3: BatchNorm2D
    let downsample: Downsample?

    init(_ inputs: Int, _ width: Int, outputs: Int, stride: Int) {
        conv1 = .residual(inputs, width, kernel: 1)
        bn1 = BatchNorm2D(width)
        conv2 = .residual(width, width, kernel: 3, stride: stride)
        bn2 = BatchNorm2D(width)
        conv3 = .residual(width, outputs, kernel: 1)
        bn3 = BatchNorm2D(outputs)
        downsample = stride == 1 && inputs == outputs ? nil : Downsample(inputs, outputs, stride: stride)
    }

    var parts: Parts {
        ["conv1": conv1, "bn1": bn1, "conv2": conv2, "bn2": bn2, "conv3": conv3, "bn3": bn3, "downsample": downsample]
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let carried = downsample?(x) ?? x
        let narrow = conv2(conv1(x, then: bn1, activation: .relu), then: bn2, activation: .relu)
        return conv3(narrow, then: bn3, adding: carried, activation: .relu)
    }
}

/// Brings what is carried around a block to the size of the block's result: a 1 x 1 convolution with a stride.
final class Downsample: Layer {
    let convolution: Conv2D
    let norm: BatchNorm2D

    init(_ inputs: Int, _ outputs: Int, stride: Int) {
        convolution = .residual(inputs, outputs, kernel: 1, stride: stride)
        norm = BatchNorm2D(outputs)
    }

    var parts: Parts { ["0": convolution, "1": norm] }

    func callAsFunction(_ x: Tensor) -> Tensor { convolution(x, then: norm) }
}

extension Conv2D {
    /// As residual networks have it: no bias, and an image without a stride keeps its size.
    fileprivate static func residual(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) -> Conv2D {
        Conv2D(
            inputs, outputs, kernel: Pair(kernel, kernel), stride: Pair(stride, stride), padding: Pair(kernel / 2, kernel / 2),
            bias: false, initializer: .he(fan: .output))
    }
}
