import Glibc
import MartletCore

/// Attention with all scores, one after the other.
enum AttentionReference {
    /// q [b, h, tq, d], k and v [b, hk, tk, d]. `isSeen` says whether a mask is of int32; `mask` broadcasts to the scores.
    static func attention(
        _ q: Reference, _ k: Reference, _ v: Reference, mask: Reference? = nil, isSeen: Bool = false, lengths: [Int]? = nil,
        options: AttentionOptions
    ) -> Reference {
        let (b, h, tq, d) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3]), tk = k.shape[2], group = h / k.shape[1]
        let scale = options.scale.map { Double($0) } ?? 1 / Double(d).squareRoot()
        let mask = mask?.broadcast(to: [b, h, tq, tk])
        let kept = options.dropout.map { dropout in
            RandomReference.draw(
                .bernoulli(probability: 1 - dropout.probability, scale: 1 / (1 - dropout.probability)), dropout.key,
                count: b * h * tq * tk)
        }
        var result = Reference([b, h, tq, d])
        for place in 0..<b * h * tq {
            let (batch, head, query) = (place / tq / h, place / tq % h, place % tq)
            let end = min(tk, lengths.map { max($0[batch], 0) } ?? tk, options.causalOffset.map { max(query + $0 + 1, 0) } ?? tk)
            let keys = (batch * k.shape[1] + head / group) * tk
            func row(_ x: Reference, _ number: Int) -> ArraySlice<Double> { x.values[number * d..<number * d + d] }
            let scores = (0..<tk).map { key -> Double in
                if key >= end { return -.infinity }
                let product = zip(row(q, place), row(k, keys + key)).reduce(0) { $0 + $1.0 * $1.1 } * scale
                guard let mask else { return product }
                let value = mask.values[place * tk + key]
                return isSeen ? (value == 0 ? -.infinity : product) : product + value
            }
            if scores.allSatisfy({ $0 == -.infinity }) { continue }
            let weights = SoftmaxReference.softmax(scores)
            for column in 0..<d {
                var sum = 0.0
                for key in 0..<tk {
                    sum += weights[key] * (kept?[place * tk + key] ?? 1) * v.values[(keys + key) * d + column]
                }
                result.values[place * d + column] = sum
            }
        }
        return result
    }
}
