import MartletCore

/// How the losses of single elements or rows become one.
public enum LossReduction: Sendable, Hashable {
    /// They stay as they are.
    case none
    case mean
    case sum
}

extension Tensor {
    func reduced(_ reduction: LossReduction) -> Tensor {
        switch reduction {
        case .none: self
        case .mean: mean()
        case .sum: sum()
        }
    }
}

/// Compares two tensors of one shape element by element.
func elementLoss(
    _ name: String, _ expression: Expression, scalars: [Float] = [], _ prediction: Tensor, _ target: Tensor,
    _ reduction: LossReduction, _ file: StaticString, _ line: UInt
) -> Tensor {
    require(prediction.shape == target.shape, name, "prediction \(prediction.shape), target \(target.shape)", file, line)
    return Tensor.pointwise(expression, scalars: scalars, [prediction, target], operation: name, file: file, line: line).reduced(
        reduction)
}
