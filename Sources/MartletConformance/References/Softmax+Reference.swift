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
        Reference(x.shape) { index in
            var source = index
            let row = (0..<x.shape[axis]).map { position -> Double in
                source[axis] = position
                return x[source]
            }
            return function(row)[index[axis]]
        }
    }
}
