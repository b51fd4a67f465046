import CMartletCPU
import MartletCore

/// Softmax and cross-entropy, row by row.
extension CPUDevice {
    public func softmax(_ x: View, into y: View, logarithm: Bool) {
        guard begin(reading: [x], writing: [y]) else { return }
        let (source, result, n, streamed) = (x.floats, y.floats, Int64(x.shape[1]), y.isStreamed)
        rows(of: x) { martlet_softmax(source, result, n, logarithm ? 1 : 0, streamed, $0, $1) }
    }

    public func softmaxGradient(_ dy: View, _ y: View, into dx: View, logarithm: Bool) {
        guard begin(reading: [dy, y], writing: [dx]) else { return }
        let (gradient, values, result, n, streamed) = (dy.floats, y.floats, dx.floats, Int64(y.shape[1]), dx.isStreamed)
        rows(of: y) { martlet_softmax_gradient(gradient, values, result, n, logarithm ? 1 : 0, streamed, $0, $1) }
    }

    public func crossEntropy(_ logits: View, labels: View, weights: View?, into losses: View, options: CrossEntropyOptions) {
        guard begin(reading: [logits, labels] + (weights.map { [$0] } ?? []), writing: [losses]) else { return }
        var plan = martlet_cross_entropy_options(classes: logits.shape[1], weights: weights, options)
        let (source, targets, result) = (logits.floats, labels.ints, losses.floats)
        withUnsafePointer(to: &plan) { plan in
            rows(of: logits) { martlet_cross_entropy(plan, source, targets, result, $0, $1) }
        }
    }

    public func crossEntropyGradient(
        _ dLosses: View, _ logits: View, labels: View, weights: View?, into dLogits: View,
        options: CrossEntropyOptions
    ) {
        guard begin(reading: [dLosses, logits, labels] + (weights.map { [$0] } ?? []), writing: [dLogits]) else { return }
        var plan = martlet_cross_entropy_options(classes: logits.shape[1], weights: weights, options)
        let (gradient, stride) = (dLosses.floats, Int64(dLosses.strides[0]))
        let (source, targets, result, streamed) = (logits.floats, labels.ints, dLogits.floats, dLogits.isStreamed)
        withUnsafePointer(to: &plan) { plan in
            rows(of: logits) {
                martlet_cross_entropy_gradient(plan, gradient, stride, source, targets, result, streamed, $0, $1)
            }
        }
    }

    private func rows(of matrix: View, _ body: (Int64, Int64) -> Void) {
        pool.run(over: matrix.shape[0], grain: max(1, 8192 / max(matrix.shape[1], 1)), perWorker: 4) { rows, _ in
            body(rows.low, rows.high)
        }
    }
}

extension martlet_cross_entropy_options {
    fileprivate init(classes: Int, weights: View?, _ options: CrossEntropyOptions) {
        self.init(
            classes: Int64(classes), smoothing: options.labelSmoothing, ignores: options.ignoredLabel == nil ? 0 : 1,
            ignored_label: options.ignoredLabel ?? 0, weights: weights.map { UnsafePointer($0.floats) })
    }
}
