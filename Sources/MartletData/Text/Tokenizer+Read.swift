extension Tokenizer {
    private static let largestFile = 1 << 27
    private static let highestToken = 1 << 24

    /// Reads a Hugging Face `tokenizer.json` with a byte-pair encoding. Parts of other kinds are refused by name.
    public init(reading path: String) throws(DataError) {
        let bytes = try InputFile.contents(path, limit: Self.largestFile)
        let root = try JSONNode(parsing: bytes, file: path)
        let reader = TokenizerReader(file: path)
        self = try reader.tokenizer(root)
        source = bytes
    }

    static func isToken(_ id: Int?) -> Bool { id.map { (0..<highestToken).contains($0) } ?? false }
}

/// Makes a tokenizer from the parts of its file.
private struct TokenizerReader {
    let file: String

    func damaged(_ problem: String) -> DataError {
        DataError(.damaged, file: file, problem: problem, remedy: "give a tokenizer.json as Hugging Face's tokenizers writes it")
    }

    private func unsupported(_ what: String, _ type: String, _ known: String) -> DataError {
        DataError(
            .unsupported, file: file, problem: "has the \(what) \(DataError.quote(type)), which is not supported",
            remedy: "give a tokenizer with \(known)")
    }

    func tokenizer(_ root: JSONNode) throws(DataError) -> Tokenizer {
        guard let model = root["model"], model.members != nil else { throw damaged("has no model") }
        var tokenizer = Tokenizer(model: try bpe(model))
        tokenizer.added = try added(root["added_tokens"])
        tokenizer.normalizer = try normalizer(root["normalizer"])
        tokenizer.preTokenizer = try preTokenizer(root["pre_tokenizer"])
        tokenizer.decoder = try decoder(root["decoder"])
        try postProcessor(root["post_processor"], &tokenizer)
        guard tokenizer.vocabularySize > 0 else { throw damaged("has no tokens") }
        return tokenizer
    }

    // MARK: Model

    private func bpe(_ node: JSONNode) throws(DataError) -> BPE {
        let type = node["type"]?.string ?? "BPE"
        guard type == "BPE" else { throw unsupported("model", type, "the model BPE") }
        if case .number(let dropout) = node["dropout"] ?? .null, dropout != 0 {
            throw unsupported("option", "dropout", "dropout null: merges are never left out here")
        }
        guard let vocabulary = node["vocab"]?.members, let merges = node["merges"]?.array else {
            throw damaged("has a model without vocab or merges")
        }
        var bpe = BPE()
        for (token, id) in vocabulary {
            guard Tokenizer.isToken(id.integer), let id = id.integer else {
                throw damaged(
                    "gives the token \(DataError.quote(String(decoding: token, as: UTF8.self))) no number from 0 to 2^24 - 1")
            }
            bpe.add(token, id: Int32(id))
        }
        bpe.continuingPrefix = node["continuing_subword_prefix"]?.bytes ?? []
        bpe.endSuffix = node["end_of_word_suffix"]?.bytes ?? []
        for (index, merge) in merges.enumerated() { try addMerge(merge, index, &bpe) }
        if let text = node["unk_token"]?.bytes {
            guard let id = bpe.ids[text] else { throw damaged("names an unk_token that is not in its vocab") }
            bpe.unknown = id
        }
        bpe.fusesUnknown = node["fuse_unk"]?.bool ?? false
        bpe.fallsBackToBytes = node["byte_fallback"]?.bool ?? false
        bpe.keepsWholeWords = node["ignore_merges"]?.bool ?? false
        return bpe
    }

    private func addMerge(_ node: JSONNode, _ index: Int, _ bpe: inout BPE) throws(DataError) {
        var pair: [[UInt8]] = []
        if let parts = node.array {
            pair = parts.compactMap(\.bytes)
        } else if let text = node.bytes {
            pair = text.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
        }
        guard pair.count == 2, let left = bpe.ids[pair[0]], let right = bpe.ids[pair[1]] else {
            throw damaged("its merge \(index) is not a pair of tokens of its vocab")
        }
        let prefix = bpe.continuingPrefix
        let second = !prefix.isEmpty && pair[1].starts(with: prefix) ? Array(pair[1].dropFirst(prefix.count)) : pair[1]
        guard let whole = bpe.ids[pair[0] + second] else {
            throw damaged("its merge \(index) makes a token that is not in its vocab")
        }
        bpe.addMerge(left, right, into: whole)
    }

