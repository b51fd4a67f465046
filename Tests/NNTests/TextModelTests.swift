import Martlet
import Testing

/// Models of text from PyTorch's state dictionaries, and what must hold for any: no leak, and the same token by token.
@Suite struct TextModelTests {
    private static let golden = Result { try GoldenFile("textmodels") }

    private static func load(_ model: any Module, _ name: String) throws {
        let golden = try golden.get()
        let stored = golden.file.entries.map(\.name).filter { $0.hasPrefix("\(name)/state/") }
        #expect(Set(model.namedParameters.map { "\(name)/state/\($0.name)" }) == Set(stored), "\(name): names")
        for (key, parameter) in model.namedParameters {
            let value = try golden.tensor("\(name)/state/\(key)")
            try #require(value.shape == parameter.shape, "\(name): \(key)")
            parameter.value = value
        }
    }

    private static func check(_ model: any Module, _ name: String, _ logits: Tensor, _ loss: () -> Tensor, _ what: String) throws
    {
        let golden = try golden.get()
        try expectClose(logits, try golden.tensor("\(name)/logits"), within: 1e-4, "\(what): logits")
        let (value, gradients) = valueAndGradient(of: model.parameters, loss)
        try expectClose(value, try golden.tensor("\(name)/loss"), within: 1e-5, "\(what): loss")
        for (key, parameter) in model.namedParameters {
            let gradient = try #require(gradients[parameter], "\(what): no gradient of \(key)")
            try expectClose(gradient, try golden.tensor("\(name)/grad/\(key)"), within: 1e-4, "\(what): gradient of \(key)")
        }
    }

    private static func labels(_ tokens: Tensor, _ range: Range<Int>) throws -> [Int32] {
        try tokens.sliced(axis: 1, range).integers()
    }

