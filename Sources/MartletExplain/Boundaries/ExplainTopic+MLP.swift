import MartletCore
import MartletFigures
import MartletModels
import MartletNN
import MartletTraining

extension ExplainTopic {
    /// What hidden units and depth do to a decision boundary.
    static let mlp = ExplainTopic("mlp", "what hidden units and depth do to a decision boundary, XOR first") { request in
        let xor = try XORStudy(seed: request.seed)
        let moons = try BoundarySeries(
            "moons", try .moons(160, noise: 0.09, seed: request.seed), [[], [2], [4], [16]], steps: 300, seed: request.seed)
        let spirals = try BoundarySeries(
            "spirals", try .spirals(300, turns: 2, noise: 0.02, seed: request.seed), [[4], [16], [64], [8], [8, 8], [8, 8, 8]],
            steps: 600,
            seed: request.seed)
        var explanation = Explanation(
            figures: [("xor", xor.figures), ("moons", moons.figures), ("spirals", spirals.figures)],
            page: page(xor, moons, spirals))
        explanation.add("xor", xor.panels)
        explanation.add("xor-hidden-space", xor.hiddenSpace)
        explanation.add("moons", moons.panels)
        explanation.add("spirals", spirals.panels)
        return explanation
    }

    private static func page(_ xor: XORStudy, _ moons: BoundarySeries, _ spirals: BoundarySeries) -> HTMLPage {
        HTMLPage(
            "Hidden units and depth",
            lead:
                "A network without a hidden layer can only draw one straight line. Each hidden unit adds a line of its own, and "
                + "the layers above put them together.",
            [
                .init(
                    "XOR: the smallest problem that one line cannot solve",
                    [
                        .text(
                            "Four points; opposite corners belong together. Minsky and Papert (*Perceptrons*, 1969) showed that no "
                                + "single line parts them. Rumelhart, Hinton and Williams (*Learning representations by "
                                + "back-propagating errors*, 1986) trained hidden units to do it. Colour is the network's "
                                + "probability, the thick line the border at one half, and each dashed line is where one hidden "
                                + "unit changes sign."),
                        .figure(
                            xor.panels,
                            caption: "The best of \(XORStudy.starts) random starts each, Adam, \(XORStudy.steps) steps."),
                        xor.table,
                        .note(
                            "Without a hidden layer the loss stays at ln 2 = 0.693: the best answer is \"I don't know\". Two units "
                                + "are enough, yet some starts get stuck; with a few more units nearly every start succeeds."),
                    ]),
                .init(
                    "What the hidden layer is for",
                    [
                        .text(
                            "The same four points, not where they are but where the two hidden units put them. There a single "
                                + "straight line is enough, and the output unit draws it."),
                        .figure(xor.hiddenSpace),
                    ]),
                .init(
                    "Moons: more units, a finer border",
                    [
                        .figure(
                            moons.panels,
                            caption: "A border is pieced together from the lines of the first layer's units. The best of "
                                + "\(BoundarySeries.starts) random starts each, here and below."),
                        moons.table,
                    ]),
                .init(
                    "Spirals: width against depth",
                    [
                        .text(
                            "The upper row grows in width, the lower one in depth. A second layer combines *regions* rather than "
                                + "lines, so that a few narrow layers bend a border as often as one much wider layer."),
                        .figure(spirals.panels), spirals.table,
                    ]),
            ])
    }
}

/// XOR by networks of none to four hidden units, from many starts.
struct XORStudy {
    static let starts = 20
    static let steps = 300
    private let rows: [(hidden: Int, outcome: NetworkBank.Outcome, plot: Plot)]
    let hiddenSpace: Plot

    init(seed: UInt64) throws {
        let data = PlanePoints.xor
        var rows: [(hidden: Int, outcome: NetworkBank.Outcome, plot: Plot)] = [], space: Plot?
        for hidden in [0, 1, 2, 3, 4] {
            let bank = withSeed(seed) { NetworkBank(Self.starts, hidden: hidden) }
            let outcome = try bank.train(on: data, steps: Self.steps, learningRate: 0.05)
            let model = try bank.network(outcome.best)
            let title = hidden == 0 ? "no hidden layer" : hidden == 1 ? "1 hidden unit" : "\(hidden) hidden units"
            rows.append((hidden, outcome, try DecisionPlot(model: model, data: data).plot(title, side: 260)))
            if hidden == 2 { space = try Self.hiddenSpace(model, data) }
        }
        self.rows = rows
        hiddenSpace = space ?? Plot("", [])
    }

    var panels: Panels { Panels("XOR", columns: 3, rows.map { $0.plot }) }

