import MartletCore
import MartletNN

/// A decoder-only Transformer: masked self-attention over a text, each position predicting the next token. Radford et al., "Language
/// models are unsupervised multitask learners", 2019. Names and shapes are those of Hugging Face's GPT-2, whose files load unchanged.
public final class GPT: LanguageModel {
    /// What there is to choose. The defaults are GPT-2's smallest.
    public struct Options: Sendable {
        public var vocabularySize: Int
        public var context: Int
        public var layers: Int
        public var heads: Int
        public var width: Int
        public var dropout: Float
        /// Whether a position sees none behind it. Without, the model sees what it has to predict: only for showing what then happens.
        public var isMasked: Bool

        public init(
            vocabularySize: Int = 50257, context: Int = 1024, layers: Int = 12, heads: Int = 12, width: Int = 768,
            dropout: Float = 0.1, isMasked: Bool = true
        ) {
            precondition(
                vocabularySize > 0 && context > 0 && layers > 0 && heads > 0 && width > 0 && width % heads == 0,
                "GPT: \(vocabularySize) tokens, context \(context), \(layers) layers, width \(width) in \(heads) heads")
            self.vocabularySize = vocabularySize
            self.context = context
            self.layers = layers
            self.heads = heads
            self.width = width
            self.dropout = dropout
            self.isMasked = isMasked
        }
    }

    public let options: Options
    /// The tokens' vectors, which are the weights of the last layer too.
    public let wte: Embedding
    /// The positions' vectors.
    public let wpe: LearnedPositions
    public let h: [GPTBlock]
    /// `ln_f`, behind the last block.
    public let finalNorm: LayerNorm
    private let drop: Dropout

    /// - Parameter device: where the parameters are; the default device where nil.
    public init(_ options: Options, on device: (any Device)? = nil) {
        func build() -> (Embedding, LearnedPositions, [GPTBlock], LayerNorm) {
            (
                Embedding(options.vocabularySize, options.width, initializer: .normal(deviation: 0.02)),
                LearnedPositions(options.width, length: options.context), (0..<options.layers).map { _ in GPTBlock(options) },
                LayerNorm(options.width)
            )
        }
        (wte, wpe, h, finalNorm) = device.map { withDevice($0, build) } ?? build()
        drop = Dropout(options.dropout)
        self.options = options
    }

    public var parts: Parts { ["wte": wte, "wpe": wpe, "h": ModuleList(h), "ln_f": finalNorm] }
    public var vocabularySize: Int { options.vocabularySize }
    public var context: Int? { options.context }

    public func initialState() -> LanguageModelState {
        LanguageModelState(caches: h.map { _ in KeyValueCache(capacity: min(options.context, 128)) })
    }

    public func callAsFunction(_ tokens: Tensor, state: LanguageModelState?) -> Tensor {
        let start = state?.caches.first?.count ?? 0
        precondition(
            tokens.rank == 2 && start + tokens.shape[1] <= options.context,
            "GPT: tokens \(tokens.shape) behind \(start), where the context is \(options.context)")
        var x = drop(wpe(wte(tokens), offset: start))
        for (index, block) in h.enumerated() { x = block(x, cache: state?.caches[index]) }
        return linear(finalNorm(x), wte.weight.value)
    }
}

extension GPT: WeightNaming {
    /// Files of the whole model put `transformer.` before all names, and hold the last layer, which is `wte`; older ones hold each
    /// layer's mask as well.
    public func ownName(ofStored name: String) -> String? {
        let name = name.hasPrefix("transformer.") ? String(name.dropFirst("transformer.".count)) : name
        return name == "lm_head.weight" || name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias") ? nil : name
    }
}

/// Masked self-attention and two linear layers, each behind a normalisation and added to its input.
public final class GPTBlock: Module {
    private let norms: [LayerNorm]
    public let attention: GPTAttention
    private let inner: Conv1D
    private let outer: Conv1D
    private let dropout: Dropout

    init(_ options: GPT.Options) {
        norms = [LayerNorm(options.width), LayerNorm(options.width)]
        attention = GPTAttention(options)
        inner = Conv1D(options.width, 4 * options.width)
        outer = Conv1D(4 * options.width, options.width, deviation: 0.02 / Float(2 * options.layers).squareRoot())
        dropout = Dropout(options.dropout)
    }

    public var parts: Parts {
        let feedForward: ModuleGroup = ["c_fc": inner, "c_proj": outer]
        return ["ln_1": norms[0], "attn": attention, "ln_2": norms[1], "mlp": feedForward]
    }

    func callAsFunction(_ x: Tensor, cache: KeyValueCache?) -> Tensor {
        let x = x + dropout(attention(norms[0](x), cache: cache))
        return x + dropout(outer(inner(norms[1](x)).geluTanh()))
    }
}

/// Self-attention over what has been read: queries, keys and values by one product.
public final class GPTAttention: Module {
    private let packed: Conv1D
    private let output: Conv1D
    private let options: GPT.Options
    /// Whether `lastWeights` is kept.
    public var keepsWeights = false
    /// The attention weights [b, heads, t, t] of the last call, where `keepsWeights` was set.
    public private(set) var lastWeights: Tensor?

    init(_ options: GPT.Options) {
        self.options = options
        packed = Conv1D(options.width, 3 * options.width)
        output = Conv1D(options.width, options.width, deviation: 0.02 / Float(2 * options.layers).squareRoot())
    }

    public var parts: Parts { ["c_attn": packed, "c_proj": output] }

    func callAsFunction(_ x: Tensor, cache: KeyValueCache?) -> Tensor {
        let drops = TrainingMode.isOn && options.dropout > 0
        var choice = AttentionOptions(
            causalOffset: options.isMasked ? cache?.count ?? 0 : nil,
            dropout: drops ? AttentionDropout(probability: options.dropout, key: Randomness.nextKey()) : nil)
        let all = packed(x)
        if cache == nil, !keepsWeights { return output(selfAttention(packed: all, heads: options.heads, options: choice)) }
        let b = x.shape[0], t = x.shape[1], heads = options.heads
        let split = all.reshaped([b, t, 3, heads, options.width / heads])
        let parts = (0..<3).map { split.sliced(axis: 2, $0..<$0 + 1).squeezed(axis: 2).transposed(1, 2) }
        var keys = parts[1], values = parts[2]
        if let cache {
            cache.append(keys, values)
            if let kept = cache.contents { (keys, values) = kept }
        }
        if keepsWeights {
            choice.dropout = nil
            lastWeights = withoutGradients { attentionWeights(parts[0], keys, options: choice) }.detached.evaluated()
        }
        let y = scaledDotProductAttention(parts[0], keys, values, options: choice)
        return output(y.transposed(1, 2).reshaped([b, t, options.width]))
    }
}

/// x * weight + bias over the last axis, the weight being [inputs, outputs]: a linear layer as GPT-2's files have it.
public final class Conv1D: Layer {
    public let weight: Parameter
    public let bias: Parameter

    public init(_ inputs: Int, _ outputs: Int, deviation: Float = 0.02) {
        weight = Parameter(Initializer.normal(deviation: deviation)([inputs, outputs]))
        bias = Parameter(Initializer.zeros([outputs]))
    }

    public var parts: Parts { ["weight": weight, "bias": bias] }

    public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight.value.transposed(), bias: bias.value) }
}

/// Modules under one name that are nothing more together.
final class ModuleGroup: Module, ExpressibleByDictionaryLiteral {
    let parts: Parts

    init(dictionaryLiteral elements: (String, any Part)...) { parts = Parts(elements.map { (name: $0.0, part: $0.1) }) }
}
