/// Scaled dot-product attention (Vaswani et al., "Attention is all you need", 2017): each query's weighted mean of the values,
/// the weights being the softmax of its scaled products with the keys.
///
///     y[b, h, i] = sum_j w[i, j] * v[b, h, j],   w[i] = softmax_j(scale * q[b, h, i] . k[b, h, j] + mask[b, h, i, j])
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
    _ = Tensor.commonDevice([q, k, v] + [mask, keyLengths].compactMap { $0 }, "attention", file, line)
    return AttentionComposition.attention(q, k, v, mask: mask, lengths: keyLengths, options: options)
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
        packed.rank == 3 && heads > 0 && packed.shape[2] % (3 * heads) == 0, "selfAttention",
        "[b, t, 3 * \(heads) * d] wanted, not \(packed.shape)", file, line)
    let b = packed.shape[0], t = packed.shape[1], width = packed.shape[2] / 3
    let split = packed.reshaped([b, t, 3, heads, width / heads])
    let parts = (0..<3).map { split.sliced(axis: 2, $0..<$0 + 1).squeezed(axis: 2).transposed(1, 2) }
    return scaledDotProductAttention(
        parts[0], parts[1], parts[2], mask: mask, keyLengths: keyLengths, options: options, file: file, line: line
    ).transposed(1, 2).reshaped([b, t, width])
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
