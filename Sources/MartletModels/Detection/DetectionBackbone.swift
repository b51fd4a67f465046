import MartletCore
import MartletNN

/// The part of a detector that sees the image: one or several feature maps, the finest first.
public protocol DetectionBackbone: Module {
    /// Of each map.
    var channels: Int { get }
    /// Pixels of the image between two positions, for each map.
    var strides: [Int] { get }
    /// The maps of images [n, 3, h, w].
    func maps(_ images: Tensor) -> [Tensor]
    /// What a classification network has too, by the same names.
    var convolutions: any Module { get }
}

extension DetectionBackbone {
    public var convolutions: any Module { self }
}

/// The convolutions of a classification network, cut off where their stride would grow too large: one feature map.
public final class SingleMapBackbone: DetectionBackbone {
    public let features: Sequential
    public let channels: Int
    public let strides: [Int]

    init(_ features: Sequential, channels: Int, stride: Int) {
        self.features = features
        self.channels = channels
        strides = [stride]
    }

    public var parts: Parts { ["features": features] }

    public func maps(_ images: Tensor) -> [Tensor] { [features(images)] }

    /// The layers of a network's `features` up to one of this name, whose names stay those of the network's weight files.
    private static func cut(_ features: Sequential, after last: String) -> Sequential {
        var layers: [(name: String, layer: any Layer)] = []
        for (name, part) in features.parts.named {
            guard let layer = part as? any Layer else { continue }
            layers.append((name, layer))
            if name == last { break }
        }
        return Sequential(named: layers)
    }

    /// SqueezeNet 1.0 up to the last layers whose stride is 8: 512 channels.
    public static func squeezeNet() -> SingleMapBackbone {
        SingleMapBackbone(cut(SqueezeNet(outputs: 1).features, after: "10"), channels: 512, stride: 8)
    }

    /// AlexNet without its last pooling: 256 channels, stride 16.
    public static func alexNet() -> SingleMapBackbone {
        let features = cut(AlexNet(outputs: 1).features, after: "10")
        return SingleMapBackbone(features, channels: 256, stride: 16)
    }

    /// VGG-16 without its last pooling, as in the papers: 512 channels, stride 16.
    public static func vgg16() -> SingleMapBackbone {
        SingleMapBackbone(cut(VGG(.sixteen, outputs: 1).features, after: "29"), channels: 512, stride: 16)
    }

    /// Seven convolutions with batch normalisation, for small images and training from nothing: 128 channels, stride 4.
    public static func small() -> SingleMapBackbone {
        var layers: [(name: String, layer: any Layer)] = [], inputs = 3
        for (outputs, stride) in [(32, 2), (32, 1), (64, 2), (64, 1), (96, 1), (128, 1)] {
            let convolution = Conv2D(
                inputs, outputs, kernel: 3, stride: Pair(stride, stride), padding: 1, bias: false, initializer: .he(fan: .output))
            layers.append(("\(layers.count)", convolution))
            layers.append(("\(layers.count)", BatchNorm2D(outputs, activation: .relu)))
            inputs = outputs
        }
        return SingleMapBackbone(Sequential(named: layers), channels: 128, stride: 4)
    }
}

/// A residual network of 50 layers under a feature pyramid, with torchvision's names. Lin et al., "Feature pyramid networks for object
/// detection", 2016.
public final class PyramidBackbone: DetectionBackbone {
    public let body: ResidualBody
    public let fpn: FeaturePyramid
    public let channels = 256
    public let strides = [4, 8, 16, 32, 64]

    public init() {
        body = ResidualBody()
        fpn = FeaturePyramid(inputs: [256, 512, 1024, 2048], outputs: 256)
    }

    public var parts: Parts { ["body": body, "fpn": fpn] }
    public var convolutions: any Module { body }

    public func maps(_ images: Tensor) -> [Tensor] { fpn(body.maps(images)) }
}

/// ResNet-50 without its last layer. Its batch normalisation is frozen, and so uses the running statistics in training too, since the
/// batches of detectors are small.
public final class ResidualBody: Module {
    private let network: ResNet
    private let pool = MaxPool2D(3, stride: 2, padding: 1)

    init() {
        network = ResNet(.fifty, outputs: 1)
        freezeNormalization()
    }

    /// Keeps the normalisation's statistics, scales and shifts as they are.
    func freezeNormalization() {
        for case let norm as BatchNorm2D in network.modules {
            norm.weight?.isFrozen = true
            norm.bias?.isFrozen = true
        }
    }

    public var parts: Parts { Parts(network.parts.named.filter { $0.name != "fc" }) }

    /// What the four stages give.
    func maps(_ images: Tensor) -> [Tensor] {
        var x = pool(network.conv1(images, then: network.bn1, activation: .relu)), maps: [Tensor] = []
        for stage in network.layers {
            x = stage(x)
            maps.append(x)
        }
        return maps
    }
}

/// Brings maps of different strides to one number of channels, each with what the coarser ones know, and adds a coarser one still.
public final class FeaturePyramid: Module {
    private let inner, layer: [Conv2D]

    init(inputs: [Int], outputs: Int) {
        let initializer = Initializer.he(uniform: true)
        inner = inputs.map { Conv2D($0, outputs, kernel: 1, initializer: initializer, biasInitializer: .zeros) }
        layer = inputs.map { _ in
            Conv2D(outputs, outputs, kernel: 3, padding: 1, initializer: initializer, biasInitializer: .zeros)
        }
    }

    public var parts: Parts {
        func blocks(_ convolutions: [Conv2D]) -> Sequential { Sequential(convolutions.map { Sequential($0) }) }
        return ["inner_blocks": blocks(inner), "layer_blocks": blocks(layer)]
    }

    func callAsFunction(_ maps: [Tensor]) -> [Tensor] {
        var above: Tensor?, results: [Tensor] = []
        for index in maps.indices.reversed() {
            var x = inner[index](maps[index])
            if let above { x = x + above.nearest(Pair(x.shape[2], x.shape[3])) }
            above = x
            results.insert(layer[index](x), at: 0)
        }
        let last = results[results.count - 1]
        return results + [last.sliced(axis: 2, 0..<last.shape[2], step: 2).sliced(axis: 3, 0..<last.shape[3], step: 2)]
    }
}

extension Tensor {
    /// [n, c, h, w] brought to another height and width by repeating the nearest element before.
    fileprivate func nearest(_ size: Pair) -> Tensor {
        func indices(_ from: Int, _ to: Int) -> Tensor { Tensor((0..<to).map { Int32($0 * from / to) }) }
        return gathered(indices(shape[2], size.y), axis: 2).gathered(indices(shape[3], size.x), axis: 3)
    }
}
