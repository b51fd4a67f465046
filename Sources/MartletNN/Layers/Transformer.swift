import MartletCore

/// Encoder and decoder (Vaswani et al., 2017), each with a normalisation behind it. PyTorch's `nn.Transformer`, whose state
/// dictionaries load unchanged; batches come first. Matrices begin by Glorot's rule.
public final class Transformer: Module {
    public let encoder: TransformerEncoder
    public let decoder: TransformerDecoder

    public init(_ options: TransformerOptions, encoderLayers: Int = 6, decoderLayers: Int = 6) {
        encoder = TransformerEncoder(options, layers: encoderLayers)
        decoder = TransformerDecoder(options, layers: decoderLayers)
        for parameter in parameters where parameter.shape.count > 1 {
            parameter.value = Initializer.glorot()(parameter.shape)
        }
    }

    public var parts: Parts { ["encoder": encoder, "decoder": decoder] }

    /// source [b, s, width] and target [b, t, width] to [b, t, width].
    ///
    /// - Parameters:
    ///   - sourceMask: broadcastable to [b, heads, s, s].
    ///   - sourceLengths: int32 [b]; holds for the decoder's look at the source too unless `masks` has lengths for it.
    public func callAsFunction(
        _ source: Tensor, _ target: Tensor, sourceMask: Tensor? = nil, sourceLengths: Tensor? = nil, masks: DecoderMasks = .init()
    ) -> Tensor {
        var masks = masks
        masks.memoryLengths = masks.memoryLengths ?? sourceLengths
        let memory = encoder(source, mask: sourceMask, lengths: sourceLengths)
        return decoder(target, memory: memory, masks: masks)
    }
}
