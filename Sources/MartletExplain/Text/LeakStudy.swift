import Foundation
import MartletCore
import MartletData
import MartletModels
import MartletNN
import MartletTraining

/// The same small GPT trained on the same text, with the mask or without.
struct LeakStudy {
    let isMasked: Bool
    /// Of each training step.
    private(set) var losses: [Double] = []
    /// As a training run would tell: all positions of held-out windows at once.
    private(set) var apparentLoss = 0.0
    /// Each held-out token predicted from the ones before it alone.
    private(set) var honestLoss = 0.0
    /// What comes out token by token.
    private(set) var text = ""
    /// How much the first logits change where the last token of a window does.
    private(set) var leak = 0.0

    static let context = 32
    static let prompt = "Alice "

    init(isMasked: Bool, text: String, steps: Int, seed: UInt64) throws {
        self.isMasked = isMasked
        let corpus = try TextCorpus(text, name: "the text", validation: 0.1)
        let tokenizer = Tokenizer(charactersOf: text + Self.prompt)
        let training = try tokenizer.encode(corpus.training), heldOut = try tokenizer.encode(corpus.validation)
        guard training.count > Self.context + 1, heldOut.count > Self.context + 1 else {
            throw TrainingError(
                .input, "explain masking: the text has \(training.count + heldOut.count) characters; give at least 400")
        }
        let model = withSeed(seed) {
            GPT(
                .init(
                    vocabularySize: tokenizer.vocabularySize, context: Self.context, layers: 2, heads: 4, width: 64, dropout: 0,
                    isMasked: isMasked))
        }
        let task = try LanguageModelTask(
            model, name: "the text", training: training, validation: heldOut, batching: .windows, context: Self.context,
            batchSize: 12, seed: seed)
        let optimizer = AdamW(model.parameters, learningRate: 3e-3, betas: (0.9, 0.99), clipping: .norm(1))
        let schedule = WarmUpSchedule(steps: 20, then: CosineSchedule(steps: steps, minimum: 0.1), overlapping: true)
        var position = LoaderState(), waiting: [Tensor] = []
        while waiting.count < steps {
            let batches = task.batches(from: position)
            while waiting.count < steps, let batch = try batches.next() {
                optimizer.learningRate = 3e-3 * Float(schedule.factor(at: waiting.count))
                let (loss, gradients) = valueAndGradient(of: model.parameters) { batch.loss() }
                optimizer.step(gradients)
                waiting.append(loss.reshaped([1]).evaluated())
            }
            position = batches.state
        }
        losses = try concatenate(waiting).floats().map { Double($0) }
        apparentLoss = try LanguageModelTask.evaluate(
            model, on: heldOut, batching: .windows, context: Self.context, batchSize: 32
        ).loss
        honestLoss = try Self.honest(model, heldOut)
        self.text = try Self.write(model, tokenizer)
        leak = try Self.leak(model, heldOut)
    }

    /// Windows cut behind each of their tokens in turn, so that the model has nothing to peek at.
    private static func honest(_ model: GPT, _ text: [Int32]) throws -> Double {
        let starts = Array(stride(from: 0, to: text.count - context - 1, by: context / 2)).prefix(16)
        var sum = 0.0
        for length in 1...context {
            let tokens = Tensor(starts.flatMap { text[$0..<$0 + length] }, shape: [starts.count, length])
            let logits = withoutGradients { model(tokens) }.sliced(axis: 1, length - 1..<length)
            sum += try Double(
                crossEntropy(logits.reshaped([starts.count, model.vocabularySize]), starts.map { text[$0 + length] }).item())
        }
        return sum / Double(context)
    }

    /// The likeliest token each time; without a cache, so that the unmasked model sees all that there is.
    private static func write(_ model: GPT, _ tokenizer: Tokenizer) throws -> String {
        var tokens = try tokenizer.encode(prompt)
        for _ in 0..<80 {
            let window = Array(tokens.suffix(context))
            let logits = withoutGradients { model(Tensor(window, shape: [1, window.count])) }
            tokens.append(try logits.sliced(axis: 1, window.count - 1..<window.count).argMax().integers()[0])
        }
        return tokenizer.decode(tokens)
    }

    private static func leak(_ model: GPT, _ text: [Int32]) throws -> Double {
        var window = Array(text[..<context])
        func first() throws -> [Float] {
            try withoutGradients { model(Tensor(window, shape: [1, context])) }.sliced(axis: 1, 0..<context - 1).floats()
        }
        let before = try first()
        window[context - 1] = (window[context - 1] + 1) % Int32(model.vocabularySize)
        return zip(before, try first()).reduce(0) { max($0, Double(abs($1.0 - $1.1))) }
    }

    /// The mean of the last tenth of the steps.
    var lastLoss: Double {
        let last = losses.suffix(max(losses.count / 10, 1))
        return last.reduce(0, +) / Double(last.count)
    }

    /// The text that is learned where no other is given: the beginning of Carroll's "Alice's adventures in Wonderland", 1865.
    static let alice = """
        Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or twice she had \
        peeped into the book her sister was reading, but it had no pictures or conversations in it, "and what is the use of a book," \
        thought Alice "without pictures or conversations?"
        So she was considering in her own mind (as well as she could, for the hot day made her feel very sleepy and stupid), whether \
        the pleasure of making a daisy-chain would be worth the trouble of getting up and picking the daisies, when suddenly a White \
        Rabbit with pink eyes ran close by her.
        There was nothing so very remarkable in that; nor did Alice think it so very much out of the way to hear the Rabbit say to \
        itself, "Oh dear! Oh dear! I shall be late!" (when she thought it over afterwards, it occurred to her that she ought to have \
        wondered at this, but at the time it all seemed quite natural); but when the Rabbit actually took a watch out of its \
        waistcoat-pocket, and looked at it, and then hurried on, Alice started to her feet, for it flashed across her mind that she \
        had never before seen a rabbit with either a waistcoat-pocket, or a watch to take out of it, and burning with curiosity, she \
        ran across the field after it, and fortunately was just in time to see it pop down a large rabbit-hole under the hedge.
        In another moment down went Alice after it, never once considering how in the world she was to get out again.
        The rabbit-hole went straight on like a tunnel for some way, and then dipped suddenly down, so suddenly that Alice had not a \
        moment to think about stopping herself before she found herself falling down a very deep well.
        Either the well was very deep, or she fell very slowly, for she had plenty of time as she went down to look about her and to \
        wonder what was going to happen next. First, she tried to look down and make out what she was coming to, but it was too dark \
        to see anything; then she looked at the sides of the well, and noticed that they were filled with cupboards and book-shelves; \
        here and there she saw maps and pictures hung upon pegs.
        """
}
