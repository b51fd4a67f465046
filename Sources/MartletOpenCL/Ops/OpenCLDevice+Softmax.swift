import MartletCore

extension OpenCLDevice: SoftmaxOps {
    public func softmax(_ x: View, into y: View, logarithm: Bool) {
        precondition(
            x.rank == 2 && x.shape == y.shape && x.isContiguous && y.isContiguous,
            "softmax: x \(x.shape) and y \(y.shape) do not fit")
        guarded("softmax", inputs: [x], outputs: [y]) {
            try launchRows(
                "Softmax", logarithm ? "log_softmax" : "softmax", rows: x.shape[0], n: x.shape[1],
                [.tensor(x), .tensor(y)], result: y)
        }
    }

    public func softmaxGradient(_ dy: View, _ y: View, into dx: View, logarithm: Bool) {
        precondition(
            y.rank == 2 && dy.shape == y.shape && dx.shape == y.shape && dy.isContiguous && y.isContiguous
                && dx.isContiguous,
            "softmaxGradient: dy \(dy.shape), y \(y.shape) and dx \(dx.shape) do not fit")
        guarded("softmaxGradient", inputs: [dy, y], outputs: [dx]) {
            try launchRows(
                "Softmax", logarithm ? "log_softmax_gradient" : "softmax_gradient", rows: y.shape[0],
                n: y.shape[1], [.tensor(dy), .tensor(y), .tensor(dx)], result: dx, held: 2)
        }
    }

    public func crossEntropy(_ logits: View, labels: View, weights: View?, into losses: View, options: CrossEntropyOptions) {
        checkCrossEntropy("crossEntropy", logits, labels, weights, losses)
        precondition(losses.isContiguous, "crossEntropy: losses \(losses.shape) are not contiguous")
        guarded("crossEntropy", inputs: [logits, labels] + (weights.map { [$0] } ?? []), outputs: [losses]) {
            try launchRows(
                "CrossEntropy", "cross_entropy", rows: logits.shape[0], n: logits.shape[1],
                [.tensor(logits), .tensor(labels), .tensor(weights ?? logits), .tensor(losses)],
                options: arguments(of: options, isWeighted: weights != nil))
        }
    }

    public func crossEntropyGradient(
        _ dLosses: View, _ logits: View, labels: View, weights: View?, into dLogits: View,
        options: CrossEntropyOptions
    ) {
        checkCrossEntropy("crossEntropyGradient", logits, labels, weights, dLosses)
        precondition(
            dLogits.shape == logits.shape && dLogits.isContiguous,
            "crossEntropyGradient: dLogits \(dLogits.shape) for logits \(logits.shape)")
        guarded("crossEntropyGradient", inputs: [dLosses, logits, labels] + (weights.map { [$0] } ?? []), outputs: [dLogits]) {
            try launchRows(
                "CrossEntropy", "cross_entropy_gradient", rows: logits.shape[0], n: logits.shape[1],
                [
                    .tensor(dLosses), .size(dLosses.strides[0]), .tensor(logits), .tensor(labels),
                    .tensor(weights ?? logits), .tensor(dLogits),
                ],
                options: arguments(of: options, isWeighted: weights != nil), result: dLogits, held: 2)
        }
    }

    private func arguments(of options: CrossEntropyOptions, isWeighted: Bool) -> [KernelArgument] {
        [
            .int(isWeighted ? 1 : 0), .float(options.labelSmoothing), .int(options.ignoredLabel == nil ? 0 : 1),
            .int(Int(options.ignoredLabel ?? 0)),
        ]
    }

    private func checkCrossEntropy(_ op: StaticString, _ logits: View, _ labels: View, _ weights: View?, _ losses: View) {
        precondition(
            logits.rank == 2 && logits.isContiguous && labels.shape == [logits.shape[0]] && labels.isContiguous
                && losses.shape == labels.shape,
            "\(op): logits \(logits.shape), labels \(labels.shape) and losses \(losses.shape) do not fit")
        precondition(
            weights.map { $0.shape == [logits.shape[1]] && $0.isContiguous } ?? true,
            "\(op): class weights \(weights?.shape ?? []) for logits \(logits.shape)")
    }
}
