import Foundation
import MartletData
import MartletFigures
import MartletTraining

extension ExplainTopic {
    /// The same network with batch normalisation and without.
    static let batchnorm = ExplainTopic(
        "batchnorm", "the same network trained with batch normalisation and without",
        settings: [epochs]
    ) { request in
        let epochs = try request.settings.integer(epochs, in: 3...1000)
        let digits = try Digits().split()
        let studies = try [false, true].map { isNormalized in
            let study = NormalizationStudy(isNormalized: isNormalized, seed: request.seed)
            try study.train(on: digits.training, epochs: epochs, seed: request.seed)
            return study
        }
        let charts = NormalizationCharts(without: studies[0], with: studies[1])
        let accuracies = try studies.map { try $0.accuracy(on: digits.validation) }
        var explanation = Explanation(
            figures: figures(studies[0], studies[1], accuracies), page: page(charts, studies[0], studies[1], accuracies))
        explanation.add("loss", charts.loss)
        explanation.add("sigmoid-inputs", charts.spread)
        explanation.add("activations", charts.activations)
        explanation.add("gradients", charts.gradients)
        explanation.add("gradient-sizes", charts.gradientSizes)
        return explanation
    }

    private static let epochs = Settings.Key("epochs", "80", "passes over the digits")

    private static func figures(_ without: NormalizationStudy, _ with: NormalizationStudy, _ accuracies: [Double]) -> [(
        String, JSON
    )] {
        func numbers(_ values: [Double]) -> JSON { .array(values.map { .number($0) }) }
        func pair(_ a: JSON, _ b: JSON) -> JSON { .object([("without", a), ("with", b)]) }
        func steps(_ study: NormalizationStudy) -> JSON { study.steps(to: NormalizationStudy.goal).map { .integer($0) } ?? .null }
        return [
            ("loss", .number(NormalizationStudy.goal)), ("steps", .integer(with.losses.count)),
            ("stepsToLoss", pair(steps(without), steps(with))),
            ("accuracy", pair(.number(accuracies[0]), .number(accuracies[1]))),
            ("gradientSize", pair(numbers(without.gradientSizes), numbers(with.gradientSizes))),
            ("activationSpread", pair(numbers(without.activationSpreads), numbers(with.activationSpreads))),
        ]
    }

    private static func page(
        _ charts: NormalizationCharts, _ without: NormalizationStudy, _ with: NormalizationStudy, _ accuracies: [Double]
    ) -> HTMLPage {
        func count(_ study: NormalizationStudy) -> String {
            study.steps(to: NormalizationStudy.goal).map(String.init) ?? "not within \(study.losses.count)"
        }
        func share(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
        return HTMLPage(
            "Batch normalisation",
            lead: "Each unit's input is brought to mean 0 and deviation 1 over the batch, then scaled and shifted by two trained "
                + "numbers. Ioffe and Szegedy, *Batch normalization: accelerating deep network training*, 2015.",
            [
                .init(
                    "The same network, twice",
                    [
                        .text(
                            "The network of the paper's first experiment: three hidden layers of 100 sigmoid units, plain gradient "
                                + "descent (learning rate \(NormalizationStudy.learningRate), batches of "
                                + "\(NormalizationStudy.batchSize)), on the embedded handwritten digits. Both start from the same "
                                + "random weights and see the same batches."),
                        .figure(charts.loss, caption: "Training loss, averaged over an epoch's steps."),
                        .table(
                            header: ["", "without", "with"],
                            rows: [
                                ["steps to a training loss of \(NormalizationStudy.goal)", count(without), count(with)],
                                ["right on held-out digits at the end", share(accuracies[0]), share(accuracies[1])],
                            ]),
                    ]),
                .init(
                    "What goes into the last hidden layer's sigmoids",
                    [
                        .text(
                            "The middle line is the median, the shaded range goes from the 15th to the 85th percentile (figure 1 of "
                                + "the paper). Without normalisation the inputs barely differ between images for a long time, "
                                + "then wander. With it they keep a steady spread from the first step."),
                        .figure(charts.spread),
                    ]),
                .init(
                    "Activations by layer, before the first step",
                    [
                        .text(
                            "How much a unit's activation differs from image to image. Without normalisation each layer squeezes "
                                + "the differences further together: the third layer says nearly the same about every image, and "
                                + "there is little left for the output to tell digits apart by."),
                        .figure(charts.activations),
                    ]),
                .init(
                    "Gradients by layer, at the first step",
                    [
                        .text(
                            "On the way back each sigmoid multiplies the gradient by at most 1/4. Without normalisation the first "
                                + "layer gets a small fraction of what the last one gets and hardly moves; with it the layers learn "
                                + "at comparable speeds."),
                        .figures([charts.gradientSizes, charts.gradients]),
                    ]),
            ])
    }
}

/// The pictures of the topic.
struct NormalizationCharts {
    let without: NormalizationStudy
    let with: NormalizationStudy
    private var both: [(name: String, study: NormalizationStudy, ink: Ink)] {
        [("without", without, .series(1)), ("with batch normalisation", with, .series(0))]
    }

