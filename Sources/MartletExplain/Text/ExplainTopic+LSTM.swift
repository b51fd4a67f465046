import Foundation
import MartletCore
import MartletData
import MartletFigures
import MartletModels
import MartletNN
import MartletTraining

extension ExplainTopic {
    /// What the gates of an LSTM do while it reads.
    static let lstm = ExplainTopic(
        "lstm", "the gates and the cells of a trained lstm while it reads a text",
        operands: "the run's folder (or --run DIR) and a text", operandCount: 1...2, model: .optional, settings: [units]
    ) { request in
        let (source, rest) = try modelAndTexts(request, topic: "lstm")
        guard rest.count == 1 else { throw TrainingError(.input, "explain lstm: give one text behind the run's folder") }
        let model = try TrainedLanguageModel(source)
        guard let network = model.network as? LSTMLanguageModel else {
            throw TrainingError(.input, "explain lstm: the run trained \(model.description.name), not lstm; give a run of lstm")
        }
        let tokens = try model.tokenizer.encode(rest[0])
        guard (2...400).contains(tokens.count) else {
            throw TrainingError(.input, "explain lstm: the text has \(tokens.count) tokens; give 2 to 400")
        }
        let study = try GateStudy(
            network, tokens, labels: tokens.map { TextPictures.label(model.tokenizer.decode([$0])) },
            units: try request.settings.integer(units, in: 1...256))
        var explanation = Explanation(figures: study.figures, page: study.page(of: rest[0]))
        for (layer, maps) in study.maps.enumerated() {
            for map in maps { explanation.add("layer\(layer)-\(map.name)", map.figure) }
        }
        explanation.add("surprise", study.surprise)
        return explanation
    }

    private static let units = Settings.Key("units", "40", "cells of each layer that are drawn: those that change most")

    /// The model and the texts: the run's folder may come first among the operands.
    static func modelAndTexts(_ request: ExplainRequest, topic: String) throws -> (TrainedSource, [String]) {
        if let model = request.model { return (model, request.operands) }
        guard request.operands.count >= 2 else {
            throw TrainingError(.input, "explain \(topic): give the run's folder (or --run DIR) and a text")
        }
        return (try TrainedSource(run: request.operands[0]), Array(request.operands.dropFirst()))
    }
}

/// The insides of an LSTM, read token by token.
private struct GateStudy {
    struct Layer {
        /// Each [t][unit].
        let gates: [(name: String, values: [[Double]])]
        let cells: [[Double]]
        /// The units drawn, those whose cell changes most first.
        let shown: [Int]
    }

    let labels: [String]
    let layers: [Layer]
    /// The cross-entropy of each token but the first.
    let losses: [Double]

    init(_ network: LSTMLanguageModel, _ tokens: [Int32], labels: [String], units: Int) throws {
        self.labels = labels
        let input = Tensor(tokens, shape: [1, tokens.count])
        layers = try network.trace(input).map { trace in
            func rows(_ values: Tensor) throws -> [[Double]] {
                TextPictures.rows(try values.floats(), columns: network.lstm.hidden)
            }
            let cells = try rows(trace.cell ?? trace.hidden)
            let spread = cells[0].indices.map { unit -> Double in
                let values = cells.map { $0[unit] }, mean = values.reduce(0, +) / Double(values.count)
                return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            }
            let order = spread.indices.sorted { (spread[$1], $0) < (spread[$0], $1) }
            return Layer(
                gates: try trace.gates.map { ($0.name, try rows($0.values)) }, cells: cells,
                shown: Array(order.prefix(units)))
        }
        let logits = withoutGradients { network(input) }.reshaped([tokens.count, network.vocabularySize])
        let labelled = Array(tokens[1...])
        losses = try crossEntropy(
            logits.sliced(axis: 0, 0..<tokens.count - 1), labelled, reduction: .none
        ).floats().map { Double($0) }
        guard losses.allSatisfy(\.isFinite) else {
            throw TrainingError(.failed, "explain lstm: the model's output is not finite; its weights may be damaged")
        }
    }

    private static func mean(_ values: [[Double]]) -> Double {
        let all = values.joined()
        return all.reduce(0, +) / Double(max(all.count, 1))
    }

    var meanLoss: Double { losses.reduce(0, +) / Double(losses.count) }

    var figures: [(String, JSON)] {
        let gates = layers.map { layer in
            JSON.object(layer.gates.map { ($0.name, .number(Self.mean($0.values))) })
        }
        return [
            ("tokens", .integer(labels.count)), ("layers", .integer(layers.count)),
            ("units", .integer(layers.first?.cells[0].count ?? 0)), ("meanGates", .array(gates)),
            ("largestCell", .array(layers.map { .number($0.cells.joined().map(abs).max() ?? 0) })),
            ("loss", .number(meanLoss)), ("perplexity", .number(exp(meanLoss))),
            ("losses", .array(losses.map { .number($0) })),
        ]
    }

    /// For each layer: the gates and the cells, a row a unit and a column a token.
    var maps: [[(name: String, figure: HeatMap)]] {
        layers.enumerated().map { index, layer in
            func map(_ name: String, _ values: [[Double]], _ colors: ColorMap, _ range: ClosedRange<Double>) -> HeatMap {
                HeatMap(
                    "Layer \(index + 1): \(name)", layer.shown.map { unit in values.map { $0[unit] } },
                    rowLabels: layer.shown.map(String.init), columnLabels: labels, rowTitle: "unit", colors: colors, range: range,
                    cell: (width: 16, height: 7))
            }
            let bound = max(layer.cells.joined().map(abs).max() ?? 1, 1e-6)
            return layer.gates.map { name, values in
                let isGate = name != "candidate"
                return (
                    name, map(isGate ? "\(name) gate" : name, values, isGate ? .viridis : .diverging, isGate ? 0...1 : -1...1)
                )
            } + [("cell", map("cell state", layer.cells, .diverging, -bound...bound))]
        }
    }

    var surprise: Plot {
        Plot(
            "How surprising each token was", x: Axis("token", ticks: labels.enumerated().map { .init(Double($0), $1) }),
            y: Axis("-ln p"), size: (max(420, Double(labels.count) * 16 + 90), 240),
            [.line(nil, losses.enumerated().map { Point(Double($0 + 1), $1) }, dots: true)])
    }

    func page(of text: String) -> HTMLPage {
        let means = layers.enumerated().map { index, layer in
            ["layer \(index + 1)"] + layer.gates.map { TextPictures.decimals(Self.mean($0.values)) }
        }
        let names = layers.first?.gates.map(\.name) ?? []
        return HTMLPage(
            "Inside an LSTM",
            lead:
                "At each token the *forget* gate says how much of each cell is kept, the *input* gate how much of the candidate is "
                + "added, and the *output* gate how much of the cell is shown: c' = f c + i g, h' = o tanh(c'). Hochreiter and "
                + "Schmidhuber, *Long short-term memory*, 1997.",
            [
                .init(
                    "What it reads",
                    [
                        .code(text), .figure(surprise, caption: "The first token is not predicted by anything."),
                        .table(header: ["mean over tokens and units"] + names, rows: means),
                    ])
            ]
                + zip(layers.indices, maps).map { index, maps in
                    .init(
                        "Layer \(index + 1)",
                        maps.map { .figure($0.figure) } + [
                            .text(
                                "The units whose cells change most, the most restless first. A forget gate that stays bright keeps its "
                                    + "cell's memory; cells that flip at spaces or line ends have learned to count or to mark.")
                        ])
                })
    }
}
