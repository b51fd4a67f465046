import MartletCore

/// The gradients of a loss with respect to a module's parameters that are not frozen.
public struct Gradients {
    private(set) var byParameter: [ObjectIdentifier: Tensor] = [:]

    /// No gradients yet, to be filled by hand.
    public init() {}

    /// The gradient of a parameter; nil where it is frozen or the loss does not depend on it.
    public subscript(_ parameter: Parameter) -> Tensor? {
        get { byParameter[ObjectIdentifier(parameter)] }
        set { byParameter[ObjectIdentifier(parameter)] = newValue }
    }
}

/// The loss that a body computes with a module, and its gradients. Layers behave as in training.
///
/// - Parameter loss: gets the module and returns a single number.
public func valueAndGradient<M: Module>(
    of module: M, file: StaticString = #fileID, line: UInt = #line,
    _ loss: (M) throws -> Tensor
) rethrows -> (value: Tensor, gradients: Gradients) {
    try valueAndGradient(of: module.parameters, file: file, line: line) { try loss(module) }
}

/// The loss that a body computes, and its gradients with respect to parameters. Layers behave as in training.
public func valueAndGradient(
    of parameters: [Parameter], file: StaticString = #fileID, line: UInt = #line,
    _ loss: () throws -> Tensor
) rethrows -> (value: Tensor, gradients: Gradients) {
    let trainable = parameters.filter { !$0.isFrozen }
    let value = try TrainingMode.set(true) { try Recording.$isOn.withValue(true) { try loss() } }
    require(value.count == 1, "valueAndGradient", "the loss has shape \(value.shape), not one element", file, line)
    var result = Gradients()
    for (parameter, gradient) in zip(trainable, gradients(of: value, for: trainable.map(\.variable))) {
        result[parameter] = gradient
    }
    return (value.detached, result)
}
