import MartletCore
import MartletNN

/// A network that tells, for each position of a text, how likely each token is to come next.
public protocol LanguageModel: Module {
    /// How many tokens there are.
    var vocabularySize: Int { get }
    /// The most positions it can look at; nil where there is no bound.
    var context: Int? { get }

    /// int32 tokens [b, t] to logits [b, t, vocabularySize].
    ///
    /// - Parameter state: what the model keeps of the text before, which is moved on by these tokens; nil for none before. Gradients
    ///   end there.
    func callAsFunction(_ tokens: Tensor, state: LanguageModelState?) -> Tensor

    /// The state before the first token.
    func initialState() -> LanguageModelState
}

extension LanguageModel {
    public func callAsFunction(_ tokens: Tensor) -> Tensor { self(tokens, state: nil) }
}

/// What a language model keeps of the tokens that it has read.
public final class LanguageModelState {
    /// A Transformer's: the keys and values of each layer.
    public var caches: [KeyValueCache]
    /// A recurrent network's; nil before the first token.
    public var recurrent: RecurrentState?

    public init(caches: [KeyValueCache] = [], recurrent: RecurrentState? = nil) {
        self.caches = caches
        self.recurrent = recurrent
    }
}
