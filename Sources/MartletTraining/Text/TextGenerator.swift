import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN

/// Lets a language model go on with a text, one token at a time.
///
/// A Transformer looks at its context's length of tokens at most. Of a longer prompt the last ones count; where the text outgrows the
/// context, the model goes on from the last half of it.
public final class TextGenerator {
    private let model: any LanguageModel
    private var sampler: TokenSampler
    private var state: LanguageModelState
    private var tokens: [Int32]
    private var waiting: [Int32]
    private var read = 0
    /// Tokens of the prompt that lie before the context and were left out.
    public private(set) var leftOut = 0

    /// - Parameter prompt: at least one token.
    public init(_ model: any LanguageModel, prompt: [Int32], options: SamplingOptions) {
        precondition(!prompt.isEmpty, "TextGenerator: a prompt without tokens")
        self.model = model
        sampler = TokenSampler(options)
        state = model.initialState()
        if let context = model.context, prompt.count > context { leftOut = prompt.count - context }
        tokens = Array(prompt.dropFirst(leftOut))
        waiting = tokens
        for token in prompt { sampler.note(token) }
    }

    /// The next token, which the text has from then on.
    public func next() throws -> Int32 {
        if let context = model.context, read + waiting.count > context {
            state = model.initialState()
            waiting = Array(tokens.suffix(max(context / 2, 1)))
            read = 0
        }
        let logits = withoutGradients { model(Tensor(waiting, shape: [1, waiting.count]), state: state) }
        read += waiting.count
        let last = try logits.sliced(axis: 1, waiting.count - 1..<waiting.count).reshaped([model.vocabularySize]).floats()
        guard last.allSatisfy({ !$0.isNaN }) else {
            throw TrainingError(.failed, "the model's output is not a number; its weights may be damaged")
        }
        let token = sampler.next(last)
        tokens.append(token)
        if let context = model.context, tokens.count > 2 * context { tokens.removeFirst(tokens.count - context) }
        waiting = [token]
        return token
    }
}

/// Turns tokens into text as they come: characters whose bytes are not all there are held back.
public struct TokenStream {
    private let tokenizer: Tokenizer
    private var tokens: [Int32] = []
    private var given = 0
    /// All text so far.
    public private(set) var text = ""

    public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// The text that a token adds; empty while it is incomplete.
    public mutating func add(_ token: Int32) -> String {
        tokens.append(token)
        text = tokenizer.decode(tokens)
        return advance(holdingBack: true)
    }

    /// What is left, complete or not.
    public mutating func finish() -> String { advance(holdingBack: false) }

    private mutating func advance(holdingBack: Bool) -> String {
        var scalars = Array(text.unicodeScalars)
        if holdingBack { while scalars.last == "\u{FFFD}" { scalars.removeLast() } }
        guard scalars.count > given else { return "" }
        defer { given = scalars.count }
        return String(String.UnicodeScalarView(scalars[given...]))
    }
}
