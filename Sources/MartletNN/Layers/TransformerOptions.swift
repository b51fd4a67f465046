import MartletCore

/// What Transformer layers have in common. The defaults are PyTorch's.
public struct TransformerOptions: Sendable {
    public enum Activation: String, Sendable, CaseIterable {
        case relu, gelu
        /// GPT-2's approximation.
        case geluTanh = "gelu_tanh"

        func callAsFunction(_ x: Tensor) -> Tensor {
            switch self {
            case .relu: x.relu()
            case .gelu: x.gelu()
            case .geluTanh: x.geluTanh()
            }
        }
    }

    /// Of the sequences' vectors.
    public var width: Int
    public var heads: Int
    /// Of the layer between the two linear ones.
    public var hidden: Int
    public var dropout: Float
    public var activation: Activation
    public var epsilon: Float
    /// Whether normalisation comes before attention and linear layers instead of behind the sums (Xiong et al., 2020).
    public var normFirst: Bool
    /// Whether linear layers and normalisations have a bias.
    public var bias: Bool

    public init(
        width: Int, heads: Int, hidden: Int = 2048, dropout: Float = 0.1, activation: Activation = .relu, epsilon: Float = 1e-5,
        normFirst: Bool = false, bias: Bool = true
    ) {
        precondition(width > 0 && hidden > 0, "TransformerOptions: width \(width), hidden \(hidden)")
        self.width = width
        self.heads = heads
        self.hidden = hidden
        self.dropout = dropout
        self.activation = activation
        self.epsilon = epsilon
        self.normFirst = normFirst
        self.bias = bias
    }

    func norm() -> LayerNorm { LayerNorm([width], epsilon: epsilon, affine: true, bias: bias) }
    func attention() -> MultiHeadAttention { MultiHeadAttention(width, heads: heads, bias: bias, dropout: dropout) }
}

/// The two linear layers of a Transformer layer.
struct FeedForward {
    let first: Linear
    let second: Linear
    let dropout: Dropout
    let activation: TransformerOptions.Activation

    init(_ options: TransformerOptions) {
        first = Linear(
            options.width, options.hidden, bias: options.bias, activation: options.activation == .relu ? .relu : nil)
        second = Linear(options.hidden, options.width, bias: options.bias)
        dropout = Dropout(options.dropout)
        activation = options.activation
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let inner = first(x)
        return second(dropout(activation == .relu ? inner : activation(inner)))
    }
}
