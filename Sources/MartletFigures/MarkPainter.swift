/// Draws a mark within a plot's frame.
struct MarkPainter {
    let frame: PlotFrame
    let ink: Ink

    func draw(_ mark: Mark, in svg: inout SVG) {
        switch mark.shape {
        case .line(let points, let width, let isDashed, let dots):
            let runs = self.runs(points)
            let data = runs.filter { $0.count > 1 }.map { SVG.path(thinned($0)) }.joined()
            if !data.isEmpty {
                svg.add(
                    "<path d=\"\(data)\"\(SVG.stroke(ink)) stroke-width=\"\(SVG.text(width))\" stroke-linejoin=\"round\""
                        + " stroke-linecap=\"round\"\(isDashed ? " stroke-dasharray=\"6 4\"" : "")/>")
            }
            let lone = dots ? runs.flatMap { $0 } : runs.filter { $0.count == 1 }.flatMap { $0 }
            for point in lone { svg.circle(point.x, point.y, max(2.5, width), SVG.fill(ink)) }
        case .points(let points, let radius, let symbol):
            for point in points {
                guard let place = frame.place(point) else { continue }
                Self.symbol(symbol, at: place, radius: radius, ink: ink, in: &svg)
            }
        case .band(let rows): band(rows, in: &svg)
        case .bars(let bars, let opacity):
            for bar in bars {
                guard let low = frame.place(Point(bar.from, frame.y.isLogarithmic ? 1e-99 : 0)),
                    let high = frame.place(Point(bar.to, bar.height))
                else { continue }
                let gap = high.x - low.x > 6 ? 0.5 : 0
                svg.rect(
                    min(low.x, high.x) + gap, min(low.y, high.y), abs(high.x - low.x) - 2 * gap, abs(high.y - low.y),
                    SVG.fill(ink) + " fill-opacity=\"\(SVG.text(opacity))\"")
            }
        case .field(let field, let colors, let range, _): draw(field, colors, range, in: &svg)
        case .contours(let field, let levels, let width): contours(field, levels, width, in: &svg)
        case .rule(let place, let isVertical, let label): rule(place, isVertical, label, in: &svg)
        case .label(let point, let text):
            guard let place = frame.place(point) else { return }
            svg.text(text, place.x, place.y - 4, size: 11.5, anchor: .middle, weight: 600, fill: SVG.fill(ink), hasHalo: true)
        }
    }

    /// Unbroken runs of points that have a place.
    private func runs(_ points: [Point]) -> [[Point]] {
        var runs: [[Point]] = [[]]
        for point in points {
            if let place = frame.place(point) {
                runs[runs.count - 1].append(place)
            } else if !runs[runs.count - 1].isEmpty {
                runs.append([])
            }
        }
        return runs.filter { !$0.isEmpty }
    }

    /// Without the points that nobody can see: those within a fifth of a pixel of the one before.
    private func thinned(_ points: [Point]) -> [Point] {
        guard points.count > 400, let last = points.last else { return points }
        var kept: [Point] = []
        for point in points.dropLast() {
            if let before = kept.last, abs(before.x - point.x) < 0.2, abs(before.y - point.y) < 0.2 { continue }
            kept.append(point)
        }
        return kept + [last]
    }

    static func symbol(_ symbol: Mark.Symbol, at place: Point, radius: Double, ink: Ink, in svg: inout SVG) {
        let edge = " stroke=\"#fff\" stroke-opacity=\"0.7\" stroke-width=\"0.7\""
        let (x, y, r) = (place.x, place.y, radius)
        switch symbol {
        case .circle: svg.circle(x, y, r, SVG.fill(ink) + edge)
        case .square: svg.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r, SVG.fill(ink) + edge)
        case .triangle:
            let corners = [Point(x, y - 1.2 * r), Point(x + 1.1 * r, y + 0.8 * r), Point(x - 1.1 * r, y + 0.8 * r)]
            svg.add("<path d=\"\(SVG.path(corners, closed: true))\"\(SVG.fill(ink))\(edge)/>")
        case .cross:
            let data =
                SVG.path([Point(x - r, y - r), Point(x + r, y + r)]) + SVG.path([Point(x - r, y + r), Point(x + r, y - r)])
            svg.add("<path d=\"\(data)\"\(SVG.stroke(ink)) stroke-width=\"\(SVG.text(max(1.5, r / 2)))\"/>")
        }
    }

    private func band(_ rows: [(x: Double, low: Double, high: Double)], in svg: inout SVG) {
        var upper: [Point] = [], lower: [Point] = []
        for row in rows {
            guard let low = frame.place(Point(row.x, row.low)), let high = frame.place(Point(row.x, row.high)) else { continue }
            upper.append(high)
            lower.append(low)
        }
        guard upper.count > 1 else { return }
        svg.add(
            "<path d=\"\(SVG.path(upper + lower.reversed(), closed: true))\"\(SVG.fill(ink)) fill-opacity=\"0.18\"/>")
    }

    /// A picture of the field's values, a pixel each, stretched smoothly so that pixels' centres lie where the values were taken.
    private func draw(_ field: Field, _ colors: ColorMap, _ range: ClosedRange<Double>, in svg: inout SVG) {
        guard let low = frame.place(Point(field.x.lowerBound, field.y.lowerBound)),
            let high = frame.place(Point(field.x.upperBound, field.y.upperBound))
        else { return }
        let raster = Raster(field: field, colors: colors, range: range)
        func stretch(_ from: Double, _ to: Double, _ count: Int) -> (Double, Double) {
            let half = count > 1 ? (to - from) / Double(count - 1) / 2 : 0
            return (from - half, to + half)
        }
        let (left, right) = stretch(min(low.x, high.x), max(low.x, high.x), field.columns)
        let (top, bottom) = stretch(min(low.y, high.y), max(low.y, high.y), field.rows)
        svg.add(raster.element(x: left, y: top, width: right - left, height: bottom - top, isSmooth: true))
    }

    private func contours(_ field: Field, _ levels: [Double], _ width: Double, in svg: inout SVG) {
        for level in levels where level.isFinite {
            let data = Contours.lines(of: field, at: level).map { line in
                SVG.path(line.compactMap(frame.place))
            }.joined()
            if data.isEmpty { continue }
            svg.add("<path d=\"\(data)\"\(SVG.stroke(ink)) stroke-width=\"\(SVG.text(width))\" stroke-opacity=\"0.55\"/>")
        }
    }

    private func rule(_ place: Double, _ isVertical: Bool, _ label: String, in svg: inout SVG) {
        let dashes = " stroke-dasharray=\"4 4\" stroke-width=\"1.2\""
        if isVertical {
            guard let x = frame.x.position(place).map({ $0 * frame.width }) else { return }
            svg.line(x, 0, x, frame.height, SVG.stroke(ink) + dashes)
            let isRight = x > frame.width * 0.7
            svg.text(
                label, isRight ? x - 5 : x + 5, 14, size: 11, anchor: isRight ? .end : .start, fill: SVG.fill(ink), hasHalo: true)
        } else {
            guard let y = frame.y.position(place).map({ (1 - $0) * frame.height }) else { return }
            svg.line(0, y, frame.width, y, SVG.stroke(ink) + dashes)
            svg.text(label, frame.width - 5, y < 18 ? y + 14 : y - 5, size: 11, anchor: .end, fill: SVG.fill(ink), hasHalo: true)
        }
    }
}