    private func added(_ node: JSONNode?) throws(DataError) -> [Tokenizer.AddedToken] {
        guard let node, !node.isNull else { return [] }
        guard let entries = node.array else { throw damaged("its added_tokens are not an array") }
        var tokens: [Tokenizer.AddedToken] = []
        for entry in entries {
            guard Tokenizer.isToken(entry["id"]?.integer), let id = entry["id"]?.integer, let text = entry["content"]?.string
            else {
                throw damaged("has an added token without a content or a number from 0 to 2^24 - 1")
            }
            let isSpecial = entry["special"]?.bool ?? false
            tokens.append(
                Tokenizer.AddedToken(
                    text: text, id: Int32(id), isSpecial: isSpecial, isNormalized: entry["normalized"]?.bool ?? !isSpecial,
                    stripsLeft: entry["lstrip"]?.bool ?? false, stripsRight: entry["rstrip"]?.bool ?? false,
                    isSingleWord: entry["single_word"]?.bool ?? false))
        }
        return tokens
    }

    // MARK: Steps

    private func steps(_ node: JSONNode, _ name: String) throws(DataError) -> [JSONNode] {
        guard let steps = node[name]?.array else { throw damaged("has a Sequence without \(name)") }
        return steps
    }

    private func scalars(_ node: JSONNode?, _ name: String) throws(DataError) -> [Unicode.Scalar] {
        guard let text = node?.string else { throw damaged("lacks the text '\(name)' of a step") }
        return Array(text.unicodeScalars)
    }

    private func single(_ node: JSONNode?, _ name: String) throws(DataError) -> Unicode.Scalar {
        let text = try scalars(node, name)
        guard text.count == 1 else { throw damaged("has '\(name)' of \(text.count) characters, where one is wanted") }
        return text[0]
    }

    private func pattern(_ node: JSONNode?) throws(DataError) -> TextPattern {
        if let literal = node?["String"]?.string { return .literal(Array(literal.unicodeScalars)) }
        guard let expression = node?["Regex"]?.string else { throw damaged("has a pattern that is neither String nor Regex") }
        if expression == TextPattern.gpt2Source { return .gpt2Words }
        do {
            return .expression(try TextPattern.Expression(expression))
        } catch {
            throw unsupported("regular expression", expression, "expressions that ICU understands")
        }
    }

    private func normalizer(_ node: JSONNode?) throws(DataError) -> TextNormalizer {
        guard let node, !node.isNull else { return .none }
        switch node["type"]?.string ?? "" {
        case "NFC": return .nfc
        case "NFD": return .nfd
        case "NFKC": return .nfkc
        case "NFKD": return .nfkd
        case "Lowercase": return .lowercase
        case "Strip": return .strip(left: node["strip_left"]?.bool ?? true, right: node["strip_right"]?.bool ?? true)
        case "StripAccents": return .stripAccents
        case "Prepend": return .prepend(try scalars(node["prepend"], "prepend"))
        case "Replace": return .replace(try pattern(node["pattern"]), try scalars(node["content"], "content"))
        case "Sequence":
            var all: [TextNormalizer] = []
            for step in try steps(node, "normalizers") { all.append(try normalizer(step)) }
            return .sequence(all)
        case let type:
            throw unsupported(
                "normalizer", type, "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace or a Sequence of them"
            )
        }
    }

    private func behavior(_ node: JSONNode, _ standard: PreTokenizer.Behavior) throws(DataError) -> PreTokenizer.Behavior {
        guard let name = node["behavior"]?.string else { return standard }
        guard let behavior = PreTokenizer.Behavior(rawValue: name) else { throw damaged("has a split of an unknown behavior") }
        return behavior
    }

