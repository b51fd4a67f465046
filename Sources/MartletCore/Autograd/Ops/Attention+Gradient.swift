/// Scaled dot-product attention (Vaswani et al., "Attention is all you need", 2017): each query's weighted mean of the values,
/// the weights being the softmax of its scaled products with the keys. For one head, from first principles:
///
///     func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {        // [tq, d], [tk, d], [tk, d]
///         let scores = matmul(q, k.transposed()) / Float(q.shape[1]).squareRoot()   // how alike each query and key are
///         let shares = (scores - scores.max([1], keepingDimensions: true)).exponential
///         let weights = shares / shares.sum([1], keepingDimensions: true)           // each row sums to 1
///         return matmul(weights, v)                                                  // [tq, d]
///     }
///
/// This op gives the same without storing `scores`, so that its memory grows with tq + tk and not with tq * tk.
///
/// A query that may see no key at all gets zeros, and gives no gradient. (PyTorch's plain path gives NaN there.) The weight of
/// a key that is masked is 0; its values still have to be finite.
///
/// - Parameters:
///   - q: [b, h, tq, d].
///   - k: [b, hk, tk, d]; h is a multiple of hk, and query heads h / hk * i ..< h / hk * (i + 1) share key head i (grouped-query
///     attention, Ainslie et al., 2023).
///   - v: as k.
///   - mask: broadcastable to [b, h, tq, tk]. int32: the key is seen where it is not 0. float32: added to the scaled scores;
///     minus infinity hides a key. A mask with a gradient costs the memory of all scores.
///   - keyLengths: int32 [b]; a query sees the keys below its batch element's number only.
/// - Returns: [b, h, tq, d]. It lies in memory as [b, tq, h, d], so that joining the heads again copies nothing.
public func scaledDotProductAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, keyLengths: Tensor? = nil, options: AttentionOptions = .init(),
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    requireOperands(q, k, v, mask, keyLengths, options, file, line)
    let device = Tensor.commonDevice([q, k, v] + [mask, keyLengths].compactMap { $0 }, "attention", file, line)
    if let mask, mask.node != nil, Recording.isOn {
        return AttentionComposition.attention(q, k, v, mask: mask, lengths: keyLengths, options: options)
    }
    let call = AttentionCall(q.detached, k.detached, v.detached, mask: mask, lengths: keyLengths, options, on: device)
    let result = call.result
    return result.recorded([q, k, v]) { dy, _ in
        let dq = call.emptyHeads(like: call.q), dk = call.emptyHeads(like: call.k), dv = call.emptyHeads(like: call.v)
        call.gradient(dy, into: dq, dk, dv)
        return [dq, dk, dv]
    }
}

/// Self-attention on queries, keys and values that lie side by side, as one linear layer makes them: packed [b, t, 3 * h * d],
/// first all queries, then all keys, then all values, each head by head. The result is [b, t, h * d].
///
/// As `scaledDotProductAttention`, without copying any of them.
public func selfAttention(
    packed: Tensor, heads: Int, mask: Tensor? = nil, keyLengths: Tensor? = nil, options: AttentionOptions = .init(),
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    require(
        packed.rank == 3 && heads > 0 && packed.shape[2] > 0 && packed.shape[2] % (3 * heads) == 0, "selfAttention",
        "[b, t, 3 * \(heads) * d] wanted, not \(packed.shape)", file, line)
    let joined = [packed.shape[0], packed.shape[1], packed.shape[2] / 3]
    if let mask, mask.node != nil, Recording.isOn {
        let parts = packed.headParts(heads)
        return scaledDotProductAttention(
            parts[0], parts[1], parts[2], mask: mask, keyLengths: keyLengths, options: options, file: file, line: line
        ).transposed(1, 2).reshaped(joined)
    }
    let parts = packed.detached.headParts(heads)
    requireOperands(parts[0], parts[1], parts[2], mask, keyLengths, options, file, line)
    let device = Tensor.commonDevice([packed] + [mask, keyLengths].compactMap { $0 }, "selfAttention", file, line)
    let call = AttentionCall(parts[0], parts[1], parts[2], mask: mask, lengths: keyLengths, options, on: device)
    let shape = packed.shape
    return call.result.transposed(1, 2).reshaped(joined).recorded([packed]) { dy, _ in
        let gradient = Tensor(empty: shape, on: device), parts = gradient.headParts(heads)
        let width = shape[2] / 3 / heads
        call.gradient(
            dy.reshaped([shape[0], shape[1], heads, width]).transposed(1, 2), into: parts[0], parts[1], parts[2])
        return [gradient]
    }
}

