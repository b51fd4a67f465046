/// Attention made of other ops, which keeps the weights of all pairs.
enum AttentionComposition {
    /// Stands for minus infinity where a softmax must not see a row of them.
    private static let lowest = -Float.greatestFiniteMagnitude

    /// q [b, h, tq, d], k and v [b, hk, tk, d], all checked.
    static func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor?, lengths: Tensor?, options: AttentionOptions
    ) -> Tensor {
        var weights = weights(q, k, mask: mask, lengths: lengths, options: options)
        if let dropout = options.dropout, dropout.probability > 0 {
            let kept = 1 - dropout.probability
            weights =
                weights
                * Tensor.random(
                    .bernoulli(probability: kept, scale: 1 / kept), shape: weights.shape, key: dropout.key, on: weights.device)
        }
        return matmul(weights, repeated(v, q.shape[1] / k.shape[1]))
    }

    static func weights(_ q: Tensor, _ k: Tensor, mask: Tensor?, lengths: Tensor?, options: AttentionOptions) -> Tensor {
        let shape = q.shape, group = shape[1] / k.shape[1]
        var scores = matmul(q, repeated(k, group).transposed()) * options.scale(width: shape[3])
        if let mask, mask.type == .float32 { scores = scores + mask }
        let visible = visible(queries: shape[2], keys: k.shape[2], mask: mask?.detached, lengths: lengths, options)
        if let visible { scores = Tensor.select(visible, scores, Tensor(lowest)) }
        // A row without any visible key has even weights until here.
        return visible.map { scores.softmax() * $0 } ?? scores.softmax()
    }

    /// Each head of keys or values once for each of its query heads.
    private static func repeated(_ x: Tensor, _ group: Int) -> Tensor {
        if group == 1 { return x }
        let shape = x.shape
        return x.expanded(axis: 2).broadcast(to: [shape[0], shape[1], group, shape[2], shape[3]])
            .reshaped([shape[0], shape[1] * group, shape[2], shape[3]])
    }

    /// 1 where a query may see a key, else 0, broadcastable to the scores; nil where all may.
    private static func visible(queries: Int, keys: Int, mask: Tensor?, lengths: Tensor?, _ options: AttentionOptions) -> Tensor?
    {
        var result: Tensor?
        func restrict(_ condition: Tensor) { result = result.map { $0 * condition } ?? condition }
        let columns = Tensor((0..<keys).map { Float($0) })
        if let offset = options.causalOffset {
            restrict(columns .<= Tensor((0..<queries).map { Float($0 + offset) }, shape: [queries, 1]))
        }
        if let lengths { restrict(columns .< lengths.reshaped([lengths.count, 1, 1, 1])) }
        if let mask { restrict(mask.type == .int32 ? mask .!= Tensor(0) : mask .!= Tensor(-Float.infinity)) }
        return result
    }
}
