import MartletCore

/// x * weight^T + bias over the last axis: [..., inputs] to [..., outputs]. Weight [outputs, inputs], bias [outputs].
public final class Linear: Layer {
    public let weight: Parameter
    public let bias: Parameter?
    /// Applied to the result in the same pass; nil for none.
    public var activation: FusedActivation?

    public init(
        _ inputs: Int, _ outputs: Int, bias: Bool = true, initializer: Initializer = .torch, biasInitializer: Initializer? = nil,
        activation: FusedActivation? = nil
    ) {
        precondition(inputs > 0 && outputs > 0, "Linear: \(inputs) inputs, \(outputs) outputs")
        weight = Parameter(initializer([outputs, inputs]))
        self.bias = bias ? Parameter((biasInitializer ?? .torchBias(fanIn: inputs))([outputs])) : nil
        self.activation = activation
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        linear(x, weight.value, bias: bias?.value, activation: activation)
    }
}
