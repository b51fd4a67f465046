import MartletCore
import MartletModels
import MartletNN

/// A training step of a network of the catalog (forward, cross-entropy, backward and update), for timing and for comparing with a
/// peer: the parameters, the images and the labels follow from rules that another program can follow too, and nothing is dropped.
///
/// Parameter i of two or more axes is uniform within the square root of 6 / (extent of all axes but the first) (seed 7, stream i),
/// other weights are 1 and biases 0. Images are uniform from 0 to 1 (seed 8, stream 0), the label of sample i is 31 i modulo the
/// classes.
public final class TrainStep {
    /// What a network is timed with.
    public struct Setup: Sendable {
        /// Samples a step.
        public var batch: Int
        /// Of one sample: [c, h, w].
        public var input: [Int]
        public var classes: Int
        /// Of SGD.
        public var learningRate: Float
        public var momentum: Float
        /// Multiply-adds of a sample's way forward through products and convolutions, and of the first of them, which has no input
        /// gradient; nil where nobody counted.
        public var multiplyAdds: (all: Int, first: Int)?
    }

    /// Setups that differ from `standard(_:)`, by the model's name.
    private static let setups: [String: Setup] = [
        "mlp": small((669_696, 401_408)),
        "lenet": small((416_520, 117_600)),
        "alexnet": photo(16, (714_188_480, 70_276_800)),
        "resnet18": photo(16, (1_814_073_344, 118_013_952)),
        "vgg16": photo(4, (15_470_264_320, 86_704_128)),
    ]

    private static func small(_ multiplyAdds: (Int, Int)?) -> Setup {
        Setup(batch: 128, input: [1, 28, 28], classes: 10, learningRate: 0.01, momentum: 0, multiplyAdds: multiplyAdds)
    }

    private static func photo(_ batch: Int, _ multiplyAdds: (Int, Int)?) -> Setup {
        Setup(
            batch: batch, input: [3, 224, 224], classes: 1000, learningRate: 1e-3, momentum: 0.9, multiplyAdds: multiplyAdds)
    }

    /// What a model of the catalog is timed with: photos of 224 x 224 in batches of 8 where it wants them, else digits.
    public static func setup(for model: ModelDescription) -> Setup {
        setups[model.name] ?? ((model.classifier?.imageSize ?? 28) < 100 ? small(nil) : photo(8, nil))
    }

    public let setup: Setup
    public var parameters: [Parameter] { model.parameters }
    private let model: any Layer
    private let optimizer: SGD
    private let images: Tensor
    private let labels: [Int32]
    private let device: any Device

    /// - Parameter name: of a model of the catalog.
    public init(_ name: String, on device: any Device) throws {
        let description = try ModelCatalog.named(name)
        let setup = Self.setup(for: description)
        let settings = Settings(description.settings.contains { $0.name == "dropout" } ? ["dropout": "0"] : [:])
        model = try withDevice(device) {
            try withSeed(1) {
                try description.build(settings, shape: ModelShape(input: setup.input, classes: setup.classes))
            }
        }
        for (index, (name, parameter)) in model.namedParameters.enumerated() {
            parameter.value = Self.start(parameter.shape, isBias: name.hasSuffix("bias"), stream: index, on: device)
        }
        optimizer = SGD(model.parameters, learningRate: setup.learningRate, momentum: setup.momentum)
        images = Tensor.random(
            .uniform(low: 0, high: 1), shape: [setup.batch] + setup.input, key: RandomKey(seed: 8, stream: 0), on: device)
        labels = (0..<setup.batch).map { Int32($0 * 31 % setup.classes) }
        self.setup = setup
        self.device = device
    }

    /// What a parameter begins with.
    package static func start(_ shape: [Int], isBias: Bool, stream: Int, on device: (any Device)? = nil) -> Tensor {
        if shape.count < 2 { return Tensor(repeating: isBias ? 0 : 1, shape: shape) }
        let bound = (6 / Float(shape.dropFirst().reduce(1, *))).squareRoot()
        return Tensor.random(
            .uniform(low: -bound, high: bound), shape: shape, key: RandomKey(seed: 7, stream: UInt64(stream)), on: device)
    }

    /// Takes a step.
    ///
    /// - Returns: the loss before it, for which nobody waits yet.
    @discardableResult
    public func run() -> Tensor {
        withDevice(device) {
            let (loss, gradients) = valueAndGradient(of: model.parameters) { crossEntropy(model(images), labels) }
            optimizer.step(gradients)
            return loss
        }
    }

    /// Floating-point operations of a step in products and convolutions: forward, weight gradient and input gradient.
    public var operations: Double? {
        setup.multiplyAdds.map { Double(setup.batch) * 2 * (3 * Double($0.all) - Double($0.first)) }
    }
}
