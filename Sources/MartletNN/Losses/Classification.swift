import MartletCore

/// The cross-entropy of logits [n, classes] against int32 labels [n]; or of logits [n, classes, ...] against labels [n, ...].
///
/// The mean divides by the sum of the labels' weights (their number without weights), ignored rows left out, as PyTorch does.
///
/// - Parameters:
///   - weights: of the classes, [classes].
///   - labelSmoothing: the share of the target spread evenly over all classes. Szegedy et al., 2016.
///   - ignoredLabel: rows with this label count for nothing.
public func crossEntropy(
    _ logits: Tensor, _ labels: Tensor, weights: Tensor? = nil, labelSmoothing: Float = 0,
    ignoredLabel: Int32? = -100, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(labelSmoothing >= 0 && labelSmoothing <= 1, "crossEntropy", "label smoothing \(labelSmoothing)", file, line)
    let options = CrossEntropyOptions(labelSmoothing: labelSmoothing, ignoredLabel: ignoredLabel)
    let losses = crossEntropyRows(classesLast(logits), labels, weights: weights, options: options, file: file, line: line)
    guard reduction == .mean else { return losses.reduced(reduction) }
    return losses.sum() / labelWeight(labels, weights: weights, ignoredLabel: ignoredLabel)
}

/// The cross-entropy of logits [n, classes] against labels in host memory, one a row. With them the number of rows that count is
/// known without asking the device.
public func crossEntropy(
    _ logits: Tensor, _ labels: [Int32], weights: Tensor? = nil, labelSmoothing: Float = 0,
    ignoredLabel: Int32? = -100, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let counted = ignoredLabel.map { ignored in labels.count { $0 != ignored } } ?? labels.count
    if reduction != .mean || weights != nil || counted == 0 {
        return crossEntropy(
            logits, Tensor(labels), weights: weights, labelSmoothing: labelSmoothing, ignoredLabel: ignoredLabel,
            reduction: reduction, file: file, line: line)
    }
    let losses = crossEntropy(
        logits, Tensor(labels), labelSmoothing: labelSmoothing, ignoredLabel: ignoredLabel, reduction: .none,
        file: file, line: line)
    return counted == labels.count ? losses.mean() : losses.sum() / Float(counted)
}

/// The negative log-likelihood of log-probabilities [n, classes] (or [n, classes, ...]) at int32 labels.
public func negativeLogLikelihood(
    _ logProbabilities: Tensor, _ labels: Tensor, weights: Tensor? = nil, ignoredLabel: Int32? = -100,
    reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let rows = classesLast(logProbabilities)
    require(
        Array(rows.shape.dropLast()) == labels.shape && labels.type == .int32, "negativeLogLikelihood",
        "log-probabilities \(logProbabilities.shape), labels \(labels.type) \(labels.shape)", file, line)
    let ignored = ignoredLabel.map { Float($0) } ?? .nan
    let flat = labels.reshaped([labels.count, 1])
    let picked = rows.reshaped([labels.count, rows.shape.last!]).gatheredElements(flat).reshaped(labels.shape)
    let weight = weights.map { $0.gathered(labels.reshaped([-1])).reshaped(labels.shape) } ?? Tensor(1)
    let losses = Tensor.pointwise(maskedProduct, scalars: [ignored], [picked, weight, labels])
    guard reduction == .mean else { return losses.reduced(reduction) }
    return losses.sum() / labelWeight(labels, weights: weights, ignoredLabel: ignoredLabel)
}

private let maskedProduct: Expression = .select(.input(2) .== .scalar(0), 0, -(.input(0) * .input(1)))

/// The number of labels that count, or the sum of their classes' weights.
private func labelWeight(_ labels: Tensor, weights: Tensor?, ignoredLabel: Int32?) -> Tensor {
    guard weights != nil || ignoredLabel != nil else { return Tensor(Float(labels.count)) }
    let weight = weights.map { $0.detached.gathered(labels.reshaped([-1])).reshaped(labels.shape) } ?? Tensor(1)
    let ignored = ignoredLabel.map { Float($0) } ?? .nan
    let counted = Expression.select(.input(1) .== .scalar(0), 0, .input(0))
    return Tensor.pointwise(counted, scalars: [ignored], [weight, labels]).sum()
}

private func classesLast(_ logits: Tensor) -> Tensor {
    logits.rank <= 2 ? logits : logits.permuted([0] + Array(2..<logits.rank) + [1])
}

/// Binary cross-entropy of logits against targets from 0 to 1 of the same shape, without leaving the range of float32.
///
/// - Parameters:
///   - weights: of the elements; broadcast.
///   - positiveWeights: of the positive targets; broadcast.
public func binaryCrossEntropyWithLogits(
    _ logits: Tensor, _ targets: Tensor, weights: Tensor? = nil, positiveWeights: Tensor? = nil,
    reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        logits.shape == targets.shape, "binaryCrossEntropyWithLogits", "logits \(logits.shape), targets \(targets.shape)", file,
        line)
    var losses: Tensor
    if let positiveWeights {
        losses = Tensor.pointwise(weightedBinary, [logits, targets, positiveWeights], file: file, line: line)
    } else {
        losses = Tensor.pointwise(binary, [logits, targets], file: file, line: line)
    }
    if let weights { losses = losses * weights }
    return losses.reduced(reduction)
}

/// ln(1 + exp(-x)) for input 0, in range everywhere.
private let softMinus =
    (-Expression.input(0)).maximum(0) + .unary(.logarithmOnePlus, (-(Expression.input(0).absolute)).exponential)
private let binary: Expression = (1 - .input(1)) * .input(0) + softMinus
private let weightedBinary: Expression = (1 - .input(1)) * .input(0) + (1 + (.input(2) - 1) * .input(1)) * softMinus
