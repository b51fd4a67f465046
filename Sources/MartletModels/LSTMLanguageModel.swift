import MartletCore
import MartletNN

/// A recurrent language model: an embedding, layers of LSTM cells, a linear layer. Mikolov et al., "Recurrent neural network based
/// language model", 2010; Graves, "Generating sequences with recurrent neural networks", 2013. The parts have the names that the
/// usual PyTorch program gives them: `embedding`, `lstm`, `output`.
public final class LSTMLanguageModel: LanguageModel {
    public let embedding: Embedding
    public let lstm: LSTM
    public let output: Linear
    private let dropout: Dropout

    /// - Parameters:
    ///   - width: of the embedding and of the cells' states.
    ///   - dropout: of the embedding, between the layers and before the last one, in training.
    ///   - device: where the parameters are; the default device where nil.
    public init(vocabularySize: Int, width: Int = 256, layers: Int = 2, dropout: Float = 0, on device: (any Device)? = nil) {
        precondition(
            vocabularySize > 0 && width > 0 && layers > 0, "LSTMLanguageModel: \(vocabularySize) tokens, \(layers) x \(width)")
        func build() -> (Embedding, LSTM, Linear) {
            (
                Embedding(vocabularySize, width), LSTM(width, width, layers: layers, dropout: dropout),
                Linear(width, vocabularySize)
            )
        }
        (embedding, lstm, output) = device.map { withDevice($0, build) } ?? build()
        self.dropout = Dropout(dropout)
    }

    public var parts: Parts { ["embedding": embedding, "lstm": lstm, "output": output] }
    public var vocabularySize: Int { embedding.weight.shape[0] }
    public var context: Int? { nil }

    public func initialState() -> LanguageModelState { LanguageModelState() }

    public func callAsFunction(_ tokens: Tensor, state: LanguageModelState?) -> Tensor {
        precondition(tokens.rank == 2, "LSTMLanguageModel: tokens \(tokens.shape), not [b, t]")
        // The recurrence runs over [t, b, ...]; turning numbers costs less than turning vectors.
        let result = lstm(dropout(embedding(tokens.transposed())), state: state?.recurrent)
        if let state { state.recurrent = result.state.detached }
        return output(dropout(result.output)).transposed(0, 1)
    }

    /// The insides of each layer while it reads tokens [b, t].
    public func trace(_ tokens: Tensor) -> [RecurrentTrace] { lstm.trace(withoutGradients { embedding(tokens.transposed()) }) }
}
