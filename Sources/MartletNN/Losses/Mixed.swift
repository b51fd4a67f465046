import MartletCore

/// The cross-entropy of logits [n, classes] against samples of two classes each, as mixup makes them: the targets are `shares` of
/// the first class and the rest of the second. The mean divides by the sum of the targets' weights, their number without weights.
///
/// - Parameters:
///   - weights: of the classes, [classes].
///   - labelSmoothing: the share of the target spread evenly over all classes.
public func mixedCrossEntropy(
    _ logits: Tensor, _ labels: [Int32], _ others: [Int32], shares: [Float], weights: Tensor? = nil, labelSmoothing: Float = 0,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        labels.count == others.count && labels.count == shares.count, "mixedCrossEntropy",
        "\(labels.count) labels, \(others.count) others, \(shares.count) shares", file, line)
    let first = Tensor(shares), second = Tensor(shares.map { 1 - $0 })
    func rows(_ labels: [Int32]) -> Tensor {
        crossEntropy(
            logits, labels, weights: weights, labelSmoothing: labelSmoothing, reduction: .none, file: file, line: line)
    }
    let losses = rows(labels) * first + rows(others) * second
    guard let weights else { return losses.mean() }
    func weight(_ labels: [Int32]) -> Tensor { weights.detached.gathered(Tensor(labels)) }
    return losses.sum() / (weight(labels) * first + weight(others) * second).sum()
}
