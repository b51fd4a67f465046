import Foundation
import MartletData

/// A run's `report.html`: what was asked for, the curves and every logged line. One file, no network.
struct Report {
    let configuration: RunConfiguration
    let rows: [LogRow]
    let best: Progress.Best?

    func write(to path: String) throws {
        try AtomicFile.write(Array(html.utf8), to: path)
    }

    private var html: String {
        let accuracies = rows.compactMap { row in row.metrics.first.map { (Double(row.epoch), $0.value) } }
        let name = rows.first?.metrics.first?.name ?? "accuracy"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(escaped(configuration.model)) on \(escaped(configuration.data))</title>
            <style>
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
            table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
            td:first-child, th:first-child { text-align: left } svg { width: 100%; height: auto }
            </style></head><body>
            <h1>\(escaped(configuration.model)) on \(escaped(configuration.data))</h1>
            <p>\(best.map { "Best \(escaped($0.metric)) \(number($0.value)) in epoch \($0.epoch)." } ?? "No validation data.")
            Trained on \(escaped(configuration.deviceName)).</p>
            <h2>Loss</h2>
            \(Chart(series: [("training", rows.map { (Double($0.epoch), $0.trainLoss) }),
                             ("validation", rows.compactMap { row in row.validationLoss.map { (Double(row.epoch), $0) } })]).svg)
            <h2>\(escaped(name))</h2>
            \(Chart(series: [(name, accuracies)]).svg)
            <h2>Epochs</h2>
            <table><tr><th>epoch</th><th>step</th><th>training loss</th><th>validation loss</th><th>\(escaped(name))</th><th>seconds</th></tr>
            \(rows.map(tableRow).joined(separator: "\n"))
            </table>
            <h2>Configuration</h2>
            <pre>\(escaped((try? configuration.yaml()) ?? ""))</pre>
            </body></html>

            """
    }

    private func tableRow(_ row: LogRow) -> String {
        let cells = [
            String(row.epoch), String(row.step), number(row.trainLoss), row.validationLoss.map(number) ?? "",
            row.metrics.first.map { number($0.value) } ?? "", number(row.seconds),
        ]
        return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
}

func number(_ value: Double) -> String { String(format: "%.4g", value) }

func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(
        of: ">", with: "&gt;"
    )
    .replacingOccurrences(of: "\"", with: "&quot;")
}

/// Lines over one axis, as SVG.
struct Chart {
    let series: [(name: String, points: [(x: Double, y: Double)])]
    private static let colours = ["#0b6", "#06c", "#c60", "#909"]

    var svg: String {
        let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        guard let first = points.first else { return "<p>Nothing was logged.</p>" }
        var left = first.x, right = first.x, low = first.y, high = first.y
        for point in points {
            (left, right) = (min(left, point.x), max(right, point.x))
            (low, high) = (min(low, point.y), max(high, point.y))
        }
        if right == left { right = left + 1 }
        if high == low { high = low + max(abs(low) * 0.1, 1e-3) }
        func place(_ point: (x: Double, y: Double)) -> (Double, Double) {
            (60 + 720 * (point.x - left) / (right - left), 20 + 240 * (high - point.y) / (high - low))
        }
        var parts: [String] = []
        for step in 0...4 {
            let value = low + (high - low) * Double(step) / 4, y = place((left, value)).1
            parts.append(
                "<line x1=\"60\" x2=\"780\" y1=\"\(number(y))\" y2=\"\(number(y))\" stroke=\"#ddd\"/>"
                    + "<text x=\"54\" y=\"\(number(y + 4))\" text-anchor=\"end\">\(number(value))</text>")
        }
        for (index, line) in series.enumerated() where !line.points.isEmpty {
            let colour = Self.colours[index % Self.colours.count]
            let path = line.points.filter { $0.y.isFinite }.map(place).map { "\(number($0.0)),\(number($0.1))" }.joined(
                separator: " ")
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" points=\"\(path)\"/>"
                    + "<text x=\"\(70 + index * 120)\" y=\"14\" fill=\"\(colour)\">\(escaped(line.name))</text>")
        }
        parts.append(
            "<text x=\"60\" y=\"280\">\(number(left))</text><text x=\"780\" y=\"280\" text-anchor=\"end\">epoch \(number(right))</text>"
        )
        return
            "<svg viewBox=\"0 0 800 290\" font-size=\"12\" font-family=\"system-ui, sans-serif\" role=\"img\">\(parts.joined())</svg>"
    }
}
