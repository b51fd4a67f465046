import Foundation
import MartletCore
import MartletFigures
import MartletNN
import MartletTraining

extension ExplainTopic {
    /// The ways that optimizers take down.
    static let optimizers = ExplainTopic(
        "optimizers", "paths of SGD, momentum, NAG, Adagrad, RMSProp and Adam over loss landscapes, a network's among them"
    ) { request in
        let ravine = try DescentCharts(.ravine), hollows = try DescentCharts(.hollows)
        let saddle = try DescentCharts(.saddle, side: 56), valley = try DescentCharts(.valley, side: 80)
        let network = try NetworkSurface(seed: request.seed)
        let surface = try DescentCharts(network.landscape(), side: 41)
        let curve = try Self.curve(hollows)
        let pictures = OptimizerPictures(
            ravine: ravine, hollows: hollows, saddle: saddle, valley: valley, network: surface, curve: curve)
        let middle = surface.field[20, 20]
        var explanation = Explanation(
            figures: [
                ("ravine", ravine.figures), ("hollows", hollows.figures), ("saddle", saddle.figures), ("valley", valley.figures),
                ("network", surface.figures),
                (
                    "surface",
                    [
                        "parameters": .integer(network.parameterCount), "trainedLoss": .number(network.trainedLoss),
                        "centerLoss": .number(pow(10, middle) - 0.01),
                        "lowestLoss": .number(pow(10, surface.field.range.lowerBound) - 0.01),
                        "highestLoss": .number(pow(10, surface.field.range.upperBound) - 0.01),
                    ]
                ),
            ], page: pictures.page(network))
        for (name, picture) in pictures.files { explanation.add(name, picture) }
        return explanation
    }

    /// The two hollows along y = 0, with where SGD and momentum are, step by step.
    private static func curve(_ hollows: DescentCharts) throws -> Plot {
        let xs = (0...240).map { -2.1 + 4.4 * Double($0) / 240 }
        let loss = hollows.landscape.loss
        func heights(_ xs: [Double]) throws -> [Double] {
            try withoutGradients { try loss(Tensor(xs.map { Float($0) }), Tensor.zeros([xs.count])).floats() }.map(Double.init)
        }
        func stops(_ descender: Descender) throws -> [Point] {
            let xs = hollows[descender].points.prefix(80).map(\.x)
            return zip(xs, try heights(Array(xs))).map { Point($0, $1) }
        }
        let line = zip(xs, try heights(xs)).map { Point($0, $1) }
        return Plot(
            "The curve along x", x: Axis("x", range: -2.1...2.3), y: Axis("loss", range: -0.6...2.6), size: (640, 360),
            [
                .line(nil, line, ink: .muted, width: 2.5),
                .points("momentum", try stops(.momentum), ink: Descender.momentum.ink, radius: 4.5, symbol: .triangle),
                .points("SGD", try stops(.sgd), ink: Descender.sgd.ink, radius: 3.5),
                .label("local minimum", at: Point(0.95, -0.38)), .label("lower one", at: Point(-1.07, -0.58)),
            ])
    }
}

/// What the topic shows.
struct OptimizerPictures {
    let ravine: DescentCharts
    let hollows: DescentCharts
    let saddle: DescentCharts
    let valley: DescentCharts
    let network: DescentCharts
    let curve: Plot

    private var zigzag: Panels {
        Panels(
            columns: 1,
            [
                ravine.contours([.sgd], title: "SGD in the ravine", size: (720, 250)),
                ravine.contours([.momentum], title: "Momentum in the ravine", size: (720, 250)),
            ])
    }

    var files: [(String, any Figure)] {
        [
            ("ravine-zigzag", zigzag), ("ravine", ravine.contours(size: (720, 320))),
            ("ravine-loss", ravine.losses(isLogarithmic: true)), ("hollows-curve", curve), ("hollows", hollows.contours()),
            ("hollows-surface", hollows.surface([.sgd, .momentum], azimuth: -68, elevation: 50, z: "log₁₀ of loss + 0.6")),
            ("saddle", saddle.contours()),
            ("saddle-surface", saddle.surface([.sgd, .momentum, .adam], azimuth: -64, elevation: 50, z: "loss")),
            ("valley", valley.contours()), ("network", network.contours()),
            ("network-surface", network.surface(Descender.allCases, azimuth: -74, elevation: 44, z: "log₁₀ loss")),
            ("network-loss", network.losses(isLogarithmic: true)),
        ]
    }