    var figures: JSON {
        .array(
            rows.map { row in
                [
                    "hidden": .integer(row.hidden), "starts": .integer(Self.starts), "solved": .integer(row.outcome.solved),
                    "bestAccuracy": .number(row.outcome.accuracies.max() ?? 0),
                    "bestLoss": .number(row.outcome.losses.min() ?? 0),
                ]
            })
    }

    var table: HTMLPage.Block {
        .table(
            header: ["hidden units", "starts that get all four right", "best loss"],
            rows: rows.map { row in
                [String(row.hidden), "\(row.outcome.solved) of \(Self.starts)", tidy(row.outcome.losses.min() ?? 0)]
            })
    }

    /// The points as the two hidden units see them, with the output unit's line.
    private static func hiddenSpace(_ model: MLP, _ data: PlanePoints) throws -> Plot {
        let p = try model.parameters.map { try $0.value.floats().map(Double.init) }
        let hidden = try withoutGradients {
            try linear(data.inputs, model.parameters[0].value, bias: model.parameters[1].value).tanh().floats().map(Double.init)
        }
        let places = data.points.indices.map { Point(hidden[2 * $0], hidden[2 * $0 + 1]) }
        func of(_ label: Int) -> [Point] { zip(places, data.labels).filter { $0.1 == label }.map(\.0) }
        let (a, b, c) = (p[2][0], p[2][1], p[3][0]), length = max(a * a + b * b, 1e-12)
        let foot = Point(-c * a / length, -c * b / length)
        let line = [-4.0, 4].map { Point(foot.x - $0 * b / length.squareRoot(), foot.y + $0 * a / length.squareRoot()) }
        return Plot(
            "XOR as two hidden units see it", x: Axis("first hidden unit", range: -1.2...1.2),
            y: Axis("second hidden unit", range: -1.2...1.2), size: (420, 400),
            [
                .line("the output unit's border", line, ink: .text, width: 2),
                .points("class 0", of(0), ink: .series(0), radius: 7),
                .points("class 1", of(1), ink: .series(1), radius: 7, symbol: .square),
            ])
    }
}

/// One data set by networks of several shapes.
struct BoundarySeries {
    /// Networks of each shape that are trained, from as many random starts; the one of least loss is shown.
    static let starts = 3
    let name: String
    private let rows: [(hidden: [Int], parameters: Int, accuracy: Double, loss: Double, plot: Plot)]

    init(_ name: String, _ data: PlanePoints, _ shapes: [[Int]], steps: Int, seed: UInt64) throws {
        self.name = name
        let inputs = data.inputs, signs = data.signs
        rows = try shapes.map { hidden in
            let trained = try (0..<Self.starts).map { start in
                let model = withSeed(seed &+ UInt64(start)) { MLP(inputs: 2, hidden: hidden, outputs: 1, activation: "tanh") }
                let optimizer = Adam(model.parameters, learningRate: 0.03)
                for _ in 0..<steps {
                    let (_, gradients) = valueAndGradient(of: model) { logisticLoss($0(inputs), signs).mean() }
                    optimizer.step(gradients)
                }
                return (model: model, loss: Double(try withoutGradients { try logisticLoss(model(inputs), signs).mean().item() }))
            }
            let (model, loss) = trained.dropFirst().reduce(trained[0]) { $1.loss < $0.loss ? $1 : $0 }
            let picture = DecisionPlot(model: model, data: data), accuracy = try picture.accuracy()
            let plot = try picture.plot(Self.title(hidden), side: 290, unitLines: (hidden.first ?? 0) <= 8)
            return (hidden, model.parameterCount, accuracy, loss, plot)
        }
    }

    private static func title(_ hidden: [Int]) -> String {
        hidden.isEmpty
            ? "no hidden layer" : hidden.map(String.init).joined(separator: " – ") + (hidden.count == 1 ? " units" : "")
    }

    var panels: Panels { Panels(columns: rows.count > 4 ? 3 : 2, rows.map { $0.plot }) }

    var figures: JSON {
        .array(
            rows.map { row in
                [
                    "hidden": .array(row.hidden.map { .integer($0) }), "parameters": .integer(row.parameters),
                    "accuracy": .number(row.accuracy), "loss": .number(row.loss),
                ]
            })
    }

    var table: HTMLPage.Block {
        .table(
            header: ["hidden layers", "parameters", "right", "loss"],
            rows: rows.map { row in
                [
                    row.hidden.isEmpty ? "none" : row.hidden.map(String.init).joined(separator: ", "), String(row.parameters),
                    tidy((row.accuracy * 1000).rounded() / 10) + " %", tidy(row.loss),
                ]
            })
    }
}
