import MartletConformance
import MartletCore

/// A device that computes one op family wrongly: the last element of each result is off by about a thousandth.
final class CorruptingDevice: Device {
    private let base: any Device
    private let family: OpFamily

    init(_ base: any Device, family: OpFamily) {
        self.base = base
        self.family = family
    }

    var info: DeviceInfo { base.info }

    private func spoil(_ family: OpFamily, _ views: [View]) {
        guard family == self.family else { return }
        for view in views where view.count > 0 && view.buffer.fault == nil {
            let last = zip(view.shape, view.strides).reduce(view.offset) { $0 + ($1.0 - 1) * $1.1 }
            let element = View(view.buffer, view.type, offset: last, shape: [1], strides: [1])
            let wrong: Expression = view.type == .int32 ? 1 - .input(0) : .input(0) * 1.001 + 0.001
            base.pointwise(wrong, scalars: [], inputs: [element], outputs: [element])
        }
    }

    // MARK: Memory

    func allocate(byteCount: Int) -> DeviceBuffer { base.allocate(byteCount: byteCount) }
    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: DeviceBuffer) { base.upload(bytes, to: buffer) }
    func download(_ buffer: DeviceBuffer, byteOffset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
        try base.download(buffer, byteOffset: byteOffset, into: bytes)
        if family == .memory, let last = bytes.indices.last { bytes[last] ^= 1 }
    }
    func synchronize() throws { try base.synchronize() }
    func emptyPool() { base.emptyPool() }
    var statistics: DeviceStatistics { base.statistics }

    // MARK: Pointwise, reductions, products

    func pointwise(_ expression: Expression, scalars: [Float], inputs: [View], outputs: [View]) {
        base.pointwise(expression, scalars: scalars, inputs: inputs, outputs: outputs)
        spoil(.pointwise, outputs)
    }
    func reduce(_ kind: ReductionKind, _ input: View, into output: View) {
        base.reduce(kind, input, into: output)
        spoil(.reduction, [output])
    }
    func matmul(_ a: View, _ b: View, into c: View, epilogue: Epilogue?) {
        base.matmul(a, b, into: c, epilogue: epilogue)
        spoil(.matmul, [c])
    }

    // MARK: Convolution

    func convolution(_ x: View, _ w: View, into y: View, options: ConvolutionOptions, epilogue: Epilogue?) {
        base.convolution(x, w, into: y, options: options, epilogue: epilogue)
        spoil(.convolution, [y])
    }
    func convolutionInputGradient(_ dy: View, _ w: View, into dx: View, options: ConvolutionOptions) {
        base.convolutionInputGradient(dy, w, into: dx, options: options)
        spoil(.convolution, [dx])
    }
    func convolutionWeightGradient(_ x: View, _ dy: View, into dw: View, options: ConvolutionOptions) {
        base.convolutionWeightGradient(x, dy, into: dw, options: options)
        spoil(.convolution, [dw])
    }

    // MARK: Pooling

    func maxPool(_ x: View, into y: View, indices: View, options: PoolingOptions) {
        base.maxPool(x, into: y, indices: indices, options: options)
        spoil(.pooling, [y])
    }
    func maxPoolGradient(_ dy: View, indices: View, into dx: View, options: PoolingOptions) {
        base.maxPoolGradient(dy, indices: indices, into: dx, options: options)
        spoil(.pooling, [dx])
    }
    func averagePool(_ x: View, into y: View, options: PoolingOptions) {
        base.averagePool(x, into: y, options: options)
        spoil(.pooling, [y])
    }
    func averagePoolGradient(_ dy: View, into dx: View, options: PoolingOptions) {
        base.averagePoolGradient(dy, into: dx, options: options)
        spoil(.pooling, [dx])
    }
    func adaptiveAveragePool(_ x: View, into y: View) {
        base.adaptiveAveragePool(x, into: y)
        spoil(.pooling, [y])
    }
    func adaptiveAveragePoolGradient(_ dy: View, into dx: View) {
        base.adaptiveAveragePoolGradient(dy, into: dx)
        spoil(.pooling, [dx])
    }
    func adaptiveMaxPool(_ x: View, into y: View, indices: View) {
        base.adaptiveMaxPool(x, into: y, indices: indices)
        spoil(.pooling, [y])
    }
    func adaptiveMaxPoolGradient(_ dy: View, indices: View, into dx: View) {
        base.adaptiveMaxPoolGradient(dy, indices: indices, into: dx)
        spoil(.pooling, [dx])
    }

    // MARK: Normalization and softmax

    func batchNorm(_ x: View, scale: View?, shift: View?, epsilon: Float, into y: View, mean: View, inverseDeviation: View) {
        base.batchNorm(x, scale: scale, shift: shift, epsilon: epsilon, into: y, mean: mean, inverseDeviation: inverseDeviation)
        spoil(.normalization, [y])
    }
    func batchNormGradient(
        _ dy: View, _ x: View, scale: View?, mean: View, inverseDeviation: View, into dx: View, dScale: View, dShift: View
    ) {
        base.batchNormGradient(
            dy, x, scale: scale, mean: mean, inverseDeviation: inverseDeviation, into: dx, dScale: dScale, dShift: dShift)
        spoil(.normalization, [dx, dScale, dShift])
    }
    func groupNorm(
        _ x: View, scale: View?, shift: View?, groups: Int, epsilon: Float, into y: View, mean: View, inverseDeviation: View
    ) {
        base.groupNorm(
            x, scale: scale, shift: shift, groups: groups, epsilon: epsilon, into: y, mean: mean,
            inverseDeviation: inverseDeviation)
        spoil(.normalization, [y])
    }
    func groupNormGradient(
        _ dy: View, _ x: View, scale: View?, groups: Int, mean: View, inverseDeviation: View, into dx: View, dScale: View,
        dShift: View
    ) {
        base.groupNormGradient(
            dy, x, scale: scale, groups: groups, mean: mean, inverseDeviation: inverseDeviation, into: dx, dScale: dScale,
            dShift: dShift)
        spoil(.normalization, [dx, dScale, dShift])
    }
    func softmax(_ x: View, into y: View, logarithm: Bool) {
        base.softmax(x, into: y, logarithm: logarithm)
        spoil(.softmax, [y])
    }
    func softmaxGradient(_ dy: View, _ y: View, into dx: View, logarithm: Bool) {
        base.softmaxGradient(dy, y, into: dx, logarithm: logarithm)
        spoil(.softmax, [dx])
    }
    func crossEntropy(_ logits: View, labels: View, weights: View?, into losses: View, options: CrossEntropyOptions) {
        base.crossEntropy(logits, labels: labels, weights: weights, into: losses, options: options)
        spoil(.softmax, [losses])
    }
    func crossEntropyGradient(
        _ dLosses: View, _ logits: View, labels: View, weights: View?, into dLogits: View, options: CrossEntropyOptions
    ) {
        base.crossEntropyGradient(dLosses, logits, labels: labels, weights: weights, into: dLogits, options: options)
        spoil(.softmax, [dLogits])
    }

    func attention(
        _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, into y: View, logSum: View
    ) {
        base.attention(q, k, v, mask: mask, keyLengths: keyLengths, options: options, into: y, logSum: logSum)
        spoil(.attention, [y])
    }
    func attentionGradient(
        _ dy: View, _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, y: View,
        logSum: View, into dq: View, dk: View, dv: View
    ) {
        base.attentionGradient(
            dy, q, k, v, mask: mask, keyLengths: keyLengths, options: options, y: y, logSum: logSum, into: dq, dk: dk, dv: dv)
        spoil(.attention, [dq, dk, dv])
    }

    // MARK: Recurrence

    func lstm(gates: View, weight: View, lengths: View?, hidden: View, cell: View, isReversed: Bool) {
        base.lstm(gates: gates, weight: weight, lengths: lengths, hidden: hidden, cell: cell, isReversed: isReversed)
        spoil(.recurrence, [hidden])
    }
    func lstmGradient(
        dHidden: View, dCell: View?, gates: View, weight: View, lengths: View?, cell: View, into dGates: View,
        dInitialHidden: View, dInitialCell: View, isReversed: Bool
    ) {
        base.lstmGradient(
            dHidden: dHidden, dCell: dCell, gates: gates, weight: weight, lengths: lengths, cell: cell, into: dGates,
            dInitialHidden: dInitialHidden, dInitialCell: dInitialCell, isReversed: isReversed)
        spoil(.recurrence, [dGates, dInitialHidden, dInitialCell])
    }
    func gru(gates: View, weight: View, bias: View?, lengths: View?, hidden: View, candidate: View, isReversed: Bool) {
        base.gru(
            gates: gates, weight: weight, bias: bias, lengths: lengths, hidden: hidden, candidate: candidate,
            isReversed: isReversed)
        spoil(.recurrence, [hidden])
    }
    func gruGradient(
        dHidden: View, gates: View, weight: View, lengths: View?, hidden: View, candidate: View, into dGates: View,
        dCandidate: View, dInitialHidden: View, isReversed: Bool
    ) {
        base.gruGradient(
            dHidden: dHidden, gates: gates, weight: weight, lengths: lengths, hidden: hidden, candidate: candidate, into: dGates,
            dCandidate: dCandidate, dInitialHidden: dInitialHidden, isReversed: isReversed)
        spoil(.recurrence, [dGates, dCandidate, dInitialHidden])
    }

    // MARK: Indexing, random numbers, updates

    func gather(_ x: View, indices: View, into y: View) {
        base.gather(x, indices: indices, into: y)
        spoil(.indexing, [y])
    }
    func scatterAdd(_ y: View, indices: View, into x: View) {
        base.scatterAdd(y, indices: indices, into: x)
        spoil(.indexing, [x])
    }
    func gatherElements(_ x: View, indices: View, into y: View) {
        base.gatherElements(x, indices: indices, into: y)
        spoil(.indexing, [y])
    }
    func scatterAddElements(_ y: View, indices: View, into x: View) {
        base.scatterAddElements(y, indices: indices, into: x)
        spoil(.indexing, [x])
    }
    func sort(_ x: View, descending: Bool, into values: View, indices: View) {
        base.sort(x, descending: descending, into: values, indices: indices)
        spoil(.indexing, [values])
    }
    func regionPool(_ x: View, boxes: View, into y: View, indices: View, options: RegionPoolingOptions) {
        base.regionPool(x, boxes: boxes, into: y, indices: indices, options: options)
        spoil(.region, [y])
    }
    func regionPoolGradient(_ dy: View, boxes: View, indices: View, into dx: View, options: RegionPoolingOptions) {
        base.regionPoolGradient(dy, boxes: boxes, indices: indices, into: dx, options: options)
        spoil(.region, [dx])
    }
    func regionAlign(_ x: View, boxes: View, into y: View, options: RegionAlignOptions) {
        base.regionAlign(x, boxes: boxes, into: y, options: options)
        spoil(.region, [y])
    }
    func regionAlignGradient(_ dy: View, boxes: View, into dx: View, options: RegionAlignOptions) {
        base.regionAlignGradient(dy, boxes: boxes, into: dx, options: options)
        spoil(.region, [dx])
    }
    func suppress(_ boxes: View, order: View, groups: View?, threshold: Float, into kept: View, count: View) {
        base.suppress(boxes, order: order, groups: groups, threshold: threshold, into: kept, count: count)
        spoil(.region, [kept, count])
    }
    func random(_ distribution: Distribution, key: RandomKey, into output: View) {
        base.random(distribution, key: key, into: output)
        spoil(.random, [output])
    }
    func update(_ expression: Expression, scalars: [Float], shared: [View], tensors: [[View]]) {
        base.update(expression, scalars: scalars, shared: shared, tensors: tensors)
        spoil(.update, tensors.flatMap { $0.prefix(expression.results.count) })
    }
    func norm(of tensors: [View], into result: View) {
        base.norm(of: tensors, into: result)
        spoil(.update, [result])
    }
}
