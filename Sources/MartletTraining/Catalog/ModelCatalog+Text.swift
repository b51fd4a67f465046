import MartletModels

/// The models of text.
extension ModelCatalog {
    static let textModels = [lstm, gpt, transformer]

    private static func layersKey(_ standard: String) -> Settings.Key {
        Settings.Key("layers", standard, "layers, one on the other")
    }
    private static func headsKey(_ standard: String) -> Settings.Key {
        Settings.Key("heads", standard, "parts that attention has")
    }
    private static func widthKey(_ standard: String) -> Settings.Key {
        Settings.Key("width", standard, "values of a position's vector")
    }
    private static func contextKey(_ standard: String) -> Settings.Key {
        Settings.Key("context", standard, "tokens of a text looked at together")
    }
    private static func dropoutKey(_ standard: String) -> Settings.Key {
        Settings.Key("dropout", standard, "share of values dropped in training")
    }

    private static func positive(_ settings: Settings, _ key: Settings.Key, to largest: Int) throws -> Int {
        try settings.integer(key, in: 1...largest)
    }

    private static func checkHeads(_ width: Int, _ heads: Int, _ name: String) throws {
        guard width % heads == 0 else {
            throw TrainingError(
                .input,
                "\(name): --set heads=\(heads) does not divide --set width=\(width); give a width that is a multiple of it")
        }
    }

    static let lstm: ModelDescription = {
        let layersKey = ModelCatalog.layersKey("2"), widthKey = ModelCatalog.widthKey("256"),
            contextKey = ModelCatalog.contextKey("64"), dropoutKey = ModelCatalog.dropoutKey("0")
        return ModelDescription(
            name: "lstm", summary: "recurrent language model, long short-term memory",
            needs: "a text, text:FILE; it is read in as many streams as a batch has rows, --set context tokens a step",
            settings: [layersKey, widthKey, contextKey, dropoutKey],
            defaults: .init(
                epochs: 10, batchSize: 32, optimizer: "adam", learningRate: 2e-3, schedule: "cosine",
                settings: ["clip_norm": "1", "minimum": "0.1"]),
            workload: LanguageModelWorkload(batching: .streams, context: contextKey, tokenizer: TokenizerRecipe.kind("char")) {
                settings, tokens in
                let layers = try positive(settings, layersKey, to: 64), width = try positive(settings, widthKey, to: 1 << 16)
                try requireRoom(
                    for: 2 * tokens * width + layers * 8 * (width + 1) * width, in: "lstm",
                    remedy: "give fewer or narrower layers")
                return LSTMLanguageModel(
                    vocabularySize: tokens, width: width, layers: layers,
                    dropout: Float(try settings.number(dropoutKey, in: 0...0.99)))
            })
    }()

    static let gpt: ModelDescription = {
        let layersKey = ModelCatalog.layersKey("4"), headsKey = ModelCatalog.headsKey("4"),
            widthKey = ModelCatalog.widthKey("128"), contextKey = ModelCatalog.contextKey("64"),
            dropoutKey = ModelCatalog.dropoutKey("0")
        return ModelDescription(
            name: "gpt", summary: "decoder-only Transformer language model, GPT-2's",
            needs: "a text, text:FILE; a batch's rows are pieces of it of --set context tokens",
            settings: [layersKey, headsKey, widthKey, contextKey, dropoutKey],
            defaults: .init(
                epochs: 2, batchSize: 12, optimizer: "adamw", learningRate: 1e-3, schedule: "cosine",
                settings: [
                    "beta2": "0.99", "weight_decay": "0.1", "decay_vectors": "false", "clip_norm": "1", "warmup": "100",
                    "minimum": "0.1",
                ]),
            workload: LanguageModelWorkload(batching: .windows, context: contextKey, tokenizer: TokenizerRecipe.kind("char")) {
                settings, tokens in
                let width = try positive(settings, widthKey, to: 1 << 16), heads = try positive(settings, headsKey, to: 1 << 10)
                let layers = try positive(settings, layersKey, to: 256), context = try positive(settings, contextKey, to: 1 << 20)
                try checkHeads(width, heads, "gpt")
                try requireRoom(
                    for: (tokens + context) * width + layers * 12 * (width + 1) * width, in: "gpt",
                    remedy: "give fewer or narrower layers")
                return GPT(
                    GPT.Options(
                        vocabularySize: tokens, context: context, layers: layers, heads: heads, width: width,
                        dropout: Float(try settings.number(dropoutKey, in: 0...0.99))))
            })
    }()

    static let transformer: ModelDescription = {
        let layersKey = ModelCatalog.layersKey("3"), headsKey = ModelCatalog.headsKey("4"),
            widthKey = ModelCatalog.widthKey("256"), dropoutKey = ModelCatalog.dropoutKey("0.1")
        let hiddenKey = Settings.Key("hidden", "1024", "values between the two linear layers of a block")
        return ModelDescription(
            name: "transformer", summary: "encoder-decoder Transformer that translates",
            needs: "sentence pairs, pairs:DIR with --set source and target; --batch-size counts tokens",
            settings: [layersKey, headsKey, widthKey, hiddenKey, dropoutKey],
            defaults: .init(
                epochs: 15, batchSize: 4096, optimizer: "adam", learningRate: 1e-3, schedule: "inverse-sqrt",
                settings: ["beta2": "0.98", "epsilon": "1e-9", "clip_norm": "1", "warmup": "1000"]),
            workload: TranslationWorkload { settings, tokens in
                let width = try positive(settings, widthKey, to: 1 << 16), heads = try positive(settings, headsKey, to: 1 << 10)
                let layers = try positive(settings, layersKey, to: 256), hidden = try positive(settings, hiddenKey, to: 1 << 18)
                try checkHeads(width, heads, "transformer")
                guard width % 2 == 0 else {
                    throw TrainingError(.input, "transformer: --set width=\(width): give an even number")
                }
                try requireRoom(
                    for: tokens * width + layers * (12 * width + 4 * hidden) * width, in: "transformer",
                    remedy: "give fewer or narrower layers")
                return TransformerTranslator(
                    TransformerTranslator.Options(
                        vocabularySize: tokens, layers: layers, heads: heads, width: width, hidden: hidden,
                        dropout: Float(try settings.number(dropoutKey, in: 0...0.99))))
            })
    }()
}