    private func preTokenizer(_ node: JSONNode?) throws(DataError) -> PreTokenizer {
        guard let node, !node.isNull else { return .none }
        switch node["type"]?.string ?? "" {
        case "ByteLevel":
            return .byteLevel(prefixSpace: node["add_prefix_space"]?.bool ?? true, words: node["use_regex"]?.bool ?? true)
        case "Whitespace": return .whitespace
        case "WhitespaceSplit": return .whitespaceSplit
        case "Split":
            return .split(
                try pattern(node["pattern"]), try behavior(node, .isolated), inverted: node["invert"]?.bool ?? false)
        case "Metaspace":
            let prepend = try self.prepend(node)
            return .metaspace(
                replacement: try single(node["replacement"], "replacement"), prepend: prepend, splits: node["split"]?.bool ?? true
            )
        case "Digits": return .digits(individual: node["individual_digits"]?.bool ?? false)
        case "Punctuation": return .punctuation(try behavior(node, .isolated))
        case "Sequence":
            var all: [PreTokenizer] = []
            for step in try steps(node, "pretokenizers") { all.append(try preTokenizer(step)) }
            return .sequence(all)
        case let type:
            throw unsupported(
                "pre-tokenizer", type,
                "ByteLevel, Whitespace, WhitespaceSplit, Split, Metaspace, Digits, Punctuation or a Sequence of them")
        }
    }

    private func prepend(_ node: JSONNode) throws(DataError) -> PreTokenizer.Prepending {
        guard let scheme = node["prepend_scheme"]?.string else {
            return node["add_prefix_space"]?.bool ?? true ? .always : .never
        }
        guard let prepend = PreTokenizer.Prepending(rawValue: scheme) else { throw damaged("has an unknown prepend_scheme") }
        return prepend
    }

    private func decoder(_ node: JSONNode?) throws(DataError) -> TokenDecoder {
        guard let node, !node.isNull else { return .spaced }
        switch node["type"]?.string ?? "" {
        case "ByteLevel": return .byteLevel
        case "ByteFallback": return .byteFallback
        case "Fuse": return .fuse
        case "BPEDecoder": return .wordEnd(node["suffix"]?.bytes ?? Array("</w>".utf8))
        case "Metaspace":
            return .metaspace(
                replacement: try single(node["replacement"], "replacement"), stripsFirst: try prepend(node) != .never)
        case "Strip":
            guard let start = node["start"]?.integer, let stop = node["stop"]?.integer, (0...64).contains(start),
                (0...64).contains(stop)
            else { throw damaged("has a Strip without start and stop from 0 to 64") }
            return .strip(try single(node["content"], "content"), start: start, stop: stop)
        case "Replace":
            guard case .literal(let wanted) = try pattern(node["pattern"]) else {
                throw unsupported("decoder", "Replace of an expression", "Replace of a String")
            }
            return .replace(wanted, with: try scalars(node["content"], "content"))
        case "Sequence":
            var all: [TokenDecoder] = []
            for step in try steps(node, "decoders") { all.append(try decoder(step)) }
            return .sequence(all)
        case let type:
            throw unsupported(
                "decoder", type, "ByteLevel, Metaspace, ByteFallback, Fuse, Strip, Replace, BPEDecoder or a Sequence of them")
        }
    }

    /// Special tokens around a single text; steps that only change offsets do nothing.
    private func postProcessor(_ node: JSONNode?, _ tokenizer: inout Tokenizer) throws(DataError) {
        guard let node, !node.isNull else { return }
        switch node["type"]?.string ?? "" {
        case "ByteLevel": return
        case "Sequence":
            for step in try steps(node, "processors") { try postProcessor(step, &tokenizer) }
        case "TemplateProcessing":
            guard let pieces = node["single"]?.array else { throw damaged("has a TemplateProcessing without 'single'") }
            var isBehind = false
            for piece in pieces {
                if piece["Sequence"] != nil {
                    isBehind = true
                    continue
                }
                guard let name = piece["SpecialToken"]?["id"]?.string,
                    let ids = node["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.integer),
                    ids.allSatisfy({ Tokenizer.isToken($0) })
                else { throw damaged("has a template with a token that it does not describe") }
                if isBehind { tokenizer.trailing += ids.map { Int32($0) } } else { tokenizer.leading += ids.map { Int32($0) } }
            }
        case let type: throw unsupported("post-processor", type, "ByteLevel, TemplateProcessing or a Sequence of them")
        }
    }
}