    @Test(arguments: TestDevices.ids) func gpt2(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let model = GPT(.init(vocabularySize: 23, context: 12, layers: 2, heads: 2, width: 8, dropout: 0))
            try Self.load(model, "gpt")
            let tokens = try Self.golden.get().tensor("gpt/tokens"), labels = try Self.labels(tokens, 1..<11)
            let inputs = tokens.sliced(axis: 1, 0..<10)
            try Self.check(
                model, "gpt", model(inputs), { crossEntropy(model(inputs).reshaped([20, 23]), labels) }, "\(id) gpt")
        }
    }

    @Test(arguments: TestDevices.ids) func lstm(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let model = LSTMLanguageModel(vocabularySize: 13, width: 6, layers: 2)
            try Self.load(model, "lstm")
            let tokens = try Self.golden.get().tensor("lstm/tokens"), labels = try Self.labels(tokens, 5..<9)
            let state = model.initialState()
            let first = model(tokens.sliced(axis: 1, 0..<4), state: state), kept = state.recurrent
            let second = model(tokens.sliced(axis: 1, 4..<8), state: state)
            let loss = {
                let state = LanguageModelState(recurrent: kept)
                return crossEntropy(model(tokens.sliced(axis: 1, 4..<8), state: state).reshaped([12, 13]), labels)
            }
            try Self.check(model, "lstm", concatenate([first, second], axis: 1), loss, "\(id) lstm")
        }
    }

    @Test(arguments: TestDevices.ids) func translator(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let model = TransformerTranslator(.init(vocabularySize: 17, layers: 2, heads: 2, width: 8, hidden: 12, dropout: 0))
            try Self.load(model, "transformer")
            let golden = try Self.golden.get(), source = try golden.tensor("transformer/source")
            let target = try golden.tensor("transformer/target"), lengths = try golden.tensor("transformer/lengths")
            let inputs = target.sliced(axis: 1, 0..<5), labels = try Self.labels(target, 1..<6)
            try Self.check(
                model, "transformer", model(source, inputs, lengths: lengths),
                {
                    crossEntropy(
                        model(source, inputs, lengths: lengths).reshaped([15, 17]), labels, labelSmoothing: 0.1)
                }, "\(id) transformer")
        }
    }

    private static func models() -> [(String, any LanguageModel)] {
        withSeed(4) {
            [
                ("gpt", GPT(.init(vocabularySize: 31, context: 512, layers: 2, heads: 2, width: 32, dropout: 0.1))),
                ("lstm", LSTMLanguageModel(vocabularySize: 31, width: 32, layers: 2, dropout: 0.1)),
            ]
        }
    }

    private static func tokens(_ count: Int) -> [Int32] { (0..<count).map { Int32(($0 * $0 + 3 * $0) % 31) } }

    @Test(arguments: TestDevices.ids) func nothingLeaksBackward(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let text = Self.tokens(48)
            for (name, model) in Self.models() {
                let before = try model(Tensor(text, shape: [1, 48])).floats()
                for place in [1, 17, 47] {
                    var changed = text
                    for index in place..<48 { changed[index] = (changed[index] + 7) % 31 }
                    let after = try model(Tensor(changed, shape: [1, 48])).floats()
                    #expect(before[..<(place * 31)] == after[..<(place * 31)], "\(id) \(name): before \(place)")
                    #expect(before[(place * 31)...] != after[(place * 31)...], "\(id) \(name): from \(place) on")
                }
            }
            let model = TransformerTranslator(.init(vocabularySize: 31, layers: 2, heads: 2, width: 32, hidden: 64))
            let source = Tensor(Self.tokens(9), shape: [1, 9])
            let before = try model(source, Tensor(text, shape: [1, 48])).floats()
            var changed = text
            changed[30] = 30
            let after = try model(source, Tensor(changed, shape: [1, 48])).floats()
            #expect(
                before[..<(30 * 31)] == after[..<(30 * 31)] && before[(30 * 31)...] != after[(30 * 31)...], "\(id) transformer")
        }
    }

    /// Without the mask the model sees what it is to predict.
    @Test func withoutTheMaskEverythingLeaks() throws {
        try withDevice(try TestDevices.named("cpu")) {
            let model = withSeed(4) {
                GPT(.init(vocabularySize: 31, context: 48, layers: 1, heads: 2, width: 32, dropout: 0, isMasked: false))
            }
            var text = Self.tokens(48)
            let before = try model(Tensor(text, shape: [1, 48])).floats()
            text[47] = 30
            #expect(try model(Tensor(text, shape: [1, 48])).floats()[..<31] != before[..<31])
        }
    }

    @Test(arguments: TestDevices.ids) func tokenByTokenIsTheSame(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let text = Self.tokens(512)
            for (name, model) in Self.models() {
                let whole = model(Tensor(text, shape: [1, 512])), state = model.initialState()
                // A prompt at once, then one at a time.
                var steps = [withoutGradients { model(Tensor(Array(text[..<37]), shape: [1, 37]), state: state) }]
                for token in text[37...] {
                    steps.append(withoutGradients { model(Tensor([token], shape: [1, 1]), state: state) })
                }
                try expectClose(concatenate(steps, axis: 1), whole, within: 1e-4, "\(id) \(name)")
            }
        }
    }

    @Test(arguments: TestDevices.ids) func oneBeamTakesTheLikeliestWord(device id: String) throws {
        try withDevice(try TestDevices.named(id)) {
            let model = withSeed(9) {
                TransformerTranslator(.init(vocabularySize: 19, layers: 2, heads: 2, width: 16, hidden: 32, dropout: 0.1))
            }
            let sources: [[Int32]] = [[3, 4, 5, 1], [7, 1], [9, 8, 7, 6, 5, 4, 1]]
            let search = BeamSearch(beams: 1, start: 0, end: 1, longest: { _ in 12 })
            let found = try search.translate(sources, with: model)
            for (source, translation) in zip(sources, found) {
                var target: [Int32] = [0]
                while target.count < 13 {
                    let logits = model(
                        Tensor(source, shape: [1, source.count]), Tensor(target, shape: [1, target.count]))
                    let last = try logits.argMax().integers().last!
                    if last == 1 { break }
                    target.append(last)
                }
                #expect(translation.tokens == Array(target.dropFirst()), "\(id)")
            }
            // More beams find what is at least as likely, batch or not.
            for beams in [2, 5] {
                let wide = BeamSearch(beams: beams, lengthPenalty: 0, start: 0, end: 1, longest: { _ in 12 })
                let together = try wide.translate(sources, with: model)
                for (index, source) in sources.enumerated() {
                    let alone = try wide.translate([source], with: model)[0]
                    #expect(alone.tokens == together[index].tokens && abs(alone.score - together[index].score) < 1e-3)
                    let total = try Self.likelihood(of: alone.tokens, source, model)
                    #expect(abs(total - alone.score) < 1e-3, "\(id): \(total), \(alone.score)")
                }
            }
        }
    }

    /// The logarithm of a translation's probability, its end included unless it was cut at 12.
    private static func likelihood(of tokens: [Int32], _ source: [Int32], _ model: TransformerTranslator) throws -> Double {
        let input = [0] + tokens,
            logits = model(Tensor(source, shape: [1, source.count]), Tensor(input, shape: [1, input.count]))
        let values = try logits.logSoftmax().floats()
        return (tokens + [1]).enumerated().reduce(0) { sum, entry in
            entry.offset == 12 ? sum : sum + Double(values[entry.offset * 19 + Int(entry.element)])
        }
    }
}
