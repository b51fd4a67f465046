import MartletCore

/// The hinge loss of scores against targets of 1 or -1 of the same shape: max(0, margin - target * score).
public func hingeLoss(
    _ scores: Tensor, _ targets: Tensor, margin: Float = 1, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    elementLoss("hingeLoss", (.scalar(0) - .input(1) * .input(0)).relu, scalars: [margin], scores, targets, reduction, file, line)
}

/// The loss of distances against targets of 1 (similar: the distance) or -1 (different: max(0, margin - distance)).
public func hingeEmbeddingLoss(
    _ distances: Tensor, _ targets: Tensor, margin: Float = 1, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let loss = Expression.select(.input(1) .== 1, .input(0), (.scalar(0) - .input(0)).relu)
    return elementLoss("hingeEmbeddingLoss", loss, scalars: [margin], distances, targets, reduction, file, line)
}

/// The multi-class hinge loss of scores [n, classes] against int32 labels [n]: the sum over the other classes of
/// max(0, margin - score[label] + score)^power, divided by the number of classes. Power is 1 or 2.
public func multiMarginLoss(
    _ scores: Tensor, _ labels: Tensor, margin: Float = 1, power: Int = 1, weights: Tensor? = nil,
    reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        scores.rank == 2 && labels.shape == [scores.shape[0]] && labels.type == .int32 && (power == 1 || power == 2),
        "multiMarginLoss",
        "scores \(scores.shape), labels \(labels.type) \(labels.shape), power \(power)", file, line)
    let classes = scores.shape[1]
    let own = scores.gatheredElements(labels.reshaped([-1, 1]))
    let excess = (Expression.scalar(0) - .input(1) + .input(0)).relu
    let others = Expression.select(.input(2), 0, power == 1 ? excess : excess.square)
    var losses = Tensor.pointwise(others, scalars: [margin], [scores, own, labels.oneHot(classes)]).sum([1]) / Float(classes)
    if let weights { losses = losses * weights.gathered(labels) }
    return losses.reduced(reduction)
}
