extension Tokenizer {
    /// A token for each character (Unicode scalar) of a text, in the order of their codes.
    public init(charactersOf text: String, special: [String] = []) {
        var model = BPE()
        for token in special { model.add(Array(token.utf8), id: Int32(model.tokens.count)) }
        for scalar in Set(text.unicodeScalars).sorted(by: { $0.value < $1.value }) {
            let token = Array(UTF8.encode(scalar)!)
            if model.ids[token] == nil { model.add(token, id: Int32(model.tokens.count)) }
        }
        self.init(model: model)
        decoder = .fuse
        finish(special)
    }

    /// A token for each byte of UTF-8, so that any text can be written.
    public init(bytes special: [String] = []) {
        self.init(model: Self.byteModel(special))
        preTokenizer = .byteLevel(prefixSpace: false, words: false)
        decoder = .byteLevel
        finish(special)
    }

    /// Byte-pair encoding on bytes, learned from texts. The same texts give the same vocabulary.
    ///
    /// - Parameters:
    ///   - size: of the vocabulary with the 256 bytes and the special tokens; smaller where the texts have too few pairs that come
    ///     twice.
    ///   - special: tokens that stand for something else than text; they have the first numbers.
    public init(training texts: some Sequence<String>, size: Int, special: [String] = []) {
        var model = Self.byteModel(special)
        self.init(model: model)
        preTokenizer = .byteLevel(prefixSpace: false, words: true)
        let encoder = TextEncoder(self)
        var counts: [[Unicode.Scalar]: Int] = [:]
        for text in texts {
            for word in encoder.words(Array(text.unicodeScalars)) { counts[word, default: 0] += 1 }
        }
        BPETrainer(vocabularySize: size).train(&model, words: counts.map { (word: $0.key, count: $0.value) })
        self.model = model
        decoder = .byteLevel
        finish(special)
    }

    private static func byteModel(_ special: [String]) -> BPE {
        var model = BPE()
        for token in special { model.add(Array(token.utf8), id: Int32(model.tokens.count)) }
        for scalar in ByteAlphabet.scalars.sorted(by: { $0.value < $1.value }) {
            model.add(Array(UTF8.encode(scalar)!), id: Int32(model.tokens.count))
        }
        return model
    }

    private mutating func finish(_ special: [String]) {
        added = special.enumerated().map { AddedToken(text: $1, id: Int32($0), isSpecial: true) }
        source = Array(written.utf8)
    }

    /// The tokenizer as `tokenizer.json` has it.
    private var written: String {
        let tokens = added.map {
            "    {\"id\": \($0.id), \"content\": \(JSONText.quoted($0.text)), \"single_word\": false, \"lstrip\": false, "
                + "\"rstrip\": false, \"normalized\": false, \"special\": true}"
        }
        let vocabulary = model.tokens.enumerated().compactMap { id, token in
            token.map { "      \(JSONText.quoted(String(decoding: $0, as: UTF8.self))): \(id)" }
        }
        let merges = model.pairs.map { left, right in
            let pair = [left, right].map { JSONText.quoted(String(decoding: model.tokens[Int($0)] ?? [], as: UTF8.self)) }
            return "      [\(pair.joined(separator: ", "))]"
        }
        let byteLevel = { (words: Bool) in
            "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": \(words)}"
        }
        var cut = "null", joined = "{\"type\": \"Fuse\"}"
        if case .byteLevel(_, let words) = preTokenizer { (cut, joined) = (byteLevel(words), byteLevel(words)) }
        return """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [
            \(tokens.joined(separator: ",\n"))
              ],
              "normalizer": null,
              "pre_tokenizer": \(cut),
              "post_processor": null,
              "decoder": \(joined),
              "model": {
                "type": "BPE",
                "dropout": null,
                "unk_token": null,
                "continuing_subword_prefix": null,
                "end_of_word_suffix": null,
                "fuse_unk": false,
                "byte_fallback": false,
                "ignore_merges": false,
                "vocab": {
            \(vocabulary.joined(separator: ",\n"))
                },
                "merges": [
            \(merges.joined(separator: ",\n"))
                ]
              }
            }

            """
    }

    /// What `tokenizer.json` holds: what was read, or what was made here.
    public var fileContents: [UInt8] { source }

    /// Writes `tokenizer.json`.
    public func write(to path: String) throws(DataError) { try AtomicFile.write(source, to: path) }
}
