import Foundation
import MartletData
import MartletFigures
import MartletTraining

extension ExplainTopic {
    /// What happens where a model sees what it is to predict.
    static let masking = ExplainTopic(
        "masking", "a gpt trained without its mask: a loss too good to be true, and text that shows it", takesData: true,
        settings: [steps]
    ) { request in
        let steps = try request.settings.integer(steps, in: 50...100_000)
        let text: String
        if let data = request.data {
            guard case .text(let path) = try DataSpec.parse(data) else {
                throw TrainingError(.input, "explain masking: --data \(data) is no text; give text:FILE, or leave it out")
            }
            let corpus = try TextCorpus(reading: path, validation: 0)
            // More than this changes nothing, and the characters of a whole book may be many.
            text = String(corpus.training.prefix(100_000))
        } else {
            text = LeakStudy.alice
        }
        let masked = try LeakStudy(isMasked: true, text: text, steps: steps, seed: request.seed)
        let open = try LeakStudy(isMasked: false, text: text, steps: steps, seed: request.seed)
        let charts = LeakCharts(masked: masked, open: open)
        var explanation = Explanation(figures: charts.figures, page: charts.page)
        explanation.add("losses", charts.losses)
        explanation.add("honest", charts.honest)
        return explanation
    }

    private static let steps = Settings.Key("steps", "1000", "training steps of each of the two models")
}

/// The pictures and figures of the topic.
private struct LeakCharts {
    let masked: LeakStudy
    let open: LeakStudy

    var figures: [(String, JSON)] {
        func pair(_ value: (LeakStudy) -> JSON) -> JSON { .object([("masked", value(masked)), ("unmasked", value(open))]) }
        return [
            ("steps", .integer(masked.losses.count)), ("trainLoss", pair { .number($0.lastLoss) }),
            ("apparentLoss", pair { .number($0.apparentLoss) }), ("honestLoss", pair { .number($0.honestLoss) }),
            ("leak", pair { .number($0.leak) }), ("text", pair { .string($0.text) }),
        ]
    }

    var losses: Plot {
        func smoothed(_ study: LeakStudy) -> [Point] {
            let window = max(study.losses.count / 60, 1)
            return stride(from: window, through: study.losses.count, by: window).map { end in
                Point(Double(end), study.losses[end - window..<end].reduce(0, +) / Double(window))
            }
        }
        return Plot(
            "Training loss", x: Axis("step"), y: Axis("cross-entropy", range: 0...4), size: (720, 360),
            [.line("with the mask", smoothed(masked)), .line("without", smoothed(open))])
    }

    var honest: BarChart {
        BarChart(
            "Held-out text", ["all positions at once", "from the past alone"],
            [
                (name: "with the mask", values: [masked.apparentLoss, masked.honestLoss]),
                (name: "without", values: [open.apparentLoss, open.honestLoss]),
            ], y: Axis("cross-entropy"))
    }

    var page: HTMLPage {
        func row(_ name: String, _ value: (LeakStudy) -> Double) -> [String] {
            [name, TextPictures.decimals(value(masked), 3), TextPictures.decimals(value(open), 3)]
        }
        return HTMLPage(
            "Why attention is masked",
            lead:
                "A language model predicts each token from those before it, at all positions at once. Self-attention looks at every "
                + "position; unless what comes later is hidden, the answer lies open one place to the right.",
            [
                .init(
                    "A loss too good to be true",
                    [
                        .text(
                            "Two networks with the same first weights, batches and steps. The one without a mask soon has a training "
                                + "loss that no text allows: it learned to copy its right neighbour."), .figure(losses),
                        .note(
                            "A loss that falls far below that of comparable models is first of all a reason to look for a leak."),
                    ]),
                .init(
                    "What held-out text shows, and what it hides",
                    [
                        .text(
                            "Held-out text measured in the same way looks just as good, since the answer leaks there too. Cut behind "
                                + "each token, so that there is nothing to copy, the truth comes out."), .figure(honest),
                        .table(
                            header: ["", "with the mask", "without"],
                            rows: [
                                row("training loss at the end") { $0.lastLoss }, row("held-out, all at once") { $0.apparentLoss },
                                row("held-out, from the past alone") { $0.honestLoss },
                                row("change of earlier logits when the last token changes") { $0.leak },
                            ]),
                    ]),
                .init(
                    "What comes out",
                    [
                        .text("The likeliest next character, again and again, with the mask:"), .code(masked.text),
                        .text("Without: in writing there is no right neighbour yet."), .code(open.text),
                    ]),
            ])
    }
}
