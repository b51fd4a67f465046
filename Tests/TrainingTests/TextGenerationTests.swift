import Foundation
import Martlet
import Testing

/// Drawing tokens, and text that comes piece by piece.
@Suite struct TextGenerationTests {
    private func draws(_ options: SamplingOptions, _ logits: [Float], count: Int = 4000, noted: [Int32] = []) -> [Int] {
        var sampler = TokenSampler(options), counts = [Int](repeating: 0, count: logits.count)
        for token in noted { sampler.note(token) }
        for _ in 0..<count {
            var fresh = sampler
            counts[Int(fresh.next(logits))] += 1
            _ = sampler.next(logits)
        }
        return counts
    }

    @Test func temperatures() {
        let logits: [Float] = [0, Float(log(3.0)), -.infinity, Float(log(4.0))]
        let counts = draws(SamplingOptions(seed: 1), logits)
        // 1 : 3 : 0 : 4, within five deviations.
        for (count, share) in zip(counts, [0.125, 0.375, 0, 0.5]) {
            #expect(abs(Double(count) - 4000 * share) <= 5 * (4000 * share * (1 - share)).squareRoot(), "\(counts)")
        }
        #expect(draws(SamplingOptions(temperature: 0, seed: 2), logits, count: 50) == [0, 0, 0, 50])
        #expect(draws(SamplingOptions(temperature: 0), [2, 2, 1], count: 5) == [5, 0, 0])
        let cold = draws(SamplingOptions(temperature: 0.5, seed: 1), logits)
        // 1 : 9 : 0 : 16.
        #expect(abs(Double(cold[3]) - 4000 * 16 / 26) < 5 * 32)
    }

    @Test func onlyTheLikeliest() {
        let logits: [Float] = [1, 3, 2, 2.9]
        let top = draws(SamplingOptions(topK: 2, seed: 3), logits)
        #expect(top[0] == 0 && top[2] == 0 && top[1] > 0 && top[3] > 0)
        #expect(draws(SamplingOptions(topK: 1, seed: 3), logits, count: 20) == [0, 20, 0, 0])
        #expect(draws(SamplingOptions(topK: 99, seed: 3), logits).allSatisfy { $0 > 0 })
        // Probabilities about 0.06, 0.42, 0.15, 0.38: half is reached with the second.
        let nucleus = draws(SamplingOptions(topP: 0.5, seed: 4), logits)
        #expect(nucleus[0] == 0 && nucleus[2] == 0 && nucleus[1] > 0 && nucleus[3] > 0)
        #expect(draws(SamplingOptions(topP: 0.01, seed: 4), logits, count: 20) == [0, 20, 0, 0])
    }

    @Test func repetitionCosts() {
        #expect(draws(SamplingOptions(temperature: 0, repetitionPenalty: 2), [3, 2, -1], count: 1, noted: [0]) == [0, 1, 0])
        #expect(draws(SamplingOptions(temperature: 0, repetitionPenalty: 2), [-1, -1.5], count: 1, noted: [0]) == [0, 1])
        #expect(draws(SamplingOptions(temperature: 0), [3, 2], count: 1, noted: [0]) == [1, 0])
    }

    @Test func seeds() {
        let logits: [Float] = [0, 0.1, 0.2, 0.3, 0.4]
        func sequence(_ seed: UInt64) -> [Int32] {
            var sampler = TokenSampler(SamplingOptions(seed: seed))
            return (0..<40).map { _ in sampler.next(logits) }
        }
        #expect(sequence(7) == sequence(7) && sequence(7) != sequence(8))
    }

    @Test(arguments: [
        SamplingOptions(temperature: -1), SamplingOptions(temperature: .nan), SamplingOptions(topK: 0), SamplingOptions(topP: 0),
        SamplingOptions(topP: 1.5), SamplingOptions(topP: .nan), SamplingOptions(repetitionPenalty: 0),
        SamplingOptions(repetitionPenalty: .infinity),
    ]) func nonsense(options: SamplingOptions) { #expect(throws: TrainingError.self) { try options.check() } }

    @Test func halfCharactersAreHeldBack() throws {
        let tokenizer = Tokenizer(bytes: []), text = "aé👍b"
        var stream = TokenStream(tokenizer), pieces: [String] = []
        for token in try tokenizer.encode(text) { pieces.append(stream.add(token)) }
        #expect(pieces == ["a", "", "é", "", "", "", "👍", "b"] && stream.text == text)
        _ = stream.add(try tokenizer.encode("é")[0])
        #expect(stream.finish() == "\u{FFFD}")
    }

    @Test func textStopsBeforeItsEnd() throws {
        let tokenizer = Tokenizer(bytes: [])
        func stopped(_ text: String, at stops: [String]) throws -> (pieces: [String], text: String, stopped: Bool) {
            var stream = StoppedText(tokenizer, stops: stops), pieces: [String] = []
            for token in try tokenizer.encode(text) where !stream.isStopped { pieces.append(stream.add(token)) }
            pieces.append(stream.finish())
            return (pieces.filter { !$0.isEmpty }, stream.text, stream.isStopped)
        }
        var result = try stopped("one.\n\nTwo", at: ["\n\n"])
        #expect(result.text == "one." && result.stopped)
        result = try stopped("one\ntwo\n", at: ["\n\n"])
        #expect(result.text == "one\ntwo\n" && !result.stopped)
        // What might have been the beginning comes late, not lost.
        result = try stopped("abcabd!", at: ["abcd", "!"])
        #expect(result.text == "abcabd" && result.stopped && result.pieces.joined() == "abcabd")
        #expect(try stopped("xyz", at: []).pieces == ["x", "y", "z"])
    }

    /// A text that outgrows the context goes on from its last half; a prompt that is too long counts with its end.
    @Test(arguments: TestDevices.ids) func contexts(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let model = withSeed(3) { GPT(.init(vocabularySize: 11, context: 8, layers: 1, heads: 1, width: 8, dropout: 0)) }
            let prompt: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1]
            let generator = TextGenerator(model, prompt: prompt, options: SamplingOptions(temperature: 0))
            #expect(generator.leftOut == 4)
            var text = Array(prompt[4...])
            for step in 0..<30 {
                let token = try generator.next()
                // The first token follows the last eight of the prompt; then the last four are read anew, and so on.
                let window = step == 0 ? 8 : 4 + (step - 1) % 5
                let part = Array(text.suffix(window))
                let logits = model(Tensor(part, shape: [1, part.count]))
                #expect(try token == logits.argMax().integers().last!, "\(id): step \(step)")
                text.append(token)
            }
        }
    }
}
