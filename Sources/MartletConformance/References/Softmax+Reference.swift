import Glibc
import MartletCore

/// Softmax and cross-entropy of one row.
enum SoftmaxReference {
    static func logSoftmax(_ row: [Double]) -> [Double] {
        let largest = ReductionReference.extreme(row, >)
        let total = row.reduce(0) { $0 + exp($1 - largest) }
        return row.map { $0 - largest - log(total) }
    }

    static func softmax(_ row: [Double]) -> [Double] {
        let largest = ReductionReference.extreme(row, >)
        let total = row.reduce(0) { $0 + exp($1 - largest) }
        return row.map { exp($0 - largest) / total }
    }

    static func crossEntropy(_ row: [Double], _ label: Int, weights: [Double]?, _ options: CrossEntropyOptions) -> Double {
        if let ignored = options.ignoredLabel, label == Int(ignored) { return 0 }
        guard row.indices.contains(label) else { return .nan }
        let smoothing = Double(options.labelSmoothing), logs = logSoftmax(row)
        func loss(_ index: Int) -> Double { (weights?[index] ?? 1) * -logs[index] }
        let spread = smoothing == 0 ? 0 : row.indices.reduce(0) { $0 + loss($1) } * smoothing / Double(row.count)
        return (1 - smoothing) * loss(label) + spread
    }

    /// A function of rows along an axis.
    static func rows(_ x: Reference, axis: Int, _ function: ([Double]) -> [Double]) -> Reference {
        var order = Array(x.shape.indices)
        order.swapAt(axis, order.count - 1)
        let last = x.permuted(order), columns = x.shape[axis]
        let starts = stride(from: 0, to: last.count, by: max(columns, 1))
        return Reference(last.shape, starts.flatMap { function(Array(last.values[$0..<$0 + columns])) }).permuted(order)
    }
}