    func page(_ surface: NetworkSurface) -> HTMLPage {
        let pictures = Dictionary(files) { first, _ in first }
        func show(_ name: String, _ caption: String = "") -> HTMLPage.Block {
            .figure(pictures[name] ?? Plot("", []), caption: caption)
        }
        func steps(_ charts: DescentCharts, _ descender: Descender) -> String {
            charts[descender].stepsToGoal.map(String.init) ?? "more than \(charts.landscape.steps)"
        }
        return HTMLPage(
            "Optimizers, seen from above",
            lead:
                "All start at the same place and see only the slope under their feet. What they remember of the steps before makes "
                + "the difference. The paths are those of the library's own optimizers on a module of two parameters.",
            [
                .init(
                    "A ravine: momentum takes the zig-zag out",
                    [
                        .text(
                            "The loss \(ravine.landscape.formula) is a hundred times as steep across as along. SGD's learning rate is "
                                + "bound by the steep walls: near the largest that does not diverge, it leaps from wall to wall and "
                                + "creeps along the floor. Momentum (Polyak, *Some methods of speeding up the convergence of "
                                + "iteration methods*, 1964) adds up its steps: those across cancel, those along grow."),
                        show("ravine-zigzag"),
                        .note(
                            "To a loss of \(tidy(ravine.landscape.goal)): SGD \(steps(ravine, .sgd)) steps with "
                                + "\(ravine[.sgd].reversals) turns back, momentum \(steps(ravine, .momentum)) steps with "
                                + "\(ravine[.momentum].reversals)."),
                        show(
                            "ravine",
                            "Nesterov's accelerated gradient (1983; Sutskever et al., 2013) looks ahead along its momentum. Adagrad (Duchi et al., 2011), RMSProp (Tieleman and Hinton, 2012) and Adam (Kingma and Ba, 2015) scale each coordinate by the gradients it has seen, so that they head for the goal rather than for the nearest wall."
                        ),
                        show("ravine-loss"), ravine.table,
                    ]),
                .init(
                    "Two hollows: momentum leaves a local minimum",
                    [
                        .text(
                            "The loss \(hollows.landscape.formula) has a local minimum at x = 0.91 and a lower one at x = −1.07. SGD "
                                + "stops in the first. Momentum, with the same learning rate, arrives with enough speed to roll over "
                                + "the rise between them."),
                        show("hollows-curve", "A point a step, for 80 steps."), show("hollows"), show("hollows-surface"),
                        hollows.table,
                    ]),
                .init(
                    "A saddle",
                    [
                        .text(
                            "The start lies a thousandth off the ridge, where the slope along y is almost nothing. SGD waits there "
                                + "for \(steps(saddle, .sgd)) steps; methods that divide by the size of past gradients leave at once."
                        ),
                        show("saddle"), show("saddle-surface"), saddle.table,
                    ]),
                .init(
                    "Rosenbrock's valley",
                    [
                        .text("The loss \(valley.landscape.formula): the floor bends, and its slope is nearly nothing."),
                        show("valley"), valley.table,
                    ]),
                .init(
                    "A real network's loss",
                    [
                        .text(
                            "A network of \(surface.parameterCount) parameters, trained on the embedded digits to a loss of "
                                + "\(tidy(surface.trainedLoss)), which is the middle of the picture. From there two random "
                                + "directions span a plane; each row of each weight matrix is scaled to the length of the network's "
                                + "own (*filter normalisation*: Li, Xu, Taylor, Studer and Goldstein, *Visualizing the loss "
                                + "landscape of neural nets*, 2018), so that pictures of different networks can be compared. The "
                                + "optimizers move in this plane, by the network's true gradient along it."),
                        show("network"), show("network-surface"), show("network-loss"), network.table,
                    ]),
            ])
    }
}
