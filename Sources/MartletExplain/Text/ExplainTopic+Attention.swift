import Foundation
import MartletCore
import MartletData
import MartletFigures
import MartletModels
import MartletNN
import MartletTraining

extension ExplainTopic {
    /// What each position looks at.
    static let attention = ExplainTopic(
        "attention", "what each head of a trained gpt or transformer looks at: self-, masked and cross-attention",
        operands: "the run's folder (or --run DIR), a text, and for transformer a translation of it if you have one",
        operandCount: 1...3, model: .optional
    ) { request in
        let (source, texts) = try modelAndTexts(request, topic: "attention")
        let study: AttentionStudy
        switch try source.model().workload {
        case is LanguageModelWorkload:
            guard texts.count == 1 else { throw TrainingError(.input, "explain attention: give one text for a language model") }
            study = try AttentionStudy(try TrainedLanguageModel(source), text: texts[0])
        case is TranslationWorkload:
            guard texts.count <= 2 else {
                throw TrainingError(.input, "explain attention: give a text and at most a translation")
            }
            study = try AttentionStudy(try TrainedTranslator(source), text: texts[0], translation: texts.dropFirst().first)
        default:
            throw TrainingError(
                .input, "explain attention: \(try source.model().name) has no attention; give a run of gpt or transformer")
        }
        var explanation = Explanation(figures: study.figures, page: study.page)
        for block in study.blocks {
            for (layer, panel) in study.panels(block).enumerated() { explanation.add("\(block.name)-layer\(layer)", panel) }
        }
        if let alignment = study.alignment { explanation.add("alignment", alignment) }
        return explanation
    }
}

/// The attention weights of a model on a text.
private struct AttentionStudy {
    /// One kind of attention in all layers.
    struct Block {
        let name: String
        let title: String
        let about: String
        let queries: [String]
        let keys: [String]
        /// [layer][head][query][key].
        let weights: [[[[Double]]]]
    }

    let title: String
    let texts: [(String, String)]
    let blocks: [Block]

    private static let longest = 64

    private static func check(_ count: Int, _ what: String) throws {
        guard (1...longest).contains(count) else {
            throw TrainingError(.input, "explain attention: the \(what) has \(count) tokens; give 1 to \(longest)")
        }
    }

    init(_ model: TrainedLanguageModel, text: String) throws {
        guard let network = model.network as? GPT else {
            throw TrainingError(
                .input, "explain attention: \(model.description.name) has no attention; give a run of gpt or transformer")
        }
        let tokens = try model.tokenizer.encode(text)
        try Self.check(tokens.count, "text")
        guard tokens.count <= network.options.context else {
            throw TrainingError(
                .input, "explain attention: the text has \(tokens.count) tokens, where the context is \(network.options.context)")
        }
        for block in network.h { block.attention.keepsWeights = true }
        _ = withoutGradients { network(Tensor(tokens, shape: [1, tokens.count])) }.evaluated()
        let labels = tokens.map { TextPictures.label(model.tokenizer.decode([$0])) }
        title = "Masked self-attention"
        texts = [("text", text)]
        blocks = [
            Block(
                name: "masked", title: "Masked self-attention",
                about:
                    "A row is a position, its colours tell how much of each earlier position it takes. Nothing lies right of the "
                    + "diagonal: the mask hides what comes later, since that is what the model is to predict.",
                queries: labels, keys: labels, weights: try network.h.map { try Self.heads($0.attention.lastWeights) })
        ]
    }

    init(_ model: TrainedTranslator, text: String, translation: String?) throws {
        let network = model.network, tokenizer = model.tokenizer
        let written = try translation ?? model.translate([text])[0].text
        guard let start = tokenizer.token("<s>"), let end = tokenizer.token("</s>") else {
            throw TrainingError(.input, "explain attention: the tokenizer has no tokens <s> and </s>; give the run's own")
        }
        let source = try tokenizer.encode(text) + [end], target = [start] + (try tokenizer.encode(written))
        try Self.check(source.count, "text")
        try Self.check(target.count, "translation")
        let layers = network.transformer
        for layer in layers.encoder.layers { layer.attention.keepsWeights = true }
        for layer in layers.decoder.layers {
            layer.selfAttention.keepsWeights = true
            layer.crossAttention.keepsWeights = true
        }
        _ = withoutGradients {
            network(Tensor(source, shape: [1, source.count]), Tensor(target, shape: [1, target.count]))
        }.evaluated()
        func labels(_ tokens: [Int32]) -> [String] {
            tokens.map { TextPictures.label(tokenizer.decode([$0], skippingSpecial: false)) }
        }
        title = "Self-, masked and cross-attention"
        texts = [("source", text), (translation == nil ? "translated by the model" : "translation", written)]
        blocks = [
            Block(
                name: "self", title: "Self-attention in the encoder",
                about: "Each word of the source looks at all of its words, before and behind it.", queries: labels(source),
                keys: labels(source), weights: try layers.encoder.layers.map { try Self.heads($0.attention.lastWeights) }),
            Block(
                name: "masked", title: "Masked self-attention in the decoder",
                about: "Each word of the translation looks at the words before it only.", queries: labels(target),
                keys: labels(target), weights: try layers.decoder.layers.map { try Self.heads($0.selfAttention.lastWeights) }),
            Block(
                name: "cross", title: "Cross-attention from the translation to the source",
                about:
                    "A row is a position of the translation, about to write its next word; its colours tell which words of the "
                    + "source it looks at.", queries: labels(Array(target.dropFirst()) + [end]), keys: labels(source),
                weights: try layers.decoder.layers.map { try Self.heads($0.crossAttention.lastWeights) }),
        ]
    }

