/// Where a plot's axes lie, and what surrounds the marks.
struct PlotFrame {
    let left: Double
    let top: Double
    let width: Double
    let height: Double
    let x: Scale
    let y: Scale
    private let plot: Plot
    private static let keyWidth = 14.0

    init(plot: Plot, top: Double) {
        self.plot = plot
        let fills = plot.marks.contains(where: \.fillsPlot)
        let isLineOnly = plot.marks.allSatisfy {
            switch $0.shape {
            case .points, .label: false
            default: true
            }
        }
        let bottom = plot.x.label.isEmpty ? 26.0 : 44
        self.top = top + 4
        height = max(plot.size.height - self.top - bottom, 30)
        let ys = plot.marks.filter { !fills || $0.fillsPlot }.flatMap(\.ys)
        y = Scale(plot.y, values: ys, padding: fills ? 0 : PlotFrame.hasBars(plot) ? 0 : 0.05, count: max(2, Int(height / 48)))
        let widest = y.ticks.map { SVG.width(of: $0.label, size: 11) }.max() ?? 0
        left = 14 + widest + (plot.y.label.isEmpty ? 2 : 20)
        var right = 16.0
        if let key = plot.keyedField {
            let marks = Scale(Axis(range: key.range), values: [], count: 5).ticks
            right = 22 + PlotFrame.keyWidth + (marks.map { SVG.width(of: $0.label, size: 11) }.max() ?? 0) + 18
        }
        width = max(plot.size.width - left - right, 40)
        let xs = plot.marks.filter { !fills || $0.fillsPlot }.flatMap(\.xs)
        x = Scale(plot.x, values: xs, padding: fills || isLineOnly ? 0 : 0.04, count: max(2, Int(width / 72)))
    }

    private static func hasBars(_ plot: Plot) -> Bool {
        !plot.marks.isEmpty
            && plot.marks.allSatisfy {
                switch $0.shape {
                case .bars, .rule: true
                default: false
                }
            }
    }

    /// A place within the plot, from its top left; nil for what has none.
    func place(_ point: Point) -> Point? {
        guard let x = x.position(point.x), let y = y.position(point.y) else { return nil }
        return Point(x * width, (1 - y) * height)
    }

    func drawBackground(in svg: inout SVG) {
        for tick in y.ticks {
            guard let share = y.position(tick.value), share >= -1e-6, share <= 1 + 1e-6 else { continue }
            let place = top + (1 - share) * height
            svg.line(left, place, left + width, place, SVG.stroke(SVG.Tone.grid))
            svg.text(tick.label, left - 7, place + 4, size: 11, anchor: .end, fill: SVG.fill(SVG.Tone.muted))
        }
        var free = -1e9
        for tick in x.ticks {
            guard let share = x.position(tick.value), share >= -1e-6, share <= 1 + 1e-6 else { continue }
            let place = left + share * width, half = SVG.width(of: tick.label, size: 11) / 2
            svg.line(place, top, place, top + height, SVG.stroke(SVG.Tone.grid))
            guard place - half > free else { continue }
            svg.text(tick.label, place, top + height + 16, size: 11, anchor: .middle, fill: SVG.fill(SVG.Tone.muted))
            free = place + half + 5
        }
        svg.text(
            plot.x.label, left + width / 2, plot.size.height - 9, anchor: .middle, fill: SVG.fill(SVG.Tone.muted))
        svg.text(plot.y.label, 15, top + height / 2, anchor: .middle, fill: SVG.fill(SVG.Tone.muted), rotated: -90)
    }

    func drawForeground(in svg: inout SVG) {
        svg.rect(left, top, width, height, SVG.stroke(SVG.Tone.frame))
        guard let key = plot.keyedField else { return }
        PlotFrame.drawKey(
            key.colors, key.range, key.name, x: left + width + 14, y: top, width: PlotFrame.keyWidth, height: height, in: &svg)
    }

    /// The scale of colours, upright.
    static func drawKey(
        _ colors: ColorMap, _ range: ClosedRange<Double>, _ name: String, x: Double, y: Double, width: Double, height: Double,
        in svg: inout SVG
    ) {
        let steps = 48
        for step in 0..<steps {
            let bottom = y + height * (1 - Double(step) / Double(steps)), tall = height / Double(steps)
            svg.rect(
                x, bottom - tall - 0.3, width, tall + 0.6, " fill=\"\(colors((Double(step) + 0.5) / Double(steps)).hex)\"")
        }
        svg.rect(x, y, width, height, SVG.stroke(SVG.Tone.frame))
        let scale = Scale(Axis(range: range), values: [], count: max(2, Int(height / 50)))
        var widest = 0.0
        for tick in scale.ticks {
            guard let share = scale.position(tick.value), share >= -1e-6, share <= 1 + 1e-6 else { continue }
            svg.text(
                tick.label, x + width + 6, y + (1 - share) * height + 4, size: 11, fill: SVG.fill(SVG.Tone.muted))
            widest = max(widest, SVG.width(of: tick.label, size: 11))
        }
        svg.text(
            name, x + width + widest + 18, y + height / 2, size: 11, anchor: .middle, fill: SVG.fill(SVG.Tone.muted),
            rotated: -90)
    }
}
