import MartletCore

/// An activation function as a layer.
public final class Activation: Layer {
    public let name: String
    private let function: (Tensor) -> Tensor

    public init(_ name: String, _ function: @escaping (Tensor) -> Tensor) {
        self.name = name
        self.function = function
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { function(x) }

    public static func relu() -> Activation { Activation("relu") { $0.relu() } }
    public static func leakyReLU(_ slope: Float = 0.01) -> Activation { Activation("leaky_relu") { $0.leakyReLU(slope) } }
    public static func elu(_ alpha: Float = 1) -> Activation { Activation("elu") { $0.elu(alpha) } }
    public static func gelu() -> Activation { Activation("gelu") { $0.gelu() } }
    public static func silu() -> Activation { Activation("silu") { $0.silu() } }
    public static func sigmoid() -> Activation { Activation("sigmoid") { $0.sigmoid() } }
    public static func tanh() -> Activation { Activation("tanh") { $0.tanh() } }
    public static func softmax(axis: Int = -1) -> Activation { Activation("softmax") { $0.softmax(axis: axis) } }

    /// The activation functions that can be asked for by name.
    public static let names = ["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]

    /// The one of `names` asked for; nil for any other.
    public static func named(_ name: String) -> Activation? {
        switch name {
        case "relu": relu()
        case "leaky_relu": leakyReLU()
        case "elu": elu()
        case "gelu": gelu()
        case "silu": silu()
        case "sigmoid": sigmoid()
        case "tanh": tanh()
        default: nil
        }
    }
}