/// The weights [b, h, tq, tk] that `scaledDotProductAttention` gives the values, before any are dropped: to look at. Takes the
/// memory that the op itself avoids.
public func attentionWeights(
    _ q: Tensor, _ k: Tensor, mask: Tensor? = nil, keyLengths: Tensor? = nil, options: AttentionOptions = .init(),
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    requireOperands(q, k, k, mask, keyLengths, options, file, line)
    return AttentionComposition.weights(q, k, mask: mask, lengths: keyLengths, options: options)
}

/// The operands of one attention as a device wants them, and its result.
private struct AttentionCall {
    let q: Tensor, k: Tensor, v: Tensor
    let result: Tensor
    private let logSum: Tensor
    private let mask: View?
    private let lengths: View?
    private let options: AttentionOptions
    private let device: any Device

    init(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor?, lengths: Tensor?, _ options: AttentionOptions,
        on device: any Device
    ) {
        (self.q, self.k, self.v) = (q.withRows(on: device), k.withRows(on: device), v.withRows(on: device))
        (self.options, self.device) = (options, device)
        self.mask = mask.map { $0.broadcastView(to: [q.shape[0], q.shape[1], q.shape[2], k.shape[2]]).view(on: device) }
        self.lengths = lengths?.contiguousView(on: device)
        logSum = Tensor(empty: Array(q.shape.prefix(3)), on: device)
        result = Self.emptyHeads(q.shape, on: device)
        if q.count == 0 { return }
        if k.count == 0 {
            result.write(Tensor.zeros(result.shape), on: device)
            return
        }
        device.attention(
            self.q.rows(on: device), self.k.rows(on: device), self.v.rows(on: device), mask: self.mask, keyLengths: self.lengths,
            options: options, into: result.rows(on: device), logSum: logSum.view(on: device))
    }

    func emptyHeads(like x: Tensor) -> Tensor { Self.emptyHeads(x.shape, on: device) }

    func gradient(_ dy: Tensor, into dq: Tensor, _ dk: Tensor, _ dv: Tensor) {
        if q.count == 0 || k.count == 0 {
            for empty in [dq, dk, dv] { empty.write(Tensor.zeros(empty.shape), on: device) }
            return
        }
        device.attentionGradient(
            dy.withRows(on: device).rows(on: device), q.rows(on: device), k.rows(on: device), v.rows(on: device), mask: mask,
            keyLengths: lengths, options: options, y: result.detached.rows(on: device), logSum: logSum.view(on: device),
            into: dq.rows(on: device), dk: dk.rows(on: device), dv: dv.rows(on: device))
    }

    /// [b, h, t, d] that lies in memory as [b, t, h, d].
    private static func emptyHeads(_ shape: [Int], on device: any Device) -> Tensor {
        Tensor(empty: [shape[0], shape[2], shape[1], shape[3]], on: device).transposed(1, 2)
    }
}

extension Tensor {
    /// Queries, keys and values [b, h, t, d] of [b, t, 3 * h * d].
    fileprivate func headParts(_ heads: Int) -> [Tensor] {
        let split = reshaped([shape[0], shape[1], 3, heads, shape[2] / 3 / heads])
        return (0..<3).map { split.sliced(axis: 2, $0..<$0 + 1).squeezed(axis: 2).transposed(1, 2) }
    }

    /// The same with the last axis contiguous, copied where it is not.
    fileprivate func withRows(on device: any Device) -> Tensor {
        strides[3] == 1 || shape[3] == 1 ? detached : contiguous(on: device)
    }

    /// The view, whose rows are contiguous.
    fileprivate func rows(on device: any Device) -> View {
        var view = view(on: device)
        if view.shape[3] == 1 { view.strides[3] = 1 }
        return view
    }
}

private func requireOperands(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?, _ lengths: Tensor?, _ options: AttentionOptions,
    _ file: StaticString, _ line: UInt
) {
    require(
        q.rank == 4 && k.rank == 4 && v.shape == k.shape && q.type == .float32 && k.type == .float32 && v.type == .float32
            && q.shape[0] == k.shape[0] && q.shape[3] == k.shape[3] && k.shape[1] > 0 && q.shape[1] % k.shape[1] == 0
            && q.shape[3] > 0,
        "attention", "q \(q.shape), k \(k.shape), v \(v.shape)", file, line)
    let scores = [q.shape[0], q.shape[1], q.shape[2], k.shape[2]]
    if let mask {
        require(
            Shapes.broadcast(mask.shape, scores) == scores, "attention", "mask \(mask.shape) for scores \(scores)", file, line)
    }
    if let lengths {
        require(
            lengths.type == .int32 && lengths.shape == [q.shape[0]], "attention",
            "int32 key lengths of [\(q.shape[0])] wanted, not \(lengths.type) \(lengths.shape)", file, line)
    }
    if let dropout = options.dropout {
        require(
            dropout.probability >= 0 && dropout.probability < 1, "attention", "dropout of \(dropout.probability)", file, line)
    }
}
