import MartletCore
import MartletNN

/// A multi-layer perceptron: fully connected layers with an activation between them, on inputs of any shape, which are flattened.
public final class MLP: Chain {
    private let layers: [(name: String, layer: any Layer)]

    /// - Parameters:
    ///   - hidden: the widths of the hidden layers, in order; none makes a linear classifier.
    ///   - activation: one of `Activation.names`.
    ///   - batchNorm: whether batch normalisation comes between a layer and its activation.
    ///   - dropout: the probability with which a hidden value is dropped in training.
    ///   - device: where the parameters are; the default device where nil.
    public init(
        inputs: Int, hidden: [Int], outputs: Int, activation: String = "relu", batchNorm: Bool = false, dropout: Float = 0,
        on device: (any Device)? = nil
    ) {
        precondition(Activation.names.contains(activation), "MLP: activation \(activation), not one of \(Activation.names)")
        func build() -> [(String, any Layer)] {
            var layers: [(String, any Layer)] = [], width = inputs
            for (index, next) in hidden.enumerated() {
                let fused: FusedActivation? = activation == "relu" && !batchNorm ? .relu : nil
                layers.append(("fc\(index + 1)", Linear(width, next, activation: fused)))
                if batchNorm { layers.append(("bn\(index + 1)", BatchNorm1D(next))) }
                if fused == nil { layers.append(("act\(index + 1)", Activation.named(activation)!)) }
                if dropout > 0 { layers.append(("drop\(index + 1)", Dropout(dropout))) }
                width = next
            }
            layers.append(("fc\(hidden.count + 1)", Linear(width, outputs)))
            return layers
        }
        layers = device.map { withDevice($0, build) } ?? build()
    }

    public var links: Links { Links([(name: "rows", layer: Rows())] + layers) }
}

/// Images as rows of numbers; rows stay as they are.
private final class Rows: Layer {
    func callAsFunction(_ x: Tensor) -> Tensor { x.rank > 2 ? x.flattened() : x }
}
