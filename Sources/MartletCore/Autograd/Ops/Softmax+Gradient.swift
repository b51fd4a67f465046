extension Tensor {
    /// exp(x) divided by its sum along an axis.
    public func softmax(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        softmax(axis: axis, logarithm: false, "softmax", file, line)
    }

    /// The logarithm of `softmax`, computed without leaving the range of float32.
    public func logSoftmax(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        softmax(axis: axis, logarithm: true, "logSoftmax", file, line)
    }

    private func softmax(axis: Int, logarithm: Bool, _ operation: String, _ file: StaticString, _ line: UInt) -> Tensor {
        require(type == .float32 && rank >= 1, operation, "float32 with an axis wanted, not \(type) \(shape)", file, line)
        let axis = self.axis(axis, operation, file, line)
        if axis != rank - 1 {
            return transposed(axis, -1).softmax(axis: -1, logarithm: logarithm, operation, file, line).transposed(axis, -1)
        }
        let device = resolvedDevice(file: file, line: line)
        let columns = shape[axis], rows = shape.dropLast().reduce(1, *), source = shape
        let result = Tensor(empty: shape, on: device)
        let y = result.view(on: device).reshaped([rows, columns])
        if count > 0 { device.softmax(contiguousView(on: device).reshaped([rows, columns]), into: y, logarithm: logarithm) }
        return result.recorded([self]) { dy, _ in
            [
                Tensor(filling: source, on: device) {
                    device.softmaxGradient(
                        dy.contiguousView(on: device).reshaped([rows, columns]), y,
                        into: $0.reshaped([rows, columns]), logarithm: logarithm)
                }
            ]
        }
    }
}

/// The cross-entropy of each row of logits [..., classes] against int32 labels [...], of the labels' shape. `weights` [classes] weigh
/// the classes.
public func crossEntropyRows(
    _ logits: Tensor, _ labels: Tensor, weights: Tensor? = nil, options: CrossEntropyOptions = .init(),
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        logits.rank >= 1 && logits.type == .float32 && labels.type == .int32 && Array(logits.shape.dropLast()) == labels.shape
            && (weights == nil || weights!.shape == [logits.shape.last!]),
        "crossEntropy", "logits \(logits.shape), labels \(labels.type) \(labels.shape), weights \(weights?.shape ?? [])", file,
        line)
    let device = Tensor.commonDevice([logits, labels] + (weights.map { [$0] } ?? []), "crossEntropy", file, line)
    let rows = labels.count, classes = logits.shape.last!, shape = logits.shape
    let result = Tensor(empty: labels.shape, on: device)
    let x = logits.contiguousView(on: device).reshaped([rows, classes])
    let targets = labels.contiguousView(on: device).reshaped([rows])
    let classWeights = weights?.contiguousView(on: device)
    if rows > 0 {
        device.crossEntropy(
            x, labels: targets, weights: classWeights, into: result.view(on: device).reshaped([rows]), options: options)
    }
    return result.recorded([logits]) { gradient, _ in
        [
            Tensor(filling: shape, on: device) {
                let flat = gradient.view(on: device)
                let isEven = flat.strides.allSatisfy { $0 == 0 }
                let dLosses =
                    isEven
                    ? View(flat.buffer, .float32, offset: flat.offset, shape: [rows], strides: [0])
                    : gradient.contiguousView(on: device).reshaped([rows])
                device.crossEntropyGradient(
                    dLosses, x, labels: targets, weights: classWeights,
                    into: $0.reshaped([rows, classes]), options: options)
            }
        ]
    }
}
