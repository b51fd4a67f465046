/// Scaled dot-product attention without ever storing the scores of all pairs (Dao et al., "FlashAttention", 2022): the forward
/// pass keeps the logarithm of each row's sum, from which the backward pass computes the weights again.
///
/// Views are float32 unless said, [b, h, tq, d] for queries and results, [b, hk, tk, d] for keys and values, with hk a divisor
/// of h: neighbouring query heads share one of keys. Their last stride is 1, the others are free. Nothing is empty.
///
/// - `mask` [b, h, tq, tk], any strides: float32 is added to the scaled scores; int32 hides a key where it is 0.
/// - `keyLengths`, int32 [b], contiguous: only the first so many keys of a batch element are seen.
///
/// The bits of a query's result depend on the keys it sees, their order and their blocks alone: not on later keys that are
/// hidden from it, nor on how many queries there are beside it.
public protocol AttentionOps: AnyObject {
    /// y, and logSum [b, h, tq], contiguous: the logarithm of the sum of the exponentials of each query's scores. A query that
    /// sees no key has zeros and minus infinity.
    func attention(
        _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, into y: View, logSum: View)
    /// The gradients from dy and the results of `attention` with the same operands. Nothing is added with atomics.
    func attentionGradient(
        _ dy: View, _ q: View, _ k: View, _ v: View, mask: View?, keyLengths: View?, options: AttentionOptions, y: View,
        logSum: View, into dq: View, dk: View, dv: View)
}
