/// One thing drawn in a plot. Values that are not finite leave a gap.
public struct Mark: Sendable {
    enum Shape: Sendable {
        case line([Point], width: Double, isDashed: Bool, dots: Bool)
        case points([Point], radius: Double, symbol: Symbol)
        case band([(x: Double, low: Double, high: Double)])
        case bars([(from: Double, to: Double, height: Double)], opacity: Double)
        case field(Field, ColorMap, range: ClosedRange<Double>, name: String?)
        case contours(Field, [Double], width: Double)
        case rule(Double, isVertical: Bool, label: String)
        case label(Point, String)
    }

    /// How points look.
    public enum Symbol: Sendable, Hashable { case circle, square, triangle, cross }

    let shape: Shape
    /// In the legend, unless nil.
    let name: String?
    let ink: Ink

    /// Straight lines through points, in their order.
    ///
    /// - Parameter dots: whether the points themselves are marked.
    public static func line(
        _ name: String?, _ points: [Point], ink: Ink = .automatic, width: Double = 2, dashed: Bool = false, dots: Bool = false
    ) -> Mark {
        Mark(shape: .line(points, width: width, isDashed: dashed, dots: dots), name: name, ink: ink)
    }

    public static func points(
        _ name: String?, _ points: [Point], ink: Ink = .automatic, radius: Double = 3.5, symbol: Symbol = .circle
    ) -> Mark {
        Mark(shape: .points(points, radius: radius, symbol: symbol), name: name, ink: ink)
    }

    /// The range between two lines, shaded. Extra values of the longer lists are left out.
    public static func band(_ name: String?, x: [Double], low: [Double], high: [Double], ink: Ink = .automatic) -> Mark {
        let rows = zip(x, zip(low, high)).map { (x: $0, low: $1.0, high: $1.1) }
        return Mark(shape: .band(rows), name: name, ink: ink)
    }

    /// Bars from 0, each over a range of x.
    public static func bars(
        _ name: String?, _ bars: [(from: Double, to: Double, height: Double)], ink: Ink = .automatic, opacity: Double = 0.85
    ) -> Mark {
        Mark(shape: .bars(bars, opacity: opacity), name: name, ink: ink)
    }

    /// How many (or what share) of some values lie in each of equal ranges.
    ///
    /// - Parameters:
    ///   - range: what is counted; from the least to the greatest value where nil.
    ///   - asShare: whether the heights add up to 1.
    public static func histogram(
        _ name: String?, _ values: [Double], bins: Int = 40, range: ClosedRange<Double>? = nil, asShare: Bool = false,
        ink: Ink = .automatic, opacity: Double = 0.6
    ) -> Mark {
        let finite = values.filter(\.isFinite), bins = max(bins, 1)
        guard let extent = range ?? Scale.extent(finite) else { return .bars(name, [], ink: ink, opacity: opacity) }
        let isPoint = extent.lowerBound == extent.upperBound
        let low = isPoint ? extent.lowerBound - 0.5 : extent.lowerBound
        let width = (isPoint ? 1 : extent.upperBound - extent.lowerBound) / Double(bins)
        var counts = [Double](repeating: 0, count: bins)
        for value in finite {
            let place = (value - low) / width
            guard place >= 0, place <= Double(bins) else { continue }
            counts[min(Int(place), bins - 1)] += 1
        }
        let scale = asShare && !finite.isEmpty ? 1 / Double(finite.count) : 1
        let bars = counts.enumerated().map { index, count in
            (from: low + width * Double(index), to: low + width * Double(index + 1), height: count * scale)
        }
        return .bars(name, bars, ink: ink, opacity: opacity)
    }

    /// Colours over a rectangle, blended between the values, with a scale beside the plot where it has a name.
    ///
    /// - Parameter range: what the ends of the colours stand for; the field's own range where nil.
    public static func field(
        _ field: Field, colors: ColorMap = .viridis, range: ClosedRange<Double>? = nil, name: String? = nil
    ) -> Mark {
        Mark(shape: .field(field, colors, range: range ?? field.range, name: name), name: nil, ink: .muted)
    }

    /// Lines of equal value at some levels.
    public static func contours(_ field: Field, levels: [Double], ink: Ink = .text, width: Double = 0.8) -> Mark {
        Mark(shape: .contours(field, levels, width: width), name: nil, ink: ink)
    }

    /// Lines of equal value at this many tidy levels.
    public static func contours(_ field: Field, count: Int, ink: Ink = .text, width: Double = 0.8) -> Mark {
        let levels = Scale.ticks(field.range.lowerBound, field.range.upperBound, max(count, 1)).map(\.value)
        return .contours(field, levels: levels, ink: ink, width: width)
    }

    /// A vertical line across the plot.
    public static func rule(x: Double, _ label: String = "", ink: Ink = .muted) -> Mark {
        Mark(shape: .rule(x, isVertical: true, label: label), name: nil, ink: ink)
    }

    /// A horizontal line across the plot.
    public static func rule(y: Double, _ label: String = "", ink: Ink = .muted) -> Mark {
        Mark(shape: .rule(y, isVertical: false, label: label), name: nil, ink: ink)
    }

    /// Words at a place.
    public static func label(_ text: String, at point: Point, ink: Ink = .text) -> Mark {
        Mark(shape: .label(point, text), name: nil, ink: ink)
    }

    // MARK: What the axes must hold

    var xs: [Double] {
        switch shape {
        case .line(let points, _, _, _), .points(let points, _, _): points.filter(\.isFinite).map(\.x)
        case .band(let rows): rows.map(\.x)
        case .bars(let bars, _): bars.flatMap { [$0.from, $0.to] }
        case .field(let field, _, _, _), .contours(let field, _, _): [field.x.lowerBound, field.x.upperBound]
        case .rule(let place, let isVertical, _): isVertical ? [place] : []
        case .label(let point, _): [point.x]
        }
    }

    var ys: [Double] {
        switch shape {
        case .line(let points, _, _, _), .points(let points, _, _): points.filter(\.isFinite).map(\.y)
        case .band(let rows): rows.flatMap { [$0.low, $0.high] }
        case .bars(let bars, _): bars.map(\.height) + [0]
        case .field(let field, _, _, _), .contours(let field, _, _): [field.y.lowerBound, field.y.upperBound]
        case .rule(let place, let isVertical, _): isVertical ? [] : [place]
        case .label(let point, _): [point.y]
        }
    }

    /// Whether the plot ends where this ends, rather than leaving room around it.
    var fillsPlot: Bool {
        switch shape {
        case .field, .contours: true
        default: false
        }
    }
}
