import MartletCore

/// How the Kullback-Leibler divergence sums up.
public enum DivergenceReduction: Sendable, Hashable {
    case none, mean, sum
    /// The sum divided by the first extent: the mathematical definition a sample.
    case batchMean
}

/// The Kullback-Leibler divergence of log-probabilities from target probabilities of the same shape, element by element:
/// target * (ln target - prediction), 0 where the target is 0.
///
/// - Parameter logTarget: whether the target too is given as logarithms.
public func klDivergence(
    _ logProbabilities: Tensor, _ target: Tensor, logTarget: Bool = false, reduction: DivergenceReduction = .batchMean,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let losses = elementLoss(
        "klDivergence", logTarget ? fromLogarithms : fromProbabilities, logProbabilities, target, .none, file, line)
    switch reduction {
    case .none: return losses
    case .mean: return losses.mean()
    case .sum: return losses.sum()
    case .batchMean: return losses.sum() / Float(max(logProbabilities.shape.first ?? 1, 1))
    }
}

private let fromProbabilities: Expression = .select(
    .input(1) .== 0, 0, .input(1) * (Expression.input(1).logarithm - .input(0)))
private let fromLogarithms: Expression = Expression.input(1).exponential * (.input(1) - .input(0))