    var loss: Plot {
        Plot(
            "Training loss", x: Axis("step"), y: Axis("loss", .logarithmic), size: (720, 380),
            both.map { Mark.line($0.name, smoothed($0.study.losses), ink: $0.ink) } + [.rule(y: NormalizationStudy.goal, "goal")])
    }

    private func smoothed(_ losses: [Double]) -> [Point] {
        let window = NormalizationStudy.window
        return stride(from: window, through: losses.count, by: window / 4).map { end in
            Point(Double(end), losses[end - window..<end].reduce(0, +) / Double(window))
        }
    }

    var spread: Panels {
        let values = both.flatMap { $0.study.spread.flatMap { [$0.low, $0.high] } }
        let range = min(values.min() ?? -1, -1)...max(values.max() ?? 1, 1)
        return Panels(
            columns: 2,
            both.map { name, study, ink in
                let rows = study.spread, steps = rows.map { Double($0.step) }
                return Plot(
                    name, x: Axis("step"), y: Axis("input of the sigmoids", range: range), size: (440, 320),
                    [
                        .band(nil, x: steps, low: rows.map(\.low), high: rows.map(\.high), ink: ink),
                        .line(nil, rows.map { Point(Double($0.step), $0.middle) }, ink: ink),
                    ])
            })
    }

    var activations: Panels {
        Panels(
            columns: 3,
            NormalizationStudy.widths.indices.map { layer in
                Plot(
                    "hidden layer \(layer + 1)", x: Axis("activation, less its unit's mean", range: -0.5...0.5), y: Axis("share"),
                    size: (320, 290),
                    both.map {
                        .histogram($0.name, $0.study.activations[layer], bins: 50, range: -0.5...0.5, asShare: true, ink: $0.ink)
                    })
            })
    }

    /// Logarithms, since sizes differ by orders of magnitude.
    var gradients: Panels {
        func logarithms(_ values: [Double]) -> [Double] { values.filter { $0 != 0 }.map { log10(abs($0)) } }
        let ticks = (-8...0).filter { $0 % 2 == 0 }.map { Axis.Tick(Double($0), tidy(pow(10, Double($0)))) }
        return Panels(
            columns: 2,
            without.gradients.indices.map { layer in
                let title = layer < NormalizationStudy.widths.count ? "hidden layer \(layer + 1)" : "output layer"
                return Plot(
                    title, x: Axis("size of a weight's gradient", range: -8...0, ticks: ticks), y: Axis("share"),
                    size: (330, 270),
                    both.map {
                        .histogram(
                            $0.name == "without" ? "without" : "with", logarithms($0.study.gradients[layer]), range: -8...0,
                            asShare: true, ink: $0.ink)
                    })
            })
    }

    var gradientSizes: Plot {
        let names = without.gradients.indices.map { $0 < NormalizationStudy.widths.count ? "hidden \($0 + 1)" : "output" }
        return Plot(
            "Size of the weights' gradients",
            x: Axis("layer", ticks: names.enumerated().map { .init(Double($0.offset), $0.element) }),
            y: Axis("root mean square", .logarithmic), size: (420, 340),
            both.map { .line($0.name, [Point]($0.study.gradientSizes), ink: $0.ink, dots: true) })
    }
}
