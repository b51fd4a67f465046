/// Bars side by side, one group a category.
public struct BarChart: Figure {
    public var title: String
    public var categories: [String]
    public var series: [(name: String, values: [Double])]
    public var y: Axis
    /// Turns a value into the text above its bar; nil for none.
    public var format: (@Sendable (Double) -> String)?
    public var size: (width: Double, height: Double)

    public init(
        _ title: String = "", _ categories: [String], _ series: [(name: String, values: [Double])], y: Axis = Axis(),
        size: (width: Double, height: Double) = (640, 340), format: (@Sendable (Double) -> String)? = nil
    ) {
        self.title = title
        self.categories = categories
        self.series = series
        self.y = y
        self.size = size
        self.format = format
    }

    public var content: String {
        let count = Double(max(series.count, 1)), width = 0.76 / count
        let marks = series.enumerated().flatMap { index, series in
            let bars = series.values.prefix(categories.count).enumerated().map { place, value in
                let from = Double(place) - 0.38 + width * Double(index)
                return (from: from, to: from + width, height: value)
            }
            let labels = bars.filter { $0.height.isFinite }.map { bar in
                Mark.label(format?(bar.height) ?? "", at: Point((bar.from + bar.to) / 2, bar.height))
            }
            return [Mark.bars(series.name, bars, ink: .series(index))] + (format == nil ? [] : labels)
        }
        var y = y
        let top = series.flatMap(\.values).filter(\.isFinite).max() ?? 0
        if y.range == nil, y.kind == .linear, format != nil, top > 0, top < 1e100 {
            y.range = min(0, series.flatMap(\.values).filter(\.isFinite).min() ?? 0)...(top * 1.1)
        }
        let places = categories.enumerated().map { Axis.Tick(Double($0.offset), $0.element) }
        let x = Axis(range: -0.5...(Double(max(categories.count, 1)) - 0.5), ticks: places)
        return Plot(title, x: x, y: y, size: size, marks).content
    }
}
