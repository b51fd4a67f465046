import Foundation
import MartletData
import MartletFigures

/// A run's `report.html`: the curves, what its task shows, every logged line and what was asked for. One file, no network; the figures are
/// also in the folder `figures` beside it.
struct Report {
    let configuration: RunConfiguration
    let rows: [LogRow]
    let best: Progress.Best?
    let parts: [ReportPart]

    func write(to folder: RunFolder) throws {
        let all = [curves] + parts
        let page = HTMLPage(
            "\(configuration.model) on \(configuration.data)", lead: lead,
            all.map(\.section) + [
                .init("Epochs", [table]), .init("Configuration", [.code((try? configuration.yaml()) ?? "")]),
            ])
        try folder.createFigures()
        for item in all.flatMap(\.items) {
            try AtomicFile.write(Array(item.figure.svg.utf8), to: "\(folder.figuresPath)/\(item.name).svg")
        }
        try AtomicFile.write(Array(page.html.utf8), to: folder.path + "/report.html")
    }

    private var lead: String {
        let result =
            best.map { "Best \($0.metric) **\(number($0.value))** in epoch \($0.epoch)." } ?? "No validation data."
        return "\(result) Trained on \(configuration.deviceName) in \(number(rows.reduce(0) { $0 + $1.seconds })) s."
    }

    /// The metrics of all rows, in the order in which they appear.
    private var metricNames: [String] {
        rows.flatMap { $0.metrics.map(\.name) }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private var curves: ReportPart {
        func line(_ name: String, _ value: (LogRow) -> Double?) -> Mark {
            .line(name, rows.compactMap { row in value(row).map { Point(position(row), $0) } }, dots: rows.count < 40)
        }
        let axis = Axis(configuration.steps == nil ? "epoch" : "step")
        var items = [
            ReportPart.Item(
                "loss",
                Plot(
                    "Loss", x: axis, y: Axis("loss"),
                    [line("training", \.trainLoss), line("validation", \.validationLoss)] + bestMark))
        ]
        let names = metricNames
        if !names.isEmpty {
            let lines = names.map { name in line(name) { row in row.metrics.first { $0.name == name }?.value } }
            items.append(
                .init("metrics", Plot("Validation", x: axis, y: Axis(names.count == 1 ? names[0] : ""), lines + bestMark)))
        }
        items.append(
            .init("rate", Plot("Learning rate", x: axis, y: Axis("rate"), size: (640, 240), [line("rate", \.learningRate)])))
        return ReportPart("Learning curves", items)
    }

    private var bestMark: [Mark] {
        best.map { [.rule(x: Double(configuration.steps == nil ? $0.epoch : $0.step), "best")] } ?? []
    }

    private func position(_ row: LogRow) -> Double { Double(configuration.steps == nil ? row.epoch : row.step) }

    private var table: HTMLPage.Block {
        let names = metricNames
        return .table(
            header: ["epoch", "step", "training loss", "validation loss"] + names + ["seconds"],
            rows: rows.map { row in
                [String(row.epoch), String(row.step), number(row.trainLoss), row.validationLoss.map(number) ?? ""]
                    + names.map { name in row.metrics.first { $0.name == name }.map { number($0.value) } ?? "" }
                    + [number(row.seconds)]
            })
    }
}

func number(_ value: Double) -> String { String(format: "%.4g", value) }