    private static func heads(_ weights: Tensor?) throws -> [[[Double]]] {
        guard let weights else { throw TrainingError(.failed, "explain attention: a layer kept no weights") }
        let shape = weights.shape, rows = TextPictures.rows(try weights.floats(), columns: shape[3])
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            throw TrainingError(.failed, "explain attention: the weights are not finite; the model's may be damaged")
        }
        return (0..<shape[1]).map { Array(rows[$0 * shape[2]..<($0 + 1) * shape[2]]) }
    }

    /// The mean of the cross-attention over the heads and layers.
    private var aligned: [[Double]]? {
        guard let cross = blocks.first(where: { $0.name == "cross" }) else { return nil }
        let all = cross.weights.flatMap { $0 }
        return cross.queries.indices.map { query in
            cross.keys.indices.map { key in all.reduce(0) { $0 + $1[query][key] } / Double(all.count) }
        }
    }

    var alignment: HeatMap? {
        guard let aligned, let cross = blocks.last else { return nil }
        return HeatMap(
            "Alignment", aligned, rowLabels: cross.queries, columnLabels: cross.keys, rowTitle: "translation",
            columnTitle: "source",
            colors: .magma)
    }

    func panels(_ block: Block) -> [Panels] {
        block.weights.enumerated().map { layer, heads in
            Panels(
                "Layer \(layer + 1)", columns: min(heads.count, 2),
                heads.enumerated().map { head, rows in
                    HeatMap(
                        "head \(head + 1)", rows, rowLabels: block.queries, columnLabels: block.keys, range: 0...1, keyTitle: nil)
                })
        }
    }

    /// The mean over queries of the entropy of the weights, in nats: 0 looks at one place, ln n at all n alike.
    private static func entropy(_ rows: [[Double]]) -> Double {
        rows.reduce(0) { $0 - $1.reduce(0) { $1 > 0 ? $0 + $1 * log($1) : $0 } } / Double(max(rows.count, 1))
    }

    var figures: [(String, JSON)] {
        var result: [(String, JSON)] = texts.map { ($0.0 == "text" || $0.0 == "source" ? "text" : "translation", .string($0.1)) }
        for block in blocks {
            let heads = block.weights.flatMap { $0 }
            let sums = heads.flatMap { $0.map { abs($0.reduce(0, +) - 1) } }
            result.append((block.name + "Entropy", .array(block.weights.map { .array($0.map { .number(Self.entropy($0)) }) })))
            result.append((block.name + "RowSumError", .number(sums.max() ?? 0)))
            if block.name == "masked" {
                let ahead = heads.flatMap { rows in rows.enumerated().flatMap { index, row in row.dropFirst(index + 1) } }
                result.append(("largestWeightAhead", .number(ahead.max() ?? 0)))
            }
        }
        if let aligned, let cross = blocks.last {
            let pairs = zip(cross.queries, aligned).map { query, row -> JSON in
                let best = row.indices.max { row[$0] < row[$1] } ?? 0
                return ["target": .string(query), "source": .string(cross.keys[best]), "weight": .number(row[best])]
            }
            result.append(("alignment", .array(pairs)))
        }
        return result
    }

    var page: HTMLPage {
        var sections = [
            HTMLPage.Section("The text", texts.map { .text("**\($0.0)**: \($0.1)") })
        ]
        if let alignment {
            sections.append(
                .init(
                    "Which word comes from which",
                    [
                        .text(
                            "The mean of all heads and layers of cross-attention. Where word order differs between the languages, the "
                                + "bright cells leave the diagonal."), .figure(alignment),
                    ]))
        }
        sections += blocks.map { block in .init(block.title, [.text(block.about)] + panels(block).map { .figure($0) }) }
        return HTMLPage(
            title,
            lead:
                "Each position asks with a query, the others answer with their keys, and it takes their values by how well they "
                + "answer: softmax(Q K' / sqrt(d)) V. Vaswani et al., *Attention is all you need*, 2017.", sections)
    }
}
