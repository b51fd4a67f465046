/// How cross-entropy weighs its rows and classes.
public struct CrossEntropyOptions: Hashable, Sendable {
    /// The share of the target taken from the label and spread evenly over all classes.
    public var labelSmoothing: Float
    /// Rows with this label count for nothing.
    public var ignoredLabel: Int32?

    public init(labelSmoothing: Float = 0, ignoredLabel: Int32? = nil) {
        self.labelSmoothing = labelSmoothing
        self.ignoredLabel = ignoredLabel
    }
}

/// Softmax over rows. All views are contiguous; float32 unless said.
public protocol SoftmaxOps: AnyObject {
    /// Over the last axis of x [rows, n], the row's largest subtracted first. A row of minus infinities gives NaN.
    func softmax(_ x: View, into y: View, logarithm: Bool)
    /// dx from dy and the result y of `softmax` with the same `logarithm`.
    func softmaxGradient(_ dy: View, _ y: View, into dx: View, logarithm: Bool)
    /// The loss of each row of logits [rows, n] against labels [rows], int32: losses [rows].
    ///
    /// loss = (1 - e) * w[label] * -logp[label] + e / n * sum_j w[j] * -logp[j], with e the label smoothing, w the class
    /// weights [n] (1 where nil) and logp the log-softmax of the row; 0 for an ignored label, NaN for any other label
    /// outside 0..<n.
    func crossEntropy(_ logits: View, labels: View, weights: View?, into losses: View, options: CrossEntropyOptions)
    /// dLogits [rows, n] from the gradient dLosses [rows] (its stride may be 0). Zero in ignored rows, NaN in rows with a label outside.
    func crossEntropyGradient(
        _ dLosses: View, _ logits: View, labels: View, weights: View?, into dLogits: View,
        options: CrossEntropyOptions)
}
