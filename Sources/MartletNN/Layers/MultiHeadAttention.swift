import MartletCore

/// Multi-head attention: queries, keys and values by linear layers, attention in `heads` parts of the width, and a linear layer
/// behind. Vaswani et al., 2017. Batches come first: [b, t, width].
///
/// Names and layout are those of PyTorch's `nn.MultiheadAttention`. Unlike there, a mask says what may be seen: an int32
/// mask hides where it is 0 (see `scaledDotProductAttention`).
public final class MultiHeadAttention: Module {
    public let width: Int
    public let heads: Int
    /// The share of the weights that is dropped in training.
    public let dropout: Float
    /// Queries', keys' and values' weights, one above the other, [3 * width, width]; nil where keys or values have another width.
    public let inputWeight: Parameter?
    /// Apart, where keys or values have another width: [width, width], [width, keyWidth], [width, valueWidth].
    public let separateWeights: [Parameter]
    /// [3 * width].
    public let inputBias: Parameter?
    public let output: Linear
    /// Turns queries and keys by their positions; nil for none.
    public let rotary: RotaryPositions?
    /// Whether `lastWeights` is kept. Costs the memory of all pairs.
    public var keepsWeights = false
    /// The attention weights [b, h, tq, tk] of the last call, where `keepsWeights` was set.
    public private(set) var lastWeights: Tensor?

    public init(
        _ width: Int, heads: Int, keyWidth: Int? = nil, valueWidth: Int? = nil, bias: Bool = true, dropout: Float = 0,
        rotary: RotaryPositions? = nil
    ) {
        precondition(width > 0 && heads > 0 && width % heads == 0, "MultiHeadAttention: width \(width) in \(heads) heads")
        precondition(dropout >= 0 && dropout < 1, "MultiHeadAttention: dropout \(dropout), not from 0 to below 1")
        self.width = width
        self.heads = heads
        self.dropout = dropout
        self.rotary = rotary
        let widths = [width, keyWidth ?? width, valueWidth ?? width], isUniform = widths.allSatisfy { $0 == width }
        inputWeight = isUniform ? Parameter(Initializer.glorot()([3 * width, width])) : nil
        separateWeights = isUniform ? [] : widths.map { Parameter(Initializer.glorot()([width, $0])) }
        inputBias = bias ? Parameter(Initializer.zeros([3 * width])) : nil
        output = Linear(width, width, bias: bias, biasInitializer: .zeros)
    }

    public var parts: Parts {
        var named: [(name: String, part: any Part)] = []
        if let inputWeight { named.append(("in_proj_weight", inputWeight)) }
        for (name, weight) in zip(["q", "k", "v"], separateWeights) { named.append(("\(name)_proj_weight", weight)) }
        if let inputBias { named.append(("in_proj_bias", inputBias)) }
        return Parts(named + [("out_proj", output)])
    }

    /// Self-attention of x [b, t, width].
    ///
    /// - Parameters:
    ///   - mask: broadcastable to [b, heads, t, keys], int32 or float32.
    ///   - lengths: int32 [b]: only the first so many positions of each batch element are seen.
    ///   - isCausal: whether a position sees none behind it.
    ///   - cache: the earlier positions, which x follows; x's own are added.
    public func callAsFunction(
        _ x: Tensor, mask: Tensor? = nil, lengths: Tensor? = nil, isCausal: Bool = false, cache: KeyValueCache? = nil
    ) -> Tensor {
        if let inputWeight, cache == nil, rotary == nil, !keepsWeights {
            checkWidth(x)
            let packed = linear(x, inputWeight.value, bias: inputBias?.value)
            return output(
                selfAttention(
                    packed: packed, heads: heads, mask: mask, keyLengths: lengths, options: options(isCausal ? 0 : nil)))
        }
        let offset = cache?.count ?? 0
        let q = turned(project(x, 0), offset), k = turned(project(x, 1), offset), v = project(x, 2)
        guard let cache else { return attend(q, k, v, mask, lengths, isCausal ? 0 : nil) }
        cache.append(k, v)
        guard let all = cache.contents else { return attend(q, k, v, mask, lengths, isCausal ? 0 : nil) }
        return attend(q, all.keys, all.values, mask, lengths, isCausal ? offset : nil)
    }

    /// Cross-attention: queries from one sequence [b, tq, width], keys and values from another (`values` is `keys` unless given).
    ///
    /// - Parameters:
    ///   - lengths: int32 [b], of the keys.
    ///   - cache: keeps the keys and values; where it has some, they are used and `keys` is not looked at.
    public func callAsFunction(
        _ queries: Tensor, keys: Tensor, values: Tensor? = nil, mask: Tensor? = nil, lengths: Tensor? = nil,
        cache: KeyValueCache? = nil
    ) -> Tensor {
        let q = project(queries, 0)
        if let kept = cache?.contents { return attend(q, kept.keys, kept.values, mask, lengths, nil) }
        let k = project(keys, 1), v = project(values ?? keys, 2)
        cache?.append(k, v)
        return attend(q, k, v, mask, lengths, nil)
    }

    private func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?, _ lengths: Tensor?, _ causalOffset: Int?
    ) -> Tensor {
        let options = options(causalOffset)
        if keepsWeights {
            lastWeights = withoutGradients { attentionWeights(q, k, mask: mask, keyLengths: lengths, options: options) }
                .detached.evaluated()
        }
        let y = scaledDotProductAttention(q, k, v, mask: mask, keyLengths: lengths, options: options)
        return output(y.transposed(1, 2).reshaped([q.shape[0], q.shape[2], width]))
    }

    private func options(_ causalOffset: Int?) -> AttentionOptions {
        let drops = TrainingMode.isOn && dropout > 0
        return AttentionOptions(
            causalOffset: causalOffset,
            dropout: drops ? AttentionDropout(probability: dropout, key: Randomness.nextKey()) : nil)
    }

    /// Queries (0), keys (1) or values (2) of x, [b, heads, t, width / heads].
    private func project(_ x: Tensor, _ index: Int) -> Tensor {
        checkWidth(x, of: index)
        let rows = index * width..<(index + 1) * width
        let weight = inputWeight.map { $0.value.sliced(axis: 0, rows) } ?? separateWeights[index].value
        let y = linear(x, weight, bias: inputBias?.value.sliced(axis: 0, rows))
        return y.reshaped([x.shape[0], x.shape[1], heads, width / heads]).transposed(1, 2)
    }

    private func turned(_ x: Tensor, _ offset: Int) -> Tensor { rotary.map { $0(x, offset: offset) } ?? x }

    private func checkWidth(_ x: Tensor, of index: Int = 0) {
        let wanted = separateWeights.isEmpty ? width : separateWeights[index].shape[1]
        precondition(
            x.rank == 3 && x.shape[2] == wanted, "MultiHeadAttention: [b, t, \(wanted)] wanted, not \(x.shape)")
    }
}
