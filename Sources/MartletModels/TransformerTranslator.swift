import MartletCore
import MartletNN

/// An encoder-decoder Transformer that translates: one table of vectors for the words of both languages and for the last layer,
/// sinusoidal positions, cross-attention from what is written to what is read. Vaswani et al., "Attention is all you need", 2017; with
/// normalisation before each part, as is usual since. `transformer` has the names of PyTorch's `nn.Transformer`.
public final class TransformerTranslator: Module {
    public struct Options: Sendable {
        public var vocabularySize: Int
        public var layers: Int
        public var heads: Int
        public var width: Int
        /// Of the layer between the two linear ones of each block.
        public var hidden: Int
        public var dropout: Float

        public init(
            vocabularySize: Int, layers: Int = 3, heads: Int = 4, width: Int = 256, hidden: Int = 1024, dropout: Float = 0.1
        ) {
            precondition(
                vocabularySize > 0 && layers > 0 && heads > 0 && hidden > 0 && width > 0 && width % heads == 0 && width % 2 == 0,
                "TransformerTranslator: \(vocabularySize) tokens, \(layers) layers, width \(width) in \(heads) heads")
            self.vocabularySize = vocabularySize
            self.layers = layers
            self.heads = heads
            self.width = width
            self.hidden = hidden
            self.dropout = dropout
        }
    }

    public let options: Options
    public let embedding: Embedding
    public let transformer: Transformer
    private let positions: SinusoidalPositions
    private let dropout: Dropout

    /// - Parameter device: where the parameters are; the default device where nil.
    public init(_ options: Options, on device: (any Device)? = nil) {
        func build() -> (Embedding, Transformer) {
            let blocks = TransformerOptions(
                width: options.width, heads: options.heads, hidden: options.hidden, dropout: options.dropout, normFirst: true)
            return (
                Embedding(
                    options.vocabularySize, options.width,
                    initializer: .normal(deviation: 1 / Float(options.width).squareRoot())),
                Transformer(blocks, encoderLayers: options.layers, decoderLayers: options.layers)
            )
        }
        (embedding, transformer) = device.map { withDevice($0, build) } ?? build()
        positions = SinusoidalPositions(options.width)
        dropout = Dropout(options.dropout)
        self.options = options
    }

    public var parts: Parts { ["embedding": embedding, "transformer": transformer] }

    /// Source tokens [b, s] and target tokens [b, t], int32, to logits [b, t, vocabularySize] of the target's next tokens.
    ///
    /// - Parameter lengths: int32 [b], the source's tokens that count.
    public func callAsFunction(_ source: Tensor, _ target: Tensor, lengths: Tensor? = nil) -> Tensor {
        decode(target, memory: encode(source, lengths: lengths), lengths: lengths)
    }

    /// Source tokens [b, s] to what the decoder looks at, [b, s, width].
    public func encode(_ source: Tensor, lengths: Tensor?) -> Tensor {
        transformer.encoder(embedded(source, offset: 0), lengths: lengths)
    }

    /// The logits for target tokens [b, t]; with caches they follow those kept there, and `memory` is looked at once only.
    public func decode(_ target: Tensor, memory: Tensor, lengths: Tensor?, caches: [DecoderCache]? = nil) -> Tensor {
        logits(decoded(target, memory: memory, lengths: lengths, caches: caches))
    }

    /// As `decode`, before the last layer: [b, t, width].
    public func decoded(_ target: Tensor, memory: Tensor, lengths: Tensor?, caches: [DecoderCache]? = nil) -> Tensor {
        let x = embedded(target, offset: caches?.first?.target.count ?? 0)
        return transformer.decoder(x, memory: memory, masks: DecoderMasks(memoryLengths: lengths), caches: caches)
    }

    /// The last layer, whose weights are the table of vectors.
    public func logits(_ x: Tensor) -> Tensor { linear(x, embedding.weight.value) }

    public func makeCaches(capacity: Int = 64) -> [DecoderCache] {
        transformer.decoder.layers.map { _ in DecoderCache(capacity: capacity) }
    }

    private func embedded(_ tokens: Tensor, offset: Int) -> Tensor {
        precondition(tokens.rank == 2, "TransformerTranslator: tokens \(tokens.shape), not [b, t]")
        return dropout(positions(embedding(tokens) * Float(options.width).squareRoot(), offset: offset))
    }
}
