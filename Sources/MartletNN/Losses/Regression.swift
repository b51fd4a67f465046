import MartletCore

private let error: Expression = .input(0) - .input(1)

/// The square of prediction - target.
public func meanSquaredError(
    _ prediction: Tensor, _ target: Tensor, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    elementLoss("meanSquaredError", error.square, prediction, target, reduction, file, line)
}

/// The absolute value of prediction - target.
public func l1Loss(
    _ prediction: Tensor, _ target: Tensor, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    elementLoss("l1Loss", error.absolute, prediction, target, reduction, file, line)
}

/// error^2 / (2 beta) where |error| < beta, else |error| - beta / 2. Girshick, "Fast R-CNN", 2015. With beta 0 it is `l1Loss`.
public func smoothL1Loss(
    _ prediction: Tensor, _ target: Tensor, beta: Float = 1, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(beta >= 0, "smoothL1Loss", "beta \(beta)", file, line)
    if beta == 0 { return l1Loss(prediction, target, reduction: reduction, file: file, line: line) }
    return elementLoss("smoothL1Loss", smoothL1, scalars: [beta], prediction, target, reduction, file, line)
}

private let smoothL1: Expression = .select(
    error.absolute .< .scalar(0), 0.5 * error.square / .scalar(0), error.absolute - 0.5 * .scalar(0))

/// error^2 / 2 where |error| < delta, else delta (|error| - delta / 2). Huber, 1964.
public func huberLoss(
    _ prediction: Tensor, _ target: Tensor, delta: Float = 1, reduction: LossReduction = .mean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(delta > 0, "huberLoss", "delta \(delta)", file, line)
    return elementLoss("huberLoss", huber, scalars: [delta], prediction, target, reduction, file, line)
}

private let huber: Expression = .select(
    error.absolute .< .scalar(0), 0.5 * error.square, .scalar(0) * (error.absolute - 0.5 * .scalar(0)))
