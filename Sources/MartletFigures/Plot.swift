/// Marks over two axes: lines, points, bars, bands, colour fields and contour lines, in the order given.
///
///     let plot = Plot("Loss", x: Axis("step"), y: Axis("loss", .logarithmic), [
///         .line("training", [Point](losses)), .rule(y: 0.1, "goal"),
///     ])
///     try plot.svg.write(toFile: "loss.svg", atomically: true, encoding: .utf8)
public struct Plot: Figure {
    public var title: String
    public var x: Axis
    public var y: Axis
    public var marks: [Mark]
    public var size: (width: Double, height: Double)

    public init(
        _ title: String = "", x: Axis = Axis(), y: Axis = Axis(), size: (width: Double, height: Double) = (640, 400),
        _ marks: [Mark]
    ) {
        self.title = title
        self.x = x
        self.y = y
        self.marks = marks
        self.size = (max(size.width, 120), max(size.height, 100))
    }

    public var content: String {
        let inks = self.inks
        let entries = legend(inks)
        var svg = SVG()
        let top = PlotHeader(title: title, entries: entries, width: size.width).draw(in: &svg)
        let frame = PlotFrame(plot: self, top: top)
        frame.drawBackground(in: &svg)
        // An inner `svg` cuts off what leaves the plot.
        svg.add(
            "<svg x=\"\(SVG.text(frame.left))\" y=\"\(SVG.text(frame.top))\" width=\"\(SVG.text(frame.width))\" "
                + "height=\"\(SVG.text(frame.height))\" overflow=\"hidden\">")
        for (mark, ink) in zip(marks, inks) { MarkPainter(frame: frame, ink: ink).draw(mark, in: &svg) }
        svg.add("</svg>")
        frame.drawForeground(in: &svg)
        return svg.body
    }

    /// The colour field whose scale is shown beside the plot.
    var keyedField: (colors: ColorMap, range: ClosedRange<Double>, name: String)? {
        for mark in marks {
            if case .field(_, let colors, let range, let name?) = mark.shape { return (colors, range, name) }
        }
        return nil
    }

    /// Automatic colours go to the names in the order in which they appear; marks of one name share theirs.
    private var inks: [Ink] {
        var known: [String: Int] = [:], next = 0
        return marks.map { mark in
            guard mark.ink == .automatic else { return mark.ink }
            if let name = mark.name, let index = known[name] { return .series(index) }
            defer { next += 1 }
            if let name = mark.name { known[name] = next }
            return .series(next)
        }
    }

    private func legend(_ inks: [Ink]) -> [PlotHeader.Entry] {
        var entries: [PlotHeader.Entry] = []
        for (mark, ink) in zip(marks, inks) {
            guard let name = mark.name, !name.isEmpty, !entries.contains(where: { $0.name == name }) else { continue }
            switch mark.shape {
            case .line(_, _, let isDashed, _): entries.append(.init(name: name, ink: ink, sign: isDashed ? .dashes : .line))
            case .points(_, _, let symbol): entries.append(.init(name: name, ink: ink, sign: .symbol(symbol)))
            case .band, .bars: entries.append(.init(name: name, ink: ink, sign: .block))
            default: break
            }
        }
        return entries
    }
}

/// A figure's title and legend.
struct PlotHeader {
    enum Sign { case line, dashes, block, symbol(Mark.Symbol) }
    struct Entry {
        let name: String
        let ink: Ink
        let sign: Sign
    }

    let title: String
    let entries: [Entry]
    let width: Double

    /// Draws them and tells where they end.
    func draw(in svg: inout SVG) -> Double {
        var bottom = 10.0
        if !title.isEmpty {
            let room = width - 24, size = min(15, 15 * room / max(SVG.width(of: title, size: 15) * 1.06, 1))
            svg.text(title, 12, 24, size: max(size, 9), weight: 600)
            bottom = 34
        }
        guard !entries.isEmpty else { return bottom }
        var x = 14.0, y = bottom + 9
        for entry in entries {
            let advance = 24 + SVG.width(of: entry.name) + 16
            if x > 14, x + advance - 16 > width - 8 { (x, y) = (14, y + 17) }
            switch entry.sign {
            case .line: svg.line(x, y - 4, x + 18, y - 4, SVG.stroke(entry.ink) + " stroke-width=\"2.5\"")
            case .dashes:
                svg.line(x, y - 4, x + 18, y - 4, SVG.stroke(entry.ink) + " stroke-width=\"2.5\" stroke-dasharray=\"5 3\"")
            case .block: svg.rect(x + 3, y - 10, 12, 12, SVG.fill(entry.ink) + " fill-opacity=\"0.7\" rx=\"2\"")
            case .symbol(let symbol):
                MarkPainter.symbol(symbol, at: Point(x + 9, y - 4), radius: 4.5, ink: entry.ink, in: &svg)
            }
            svg.text(entry.name, x + 24, y)
            x += advance
        }
        return y + 10
    }
}
